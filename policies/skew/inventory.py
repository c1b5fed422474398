"""Which versions run, how many pods of each, and how each proxy stands to its control plane."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from policies.facts.cluster import ClusterFacts, Fact
from policies.releases.versions import Version, from_image, logical
from policies.skew.planes import control_plane_pods, data_plane_pods
from policies.skew.rule import (
    State,
    control_plane_versions,
    judge,
    never_more_than_one,
    no_proxy_ahead,
    proxy_version,
)
from policies.verdicts.findings import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORST: tuple[State, ...] = ("too far", "ahead", "unknown", "within")
"""What is named when a proxy stands differently to two control plane versions."""


class Running(Fact, frozen=True, kw_only=True):
    """One version on one side."""

    version: str
    logical: str = ""
    """Logical version; empty when not known."""
    pods: int
    state: State | Literal[""] = ""
    """Of a proxy: how it stands to the control plane; empty for the control plane itself."""
    reason: str = ""


class Inventory(Fact, frozen=True, kw_only=True):
    """One control plane and its proxies."""

    namespace: str
    kubernetes: str
    simulated: bool
    control_plane: tuple[Running, ...]
    proxies: tuple[Running, ...]
    skew: Verdict
    """DP-03: no proxy too far behind."""
    ahead: Verdict
    """DP-04: no proxy ahead."""


def inventory(facts: ClusterFacts) -> Inventory:
    """Count versions by pods, the most frequent first, and judge the skew twice."""
    upper = control_plane_versions(facts)
    proxies = Counter(proxy_version(p) for p in data_plane_pods(facts) if p.proxy is not None)
    components = Counter(v for p in control_plane_pods(facts) for v in _versions(p.images, upper))
    return Inventory(
        namespace=facts.control_plane_namespace,
        kubernetes=facts.kubernetes,
        simulated=facts.simulated,
        control_plane=tuple(_running(v, n) for v, n in _ordered(components)),
        proxies=tuple(_proxy(v, n, upper) for v, n in _ordered(proxies)),
        skew=never_more_than_one((), facts),
        ahead=no_proxy_ahead(facts),
    )


def _versions(images: Iterable[tuple[str, str]], upper: tuple[Version, ...]) -> set[Version]:
    """Return those of a pod's images that are a version of the control plane."""
    return {v for _, image in images if (v := from_image(image)) in upper}


def _ordered(counted: Counter[Version]) -> list[tuple[Version, int]]:
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0].text))


def _running(version: Version, pods: int) -> Running:
    found = logical(version)
    return Running(
        version=version.text or "(unknown)", logical=str(found) if found else "", pods=pods
    )


def _proxy(version: Version, pods: int, upper: tuple[Version, ...]) -> Running:
    about = _running(version, pods)
    skews = sorted((judge(each, version) for each in upper), key=lambda s: _WORST.index(s.state))
    if not skews:
        return about
    return Running(
        version=about.version,
        logical=about.logical,
        pods=pods,
        state=skews[0].state,
        reason=skews[0].reason,
    )
