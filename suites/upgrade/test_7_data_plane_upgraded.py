"""The data plane, workload by workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from fixtures.snapshot.copy.copied import decided_elsewhere, lacking
from policies.controls.control_plane import availability
from policies.controls.data_plane import injection, jobs, restarts, versions
from policies.skew import rule
from policies.workloads import copies

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal


@control("DP-01")
def test_pods_are_meshed_as_declared(
    data_plane_upgraded: Reached, baseline: Reached, rehearsal: Rehearsal
) -> None:
    expect(
        injection.meshed_as_declared(
            data_plane_upgraded.after,
            baseline=baseline.after,
            elsewhere=decided_elsewhere(rehearsal.cluster, data_plane_upgraded.after),
            ignore_namespaces=(rehearsal.scenario.canary_namespace,),
        )
    )


@control("DP-02")
def test_every_proxy_is_at_the_target(
    data_plane_upgraded: Reached, baseline: Reached, rehearsal: Rehearsal
) -> None:
    step = data_plane_upgraded
    lazy = rehearsal.scenario.data_plane == "lazy"
    expect(
        versions.data_plane_at_destination(
            step.after, step.destination, lazy=lazy, baseline=baseline.after
        )
    )


@control("DP-03")
def test_skew_stays_within_one(data_plane_upgraded: Reached) -> None:
    expect(rule.never_more_than_one(data_plane_upgraded.sightings, data_plane_upgraded.after))


@control("DP-04")
def test_no_proxy_is_ahead(data_plane_upgraded: Reached) -> None:
    expect(rule.no_proxy_ahead(data_plane_upgraded.after, data_plane_upgraded.sightings))


@control("DP-05")
def test_rollouts_are_complete(
    data_plane_upgraded: Reached, baseline: Reached, rehearsal: Rehearsal
) -> None:
    facts = data_plane_upgraded.after
    verdict = availability.data_plane_rollouts(facts, baseline=baseline.after)
    expect(copies.but_for(verdict, lacking(rehearsal.cluster, facts), "DP-05"))


@control("DP-06")
def test_every_proxy_holds_an_identity(
    data_plane_upgraded: Reached, control_plane_upgraded: Reached, baseline: Reached
) -> None:
    expect(
        versions.identities_valid(
            data_plane_upgraded.after,
            baseline=baseline.after,
            earlier=control_plane_upgraded.after,
        )
    )


@control("DP-07")
def test_nothing_restarts_or_runs_out_of_memory(
    data_plane_upgraded: Reached, baseline: Reached
) -> None:
    step = data_plane_upgraded
    expect(restarts.no_new_restarts(step.before, step.after, baseline=baseline.after))


@control("DP-08")
def test_jobs_complete(data_plane_upgraded: Reached, baseline: Reached) -> None:
    expect(jobs.jobs_complete(data_plane_upgraded.after, baseline.after))
