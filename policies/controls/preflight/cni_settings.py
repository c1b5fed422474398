"""What somebody chose for linkerd-cni, read back from its objects, as values to render it again.

The CLI stores nothing of the plugin: `linkerd install-cni` without these would put defaults over
directories, ports and a registry that were chosen, and no pod would start any more. What cannot be
said as a value is an obstacle: then the plugin is not rendered again.
"""

from __future__ import annotations

import re

from policies.facts.base import Fact
from policies.releases.versions import Order, Version, compare, parse

_PATH = re.compile(r"/[A-Za-z0-9._/-]{0,250}")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,250}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_PORTS = re.compile(r"\d{1,5}(-\d{1,5})?")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NUMBER = re.compile(r"-?\d{1,9}")

KINDS: dict[str, re.Pattern[str]] = {
    "destCNINetDir": _PATH,
    "destCNIBinDir": _PATH,
    "image.name": _IMAGE,
    "image.pullPolicy": _WORD,
    "priorityClassName": _NAME,
    "logLevel": _WORD,
    "iptablesMode": _WORD,
    "inboundProxyPort": _NUMBER,
    "outboundProxyPort": _NUMBER,
    "proxyUID": _NUMBER,
    "proxyGID": _NUMBER,
    "useWaitFlag": _WORD,
    "disableIPv6": _WORD,
    "portsToRedirect": _PORTS,
    "ignoreInboundPorts": _PORTS,
    "ignoreOutboundPorts": _PORTS,
    "proxyControlPort": _NUMBER,
    "proxyAdminPort": _NUMBER,
}
"""Values of chart linkerd2-cni that can be read back -> what each part of one may look like."""
SECRETS = "imagePullSecrets"


LEGACY, NFT = "legacy", "nft"
NFT_SINCE = "edge-25.8.2"
"""First edge whose plugin uses nft unless told otherwise."""


def since_legacy(release: Version) -> bool:
    """Return whether a release's plugin has the legacy mode as its default."""
    return compare(release, parse(NFT_SINCE)) is Order.LESS


class CniSettings(Fact, frozen=True, kw_only=True, tag_field="type", tag="cni-settings"):
    """What the plugin is rendered again with."""

    namespace: str = ""
    values: tuple[tuple[str, str], ...] = ()
    """(path, value) of what differs from the source release's defaults."""
    obstacles: tuple[str, ...] = ()
    """What could not be read back, or has no value of the chart's: then nothing is rendered."""

    @property
    def sets(self) -> tuple[str, ...]:
        """As Helm's `--set` takes them."""
        return tuple(f"{path}={value.replace(',', chr(92) + ',')}" for path, value in self.values)

    @property
    def told(self) -> str:
        """For a sentence; empty where all is as the release has it."""
        return ", ".join(f"{path}={value}" for path, value in self.values)


def usable(path: str, value: str) -> bool:
    """Return whether a text from the cluster may be such a value: it becomes an argument."""
    if path.startswith(f"{SECRETS}["):
        return bool(_NAME.fullmatch(value))
    pattern = KINDS.get(path)
    return pattern is not None and all(pattern.fullmatch(part) for part in value.split(","))
