"""The control plane of the hop's target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from fixtures.snapshot.copy.copied import lacking
from policies.controls.control_plane import (
    availability,
    canaries,
    certificates,
    crds,
    discovery,
    endpoints,
    rendered_objects,
    webhooks,
)
from policies.controls.extensions import installed
from policies.controls.preflight import configuration, images
from policies.controls.whole_run import checks
from policies.facts.discovery import Discovery
from policies.facts.helm import CONTROL_PLANE
from policies.facts.observations import CheckRun, Rendered, ValidatorTried, VersionReport
from policies.skew import rule
from policies.workloads import copies

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal


@control("CP-01")
def test_every_image_is_the_destinations(control_plane_upgraded: Reached) -> None:
    expect(
        images.control_plane_images(
            control_plane_upgraded.after, control_plane_upgraded.destination
        )
    )


@control("CP-02")
def test_rollouts_are_complete(control_plane_upgraded: Reached, rehearsal: Rehearsal) -> None:
    step = control_plane_upgraded
    rolled_out = copies.but_for(
        availability.control_plane_rollouts(step.after),
        lacking(rehearsal.cluster, step.after),
        "CP-02",
    )
    judged = rehearsal.installer.controls(rehearsal.scenario)
    expect(judged.upgraded(rolled_out, step.after, CONTROL_PLANE, step.destination))


@control("CP-03")
def test_stored_configuration_is_retained(control_plane_upgraded: Reached) -> None:
    step = control_plane_upgraded
    expect(
        configuration.retained(
            step.before, step.after, step.destination, step.one(Rendered, "upgrade")
        )
    )


@control("CP-04")
def test_trust_anchors_are_retained(control_plane_upgraded: Reached) -> None:
    expect(
        certificates.anchors_retained(control_plane_upgraded.before, control_plane_upgraded.after)
    )


@control("CP-05")
def test_webhooks_answer_and_inject_the_target(control_plane_upgraded: Reached) -> None:
    step = control_plane_upgraded
    validators = step.all(ValidatorTried)
    expect(webhooks.answer_and_inject(step.after, step.canaries, step.destination, validators))


@control("CP-06")
def test_linkerd_check_agrees(control_plane_upgraded: Reached) -> None:
    step = control_plane_upgraded
    pending = installed.CATEGORIES
    expect(checks.agrees(step.one(CheckRun, "check"), step.destination, pending=pending))


@control("CP-07")
def test_version_reports_match_objects(control_plane_upgraded: Reached) -> None:
    step = control_plane_upgraded
    expect(checks.reports_match(step.one(VersionReport), step.after, step.destination))


@control("CP-08")
def test_every_component_was_ready_at_every_moment(control_plane_upgraded: Reached) -> None:
    step = control_plane_upgraded
    expect(endpoints.ready_at_every_moment(step.endpoints, step.after))


@control("CP-09")
def test_discovery_answers_what_the_slices_say(control_plane_upgraded: Reached) -> None:
    step = control_plane_upgraded
    expect(discovery.answers_match(step.all(Discovery), step.after))


@control("CP-10")
def test_the_injection_gap_is_within_budget(
    control_plane_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    step, budget = control_plane_upgraded, rehearsal.scenario.injection_gap
    expect(canaries.gap(step.canaries, budget_seconds=budget, pods=step.after.pods))


@control("CP-11")
def test_everything_rendered_lives(control_plane_upgraded: Reached) -> None:
    step = control_plane_upgraded
    rendered = step.one(Rendered, "upgrade")
    expect(rendered_objects.all_live(rendered, step.before, step.after, step.source))


@control("CRD-02")
def test_crds_are_served_as_before(control_plane_upgraded: Reached, baseline: Reached) -> None:
    step = control_plane_upgraded
    expect(crds.served_as_before(baseline.after, step.after, step.destination))


@control("DP-03")
def test_skew_stays_within_one_while_the_control_plane_leads(
    control_plane_upgraded: Reached,
) -> None:
    step = control_plane_upgraded
    expect(rule.never_more_than_one(step.sightings, step.after))


@control("DP-04")
def test_no_proxy_is_ahead_of_its_control_plane(control_plane_upgraded: Reached) -> None:
    step = control_plane_upgraded
    expect(rule.no_proxy_ahead(step.after, step.sightings))
