"""Who adds nodes to a cluster is known by what they leave in it."""

from __future__ import annotations

import pytest

from fixtures.embedded.nodes.autoscaler import ADDED_BY
from fixtures.snapshot.copy.autoscalers import mark
from suites.harness.copies import Obj, other


def node(name: str = "n", **labels: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {k.replace("__", "/"): v for k, v in labels.items()}},
    }


def deployment(image: str, replicas: int = 1) -> Obj:
    template = {"spec": {"containers": [{"name": "c", "image": image}]}}
    found = other("apps/v1", "Deployment", "d", template=template, replicas=replicas)
    found["metadata"]["namespace"] = "kube-system"
    return found


CORE = "core.example:5000/autoscaling/cluster-autoscaler"


@pytest.mark.parametrize(
    ("objects", "by"),
    [
        ([node(**{"karpenter.sh/nodepool": "a"})], "Karpenter (node pool a)"),
        ([node(**{"karpenter.sh/provisioner-name": "a"})], "Karpenter (node pool a)"),
        ([node(**{"eks.amazonaws.com/compute-type": "auto"})], "EKS Auto Mode"),
        ([node(**{"eks.amazonaws.com/compute-type": "fargate"})], "AWS Fargate"),
        ([node("gk3-main-pool-1")], "GKE Autopilot"),
        ([node(**{"cloud.google.com/gke-nodepool": "nap-e2-1"})], "GKE node auto-provisioning"),
        ([node(**{"provisioner.cast.ai/managed-by": "cast.ai"})], "CAST AI"),
        ([node(), other("v1", "ConfigMap", "cluster-autoscaler-status")], "cluster-autoscaler"),
        (
            [node(), other("coordination.k8s.io/v1", "Lease", "karpenter-leader-election")],
            "Karpenter",
        ),
        ([node(), deployment(f"{CORE}:v1.33.0@sha256:0")], "cluster-autoscaler"),
        ([node(), deployment(CORE)], "cluster-autoscaler"),
        ([node(), deployment("public.ecr.aws/karpenter/controller:1.8.1")], "Karpenter"),
        (
            [node(), {**other("v1", "Event", "e"), "reason": "TriggeredScaleUp"}],
            "cluster-autoscaler",
        ),
        ([node()], ""),
        ([node(), deployment(f"{CORE}:v1.33.0", replicas=0)], ""),
        ([node(**{"cloud.google.com/gke-nodepool": "default-pool"})], ""),
        ([node(), deployment("example/pod-autoscaler:1")], ""),
    ],
)
def test_autoscalers_are_known_by_what_they_leave(objects: list[Obj], by: str) -> None:
    mark(objects)

    assert (objects[0]["metadata"].get("annotations") or {}).get(ADDED_BY, "") == by


def test_only_workers_grow_where_there_are_any() -> None:
    control = node("cp", **{"node-role.kubernetes.io/control-plane": ""})
    status = other("v1", "ConfigMap", "cluster-autoscaler-status")

    assert list(mark([control, node("w"), status])) == ["w"]
    assert list(mark([control, status])) == ["cp"]
