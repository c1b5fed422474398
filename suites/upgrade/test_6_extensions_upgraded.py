"""Extensions, installed again at their release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from fixtures.steps.evidence import checks_of, kept_of, reaches_of, renders_of
from policies.controls.extensions import installed, kept, leftovers, multicluster

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal


@control("EXT-01")
def test_every_image_is_the_destinations(
    extensions_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    step = extensions_upgraded
    reaches = reaches_of(rehearsal.scenario, step)
    expect(installed.images_at_destination(step.after, reaches, step.destination))


@control("EXT-02")
def test_extensions_are_ready(extensions_upgraded: Reached, baseline: Reached) -> None:
    step, first = extensions_upgraded, baseline.after
    ready = installed.ready(step.after, checks_of(step))
    expect(kept.as_at_first(ready, first, step.after, step.destination))


@control("EXT-03")
def test_nothing_is_left_behind(extensions_upgraded: Reached) -> None:
    step = extensions_upgraded
    expect(leftovers.nothing_left(step.after, renders_of(step), step.destination))


@control("EXT-04")
def test_linked_clusters_are_consistent(
    extensions_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    step = extensions_upgraded
    expect(multicluster.linked(step.before, step.after, step.destination, rehearsal.elsewhere))


@control("EXT-05")
def test_retired_extensions_are_handled(
    extensions_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    step, meant = extensions_upgraded, kept_of(rehearsal.scenario)
    expect(leftovers.retired_handled(step.after, step.destination, kept=meant, before=step.before))
