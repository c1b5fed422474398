"""StatefulSets, DaemonSets, Jobs, endpoints, budgets and garbage on a running cluster."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.embedded.controllers.views import condition
from fixtures.embedded.kernel import Change, Obj
from suites.embedded.in_process import (
    SPACE,
    InProcess,
    bare_pod,
    cluster,
    is_rolled_out,
    run,
    scene,
    service,
    workload,
)

STATEFUL, DAEMONS, JOBS = "statefulsets.apps", "daemonsets.apps", "jobs.batch"
SLICES = "endpointslices.discovery.k8s.io"


class Diary:
    """Names of pods in the order in which they came, became ready and went."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._ready: set[str] = set()

    def heard(self, change: Change) -> None:
        metadata = change.object["metadata"]
        if change.type == "ADDED":
            self.lines.append(f"+{metadata['name']}")
        elif change.type == "DELETED":
            self.lines.append(f"-{metadata['name']}")
        elif metadata["uid"] not in self._ready:
            ready = condition(change.object, "Ready")
            if ready and ready["status"] == "True":
                self._ready.add(metadata["uid"])
                self.lines.append(f"={metadata['name']}")


async def stateful(running: InProcess, name: str = "store", **spec: Any) -> None:
    wanted = workload("StatefulSet", name, {"serviceName": name, "replicas": 3, **spec})
    await running.kernel.create(STATEFUL, wanted)
    await running.until(lambda: running.status(STATEFUL, name).get("availableReplicas") == 3)


def is_updated(running: InProcess, name: str) -> bool:
    status = running.status(STATEFUL, name)
    seen = status["observedGeneration"] == running.get(STATEFUL, name)["metadata"]["generation"]
    wanted = running.get(STATEFUL, name)["spec"]["replicas"]
    counts = ("replicas", "readyReplicas", "updatedReplicas")
    return seen and all(status.get(c) == wanted for c in counts)


@scene
async def test_a_stateful_set_comes_upwards_and_is_replaced_downwards() -> None:
    async with cluster() as running:
        diary = Diary()
        running.kernel.subscribe(["pods"], diary.heard)
        await stateful(running)
        first = running.status(STATEFUL, "store")["currentRevision"]
        assert diary.lines == [
            "+store-0",
            "=store-0",
            "+store-1",
            "=store-1",
            "+store-2",
            "=store-2",
        ]

        diary.lines.clear()
        running.restart(STATEFUL, "store")
        await running.until(lambda: is_updated(running, "store"))
        await running.settled()

        assert diary.lines == [f"{sign}store-{number}" for number in (2, 1, 0) for sign in "-+="]
        status = running.status(STATEFUL, "store")
        assert status["currentRevision"] == status["updateRevision"] != first
        assert status["currentReplicas"] == status["updatedReplicas"] == 3


@scene
async def test_a_partition_keeps_the_lower_pods() -> None:
    async with cluster() as running:
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
        await stateful(running, updateStrategy=rolling)
        before = {p.name: p.uid for p in running.pods(app="store")}
        running.restart(STATEFUL, "store")
        await running.until(lambda: running.status(STATEFUL, "store").get("updatedReplicas") == 1)
        await running.until(lambda: running.status(STATEFUL, "store").get("readyReplicas") == 3)
        await running.settled()
        after = {p.name: p.uid for p in running.pods(app="store")}
        assert [n for n in before if before[n] != after[n]] == ["store-2"]

        running.kernel.delete("pods", SPACE, "store-0")
        await running.until(
            lambda: (
                {p.name: p.uid for p in running.pods(app="store")}.get("store-0")
                not in (None, before["store-0"])
            )
        )
        again = {p.name: p for p in running.pods(app="store")}["store-0"]
        revision = running.status(STATEFUL, "store")["currentRevision"]
        assert again.labels["controller-revision-hash"] == revision


@scene
async def test_a_stateful_set_stops_at_a_pod_that_is_not_ready() -> None:
    async with cluster() as running:
        await stateful(running)
        fault = {"namespace": SPACE, "name_prefix": "store-2"}
        running.kernel.faults.enable("never-ready", fault)
        running.restart(STATEFUL, "store")
        await running.until(lambda: running.status(STATEFUL, "store").get("updatedReplicas") == 1)
        await running.settled()
        await running.passes(60)

        assert running.status(STATEFUL, "store")["updatedReplicas"] == 1
        assert running.status(STATEFUL, "store")["readyReplicas"] == 2


@scene
async def test_a_daemon_set_runs_on_every_node_that_takes_it_and_rolls_one_by_one() -> None:
    async with cluster(count=3) as running:
        taint = {"key": "special", "value": "yes", "effect": "NoSchedule"}
        node = dict(running.get("nodes", "embedded-worker2", ""))
        node["spec"] = {**node["spec"], "taints": [taint]}
        running.kernel.update("nodes", node)
        await running.kernel.create(DAEMONS, workload("DaemonSet", "agent"))
        await running.until(lambda: running.status(DAEMONS, "agent").get("numberAvailable") == 2)
        assert {p.node for p in running.pods(app="agent")} == {
            "embedded-control-plane",
            "embedded-worker",
        }

        missing: list[int] = []
        running.kernel.subscribe(
            [DAEMONS], lambda c: missing.append(c.object["status"].get("numberUnavailable", 0))
        )
        running.restart(DAEMONS, "agent")
        done = {"observedGeneration": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
        await running.until(lambda: done.items() <= running.status(DAEMONS, "agent").items())
        assert max(missing) == 1


def job(name: str, containers: list[Obj], **spec: Any) -> Obj:
    pod_spec: Obj = {"restartPolicy": "Never", "containers": containers}
    pod_spec.update(spec.pop("pod", {}))
    template = {"metadata": {"labels": {"app": name}}, "spec": pod_spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"template": template, **spec},
    }


WORK: Obj = {"name": "work", "image": "work:1"}
PROXY: Obj = {"name": "proxy", "image": "proxy:1", "ports": [{"containerPort": 4143}]}


@scene
async def test_a_job_completes_when_its_pods_have_succeeded() -> None:
    async with cluster() as running:
        await running.kernel.create(JOBS, job("report", [WORK], completions=2))
        await running.until(lambda: condition(running.get(JOBS, "report"), "Complete"))
        await running.settled()

        status = running.status(JOBS, "report")
        assert status["succeeded"] == 2
        assert "active" not in status
        assert {p.phase for p in running.pods(app="report")} == {"Succeeded"}
        assert {p.finalizers for p in running.pods(app="report")} == {()}


@scene
async def test_a_native_sidecar_does_not_hold_a_job_and_a_classic_one_does() -> None:
    async with cluster() as running:
        sidecar = {
            **PROXY,
            "restartPolicy": "Always",
            "startupProbe": {"tcpSocket": {"port": 1}},
        }
        await running.kernel.create(JOBS, job("native", [WORK], pod={"initContainers": [sidecar]}))
        await running.kernel.create(JOBS, job("classic", [WORK, PROXY]))
        await running.until(lambda: condition(running.get(JOBS, "native"), "Complete"))
        await running.settled()
        await running.passes(60)

        (held,) = running.pods(app="classic")
        assert held.phase == "Running"
        assert running.status(JOBS, "classic") == {
            "active": 1,
            "ready": 0,
            "terminating": 0,
            "startTime": running.status(JOBS, "classic")["startTime"],
            "uncountedTerminatedPods": {},
        }


@scene
async def test_a_job_gives_up_after_its_backoff_limit() -> None:
    async with cluster(speed=2000) as running:
        fault = {"namespace": SPACE, "name_prefix": "bad-"}
        running.kernel.faults.enable("crash-loop", fault)
        await running.kernel.create(JOBS, job("bad", [WORK], backoffLimit=1))
        await running.until(lambda: condition(running.get(JOBS, "bad"), "Failed"))

        assert running.status(JOBS, "bad")["failed"] == 2


def addresses(running: InProcess, name: str) -> tuple[list[str], list[str]]:
    ready: list[str] = []
    waiting: list[str] = []
    found = running.kernel.get("endpoints", SPACE, name) or {}
    for subset in found.get("subsets") or ():
        ready += [a["ip"] for a in subset.get("addresses") or ()]
        waiting += [a["ip"] for a in subset.get("notReadyAddresses") or ()]
    return ready, waiting


def slice_states(running: InProcess, name: str) -> dict[str, tuple[bool, bool, bool]]:
    found: dict[str, tuple[bool, bool, bool]] = {}
    for obj in running.kernel.list(SLICES, SPACE):
        if obj["metadata"]["labels"]["kubernetes.io/service-name"] == name:
            for endpoint in obj.get("endpoints") or ():
                c = endpoint["conditions"]
                found[endpoint["addresses"][0]] = (c["ready"], c["serving"], c["terminating"])
    return found


@pytest.mark.parametrize("cluster_ip", ["", "None"])
@scene
async def test_endpoints_follow_readiness_and_termination(cluster_ip: str) -> None:
    async with cluster(speed=200) as running:
        await running.kernel.create("services", service("web", clusterIP=cluster_ip))
        await running.kernel.create("deployments.apps", workload("Deployment", "web"))
        await running.until(lambda: len(addresses(running, "web")[1]) == 1, "not ready yet")
        await running.until(lambda: len(addresses(running, "web")[0]) == 1, "ready")
        await running.settled()
        (address,) = addresses(running, "web")[0]
        assert slice_states(running, "web") == {address: (True, True, False)}
        headless = "service.kubernetes.io/headless"
        labels = running.get("endpoints", "web")["metadata"].get("labels") or {}
        assert (headless in labels) == (cluster_ip == "None")

        (pod,) = running.pods(app="web")
        running.kernel.delete("pods", SPACE, pod.name)
        await running.until(
            lambda: slice_states(running, "web").get(address) == (False, True, True),
            "terminating but serving",
        )
        assert address not in addresses(running, "web")[0]
        await running.until(lambda: address not in slice_states(running, "web"), "gone")


@scene
async def test_a_service_takes_its_endpoints_and_slices_with_it() -> None:
    async with cluster() as running:
        await running.kernel.create("services", service("web"))
        await running.kernel.create("pods", bare_pod("web"))
        await running.until(lambda: slice_states(running, "web"))
        running.kernel.delete("services", SPACE, "web")
        await running.until(lambda: not slice_states(running, "web"))
        await running.until(lambda: running.kernel.get("endpoints", SPACE, "web") is None)


@pytest.mark.parametrize(
    ("spec", "desired"),
    [
        ({"maxUnavailable": 1}, 3),
        ({"maxUnavailable": "50%"}, 2),
        ({"minAvailable": 1}, 1),
        ({"minAvailable": "75%"}, 3),
    ],
)
def test_a_budget_says_how_many_pods_may_go(spec: Obj, desired: int) -> None:
    budget: Obj = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": SPACE},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }

    async def scenario() -> None:
        async with cluster() as running:
            wanted = workload("Deployment", "web", {"replicas": 4})
            await running.kernel.create("deployments.apps", wanted)
            await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
            await running.kernel.create("poddisruptionbudgets.policy", budget)
            await running.settled()

            status = running.status("poddisruptionbudgets.policy", "web")
            counts = {k: v for k, v in status.items() if k != "conditions"}
            assert counts == {
                "currentHealthy": 4,
                "desiredHealthy": desired,
                "disruptionsAllowed": 4 - desired,
                "expectedPods": 4,
                "observedGeneration": 1,
            }

    run(scenario())


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
@scene
async def test_what_is_owned_goes_with_its_owner(propagation: str) -> None:
    async with cluster() as running:
        await running.kernel.create("deployments.apps", workload("Deployment", "web"))
        await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
        order: list[str] = []
        running.kernel.subscribe(
            ["deployments.apps", "replicasets.apps", "pods"],
            lambda c: order.append(c.resource) if c.type == "DELETED" else None,
        )
        running.kernel.delete("deployments.apps", SPACE, "web", propagation=propagation)
        await running.until(lambda: len(order) == 3)

        ways = ["deployments.apps", "replicasets.apps", "pods"]
        assert order == (ways if propagation == "Background" else list(reversed(ways)))


@scene
async def test_orphans_are_left_and_adopted_again() -> None:
    async with cluster() as running:
        await running.kernel.create("deployments.apps", workload("Deployment", "web"))
        await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
        (pod,) = running.pods(app="web")
        running.kernel.delete("deployments.apps", SPACE, "web", propagation="Orphan")
        await running.until(lambda: running.kernel.get("deployments.apps", SPACE, "web") is None)
        await running.settled()
        (left,) = running.kernel.list("replicasets.apps", SPACE)
        assert not left["metadata"].get("ownerReferences")
        assert [p.uid for p in running.pods(app="web")] == [pod.uid]

        await running.kernel.create("deployments.apps", workload("Deployment", "web"))
        await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
        await running.settled()
        assert [p.uid for p in running.pods(app="web")] == [pod.uid]
