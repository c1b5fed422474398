"""Which node a pod gets, and what it shows when there is none."""

from __future__ import annotations

import copy

from apimachinery.quantities import amount
from fixtures.embedded.controllers.views import condition
from fixtures.embedded.kernel import Obj
from suites.embedded.in_process import (
    SPACE,
    InProcess,
    bare_pod,
    cluster,
    is_rolled_out,
    run,
    scene,
    workload,
)

APART: Obj = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {
                "labelSelector": {"matchLabels": {"app": "web"}},
                "topologyKey": "kubernetes.io/hostname",
            }
        ]
    }
}


def edit_node(running: InProcess, name: str, **spec: object) -> None:
    node = copy.deepcopy(running.get("nodes", name, ""))
    node["metadata"].pop("resourceVersion")
    node["spec"].update(spec)
    running.kernel.update("nodes", node)


def is_unschedulable(running: InProcess, name: str) -> bool:
    found = condition(running.get("pods", name), "PodScheduled") or {}
    return found.get("reason") == "Unschedulable"


@scene
async def test_pods_of_another_scheduler_are_left_alone() -> None:
    async with cluster() as running:
        await running.kernel.create("pods", bare_pod("canary", schedulerName="nobody"))
        await running.settled()
        await running.passes(60)

        status = running.status("pods", "canary")
        assert status["phase"] == "Pending"
        assert "conditions" not in status
        running.kernel.delete("pods", SPACE, "canary")
        assert running.kernel.get("pods", SPACE, "canary") is None


@scene
async def test_required_anti_affinity_leaves_the_surge_pod_pending_until_one_goes() -> None:
    async with cluster(count=3) as running:
        spec = {
            "replicas": 3,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
        }
        await running.kernel.create(
            "deployments.apps", workload("Deployment", "web", spec, affinity=APART)
        )
        await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
        assert len({p.node for p in running.pods(app="web")}) == 3

        running.restart("deployments.apps", "web")
        await running.until(
            lambda: any(is_unschedulable(running, p.name) for p in running.pods(app="web"))
        )
        assert running.events("FailedScheduling")
        await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
        await running.settled()
        assert len({p.node for p in running.pods(app="web")}) == 3


def test_required_affinity_puts_a_pod_where_its_company_is() -> None:
    together = {"podAffinity": APART["podAntiAffinity"]}

    async def scenario() -> None:
        async with cluster(count=3) as running:
            await running.kernel.create("pods", bare_pod("alone", affinity=together))
            await running.until(lambda: is_unschedulable(running, "alone"))
            await running.kernel.create("pods", bare_pod("first", {"app": "web"}))
            await running.until(lambda: running.get("pods", "first")["spec"].get("nodeName"))
            node = running.get("pods", "first")["spec"]["nodeName"]

            for number in range(3):
                name = f"beside-{number}"
                await running.kernel.create("pods", bare_pod(name, affinity=together))
                await running.until(
                    lambda name=name: running.get("pods", name)["spec"].get("nodeName")
                )
                assert running.get("pods", name)["spec"]["nodeName"] == node

    run(scenario())


@scene
async def test_cordon_taint_and_selector_keep_pods_away_until_they_are_gone() -> None:
    async with cluster() as running:
        name = "embedded-control-plane"
        edit_node(running, name, unschedulable=True)
        await running.kernel.create("pods", bare_pod("cordoned"))
        await running.until(lambda: is_unschedulable(running, "cordoned"))
        edit_node(running, name, unschedulable=False)
        await running.until(lambda: running.get("pods", "cordoned")["spec"].get("nodeName"))

        edit_node(running, name, taints=[{"key": "only", "value": "db", "effect": "NoSchedule"}])
        await running.kernel.create("pods", bare_pod("tainted"))
        tolerated = [{"key": "only", "operator": "Exists"}]
        await running.kernel.create("pods", bare_pod("tolerant", tolerations=tolerated))
        await running.until(lambda: is_unschedulable(running, "tainted"))
        await running.until(lambda: running.get("pods", "tolerant")["spec"].get("nodeName"))

        await running.kernel.create("pods", bare_pod("picky", nodeSelector={"disk": "ssd"}))
        await running.until(lambda: is_unschedulable(running, "picky"))
        edit_node(running, name, taints=[])
        await running.until(lambda: running.get("pods", "tainted")["spec"].get("nodeName"))
        assert is_unschedulable(running, "picky")


def test_requests_fill_a_node() -> None:
    def heavy(name: str) -> Obj:
        asked = {"requests": {"cpu": "40"}}
        return bare_pod(name, containers=[{"name": "app", "image": "a:1", "resources": asked}])

    async def scenario() -> None:
        async with cluster() as running:
            await running.kernel.create("pods", heavy("first"))
            await running.settled()
            await running.kernel.create("pods", heavy("second"))
            await running.until(lambda: is_unschedulable(running, "second"))
            running.kernel.delete("pods", SPACE, "first")
            await running.until(lambda: running.get("pods", "second")["spec"].get("nodeName"))

    run(scenario())


def test_hard_topology_spread_is_kept() -> None:
    rule: Obj = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }

    async def scenario() -> None:
        async with cluster(count=2) as running:
            edit_node(running, "embedded-worker", unschedulable=True)
            for number in range(2):
                await running.kernel.create(
                    "pods",
                    bare_pod(f"web-{number}", {"app": "web"}, topologySpreadConstraints=[rule]),
                )
            await running.settled()
            placed = [p.node for p in running.pods(app="web")]
            assert sorted(placed) == ["", "embedded-control-plane"]

    run(scenario())


@scene
async def test_a_paused_scheduler_binds_nothing_until_it_goes_on() -> None:
    async with cluster() as running:
        running.kernel.faults.enable("scheduler-paused", {})
        await running.kernel.create("pods", bare_pod("web"))
        await running.settled()
        await running.passes(30)
        assert "nodeName" not in running.get("pods", "web")["spec"]
        running.kernel.faults.disable("scheduler-paused")
        await running.until(lambda: running.get("pods", "web")["spec"].get("nodeName"))


@scene
async def test_nodes_show_what_linkerd_check_reads() -> None:
    async with cluster(count=2, minor=30) as running:
        nodes = running.kernel.list("nodes")
        assert [n["metadata"]["name"] for n in nodes] == [
            "embedded-control-plane",
            "embedded-worker",
        ]
        assert all(n["spec"]["podCIDR"].startswith("10.") for n in nodes)
        assert len({n["spec"]["podCIDR"] for n in nodes}) == 2
        assert all(n["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.30.") for n in nodes)
        await running.until(
            lambda: len(running.kernel.list("leases.coordination.k8s.io", "kube-node-lease")) == 2
        )


def test_quantities_are_read_as_kubernetes_writes_them() -> None:
    texts = ["250m", "2", "1Gi", "1500Ki", "1M", "", "odd"]

    assert [amount(t) for t in texts] == [0.25, 2, 2**30, 1500 * 1024, 10**6, 0, 0]
