from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from policies.controls.control_plane.availability import (
    control_plane_rollouts,
    data_plane_rollouts,
    jobs_complete,
    no_new_restarts,
    schedulable_ha,
    stable,
)
from policies.facts.cluster import Condition, DisruptionBudget, Event, Node, Pod, Unreadable
from suites.policy.builders import (
    NOW,
    SOURCE,
    TARGET,
    bundle,
    certificate,
    change,
    cluster,
    config,
    control_plane_workloads,
    nodes,
    pod,
    proxy,
    values,
    with_pods,
    with_workloads,
    workload,
)

INJECTOR = control_plane_workloads(SOURCE)[2]
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"observed_generation": 1}, "generation 1 of 2 observed"),
    ({"updated": 0}, "0 of 1 updated"),
    ({"current": 2}, "1 pods of an older template remain"),
    ({"available": 0}, "0 of 1 available"),
    (
        {"conditions": (Condition(type="Progressing", status="False", reason="Deadline"),)},
        "Progressing Deadline",
    ),
    (
        {"conditions": (Condition(type="ReplicaFailure", status="True", message="quota"),)},
        "ReplicaFailure : quota",
    ),
    ({"paused": True}, "paused"),
]


def hidden(*resources: str) -> tuple[Unreadable, ...]:
    return tuple(Unreadable(resource=r, reason="forbidden") for r in resources)


def test_complete_rollouts_hold() -> None:
    assert control_plane_rollouts(cluster()).summary == "3 rollouts are complete"
    assert data_plane_rollouts(cluster()).status == "holds"


@pytest.mark.parametrize(("fields", "seen"), FAULTS, ids=[s for _, s in FAULTS])
def test_an_incomplete_rollout_is_a_violation(fields: dict[str, Any], seen: str) -> None:
    verdict = control_plane_rollouts(with_workloads(cluster(), change(INJECTOR, **fields)))

    assert [i.subject for i in verdict.violations] == [INJECTOR.key]
    assert seen in verdict.seen
    assert verdict.next_command.endswith("rollout status deployment/linkerd-proxy-injector")


def test_a_new_pod_that_cannot_start_is_seen_behind_the_old_one() -> None:
    stuck = pod(
        "linkerd-proxy-injector-new",
        "linkerd-proxy-injector",
        within="linkerd",
        component="proxy-injector",
        ready=False,
        phase="Pending",
        waiting=(("proxy-injector", "ImagePullBackOff"),),
    )
    told = Event(
        namespace="linkerd", kind="Pod", name=stuck.name, reason="Failed", message="pull failed"
    )
    verdict = control_plane_rollouts(change(with_pods(cluster(), stuck), events=(told,)))

    assert "ImagePullBackOff" in verdict.seen
    assert "Failed: pull failed" in verdict.seen


@pytest.mark.parametrize("state", [{"deleting": True}, {"phase": "Succeeded"}])
def test_an_unready_pod_on_its_way_out_does_not_count(state: dict[str, Any]) -> None:
    leaving = pod("w", ready=False, **state)

    assert data_plane_rollouts(with_pods(cluster(), leaving)).status == "holds"


def test_no_control_plane_is_a_violation_unless_it_is_hidden() -> None:
    facts = change(cluster(), workloads=())

    assert control_plane_rollouts(facts).status == "violated"
    unread = change(facts, unreadable=hidden("deployments.apps"))
    assert control_plane_rollouts(unread).status == "not assessed"


def test_a_stuck_restart_is_a_violation_though_old_pods_serve() -> None:
    stuck = workload("web", updated=0, conditions=FAULTS[5][0]["conditions"])

    assert data_plane_rollouts(with_workloads(cluster(), stuck)).status == "violated"


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_kinds_are_judged_as_well(kind: str) -> None:
    done = workload("store", kind=kind, available=0 if kind == "StatefulSet" else 2)

    assert data_plane_rollouts(with_workloads(cluster(), done)).status == "holds"
    stuck = change(done, updated=1)
    assert data_plane_rollouts(with_workloads(cluster(), stuck)).status == "violated"


def test_a_set_that_changes_on_delete_is_explained() -> None:
    waits = workload("store", kind="StatefulSet", updated=0, update_strategy="OnDelete")
    verdict = data_plane_rollouts(with_workloads(cluster(), waits))

    assert verdict.status == "holds"
    assert verdict.explained


def test_workloads_outside_the_mesh_do_not_count() -> None:
    broken = workload("dns", within="kube-system", available=0)
    ignored = workload("web", available=0)

    assert data_plane_rollouts(with_workloads(cluster(), broken)).status == "holds"
    facts = with_workloads(cluster(workloads=1), ignored)
    assert data_plane_rollouts(facts, ignore_namespaces=("shop",)).status == "not applicable"


def test_a_budget_that_is_not_met_is_a_violation() -> None:
    budget = DisruptionBudget(
        namespace="shop", name="web", healthy=1, desired_healthy=2, expected=2
    )
    verdict = data_plane_rollouts(change(cluster(), budgets=(budget,)))

    assert "PodDisruptionBudget shop/web" in verdict.seen


def test_budgets_of_others_and_of_nothing_do_not_count() -> None:
    others = DisruptionBudget(namespace="plain", name="x", desired_healthy=2, expected=2)
    nothing = DisruptionBudget(namespace="shop", name="y", desired_healthy=2, expected=0)

    assert data_plane_rollouts(change(cluster(), budgets=(others, nothing))).status == "holds"


def test_without_budgets_to_read_it_is_not_assessed() -> None:
    facts = change(cluster(), unreadable=hidden("poddisruptionbudgets.policy"))

    assert data_plane_rollouts(facts).status == "not assessed"


def test_no_restart_holds() -> None:
    assert no_new_restarts(cluster(), cluster()).status == "holds"


RESTARTED = [
    {"restarts": 1},
    {"oom_killed": 1},
    {"proxy": proxy(SOURCE, restarts=2)},
]


@pytest.mark.parametrize("fields", RESTARTED, ids=["container", "memory", "proxy"])
@pytest.mark.parametrize("known", [True, False], ids=["old pod", "new pod"])
def test_a_restart_is_a_violation(fields: dict[str, Any], known: bool) -> None:
    before = with_pods(cluster(), pod("x", "y")) if known else cluster()
    verdict = no_new_restarts(before, with_pods(cluster(), pod("x", "y", **fields)))

    assert [i.subject for i in verdict.violations] == ["pod shop/x"]


def test_restarts_of_before_do_not_count() -> None:
    facts = with_pods(cluster(), pod("x", restarts=3, oom_killed=1))

    assert not no_new_restarts(facts, facts).items


def test_a_workload_that_restarted_before_is_explained() -> None:
    before = with_pods(cluster(), pod("x", "y", restarts=3))
    verdict = no_new_restarts(before, with_pods(cluster(), pod("z", "y", restarts=1)))

    assert verdict.status == "holds"
    assert verdict.explained
    killed = with_pods(cluster(), pod("z", "y", restarts=1, oom_killed=1))
    assert no_new_restarts(before, killed).status == "violated"


def test_pods_outside_the_mesh_may_restart() -> None:
    after = with_pods(cluster(), pod("x", version=None, restarts=1))

    assert no_new_restarts(cluster(), after).status == "holds"


def test_restarts_of_pods_not_read_are_not_assessed() -> None:
    facts = change(cluster(), unreadable=hidden("pods"))

    assert no_new_restarts(cluster(), facts).status == "not assessed"
    assert stable(facts, cluster()).status == "not assessed"
    assert jobs_complete(facts).status == "not assessed"


def test_jobs_that_end_hold() -> None:
    done = workload("job", kind="Job", conditions=(Condition(type="Complete", status="True"),))
    running = pod("report", "report", kind="Job")

    assert not jobs_complete(with_pods(with_workloads(cluster(), done), running)).items


def test_a_proxy_that_outlives_its_job_is_explained() -> None:
    facts = with_pods(cluster(), pod("report", "report", kind="Job", application_ended=True))
    verdict = jobs_complete(facts)

    assert verdict.status == "holds"
    assert "explained" in verdict.summary


def test_a_native_sidecar_that_outlives_its_job_is_a_violation() -> None:
    native = pod("r", "r", kind="Job", application_ended=True, proxy=proxy(TARGET, native=True))

    assert jobs_complete(with_pods(cluster(), native)).status == "violated"


def failing_job(name: str = "report-1", **fields: Any) -> Pod:
    failed = pod(f"{name}-x", name, kind="Job", application_ended=True, failed=(("app", 3),))
    return change(failed, **{"restart_policy": "Never", **fields})


def test_a_job_whose_application_failed_is_a_violation_though_its_proxy_runs_on() -> None:
    verdict = jobs_complete(with_pods(cluster(), failing_job()), cluster())

    assert verdict.status == "violated"
    assert "container app with exit code 3" in verdict.seen


def test_an_application_that_is_started_again_has_not_failed() -> None:
    facts = with_pods(cluster(), failing_job(restart_policy="OnFailure"))

    assert jobs_complete(facts, cluster()).status == "holds"


@pytest.mark.parametrize("earlier", ["report-1", "report-0"])
def test_an_application_that_failed_by_the_baseline_is_explained(earlier: str) -> None:
    cron = workload("report", kind="CronJob")
    before = with_workloads(cluster(), cron, workload(earlier, kind="Job"))

    verdict = jobs_complete(
        with_pods(cluster(), failing_job()), with_pods(before, failing_job(earlier))
    )

    assert verdict.status == "holds"
    assert verdict.explained


def test_a_failed_job_is_a_violation_unless_it_had_failed() -> None:
    failed = Condition(type="Failed", status="True", reason="BackoffLimitExceeded")
    facts = with_workloads(cluster(), workload("job", kind="Job", conditions=(failed,)))

    assert jobs_complete(facts, cluster()).status == "violated"
    assert jobs_complete(facts, facts).explained


def spread(replicas: int = 3, **fields: Any) -> tuple[Any, ...]:
    key = {"required_anti_affinity": "kubernetes.io/hostname", **fields}
    return tuple(change(w, **key) for w in control_plane_workloads(SOURCE, replicas))


def test_one_replica_needs_one_node() -> None:
    assert schedulable_ha(cluster()).status == "not applicable"


@pytest.mark.parametrize(
    ("places", "status", "items"), [(2, "violated", 1), (3, "holds", 1), (4, "holds", 0)]
)
def test_each_replica_needs_a_node(places: int, status: str, items: int) -> None:
    facts = change(with_workloads(cluster(), *spread()), nodes=nodes(places))
    verdict = schedulable_ha(facts)

    assert (verdict.status, len(verdict.items)) == (status, items)


@pytest.mark.parametrize("fault", [{"ready": False}, {"schedulable": False}])
def test_nodes_that_take_no_pods_do_not_count(fault: dict[str, Any]) -> None:
    bad = (*nodes(2), change(Node(name="node-3", hostname="node-3"), **fault))

    assert schedulable_ha(change(with_workloads(cluster(), *spread()), nodes=bad)).seen


def test_zones_are_counted_as_zones() -> None:
    facts = with_workloads(
        cluster(), *spread(required_anti_affinity="topology.kubernetes.io/zone")
    )
    zoned = tuple(change(n, zone=f"z{i % 2}") for i, n in enumerate(nodes(6)))

    assert schedulable_ha(change(facts, nodes=zoned)).status == "violated"


def test_values_that_ask_for_it_count_before_the_workloads_do() -> None:
    told = config(SOURCE, values=values(SOURCE, highAvailability="true", controllerReplicas="3"))

    assert schedulable_ha(change(cluster(), config=told)).status == "violated"


def test_without_nodes_it_is_not_assessed() -> None:
    assert schedulable_ha(change(cluster(), nodes=())).status == "not assessed"
    assert schedulable_ha(change(cluster(), unreadable=hidden("nodes"))).status == "not assessed"


def test_a_calm_soak_holds() -> None:
    assert stable(cluster(), cluster()).status == "holds"


def test_whatever_changes_in_the_soak_is_a_violation() -> None:
    before = cluster()
    injector = change(INJECTOR, generation=3)
    after = with_workloads(before, injector)
    after = change(after, pods=after.pods[1:], config=config(TARGET))
    ca = change(before.webhooks[0], ca_bundle=bundle("new", certificate("x")))
    after = change(after, webhooks=(ca, *before.webhooks[1:]))
    verdict = stable(before, after)

    assert [i.subject for i in verdict.violations] == [
        "pod linkerd/linkerd-destination-0",
        INJECTOR.key,
        "ConfigMap linkerd-config",
        "webhook linkerd-proxy-injector.linkerd.io",
    ]


def test_what_comes_and_goes_by_nature_is_not_a_change() -> None:
    fleeting = (
        pod("job", "job", kind="Job"),
        pod("canary", kind="", phase="Pending", node="", created=NOW - timedelta(seconds=1)),
        pod("leaving", deleting=True),
        pod("plain", version=None),
    )

    assert stable(with_pods(cluster(), *fleeting), cluster()).status == "holds"


def test_a_workload_scaled_down_is_explained() -> None:
    before = cluster(workloads=1)
    after = with_workloads(before, workload("web", replicas=1))
    gone = change(after, pods=after.pods[:-1])

    assert stable(before, gone).status == "holds"
    assert stable(before, gone).explained
    assert stable(before, change(before, pods=before.pods[:-1])).status == "violated"
