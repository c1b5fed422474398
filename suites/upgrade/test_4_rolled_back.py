"""The ways back that the scenario asks for: `rollback = true`, or `"all"` for each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.evidence.reached import Reached
from fixtures.evidence.walk import WAYS_BACK
from fixtures.run.controls import control, expect
from fixtures.steps.evidence import BACK, commands_back
from policies.controls.whole_run import rollback
from policies.facts.observations import Rendered

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal
    from policies.verdicts.findings import Verdict


def judged(step: Reached, first: Reached, rehearsal: Rehearsal) -> Verdict:
    """Judge a way back by how it was before the first step that it takes back."""
    return rollback.way_back_works(
        first.before,
        step.after,
        step.source,
        commands=commands_back(step.commands),
        rendered=step.one(Rendered, BACK),
        sightings=step.sightings,
        canaries=[c for c in step.canaries if c.at <= step.after.taken_at],
        ignore_namespaces=rehearsal.scenario.own_namespaces,
        extensions=WAYS_BACK[step.step] in ("extensions_upgraded", "data_plane_upgraded"),
    )


@control("RBK-01")
def test_the_source_goes_on_with_the_new_crds(
    crds_rolled_back: Reached, crds_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    expect(judged(crds_rolled_back, crds_upgraded, rehearsal))


@control("RBK-01")
def test_the_way_back_works(
    rolled_back: Reached, control_plane_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    expect(judged(rolled_back, control_plane_upgraded, rehearsal))


@control("RBK-01")
def test_the_way_back_works_once_it_was_pruned(
    pruned_rolled_back: Reached, control_plane_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    expect(judged(pruned_rolled_back, control_plane_upgraded, rehearsal))


@control("RBK-01")
def test_the_way_back_works_with_the_extensions(
    extensions_rolled_back: Reached, control_plane_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    expect(judged(extensions_rolled_back, control_plane_upgraded, rehearsal))


@control("RBK-01")
def test_the_way_back_works_with_the_data_plane(
    data_plane_rolled_back: Reached, control_plane_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    expect(judged(data_plane_rolled_back, control_plane_upgraded, rehearsal))
