"""What the new release no longer renders is gone, and nothing else."""

from __future__ import annotations

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from fixtures.run.rehearsal import Rehearsal
from policies.controls.helm import manifests
from policies.controls.prune import pruning
from policies.facts.observations import PruneRun, Rendered


@control("PRN-01")
def test_the_prune_list_is_the_computed_set(
    pruned: Reached, crds_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    if rehearsal.scenario.installation == "helm":
        expect(manifests.removed_by_helm(crds_upgraded.before, pruned.before))
        return
    expected = pruning.expected_prune(pruned.before, pruned.all(Rendered))
    expect(pruning.list_equals(pruned.one(PruneRun, "prune"), expected))


@control("PRN-02")
def test_protected_objects_kept_their_identity(pruned: Reached) -> None:
    expect(pruning.protected_kept(pruned.before, pruned.after))


@control("PRN-03")
def test_nothing_is_orphaned(pruned: Reached) -> None:
    expect(pruning.no_orphans(pruned.after, pruned.target, rendered=pruned.all(Rendered)))


@control("PRN-04")
def test_a_second_prune_is_empty(
    pruned: Reached, crds_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    if rehearsal.scenario.installation == "helm":
        expect(manifests.nothing_dropped_left(crds_upgraded.before, pruned.after))
        return
    expect(pruning.second_prune_empty(pruned.one(PruneRun, "second prune")))
