"""The way back from the hop's control plane, where the scenario asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from fixtures.steps.evidence import BACK, commands_back
from policies.controls.whole_run import rollback
from policies.facts.observations import Rendered

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal


@control("RBK-01")
def test_the_way_back_works(
    rolled_back: Reached, control_plane_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    step = rolled_back
    expect(
        rollback.way_back_works(
            control_plane_upgraded.before,
            step.after,
            step.source,
            commands=commands_back(step.commands),
            rendered=step.one(Rendered, BACK),
            sightings=step.sightings,
            canaries=[c for c in step.canaries if c.at <= step.after.taken_at],
            ignore_namespaces=rehearsal.scenario.own_namespaces,
        )
    )
