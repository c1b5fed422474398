"""Before a hop changes anything."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from fixtures.snapshot.copy.copied import decided_elsewhere, lacking
from fixtures.steps.evidence import reaches_of
from policies.controls.control_plane import certificates, crds, scheduling
from policies.controls.extensions import owner
from policies.controls.helm import ownership
from policies.controls.preflight import (
    configuration,
    dry_runs,
    images,
    injection_requests,
    left_behind,
    way_back,
)
from policies.controls.whole_run import checks
from policies.facts.helm import ChartValues
from policies.facts.observations import CheckRun, DryRun, ImageEvidence, Rendered
from policies.planning import advisories, path
from policies.skew import kubernetes
from policies.skew.ownership import Keeper, keeper
from policies.workloads import copies

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal
    from policies.verdicts.findings import Verdict


def kept_by(rehearsal: Rehearsal) -> Keeper | None:
    """Who upgrades the cluster that this one is a copy of, in the place of the CLI or Helm."""
    return keeper(rehearsal.originals) if rehearsal.originals else None


@control("PRE-01")
def test_the_baseline_is_healthy(preflighted: Reached) -> None:
    expect(
        checks.baseline_healthy(
            preflighted.one(CheckRun, "check"),
            preflighted.one(CheckRun, "check --proxy"),
            preflighted.after,
        )
    )


@control("PRE-02")
def test_the_data_plane_is_current(preflighted: Reached, rehearsal: Rehearsal) -> None:
    assert preflighted.hop
    number = preflighted.hop.number
    expect(
        left_behind.data_plane_current(
            preflighted.after,
            preflighted.source,
            preflighted.destination,
            later=[h.destination for h in preflighted.plan.hops if h.number > number],
            lazy=rehearsal.scenario.data_plane == "lazy",
            ignore_namespaces=rehearsal.scenario.own_namespaces,
        )
    )


@control("PRE-03")
def test_the_path_is_legal(preflighted: Reached) -> None:
    assert preflighted.hop
    expect(path.path_is_legal(preflighted.plan, preflighted.hop, preflighted.after))


@control("PRE-04")
def test_kubernetes_is_in_range(preflighted: Reached) -> None:
    assert preflighted.hop
    expect(kubernetes.in_range(preflighted.after, preflighted.hop))


@control("PRE-05")
def test_gateway_api_is_usable(preflighted: Reached) -> None:
    assert preflighted.hop
    expect(crds.gateway_api(preflighted.after, preflighted.hop))


def lasting(preflighted: Reached, rehearsal: Rehearsal) -> Verdict:
    """Whether certificates outlast the rehearsal; of a copy the originals count."""
    facts = rehearsal.originals or preflighted.after
    until = facts.taken_at + timedelta(seconds=rehearsal.scenario.window)
    return certificates.outlast(facts, until=until)


@control("PRE-06")
def test_certificates_outlast_the_rehearsal(preflighted: Reached, rehearsal: Rehearsal) -> None:
    expect(lasting(preflighted, rehearsal))


@control("PRE-07")
def test_there_is_one_owner(preflighted: Reached, rehearsal: Rehearsal) -> None:
    scenario, facts = rehearsal.scenario, preflighted.after
    kept = kept_by(rehearsal)
    charts = preflighted.all(ChartValues)
    extensions = owner.ways_are_open(
        facts,
        charts,
        reaches_of(scenario, preflighted),
        preflighted.destination,
        scenario.helm.values,
    )
    owned = rehearsal.originals if kept else facts
    way = ownership.one_way(owned or facts, scenario.installation or "cli", twin=kept is not None)
    assert preflighted.hop
    judged = rehearsal.installer.controls(scenario)
    expect(judged.owner(way, extensions, facts, preflighted.hop, charts))


@control("PRE-08")
def test_changed_defaults_are_acknowledged(preflighted: Reached, rehearsal: Rehearsal) -> None:
    assert preflighted.hop
    results = advisories.applicable(preflighted.hop, preflighted.after)
    notes = configuration.defaults_acknowledged(results, rehearsal.scenario.acknowledged)
    judged = rehearsal.installer.controls(rehearsal.scenario)
    expect(judged.defaults(notes, preflighted.after, preflighted.all(ChartValues)))


@control("PRE-09")
def test_manifests_pass_a_dry_run(preflighted: Reached, rehearsal: Rehearsal) -> None:
    runs = [*preflighted.all(DryRun, "upgrade --crds"), *preflighted.all(DryRun, "upgrade")]
    missing = lacking(rehearsal.cluster, preflighted.after)
    tried = dry_runs.dry_run_accepted(runs, preflighted.after, preflighted.destination)
    expect(copies.but_for(tried, missing, "PRE-09"))


@control("PRE-10")
def test_injected_pods_are_admissible(preflighted: Reached, rehearsal: Rehearsal) -> None:
    manifests = {"upgrade --crds", "upgrade"}
    runs = [d for d in preflighted.all(DryRun) if d.what not in manifests]
    missing = lacking(rehearsal.cluster, preflighted.after)
    elsewhere = decided_elsewhere(rehearsal.cluster, preflighted.after)
    admitted = dry_runs.pods_admissible(runs, preflighted.after, elsewhere)
    expect(copies.but_for(admitted, missing, "PRE-10"))


@control("PRE-11")
def test_high_availability_can_be_scheduled(preflighted: Reached) -> None:
    expect(scheduling.schedulable_ha(preflighted.after))


@control("PRE-12")
def test_there_is_a_way_back(preflighted: Reached, rehearsal: Rehearsal) -> None:
    assert preflighted.hop
    expect(
        way_back.way_back(
            preflighted.after,
            preflighted.hop,
            kept_by(rehearsal),
            rendered=preflighted.one(Rendered, "upgrade"),
            certificates=lasting(preflighted, rehearsal),
        )
    )


@control("PRE-13")
def test_every_image_can_be_had(preflighted: Reached, rehearsal: Rehearsal) -> None:
    wanted = {
        image
        for render in preflighted.all(Rendered)
        for obj in render.objects
        for _, image in obj.images
    }
    evidence = preflighted.all(ImageEvidence)
    # Without a render nothing is known of it, and the probes' image does not change that.
    own = {e.image for e in evidence} & {rehearsal.scenario.prober_image} if wanted else set()
    expect(images.images_available(evidence, wanted | own))


@control("PRE-14")
def test_no_object_is_known_to_break(preflighted: Reached, rehearsal: Rehearsal) -> None:
    assert preflighted.hop
    results = advisories.applicable(preflighted.hop, preflighted.after)
    expect(advisories.nothing_breaks(results, rehearsal.scenario.acknowledged))


@control("PRE-15")
def test_requests_for_injection_are_understood(preflighted: Reached) -> None:
    expect(injection_requests.understood(preflighted.after))
