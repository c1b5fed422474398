"""What somebody else did in the cluster that a copy was taken of is played in the copy.

Each case is a Deployment that ran when it was captured, loaded into another cluster and restarted:
it runs again where others were seen to help, and stays pending where nobody was.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.embedded.api.storage.loading import load
from fixtures.embedded.controllers.views import condition
from fixtures.embedded.kernel import Obj
from fixtures.embedded.nodes.autoscaler import ADDED, ADDED_BY, MOST, like
from fixtures.embedded.nodes.scheduler import spread_term
from suites.embedded.in_process import InProcess, cluster, is_rolled_out, run, scene, workload

Edit = Callable[[Obj], object]
GATE = "target-health.elbv2.k8s.aws/k8s-shop-web-0a1b2c"
KINDS = ("nodes", "deployments.apps", "replicasets.apps", "pods")


async def captured(edit: Edit, spec: Obj | None = None) -> Obj:
    """A List of a cluster where Deployment web runs, each object edited."""
    items: list[Obj] = []
    async with cluster() as running:
        await running.kernel.create("deployments.apps", workload("Deployment", "web", spec))
        await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
        await running.settled()
        for resource in KINDS:
            for found in running.kernel.list(resource):
                items.append(copy.deepcopy(found))
                edit(items[-1])
    return {"items": items}


async def restarted(running: InProcess, document: Obj) -> None:
    load(running.kernel, document)
    await running.settled()
    running.restart("deployments.apps", "web")


def rolled_out(running: InProcess) -> bool:
    return is_rolled_out(running.get("deployments.apps", "web"))


def is_stuck(running: InProcess) -> bool:
    """The new pod found no node."""
    pods = running.kernel.list("pods", "shop")
    return any((condition(p, "PodScheduled") or {}).get("reason") == "Unschedulable" for p in pods)


def pod_spec(obj: Obj) -> Obj | None:
    """Of a pod, or of a template."""
    if obj["kind"] == "Node":
        return None
    return obj["spec"] if obj["kind"] == "Pod" else obj["spec"]["template"]["spec"]


def each_pod(change: Callable[[Obj], object]) -> Edit:
    def edit(obj: Obj) -> None:
        spec = pod_spec(obj)
        if spec is not None:
            change(spec)

    return edit


def gated(status: str) -> Edit:
    def edit(obj: Obj) -> None:
        spec = pod_spec(obj)
        if spec is not None:
            spec["readinessGates"] = [{"conditionType": GATE}]
        if obj["kind"] == "Pod":
            obj["status"]["conditions"].append({"type": GATE, "status": status})

    return edit


def full(by: str = "", device: str = "") -> Edit:
    """A node that has room for one pod; pods that fill it."""
    asked = {device: "1"} if device else {"cpu": "2"}

    def edit(obj: Obj) -> None:
        spec = pod_spec(obj)
        if spec is not None:
            spec["containers"][0]["resources"] = {"requests": asked, "limits": asked}
            return
        room = {"cpu": "3", "memory": "8Gi", "pods": "110", **({device: "1"} if device else {})}
        obj["status"]["allocatable"] = room
        if by:
            obj["metadata"]["annotations"] = {ADDED_BY: by}

    return edit


def set_scheduler(spec: Obj) -> None:
    spec["schedulerName"] = "volcano"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(each_pod(set_scheduler), id="scheduler"),
        pytest.param(gated("True"), id="readiness gate"),
        pytest.param(full(by="Karpenter"), id="autoscaler"),
        pytest.param(full(by="Karpenter", device="nvidia.com/gpu"), id="autoscaler of devices"),
    ],
)
@scene
async def test_what_ran_when_captured_runs_again(edit: Edit) -> None:
    document = await captured(edit)
    async with cluster() as running:
        await restarted(running, document)
        await running.until(lambda: rolled_out(running), "rolled out")


@scene
async def test_a_gate_that_was_closed_stays_closed() -> None:
    document = await captured(gated("False"))
    async with cluster() as running:
        await restarted(running, document)
        await running.settled()
        await running.passes(60)

        assert not rolled_out(running)


@pytest.mark.parametrize("device", ["", "nvidia.com/gpu"])
@scene
async def test_full_nodes_without_an_autoscaler_stay_full(device: str) -> None:
    document = await captured(full(device=device))
    async with cluster() as running:
        await restarted(running, document)
        await running.until(lambda: is_stuck(running), "no room")
        await running.passes(200)

        assert not rolled_out(running)
        message = (running.events("FailedScheduling")[0])["message"]
        assert f"Insufficient {device or 'cpu'}" in message


def test_a_device_that_no_node_shows_is_not_counted() -> None:
    def edit(obj: Obj) -> None:
        full(device="nvidia.com/gpu")(obj)
        if obj["kind"] == "Node":
            del obj["status"]["allocatable"]["nvidia.com/gpu"]

    async def scenario() -> None:
        document = await captured(edit)
        async with cluster() as running:
            await restarted(running, document)
            await running.until(lambda: rolled_out(running), "rolled out")

    run(scenario())


@scene
async def test_an_added_node_says_by_whom_and_no_more_than_needed_come() -> None:
    document = await captured(full(by="Karpenter (node pool default)"))
    async with cluster() as running:
        await restarted(running, document)
        await running.until(lambda: rolled_out(running), "rolled out")
        await running.passes(200)

        marks = [n["metadata"].get("annotations") or {} for n in running.kernel.list("nodes")]
        added = [m for m in marks if m.get(ADDED)]
        assert [m[ADDED_BY] for m in added] == ["Karpenter (node pool default)"]


@scene
async def test_a_pod_that_no_node_could_take_adds_none() -> None:
    document = await captured(full(by="Karpenter"))
    async with cluster() as running:
        load(running.kernel, document)
        wanted = workload("Deployment", "large", {"replicas": 1})
        asked = {"requests": {"cpu": "40"}}
        wanted["spec"]["template"]["spec"]["containers"][0]["resources"] = asked
        await running.kernel.create("deployments.apps", wanted)
        await running.until(lambda: is_stuck(running), "no room")
        await running.passes(200)

        assert len(running.kernel.list("nodes")) == 1


def test_a_node_like_another_has_its_own_name_and_none_of_its_troubles() -> None:
    node: Obj = {
        "metadata": {
            "name": "ip-10-0-0-1",
            "labels": {"kubernetes.io/hostname": "ip-10-0-0-1", "pool": "a"},
            "annotations": {ADDED_BY: "Karpenter", "other": "x"},
        },
        "spec": {
            "unschedulable": True,
            "taints": [
                {"key": "dedicated", "effect": "NoSchedule"},
                {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
            ],
        },
        "status": {"allocatable": {"cpu": "1"}, "images": [{"names": ["a"]}]},
    }

    new = like(like(node, 1), MOST)

    assert new["metadata"]["name"] == f"ip-10-0-0-1-added-{MOST}"
    assert new["metadata"]["labels"] == {
        "kubernetes.io/hostname": new["metadata"]["name"],
        "pool": "a",
    }
    assert new["spec"] == {"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}
    assert "images" not in new["status"]


SPREAD: Obj = {
    "maxSkew": 1,
    "topologyKey": "topology.kubernetes.io/zone",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "web"}},
}


def test_spread_counts_only_pods_of_the_same_revision_if_asked() -> None:
    pod: Obj = {"metadata": {"labels": {"app": "web", "pod-template-hash": "b"}}}
    rule = {**SPREAD, "matchLabelKeys": ["pod-template-hash", "absent"]}

    term: Any = spread_term(rule, pod)

    assert term["labelSelector"]["matchLabels"] == {"app": "web", "pod-template-hash": "b"}
    assert spread_term({**SPREAD, "labelSelector": None}, pod)["labelSelector"] is None


def test_spread_counts_only_nodes_that_the_pod_may_choose() -> None:
    """A zone that a node selector rules out is no empty zone that holds the others back."""

    def select(spec: Obj) -> None:
        spec["nodeSelector"] = {"pool": "a"}
        spec["topologySpreadConstraints"] = [SPREAD]

    def edit(obj: Obj) -> None:
        each_pod(select)(obj)
        if obj["kind"] == "Node":
            zone = {"topology.kubernetes.io/zone": "z1", "pool": "a"}
            obj["metadata"].setdefault("labels", {}).update(zone)

    async def scenario() -> None:
        document = await captured(edit, {"replicas": 2})
        other = copy.deepcopy(document["items"][0])
        other["metadata"].update(name="other", uid="other")
        other["metadata"]["labels"].update({"topology.kubernetes.io/zone": "z2", "pool": "b"})
        document["items"].append(other)
        async with cluster() as running:
            await restarted(running, document)
            await running.until(lambda: rolled_out(running), "rolled out")

    run(scenario())
