"""Who owns an installation, the CLI, Helm or a GitOps tool, and which way to upgrade is legal.

The CLI renders from Secret `linkerd-config-overrides`, Helm from its release Secrets. Each refuses
what the other installed, or worse does not: `linkerd upgrade` and `linkerd prune` refuse a Helm
installation, `linkerd upgrade --crds` renders over Helm's CRDs (recorded: commands 021 to 023). A
GitOps tool undoes what either does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from policies.controls.preflight.configuration import one_owner
from policies.facts.base import Fact
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import HelmRelease
from policies.releases.grammar import Version
from policies.skew.ownership import CHARTS, Keeper, damaged_releases, keeper, release_secrets
from policies.skew.ownership import gitops as marks
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_assessed

Tool = Literal["cli", "helm"]
Owner = Literal["cli", "helm", "both", "neither", "kept", "unknown"]
AS_THE_CLI = (
    "the simulated copy is upgraded as the CLI would do it, with the values in force; the real "
    "upgrade is its owner's"
)
SETTLED = "deployed"
"""The only status of a newest revision from which Helm upgrades."""


class Ownership(Fact, frozen=True, kw_only=True):
    """Who can upgrade an installation, by what is stored of it."""

    owner: Owner
    gitops: tuple[str, ...] = ()
    """Tools that mark its objects, `Flux (linkerd)`."""
    keeper: Keeper | None = None
    """Set where the owner is `kept`: by whom."""
    why: str
    """What was seen, for a person."""

    @property
    def legal(self) -> Tool | None:
        """The one way that is legal; None when there is none, or it is not known."""
        return self.owner if self.owner in ("cli", "helm") else None

    def refusal(self, way: Tool) -> str:
        """Return why a way is refused; empty for the legal one."""
        if self.owner == way:
            return ""
        match self.owner:
            case "helm":
                return (
                    f"Helm owns the installation ({self.why}): `linkerd upgrade` and `linkerd "
                    "prune` refuse it, `linkerd upgrade --crds` does not and takes over CRDs"
                )
            case "cli":
                return (
                    f"the CLI owns the installation ({self.why}): Helm has no release to upgrade, "
                    "and refuses to install over objects that are not its own"
                )
            case "both":
                return (
                    f"both have stored values ({self.why}): the stale one deploys values that "
                    "nobody chose"
                )
            case "kept":
                return (
                    f"neither `linkerd upgrade` nor Linkerd's own charts are its way: {self.why}"
                )
            case "neither":
                return f"neither the CLI nor Helm has stored values ({self.why})"
            case "unknown":
                return f"the owner is not known ({self.why})"


def owner(facts: ClusterFacts) -> Ownership:
    """Return who owns the installation, by stored values and by the marks of GitOps tools."""
    gitops = marks(facts)
    config, releases = facts.config, _core(facts)
    if (kept := keeper(facts)) is not None:
        return Ownership(owner="kept", gitops=gitops, keeper=kept, why=kept.sentence)
    stores = release_secrets(facts)
    names = ", ".join(f"release {r.name}" for r in releases)
    if config is None:
        why = facts.cannot_read("configmaps") or "there is no ConfigMap linkerd-config"
        return Ownership(owner="unknown", gitops=gitops, why=why)
    stored = bool(config.overrides_present)
    if not stored and config.overrides_present is None and not releases:
        why = facts.cannot_read("secrets", "secrets/metadata") or "Secrets were not read"
        return Ownership(owner="unknown", gitops=gitops, why=why)
    if stored and (releases or stores):
        why = f"Secret linkerd-config-overrides and {names or 'release Secrets'}"
        return Ownership(owner="both", gitops=gitops, why=why)
    if stored:
        return Ownership(owner="cli", gitops=gitops, why="Secret linkerd-config-overrides")
    if releases or stores:
        return Ownership(owner="helm", gitops=gitops, why=names or "release Secrets")
    why = "no linkerd-config-overrides, no release Secret"
    return Ownership(owner="neither", gitops=gitops, why=why)


def one_way(facts: ClusterFacts, way: Tool, *, twin: bool = False) -> Verdict:
    """Judge whether there is one owner with complete values, whose way is gone (PRE-07).

    Args:
        facts: Before anything changes; of a snapshot those of the cluster it was taken from.
        way: How the scenario says that Linkerd is upgraded.
        twin: The rehearsal changes a simulated copy only.
    """
    kept = keeper(facts)
    if why := damaged_releases(facts):
        return not_assessed(f"Helm owns the installation, and {why}")
    return combined(
        [
            one_owner(facts),
            _way(facts, way, twin=twin or facts.simulated),
            *([_releases(facts)] if way == "helm" else []),
        ],
        holds_as=kept.sentence
        if kept
        else f"{'Helm' if way == 'helm' else 'The CLI'} owns the installation, its stored "
        "values are complete, and it is upgraded that way",
    )


def _way(facts: ClusterFacts, way: Tool, *, twin: bool) -> Verdict:
    found = owner(facts)
    if found.owner == "unknown":
        return not_assessed(found.refusal(way))
    items: list[Item] = []
    if refusal := found.refusal(way):
        items.append(
            Item(
                subject=f"installation = {way}",
                expected=_expected(found),
                seen=refusal,
                explained=AS_THE_CLI if twin and way == "cli" and found.keeper else "",
            )
        )
    items += [
        Item(
            subject=tool,
            expected="nobody else changes Linkerd's objects",
            seen="marks them as its own, and puts them back as its repository has them",
            explained="nothing reconciles on a simulated cluster; the real upgrade goes through "
            "its repository"
            if twin
            else "",
        )
        for tool in found.gitops
    ]
    return judged(
        items,
        holds_as=f"The way of the upgrade is the owner's: {way}",
        violated_as="The upgrade would not go the owner's way",
        expected=_expected(found),
        cause="the scenario names another way, or a GitOps tool keeps the installation",
        next_command=_next(found),
    )


def _expected(found: Ownership) -> str:
    return f"installation = {found.legal}" if found.legal else "one owner, and its way"


def _next(found: Ownership) -> str:
    if found.keeper and found.keeper.kind == "umbrella":
        return "helm -n linkerd list; rehearse a snapshot of this cluster instead: --snapshot FILE"
    if found.gitops:
        return f"suspend {found.gitops[0]} for the upgrade, or upgrade through its repository"
    if found.legal:
        return f'set installation = "{found.legal}" in the scenario'
    return "kubectl -n linkerd get secrets; helm -n linkerd list --all"


def _releases(facts: ClusterFacts) -> Verdict:
    """Judge whether both charts have a release, each settled, so that Helm can upgrade them."""
    if why := facts.cannot_read("secrets/helm-releases"):
        return not_assessed(f"Helm's releases could not be read ({why})")
    if not facts.helm and (why := facts.cannot_read("secrets", "secrets/metadata")):
        return not_assessed(f"Helm's releases could not be read ({why})")
    return judged(
        _release_items(facts),
        holds_as="linkerd-crds and linkerd-control-plane have releases that Helm can upgrade",
        violated_as="Helm cannot upgrade this installation as it is",
        expected="a release of each chart, its newest revision deployed",
        cause="CRDs that were installed another way, or an upgrade that was interrupted",
        next_command="helm -n linkerd list --all; helm -n linkerd history linkerd-control-plane",
    )


def _release_items(facts: ClusterFacts) -> Iterator[Item]:
    for chart in CHARTS:
        release = release_of(facts, chart)
        if release is None:
            seen = "none: Helm would have to adopt what lives, and refuses to"
            yield Item(subject=f"release of {chart}", expected="one", seen=seen)
        elif release.status != SETTLED:
            yield Item(
                subject=release.label,
                expected=f"revision {release.revision} {SETTLED}",
                seen=f"{release.status}: "
                + (
                    "Helm refuses while another operation is pending"
                    if release.status.startswith("pending-")
                    else "the next upgrade starts from what failed"
                ),
            )


def deployed(facts: ClusterFacts, chart: str, destination: Version) -> Verdict:
    """Judge whether a chart's newest revision is the destination's, and deployed (CRD-01, CP-02).

    A failed `helm upgrade` leaves objects half way: what it had reached is the destination's.
    """
    if why := facts.cannot_read("secrets/helm-releases"):
        return not_assessed(f"Helm's releases could not be read ({why})")
    release = release_of(facts, chart)
    items: list[Item] = []
    if release is None:
        items.append(Item(subject=f"release of {chart}", expected="one", seen="none"))
    elif release.unread:
        return not_assessed(f"{release.label} was not read in full ({release.unread})")
    elif (release.linkerd, release.status) != (destination.text, SETTLED):
        items.append(
            Item(
                subject=release.label,
                expected=f"{destination}, {SETTLED}",
                seen=f"revision {release.revision}: {release.linkerd or release.chart_version}, "
                f"{release.status}",
            )
        )
    return judged(
        items,
        holds_as=f"The release of {chart} is {destination}, {SETTLED}",
        violated_as=f"Helm did not bring {chart} to {destination}",
        expected=f"the newest revision of {destination}, {SETTLED}",
        cause="`helm upgrade` failed or was rolled back; its error is among the step's commands",
        next_command=f"helm -n {facts.control_plane_namespace} history "
        f"{release.name if release else chart}",
    )


def release_of(facts: ClusterFacts, chart: str) -> HelmRelease | None:
    """Return the release of a chart; by its name where only the labels are known."""
    for release in facts.helm:
        if (release.chart or release.name) == chart:
            return release
    return None


def _core(facts: ClusterFacts) -> tuple[HelmRelease, ...]:
    return tuple(r for r in facts.helm if (r.chart or r.name) in CHARTS)
