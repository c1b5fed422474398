"""What is judged in another way by who installs Linkerd: its CLI, or Helm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.controls.helm import manifests, modes, ownership, values
from policies.controls.prune import pruning
from policies.releases.grammar import Version
from policies.verdicts.combining import combined

if TYPE_CHECKING:
    from policies.controls.helm.modes import Asked
    from policies.facts.cluster import ClusterFacts
    from policies.facts.helm import ChartValues
    from policies.facts.observations import PruneRun, Rendered
    from policies.skew.hops import Hop
    from policies.verdicts.findings import Verdict


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is known of a prune, whoever did it."""

    first: ClusterFacts
    """Before the CRDs were upgraded."""
    before: ClusterFacts
    after: ClusterFacts
    listing: PruneRun | None
    """What `linkerd prune` listed; None where it was not asked, or refused."""
    second: PruneRun | None
    rendered: Sequence[Rendered]


class InstallerControls:
    """The parts of a verdict that depend on the installer, as the CLI has them."""

    def owner(
        self,
        way: Verdict,
        extensions: Verdict,
        facts: ClusterFacts,
        hop: Hop,
        charts: Sequence[ChartValues],
    ) -> Verdict:
        """Judge that the installation has one owner, and its way is open (PRE-07)."""
        del facts, hop, charts
        return combined([way, extensions], holds_as=f"{way.summary}; {extensions.summary}")

    def defaults(
        self, notes: Verdict, facts: ClusterFacts, charts: Sequence[ChartValues]
    ) -> Verdict:
        """Judge that changed defaults are known (PRE-08)."""
        del facts, charts
        return notes

    def upgraded(
        self, ready: Verdict, facts: ClusterFacts, chart: str, destination: Version
    ) -> Verdict:
        """Judge that a part of Linkerd is upgraded, beside what its objects say (CRD-01, CP-02).

        Args:
            ready: What the objects say.
            facts: After the upgrade.
            chart: The part, by the name of its chart.
            destination: The release it was to reach.
        """
        del facts, chart, destination
        return ready

    def prune_list(self, seen: Pruned) -> Verdict:
        """Judge that what was dropped was pruned, and nothing else (PRN-01)."""
        expected = pruning.expected_prune(seen.before, seen.rendered)
        return pruning.list_equals(seen.listing, expected)

    def prune_again(self, seen: Pruned) -> Verdict:
        """Judge that nothing is left to prune (PRN-04)."""
        return pruning.second_prune_empty(seen.second)


@dataclass(frozen=True, slots=True)
class HelmControls(InstallerControls):
    """An installation of Helm's."""

    asked: tuple[Asked, ...]
    """How the values of each chart are treated."""

    def owner(
        self,
        way: Verdict,
        extensions: Verdict,
        facts: ClusterFacts,
        hop: Hop,
        charts: Sequence[ChartValues],
    ) -> Verdict:
        arrive = modes.values_arrive(facts, hop, self.asked, charts)
        return combined(
            [way, arrive, manifests.stored_as_live(facts), extensions],
            holds_as=f"{way.summary}; {arrive.summary}; {extensions.summary}",
        )

    def defaults(
        self, notes: Verdict, facts: ClusterFacts, charts: Sequence[ChartValues]
    ) -> Verdict:
        known = values.defaults_known(facts, charts)
        return combined([notes, known], holds_as=f"{notes.summary}; {known.summary}")

    def upgraded(
        self, ready: Verdict, facts: ClusterFacts, chart: str, destination: Version
    ) -> Verdict:
        deployed = ownership.deployed(facts, chart, destination)
        return combined([deployed, ready], holds_as=f"{deployed.summary}; {ready.summary}")

    def prune_list(self, seen: Pruned) -> Verdict:
        return manifests.removed_by_helm(seen.first, seen.before)

    def prune_again(self, seen: Pruned) -> Verdict:
        return manifests.nothing_dropped_left(seen.first, seen.after)
