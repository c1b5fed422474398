"""Deployments on a running cluster: bounds of a rollout, revisions, conditions, strategies."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.embedded.controllers.arithmetic import fence
from fixtures.embedded.controllers.views import condition
from fixtures.embedded.kernel import Obj
from suites.embedded.in_process import (
    SPACE,
    InProcess,
    Watch,
    cluster,
    is_rolled_out,
    run,
    scene,
    workload,
)

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"
REVISION = "deployment.kubernetes.io/revision"


async def deploy(running: InProcess, name: str = "web", **spec: object) -> None:
    await running.kernel.create(DEPLOYMENTS, workload("Deployment", name, dict(spec)))
    await running.until(
        lambda: is_rolled_out(running.get(DEPLOYMENTS, name)), f"{name} rolled out"
    )


def sets_of(running: InProcess, name: str = "web") -> list[Obj]:
    found = [s for s in running.kernel.list(SETS, SPACE) if s["metadata"]["labels"]["app"] == name]
    return sorted(found, key=lambda s: int(s["metadata"]["annotations"][REVISION]))


def progress(running: InProcess, name: str = "web") -> tuple[str, str]:
    found = condition(running.get(DEPLOYMENTS, name), "Progressing") or {}
    return found.get("status", ""), found.get("reason", "")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    replicas=st.integers(1, 6),
    bounds=st.tuples(
        st.sampled_from([0, 1, 2, "25%", "50%", "100%"]),
        st.sampled_from([0, 1, 2, "25%", "50%"]),
    ).filter(lambda pair: pair != (0, 0)),
    fails=st.booleans(),
)
def test_available_and_total_stay_inside_their_bounds(
    replicas: int, bounds: tuple[int | str, int | str], fails: bool
) -> None:
    surge, unavailable = bounds
    limits = fence(replicas, surge, unavailable)
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}

    async def scenario() -> None:
        async with cluster(speed=2000) as running:
            watch = Watch("web")
            running.kernel.subscribe(["pods"], watch.heard)
            await deploy(running, replicas=replicas, strategy=strategy)
            watch.watching = True
            if fails:
                arguments = {"namespace": SPACE, "name_prefix": "web-"}
                running.kernel.faults.enable("never-ready", arguments)
            running.restart(DEPLOYMENTS, "web")
            if fails:
                await running.until(lambda: len(sets_of(running)) == 2)
                await running.settled()
                assert not is_rolled_out(running.get(DEPLOYMENTS, "web"))
                running.kernel.faults.disable("never-ready")
            await running.until(
                lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")), "rolled out"
            )

            assert watch.fewest_ready >= limits.fewest
            assert watch.most <= limits.most

    run(scenario())


@scene
async def test_a_rollout_leaves_the_status_that_real_ones_leave() -> None:
    async with cluster() as running:
        await deploy(running, replicas=3)
        running.restart(DEPLOYMENTS, "web")
        await running.until(lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")))
        await running.settled()

        first, second = sets_of(running)
        name = second["metadata"]["name"]
        status = running.status(DEPLOYMENTS, "web")
        conditions = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
        assert conditions == {
            "Available": ("True", "MinimumReplicasAvailable"),
            "Progressing": ("True", "NewReplicaSetAvailable"),
        }
        assert {k: v for k, v in status.items() if k != "conditions"} == {
            "observedGeneration": 2,
            "replicas": 3,
            "updatedReplicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
        }
        assert running.get(DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "2"
        assert first["spec"]["replicas"] == 0
        assert first["status"] == {"replicas": 0, "observedGeneration": 4}
        digest = second["metadata"]["labels"]["pod-template-hash"]
        assert name == f"web-{digest}"
        assert {p.labels["pod-template-hash"] for p in running.pods(app="web")} == {digest}


@scene
async def test_going_back_finds_the_old_replica_set() -> None:
    async with cluster() as running:
        await deploy(running, replicas=1)
        original = running.get(DEPLOYMENTS, "web")["spec"]["template"]
        running.restart(DEPLOYMENTS, "web")
        await running.until(lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")))
        running.change(DEPLOYMENTS, "web", lambda d: d["spec"].update(template=original))
        await running.until(lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")))
        await running.settled()

        newest = sets_of(running)[-1]
        assert len(sets_of(running)) == 2
        assert newest["metadata"]["annotations"][REVISION] == "3"
        assert newest["spec"]["replicas"] == 1


@scene
async def test_old_replica_sets_are_forgotten_beyond_the_limit() -> None:
    async with cluster() as running:
        await deploy(running, replicas=1, revisionHistoryLimit=1)
        for at in ("1", "2", "3"):
            running.restart(DEPLOYMENTS, "web", at)
            await running.until(lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")))
        await running.until(lambda: len(sets_of(running)) == 2)

        revisions = [s["metadata"]["annotations"][REVISION] for s in sets_of(running)]
        assert revisions == ["3", "4"]


@scene
async def test_a_paused_deployment_scales_but_does_not_roll() -> None:
    async with cluster() as running:
        await deploy(running, replicas=1, paused=False)
        running.change(DEPLOYMENTS, "web", lambda d: d["spec"].update(paused=True, replicas=3))
        running.restart(DEPLOYMENTS, "web")
        await running.until(lambda: running.status(DEPLOYMENTS, "web").get("readyReplicas") == 3)
        await running.settled()
        assert len(sets_of(running)) == 1

        running.change(DEPLOYMENTS, "web", lambda d: d["spec"].update(paused=False))
        await running.until(lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")))
        assert len(sets_of(running)) == 2


@scene
async def test_recreate_never_runs_two_versions_at_once() -> None:
    async with cluster() as running:
        await deploy(running, replicas=2, strategy={"type": "Recreate"})
        together: list[int] = []
        running.kernel.subscribe(
            ["pods"],
            lambda _: together.append(
                len(
                    {
                        p.labels["pod-template-hash"]
                        for p in running.pods(app="web")
                        if not p.finished
                    }
                )
            ),
        )
        running.restart(DEPLOYMENTS, "web")
        await running.until(lambda: len(sets_of(running)) == 2)
        await running.until(lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")))

        assert max(together) == 1


@scene
async def test_a_rollout_that_does_not_progress_misses_its_deadline() -> None:
    async with cluster() as running:
        await deploy(running, replicas=2, progressDeadlineSeconds=30)
        fault = {"namespace": SPACE, "name_prefix": "web-"}
        running.kernel.faults.enable("never-ready", fault)
        running.restart(DEPLOYMENTS, "web")
        await running.until(lambda: progress(running)[0] == "False", "deadline missed")
        assert progress(running)[1] == "ProgressDeadlineExceeded"
        assert running.status(DEPLOYMENTS, "web")["availableReplicas"] == 2

        running.kernel.faults.disable("never-ready")
        await running.until(lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")))
        await running.until(lambda: progress(running) == ("True", "NewReplicaSetAvailable"))


@scene
async def test_min_ready_seconds_delay_availability() -> None:
    async with cluster() as running:
        started = running.clock.seconds()
        await deploy(running, replicas=2, minReadySeconds=40)

        assert running.clock.seconds() - started >= 40


@pytest.mark.parametrize("policy", ["Fail"])
def test_refused_pods_are_said_in_conditions_and_events(policy: str) -> None:
    webhook: Obj = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "away"},
        "webhooks": [
            {
                "name": "away.example.com",
                "failurePolicy": policy,
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": {"name": "away", "namespace": SPACE}},
                "rules": [
                    {
                        "operations": ["CREATE"],
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "resources": ["pods"],
                    }
                ],
            }
        ],
    }
    resource = "mutatingwebhookconfigurations.admissionregistration.k8s.io"

    async def scenario() -> None:
        async with cluster() as running:
            await deploy(running, replicas=2)
            await running.kernel.create(resource, webhook)
            running.restart(DEPLOYMENTS, "web")
            await running.until(
                lambda: condition(running.get(DEPLOYMENTS, "web"), "ReplicaFailure"),
                "ReplicaFailure",
            )
            failure = condition(sets_of(running)[-1], "ReplicaFailure") or {}
            assert failure["reason"] == "FailedCreate"
            assert running.events("FailedCreate")
            assert running.status(DEPLOYMENTS, "web")["availableReplicas"] == 2

            running.kernel.delete(resource, "", "away")
            await running.until(lambda: is_rolled_out(running.get(DEPLOYMENTS, "web")))
            await running.until(
                lambda: condition(running.get(DEPLOYMENTS, "web"), "ReplicaFailure") is None
            )

    run(scenario())


@scene
async def test_scaling_during_a_rollout_is_shared_by_both_replica_sets() -> None:
    async with cluster() as running:
        rolling = {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}
        await deploy(running, replicas=4, strategy=rolling)
        fault = {"namespace": SPACE, "name_prefix": "web-"}
        running.kernel.faults.enable("never-ready", fault)
        running.restart(DEPLOYMENTS, "web")
        await running.until(lambda: len(sets_of(running)) == 2)
        await running.settled()
        running.change(DEPLOYMENTS, "web", lambda d: d["spec"].update(replicas=8))
        await running.settled()

        old, new = (s["spec"]["replicas"] for s in sets_of(running))
        assert old + new == 10
        assert old > 4
        assert new > 2
