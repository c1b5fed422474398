"""After the soak: the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from fixtures.run.opening.budgets import budgets_of
from policies.controls.control_plane import crds
from policies.controls.data_plane import restarts, versions
from policies.controls.extensions import multicluster
from policies.controls.prune import pruning
from policies.controls.whole_run import checks, rewritten
from policies.controls.whole_run.differences import Difference, reapply_changes_only_regenerated
from policies.facts.observations import CheckRun, Rendered, Written
from policies.facts.proxy_counters import ProxyCounts
from policies.facts.traffic import Budget
from policies.traffic import counted, downtime
from policies.verdicts.combining import combined
from policies.verdicts.findings import not_assessed

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal


@control("VER-01")
def test_check_and_facts_agree(settled: Reached) -> None:
    expect(
        checks.check_agrees_with_facts(
            settled.one(CheckRun, "check"), settled.one(CheckRun, "check --proxy"), settled.after
        )
    )


@control("VER-02")
def test_the_cluster_is_stable(settled: Reached, baseline: Reached, rehearsal: Rehearsal) -> None:
    stable = restarts.stable(settled.before, settled.after, baseline=baseline.after)
    last = len(settled.plan.hops)
    done = "data_plane_rolled_back" if rehearsal.scenario.rollback == "all" else "pruned"
    then = rehearsal.reach(done, last).all(Written) if last else ()
    alone = rewritten.left_alone(then, settled.all(Written))
    expect(combined([stable, alone], holds_as=f"{stable.summary}; {alone.summary}"))


@control("VER-03")
def test_applying_again_changes_only_what_linkerd_regenerates(settled: Reached) -> None:
    expect(reapply_changes_only_regenerated(settled.all(Difference)))


@control("VER-04")
def test_nothing_of_the_old_version_is_left(
    settled: Reached, baseline: Reached, rehearsal: Rehearsal
) -> None:
    lazy = rehearsal.scenario.data_plane == "lazy"
    expect(
        versions.nothing_old_left(
            settled.after,
            settled.source,
            settled.destination,
            lazy=lazy,
            baseline=baseline.after,
            before=settled.before,
        )
    )


@control("CRD-02")
def test_crds_are_served_as_at_first(settled: Reached, baseline: Reached) -> None:
    expect(crds.served_as_before(baseline.after, settled.after, settled.destination))


@control("PRN-02")
def test_protected_objects_are_those_of_the_baseline(
    settled: Reached, baseline: Reached, rehearsal: Rehearsal
) -> None:
    last = len(settled.plan.hops)
    renders = rehearsal.reach("pruned", last).all(Rendered) if last else ()
    expect(
        pruning.protected_kept(
            settled.before, settled.after, first=baseline.after, rendered=renders
        )
    )


@control("EXT-04")
def test_linked_clusters_are_as_they_were_at_first(settled: Reached, rehearsal: Rehearsal) -> None:
    first = rehearsal.reach("preflighted", 1).before if settled.plan.hops else settled.before
    expect(multicluster.linked(first, settled.after, settled.destination, rehearsal.elsewhere))


def budgets(rehearsal: Rehearsal) -> tuple[Budget, ...]:
    return budgets_of(rehearsal.scenario, rehearsal.history)


NOT_PROBED = "traffic was not probed: --no-probes, or a cluster that may only be read"


@control("TRF-01")
def test_outages_stay_within_their_budget(settled: Reached, rehearsal: Rehearsal) -> None:
    if settled.traffic is None:
        expect(not_assessed(NOT_PROBED))
    else:
        gap = rehearsal.scenario.discovery_gap
        beside = replace(settled.beside, discovery_gap=gap)
        expect(downtime.within_budget(settled.traffic, budgets(rehearsal), beside))


@control("TRF-02")
def test_the_detector_sees_an_outage_made_on_purpose(settled: Reached) -> None:
    if settled.traffic is None:
        expect(not_assessed(NOT_PROBED))
    else:
        expect(downtime.self_test_seen(settled.traffic))


@control("TRF-03")
def test_streams_end_only_gracefully(settled: Reached) -> None:
    if settled.traffic is None:
        expect(not_assessed(NOT_PROBED))
    else:
        expect(
            downtime.streams_end_gracefully(
                settled.traffic, settled.beside.pods, settled.beside.clock
            )
        )


@control("TRF-04")
def test_latency_stays_within_its_budget(settled: Reached, rehearsal: Rehearsal) -> None:
    if settled.traffic is None:
        expect(not_assessed(NOT_PROBED))
    else:
        expect(
            downtime.latency_within_budget(
                settled.traffic,
                budgets(rehearsal),
                {p.name: p.proxy_version for p in settled.beside.pods},
                simulated=settled.after.simulated,
            )
        )


@control("TRF-06")
def test_no_workload_lost_requests_by_its_own_proxies(
    settled: Reached, rehearsal: Rehearsal
) -> None:
    if settled.traffic is None:
        expect(not_assessed(NOT_PROBED))
    else:
        expect(counted.workloads_lost_nothing(rehearsal.observed(ProxyCounts)))


@control("TRF-05")
def test_every_answer_knows_its_peer(settled: Reached) -> None:
    if settled.traffic is None:
        expect(not_assessed(NOT_PROBED))
    else:
        expect(downtime.identity_on_every_sample(settled.traffic, settled.beside.clock))
