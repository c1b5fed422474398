"""Who keeps an installation that neither the CLI nor Linkerd's own Helm charts can upgrade.

A GitOps tool renders manifests from its repository and stores nothing that `linkerd upgrade` or
`helm upgrade` starts from; a chart of one's own has Linkerd's as a dependency, its values below
the dependency's key. Such an installation is whole: its upgrade is somebody else's command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from policies.facts.base import Fact
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import CONTROL_PLANE, CRDS, HelmRelease

CHARTS = (CRDS, CONTROL_PLANE)
CONFIG = "linkerd-config"
RELEASE_SECRET = "sh.helm.release.v1."  # noqa: S105 - a prefix of names
BY_CHARTS = "linkerd/helm "


class Keeper(Fact, frozen=True, kw_only=True):
    """The tool that upgrades an installation in the place of the CLI and of Linkerd's charts."""

    kind: Literal["gitops", "umbrella", "release elsewhere", "rendered"]
    tool: str
    """As a sentence names it: `Argo CD (linkerd)`, `Helm release linkerd/mesh`."""
    why: str
    """What was seen."""

    @property
    def sentence(self) -> str:
        return f"{self.tool} owns the installation: {self.why}"

    @property
    def known(self) -> bool:
        """False where it may as well be a release whose Secrets were lost."""
        return self.kind != "release elsewhere"


def keeper(facts: ClusterFacts) -> Keeper | None:
    """Tell who keeps it; None where the CLI or Helm does by what is stored, or it is not known."""
    config = facts.config
    if config is None or config.overrides_present:
        return None
    for release in facts.helm:
        if umbrella(release):
            return _umbrella(release)
    if release_secrets(facts) or config.overrides_present is None:
        return None
    if tools := gitops(facts):
        return Keeper(
            kind="gitops",
            tool=" and ".join(tools),
            why="it marks Linkerd's objects, which it renders from its repository and for which "
            "neither the CLI nor Helm has stored values",
        )
    if names := _annotated(facts):
        return Keeper(
            kind="release elsewhere",
            tool=f"Helm release {' and '.join(sorted(names))}",
            why="Linkerd's objects name it, and the namespace holds no Secret of it: lost, or "
            "kept in another namespace or by another storage driver",
        )
    if config.created_by.startswith(BY_CHARTS):
        return Keeper(
            kind="rendered",
            tool="Whoever rendered Linkerd's charts",
            why=f"they are of {config.created_by.removeprefix(BY_CHARTS)}, applied without a "
            "release and without a mark, as `helm template | kubectl apply` or Terraform do",
        )
    return None


def umbrella(release: HelmRelease) -> bool:
    """Return whether a chart of somebody's own made Linkerd's configuration by its release."""
    return release.chart not in ("", *CHARTS) and any(
        (o.key.kind, o.key.name) == ("ConfigMap", CONFIG) for o in release.objects
    )


def values_key(release: HelmRelease) -> str:
    """Return the path of the dependency's values in an umbrella's; empty where it does not say."""
    return dict(release.dependencies).get(CONTROL_PLANE, "")


def _umbrella(release: HelmRelease) -> Keeper:
    key = values_key(release)
    return Keeper(
        kind="umbrella",
        tool=release.label,
        why=f"its chart {release.chart} {release.chart_version} has {CONTROL_PLANE} as a "
        f"dependency{f', with its values below {key}' if key else ''}; a new version of that "
        "chart upgrades it",
    )


def gitops(facts: ClusterFacts) -> tuple[str, ...]:
    """Return GitOps tools that mark the control plane's workloads or Linkerd's CRDs."""
    ours = [w.managed_by for w in facts.workloads if w.component and _here(facts, w.namespace)]
    ours += [c.managed_by for c in facts.crds if c.control_plane]
    return tuple(sorted({tool for tool in ours if tool}))


def release_secrets(facts: ClusterFacts) -> tuple[str, ...]:
    """Return Secrets of the releases that hold Linkerd's core; other charts may live beside it."""
    found = facts.config.helm_releases if facts.config else ()
    releases = {r.name: r for r in facts.helm}
    named = {name.rpartition("/")[2] for name in _annotated(facts)}

    def ours(secret: str) -> bool:
        name = secret.removeprefix(RELEASE_SECRET).rpartition(".v")[0]
        release = releases.get(name)
        if release is not None and release.chart:
            return release.chart in CHARTS or umbrella(release)
        return name in CHARTS or name in named or (release is None and not named)

    return tuple(secret for secret in found if ours(secret))


def damaged_releases(facts: ClusterFacts) -> str:
    """Return which of the core's releases was read and is none; empty where nothing says so.

    A release that nobody read is another matter: its name alone says who owns the installation.
    """
    if facts.config is None or facts.config.overrides_present:
        return ""
    return "; ".join(r.unread for r in facts.helm if r.name in CHARTS and r.damaged)


def _annotated(facts: ClusterFacts) -> set[str]:
    """Return `NAMESPACE/NAME` of the releases that Linkerd's own objects say they belong to."""
    return set(_releases(facts))


def _releases(facts: ClusterFacts) -> Iterator[str]:
    for workload in facts.workloads:
        if workload.component and workload.helm_release and _here(facts, workload.namespace):
            yield workload.helm_release
    for crd in facts.crds:
        if crd.control_plane and crd.helm_release:
            yield crd.helm_release


def _here(facts: ClusterFacts, namespace: str) -> bool:
    return namespace == facts.control_plane_namespace
