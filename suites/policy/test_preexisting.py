"""What was red at the baseline and is no worse is explained; what became red, or worse, is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.controls.control_plane.availability import data_plane_rollouts
from policies.controls.data_plane.injection import meshed_as_declared
from policies.controls.data_plane.jobs import jobs_complete
from policies.controls.data_plane.restarts import no_new_restarts, stable
from policies.controls.data_plane.versions import (
    data_plane_at_destination,
    identities_valid,
    nothing_old_left,
)
from policies.facts.cluster import ClusterFacts, Condition, DisruptionBudget
from policies.verdicts.findings import Verdict
from policies.workloads.preexisting import RED_BEFORE
from suites.policy.builders import (
    FROM,
    SOURCE,
    TARGET,
    TO,
    change,
    cluster,
    namespace,
    pod,
    proxy,
    with_pods,
    with_workloads,
    workload,
)

FAILED = Condition(type="Failed", status="True", reason="BackoffLimitExceeded")


def lacking(number: int) -> ClusterFacts:
    """A meshed Deployment of three that lacks so many pods."""
    return with_workloads(cluster(), workload("api", replicas=3, available=3 - number))


def budget(healthy: int) -> ClusterFacts:
    one = DisruptionBudget(namespace="shop", name="web", healthy=healthy, desired_healthy=3)
    return change(cluster(), budgets=(change(one, expected=3),))


def unready(number: int) -> ClusterFacts:
    bad = proxy(SOURCE, ready=False)
    return with_pods(
        cluster(), *(pod(f"api-{n}", "api", proxy=bad, ready=False) for n in range(number))
    )


def restarted(number: int, *, killed: int = 0) -> ClusterFacts:
    """One pod of a workload; a name of its own, since a restart renews it."""
    return with_pods(
        cluster(), pod(f"api-{number}", "api", restarts=number, oom_killed=killed or 0)
    )


def job(name: str, *, failed: bool, **fields: Any) -> ClusterFacts:
    conditions = (FAILED,) if failed else ()
    return with_workloads(
        cluster(),
        workload(name, kind="Job", conditions=conditions, **fields),
        workload("backup", kind="CronJob", replicas=0, within=fields.get("within", "shop")),
    )


Policy = Callable[[ClusterFacts, ClusterFacts | None], Verdict]
ROLLOUTS: Policy = lambda now, then: data_plane_rollouts(now, baseline=then)  # noqa: E731
IDENTITIES: Policy = lambda now, then: identities_valid(now, baseline=then)  # noqa: E731
RESTARTS: Policy = lambda now, then: no_new_restarts(cluster(), now, baseline=then)  # noqa: E731
SOAK: Policy = lambda now, then: stable(cluster(), now, baseline=then)  # noqa: E731


@pytest.mark.parametrize(
    ("policy", "then", "now"),
    [
        (ROLLOUTS, lacking(1), lacking(1)),
        (ROLLOUTS, lacking(2), lacking(1)),
        (ROLLOUTS, budget(1), budget(1)),
        (IDENTITIES, unready(2), unready(1)),
        (RESTARTS, restarted(9), restarted(2)),
        (RESTARTS, restarted(9, killed=3), restarted(2, killed=1)),
        (SOAK, restarted(9), restarted(2)),
        (jobs_complete, job("once", failed=True), job("once", failed=True)),
        (jobs_complete, job("backup-29", failed=True), job("backup-30", failed=True)),
    ],
)
def test_red_before_and_no_worse_is_explained(
    policy: Policy, then: ClusterFacts, now: ClusterFacts
) -> None:
    verdict = policy(now, then)

    assert verdict.status == "holds"
    assert any(i.explained.startswith(RED_BEFORE) for i in verdict.explained)
    assert policy(now, None).status == "violated"


@pytest.mark.parametrize(
    ("policy", "then", "now"),
    [
        (ROLLOUTS, cluster(), lacking(1)),
        (ROLLOUTS, lacking(1), lacking(2)),
        (ROLLOUTS, budget(2), budget(1)),
        (IDENTITIES, unready(1), unready(2)),
        (RESTARTS, cluster(), restarted(2)),
        (RESTARTS, restarted(9), restarted(2, killed=1)),
        (SOAK, cluster(), restarted(2)),
        (jobs_complete, cluster(), job("once", failed=True)),
        (jobs_complete, job("backup-29", failed=False), job("backup-30", failed=True)),
    ],
)
def test_what_became_red_or_worse_is_a_violation(
    policy: Policy, then: ClusterFacts, now: ClusterFacts
) -> None:
    assert policy(now, then).status == "violated"


def test_a_job_outside_the_mesh_is_nobodys_of_linkerds() -> None:
    plain = namespace("plain", "")
    facts = job("backup-30", failed=True, within="plain")
    facts = change(facts, namespaces=(*facts.namespaces, plain))

    assert not jobs_complete(facts).items
    asking = change(facts, namespaces=(*facts.namespaces[:-1], namespace("plain")))
    assert jobs_complete(asking).status == "violated"


def test_the_same_pod_without_its_proxy_is_explained_and_a_new_one_is_not() -> None:
    lost = pod("web-9", version=None, inject="enabled")
    then = with_pods(cluster(), lost)
    renewed = with_pods(cluster(), change(lost, uid="another"))

    assert meshed_as_declared(then, baseline=then).status == "holds"
    assert meshed_as_declared(renewed, baseline=then).status == "violated"
    assert meshed_as_declared(then).status == "violated"


def test_an_old_proxy_of_what_could_not_be_rolled_out_is_explained_within_the_skew() -> None:
    renewed = with_workloads(cluster(TARGET), workload("api"))
    stuck = with_pods(renewed, pod("api-1", "api", version=SOURCE, ready=False))

    assert data_plane_at_destination(stuck, TO, baseline=lacking(3)).status == "holds"
    assert data_plane_at_destination(stuck, TO, baseline=cluster()).status == "violated"
    assert nothing_old_left(stuck, FROM, TO, baseline=lacking(3)).status == "holds"
    assert nothing_old_left(stuck, FROM, TO, baseline=cluster()).status == "violated"

    old = with_pods(cluster(TARGET), pod("api-1", "api", version="edge-24.11.8", ready=False))
    assert data_plane_at_destination(old, TO, baseline=lacking(3)).status == "violated"
