"""What kind of Linkerd is on a cluster, in one sentence, before anything is judged or changed.

A rehearsal is made for one control plane, of one release, in its usual namespace. What is not like
that is said at the start: an upgrade cannot begin there, and a reader should not have to conclude
it from twenty controls.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from policies.facts.base import Fact
from policies.releases.versions import Version, logical, parse

CORE = frozenset({"destination", "identity", "proxy-injector"})
"""Components that every control plane has; label `linkerd.io/control-plane-component`."""
NAMESPACE = "linkerd"
NAMED = 4
"""Components named in a sentence."""


class Component(Fact, frozen=True, kw_only=True):
    """One Deployment of a control plane, as it is to run."""

    namespace: str
    name: str
    """Of the component."""
    version: str = ""
    """Tag of its image; empty for a digest."""


class Planes(Fact, frozen=True, kw_only=True):
    """The control planes of a cluster."""

    components: tuple[Component, ...] = ()
    claimed: tuple[str, ...] = ()
    """Versions that ConfigMap `linkerd-config` names: of Linkerd, and of images set apart."""


def running(planes: Planes) -> Version | None:
    """Return the release that most Deployments of the control plane are to run.

    What the configuration claims is asked where no image says it; None where nothing does.
    """
    tags = Counter(c.version for c in planes.components if c.version)
    named = tags.most_common(1)[0][0] if tags else next(iter(planes.claimed), "")
    return parse(named) if named else None


class Remark(Fact, frozen=True, kw_only=True):
    """Something about the installation that must be known first."""

    kind: Literal["none", "several", "elsewhere", "half-finished", "vendor"]
    sentence: str
    next_command: str = ""

    @property
    def fatal(self) -> bool:
        """There is no one control plane to look at."""
        return self.kind in ("none", "several", "elsewhere")

    @property
    def stops_upgrade(self) -> bool:
        return self.fatal or self.kind == "half-finished"


def recognise(planes: Planes) -> tuple[Remark, ...]:
    """Return what is to be said, the worst first; nothing of an ordinary installation."""
    core = [c for c in planes.components if c.name in CORE]
    namespaces = sorted({c.namespace for c in core})
    if not namespaces:
        return (
            Remark(
                kind="none",
                sentence="The cluster holds no Linkerd control plane: no Deployment of the "
                f"components {', '.join(sorted(CORE))} in any namespace",
                next_command="linkerd check --pre",
            ),
        )
    if len(namespaces) > 1:
        return (
            Remark(
                kind="several",
                sentence=f"The cluster holds {len(namespaces)} Linkerd control planes, in the "
                f"namespaces {' and '.join(namespaces)}: only one can be looked at",
                next_command="kubectl get deployments -A -l linkerd.io/control-plane-component",
            ),
        )
    if namespaces != [NAMESPACE]:
        return (
            Remark(
                kind="elsewhere",
                sentence=f"Linkerd's control plane is in the namespace {namespaces[0]}: it is "
                f"looked for in {NAMESPACE} only",
            ),
        )
    return (*_half_finished(core, planes.claimed), *_vendor(core))


def _half_finished(core: list[Component], claimed: tuple[str, ...]) -> tuple[Remark, ...]:
    """Return components of several releases, or of another than the configuration names."""
    by_version: dict[str, list[str]] = {}
    for component in core:
        if component.version:
            by_version.setdefault(component.version, []).append(component.name)
    if len(by_version) > 1:
        parts = (f"{', '.join(sorted(n)[:NAMED])} {v}" for v, n in sorted(by_version.items()))
        seen = "; ".join(parts)
    elif claimed and not by_version.keys() <= set(claimed):
        seen = f"the configuration says {claimed[0]}, the Deployments run {next(iter(by_version))}"
    else:
        return ()
    return (
        Remark(
            kind="half-finished",
            sentence=f"An upgrade of this control plane was begun and not finished: {seen}",
            next_command="finish it with the newer release's CLI: linkerd upgrade | "
            "kubectl apply -f -",
        ),
    )


def _vendor(core: list[Component]) -> tuple[Remark, ...]:
    found = sorted({c.version for c in core if parse(c.version).channel == "enterprise"})
    if not found:
        return ()
    release = logical(parse(found[0]))
    return (
        Remark(
            kind="vendor",
            sentence=f"{found[0]} is a vendor's Linkerd (Buoyant Enterprise): it is judged as "
            f"Linkerd {release} by its versions, skew, pods, certificates and webhooks; the "
            "vendor's own images, CRDs, defaults and advisories are not known here and not judged",
        ),
    )
