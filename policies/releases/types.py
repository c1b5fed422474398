"""What is known of Linkerd's releases, typed. The data lies beside, in TOML, with its sources."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from policies.facts.cluster import Fact, ObjectKey
from policies.releases.grammar import Channel, Version, parse

Component = Literal[
    "crds",
    "crds_with_gateway_api",
    "control_plane",
    "control_plane_ha",
    "viz",
    "multicluster",
    "multicluster_ha",
    "jaeger",
    "cni",
]


class Advice(Fact, frozen=True, kw_only=True):
    """What the project says of a release in its edge release roundups."""

    tag: str
    status: Literal["not-recommended", "conditional", "skip-suggested", "recommended"]
    """conditional: fine unless `why` applies; skip-suggested: no defect, no content."""
    instead: str = ""
    why: str
    source: str

    @property
    def against(self) -> bool:
        """True when a plan must not stop there unasked."""
        return self.status != "recommended"


class Release(Fact, frozen=True, kw_only=True):
    """One tag."""

    tag: str
    channel: Channel
    date: date | None = None
    """The day the tag was made; it orders nothing across channels."""
    commit: str = ""
    logical: str
    """Empty: nothing says."""
    anchor: bool = False
    """The edge a logical version starts with."""
    prerelease: bool = False
    kubernetes_code: str = ""
    """Minimum in code, `1.23.0`; empty when the tag was not inspected."""
    chart_kubernetes: str = ""
    native_sidecar: bool | None = None
    """Default of `proxy.nativeSidecar`; None where the value does not exist or is not known."""
    install_gateway_api: bool | None = None
    """Default of `installGatewayAPI` in the chart; None where the value does not exist."""
    proxy_build: str = ""
    proxy_init: str = ""
    advice: Advice | None = None
    source: str

    @property
    def version(self) -> Version:
        """The tag, read."""
        return parse(self.tag)


class Logical(Fact, frozen=True, kw_only=True):
    """One logical version with its releases, oldest first."""

    version: str
    anchor: str
    anchor_source: str
    announced: str = ""
    edges: tuple[str, ...] = ()
    stables: tuple[str, ...] = ()


class Documented(Fact, frozen=True, kw_only=True):
    """Kubernetes range one directory of the documentation states."""

    logical: str
    directory: str
    minimum: str
    maximum: str
    source: str


class KubernetesRange(Fact, frozen=True, kw_only=True):
    """Kubernetes versions a release supports, `1.23` style; empty text: not known."""

    tag: str
    code_minimum: str = ""
    documented_minimum: str = ""
    documented_maximum: str = ""
    disagreement: str = ""
    """Set where directories of the documentation, or documentation and code, disagree."""
    sources: tuple[str, ...] = ()

    @property
    def minimum(self) -> str:
        """The larger of the documented minimum and the one in code."""
        return max(self.documented_minimum, self.code_minimum, key=_minor)

    @property
    def maximum(self) -> str:
        """The documented maximum: code knows none."""
        return self.documented_maximum

    def __str__(self) -> str:
        if not self.minimum and not self.maximum:
            return ""
        if not self.maximum:
            return f"{self.minimum} or newer"
        return f"{self.minimum or '?'} to {self.maximum}"


class GatewayApi(Fact, frozen=True, kw_only=True):
    """Gateway API bundles one logical version works with, `0.7.0` style."""

    logical: str
    minimum: str
    maximum: str
    shipped: str = ""
    """Bundle Linkerd itself installs."""
    versions: tuple[str, ...] = ()
    """API versions of HTTPRoute the controllers watch."""
    source: str


class CrdVersions(Fact, frozen=True, kw_only=True):
    """Versions of one CRD as Linkerd ships it."""

    name: str
    served: tuple[str, ...]
    storage: str
    deprecated: tuple[str, ...] = ()
    bundle: str = ""


class Images(Fact, frozen=True, kw_only=True):
    """Images beside controller and proxy, whose tags equal the release."""

    anchor: str
    registry: str
    proxy_build: str
    proxy_init: str = ""
    """Empty: linkerd-init runs from the proxy image."""
    policy_controller: str = ""
    """Empty: the policy container runs from the controller image."""
    cni_plugin: str = ""
    viz_prometheus: str = ""
    native_sidecar: bool = False


class Inventory(Fact, frozen=True, kw_only=True):
    """Objects of one component at one release."""

    version: Version
    component: str
    anchor: Version
    """The inspected release it was taken from: the nearest one not newer than `version`."""
    keys: frozenset[ObjectKey]
    source: str

    @property
    def exact(self) -> bool:
        """Taken from the release itself."""
        return self.anchor == self.version


class Advisory(Fact, frozen=True, kw_only=True):
    """One upgrade note."""

    id: str
    source_logical: str = msgspec.field(name="from")
    target_logical: str = msgspec.field(name="to")
    since: str = ""
    """First edge with the change; empty: the anchor of `target_logical`."""
    severity: Literal["X", "M", "O", "I"]
    """X can break traffic or block the upgrade, M needs a migration step, O observability only,
    I informational."""
    title: str
    note: str
    condition: str
    arguments: tuple[str, ...] = ()
    breaks: str = ""
    """What fails for certain where the condition applies; empty where it only may."""
    source: str


class Irregularities(Fact, frozen=True, kw_only=True):
    """Where the tags break their own rules."""

    missing_numbers: tuple[str, ...]
    months_without_edge: tuple[str, ...]
    month_differs_from_date: tuple[str, ...]
    named_in_documentation_without_tag: tuple[str, ...]
    version_tag_is_not_its_anchor: tuple[str, ...]
    wrong_grammar: tuple[str, ...]
    other_tags: tuple[str, ...]


def _minor(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split(".")) if text else ()
