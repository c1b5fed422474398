"""Who owns a pod, and which pod its controller would create next, as the API tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.cluster import objects
from fixtures.cluster.access.connection import Connection
from fixtures.cluster.facts.pods import owners_of, pod_fact
from fixtures.cluster.templates import Next, next_pods
from policies.facts.cluster import Pod
from suites.harness.pods import pod
from suites.harness.scripted_api import Asked, Says, listing, refused, scripted_api

Obj = dict[str, Any]


def reference(api_version: str, kind: str, name: str, **fields: Any) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": f"u-{name}", **fields}


def controller(api_version: str, kind: str, name: str) -> Obj:
    return reference(api_version, kind, name, controller=True)


def fact(*references: Obj, sets: tuple[Obj, ...] = (), **metadata: Any) -> Pod:
    raw = json.dumps(pod("x-1", ownerReferences=list(references), **metadata))
    known = [msgspec.convert(s, objects.PartialObject) for s in sets]
    return pod_fact(msgspec.json.decode(raw, type=objects.RawPod), owners_of(known))


def replica_set(name: str, *references: Obj) -> Obj:
    meta = {"name": name, "namespace": "shop", "uid": f"u-{name}"}
    return {"metadata": {**meta, "ownerReferences": list(references)}}


RS = controller("apps/v1", "ReplicaSet", "web-5c5")


ROLLOUT = replica_set("web-5c5", controller("argoproj.io/v1alpha1", "Rollout", "web"))
HASHED: dict[str, Any] = {"labels": {"pod-template-hash": "5c5"}}
CNPG, KRUISE = "postgresql.cnpg.io", "apps.kruise.io"
OWNED: dict[str, tuple[Pod, str, str]] = {
    "CloudNativePG": (fact(controller(f"{CNPG}/v1", "Cluster", "db")), "Cluster", CNPG),
    "OpenKruise": (fact(controller(f"{KRUISE}/v1", "StatefulSet", "a")), "StatefulSet", KRUISE),
    "ReplicationController": (
        fact(controller("v1", "ReplicationController", "rc")), "ReplicationController", ""
    ),
    "Rollout": (fact(RS, sets=(ROLLOUT,)), "Rollout", "argoproj.io"),
    "orphaned ReplicaSet": (
        fact(RS, sets=(replica_set("web-5c5"),), **HASHED), "ReplicaSet", "apps"
    ),
    "ReplicaSet not seen": (fact(RS, **HASHED), "Deployment", "apps"),
    "two owners": (
        fact(reference("v1", "ConfigMap", "c"), controller("batch/v1", "Job", "j")), "Job", "batch"
    ),
    "owner that does not control": (
        fact(reference("example.org/v1", "Thing", "t")), "Thing", "example.org"
    ),
    "Spark executor": (fact(controller("v1", "Pod", "driver")), "Pod", ""),
}  # fmt: skip


@pytest.mark.parametrize(("found", "kind", "group"), OWNED.values(), ids=OWNED)
def test_the_owner_of_a_pod_is_told_with_its_api_group(found: Pod, kind: str, group: str) -> None:
    assert (found.owner_kind, found.owner_group) == (kind, group)


def test_a_pod_that_a_node_owns_is_static() -> None:
    found = fact(controller("v1", "Node", "n1"))

    assert found.static
    assert not found.owner_kind


def workload(api_version: str, kind: str, name: str, **fields: Any) -> Obj:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a"}]}}
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"u-{name}"},
        "spec": {"template": template, **fields.pop("spec", {})},
        **fields,
    }


WEB = workload("apps/v1", "Deployment", "web")
NEWEST = replica_set("web-7d7", controller("apps/v1", "Deployment", "web"))
NEWEST["metadata"] |= {
    "annotations": {"deployment.kubernetes.io/revision": "7"},
    "labels": {"pod-template-hash": "7d7"},
}
OLDER = replica_set("web-5c5", controller("apps/v1", "Deployment", "web"))
OLDER["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "6"}
CRON = reference("batch/v1", "CronJob", "nightly")
LISTS: dict[str, Says] = {
    "/apis/apps/v1/deployments": listing(WEB, workload("apps/v1", "Deployment", "other")),
    "/apis/apps/v1/replicasets": listing(OLDER, NEWEST),
    "/apis/apps/v1/statefulsets": listing(workload(
        "apps/v1", "StatefulSet", "store", status={"updateRevision": "store-abc"},
        spec={"replicas": 2, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
    )),
    "/apis/apps/v1/daemonsets": listing(workload("apps/v1", "DaemonSet", "agent")),
    "/api/v1/replicationcontrollers": listing(workload("v1", "ReplicationController", "rc")),
    "/apis/batch/v1/jobs": listing(
        workload("batch/v1", "Job", "done", status={"completionTime": "2026-01-01T00:00:00Z"}),
        workload("batch/v1", "Job", "halted", spec={"suspend": True}),
        workload("batch/v1", "Job", "busy"),
    ),
}  # fmt: skip


def asked(tmp_path: Path, *pods: Pod, **other: Says) -> dict[str, Next]:
    def script(request: Asked) -> Says:
        return other.get(request.path.rpartition("/")[2]) or LISTS[request.path]

    with scripted_api(tmp_path, script) as api:
        connection = Connection(api.kubeconfig)
        try:
            return {n.workload: n for n in next_pods(connection, pods)}
        finally:
            connection.close()


def test_each_owner_has_the_pod_that_its_controller_would_create_next(tmp_path: Path) -> None:
    pods = (
        fact(RS, labels={"pod-template-hash": "5c5"}),
        fact(controller("apps/v1", "StatefulSet", "store")),
        fact(controller("apps/v1", "DaemonSet", "agent")),
        fact(controller("v1", "ReplicationController", "rc")),
        *(fact(controller("batch/v1", "Job", name)) for name in ("done", "halted", "busy")),
        fact(controller("postgresql.cnpg.io/v1", "Cluster", "db")),
    )
    found = asked(tmp_path, *pods)

    assert set(found) == {
        "Deployment shop/web",
        "StatefulSet shop/store",
        "DaemonSet shop/agent",
        "ReplicationController shop/rc",
        "Job shop/busy",
    }
    web, store = found["Deployment shop/web"].pod, found["StatefulSet shop/store"].pod
    assert web["metadata"]["generateName"] == "web-7d7-"
    assert web["metadata"]["ownerReferences"][0]["uid"] == "u-web-7d7"
    assert store["metadata"]["name"] == "store-2"
    assert store["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-store-2"
    for each in found.values():
        (owner,) = each.pod["metadata"]["ownerReferences"]
        assert owner["apiVersion"]
        assert "blockOwnerDeletion" not in owner, "needs a right of its own"


def test_a_run_of_a_cron_job_gives_way_to_the_next(tmp_path: Path) -> None:
    run = workload("batch/v1", "Job", "nightly-1")
    run["metadata"]["ownerReferences"] = [CRON]
    run["spec"]["template"]["metadata"]["labels"]["batch.kubernetes.io/job-name"] = "nightly-1"
    found = asked(tmp_path, fact(controller("batch/v1", "Job", "nightly-1")), jobs=listing(run))

    labels = found["Job shop/nightly-1"].pod["metadata"]["labels"]
    assert labels["batch.kubernetes.io/job-name"] == "nightly-0"
    assert labels["app"] == "nightly-1"


def test_without_the_right_to_read_replica_sets_a_deployment_is_tried_all_the_same(
    tmp_path: Path,
) -> None:
    found = asked(
        tmp_path,
        fact(RS, labels={"pod-template-hash": "5c5"}),
        replicasets=refused(403, "Forbidden"),
    )

    (owner,) = found["Deployment shop/web"].pod["metadata"]["ownerReferences"]
    assert owner["kind"] == "ReplicaSet"
