"""After the soak: the verdict."""

from __future__ import annotations

from fixtures.controls import control, expect
from fixtures.evidence import Reached
from fixtures.rehearsal import Rehearsal
from policies import checks, dataplane, restarts
from policies.differences import Difference, reapply_changes_only_regenerated
from policies.observations import CheckRun


@control("VER-01")
def test_check_and_facts_agree(settled: Reached) -> None:
    expect(
        checks.check_agrees_with_facts(
            settled.one(CheckRun, "check"), settled.one(CheckRun, "check --proxy"), settled.after
        )
    )


@control("VER-02")
def test_the_cluster_is_stable(settled: Reached) -> None:
    expect(restarts.stable(settled.before, settled.after))


@control("VER-03")
def test_applying_again_changes_only_what_linkerd_regenerates(settled: Reached) -> None:
    expect(reapply_changes_only_regenerated(settled.all(Difference)))


@control("VER-04")
def test_nothing_of_the_old_version_is_left(settled: Reached, rehearsal: Rehearsal) -> None:
    lazy = rehearsal.scenario.data_plane == "lazy"
    expect(dataplane.nothing_old_left(settled.after, settled.source, settled.target, lazy=lazy))
