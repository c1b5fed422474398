"""What the new release no longer renders is gone, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from policies.controls.installers import Pruned
from policies.controls.prune import orphans, pruning
from policies.facts.observations import PruneRun, Rendered

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal


def seen(pruned: Reached, crds_upgraded: Reached) -> Pruned:
    return Pruned(
        first=crds_upgraded.before,
        before=pruned.before,
        after=pruned.after,
        listing=pruned.one(PruneRun, "prune"),
        second=pruned.one(PruneRun, "second prune"),
        rendered=pruned.all(Rendered),
    )


@control("PRN-01")
def test_the_prune_list_is_the_computed_set(
    pruned: Reached, crds_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    judged = rehearsal.installer.controls(rehearsal.scenario)
    expect(judged.prune_list(seen(pruned, crds_upgraded)))


@control("PRN-02")
def test_protected_objects_kept_their_identity(pruned: Reached, baseline: Reached) -> None:
    renders = pruned.all(Rendered)
    expect(
        pruning.protected_kept(pruned.before, pruned.after, first=baseline.after, rendered=renders)
    )


@control("PRN-03")
def test_nothing_is_orphaned(pruned: Reached) -> None:
    expect(orphans.no_orphans(pruned.after, pruned.destination, rendered=pruned.all(Rendered)))


@control("PRN-04")
def test_a_second_prune_is_empty(
    pruned: Reached, crds_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    judged = rehearsal.installer.controls(rehearsal.scenario)
    expect(judged.prune_again(seen(pruned, crds_upgraded)))
