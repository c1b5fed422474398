"""The pod that a controller creates, against every pod of every recording and its template."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.controller_pods import (
    COMPLETION_INDEX,
    DIGEST,
    TEMPLATE_GENERATION,
    pod_of_cron_job,
    pod_of_daemon_set,
    pod_of_deployment,
    pod_of_job,
    pod_of_set,
    pod_of_stateful_set,
)
from suites.embedded.linkerd_recordings import RECORDINGS

Obj = dict[str, Any]
DUMPS = sorted(RECORDINGS.glob("*/dumps/*.json.gz")) if RECORDINGS.is_dir() else []
INJECTED = ("linkerd.io/", "config.linkerd.io/", "viz.linkerd.io/", "kubectl.kubernetes.io/")
CREATED_BY = "linkerd.io/created-by"
DEFAULT_TOLERATIONS = 300
"""Seconds that the API server's own plugin tolerates a node that is away."""

needs_recordings = pytest.mark.skipif(not DUMPS, reason="no recordings beside this checkout")


@needs_recordings
@pytest.mark.parametrize("dump", DUMPS, ids=lambda d: f"{d.parent.parent.name}/{d.name[:-8]}")
def test_every_recorded_pod_is_what_its_controller_would_create(dump: Path) -> None:
    objects: list[Obj] = json.loads(gzip.decompress(dump.read_bytes()))["items"]
    by_uid = {o["metadata"]["uid"]: o for o in objects}
    compared: Counter[str] = Counter()
    for pod in (o for o in objects if o["kind"] == "Pod"):
        reference = next(iter(pod["metadata"].get("ownerReferences") or ()), None)
        owner = by_uid.get(reference["uid"]) if reference else None
        built = made(pod, owner, by_uid) if owner else None
        if built is None or owner is None:
            continue
        differ(pod, built)
        compared[owner["kind"]] += 1
    assert compared["ReplicaSet"]
    assert compared["DaemonSet"]


@needs_recordings
def test_every_kind_of_owner_is_among_the_recordings() -> None:
    kinds = {k for dump in DUMPS for k in kinds_of(dump)}

    assert kinds >= {"ReplicaSet", "StatefulSet", "DaemonSet", "Job"}


@cache
def kinds_of(dump: Path) -> frozenset[str]:
    objects: list[Obj] = json.loads(gzip.decompress(dump.read_bytes()))["items"]
    return frozenset(
        r["kind"]
        for o in objects
        if o["kind"] == "Pod"
        for r in o["metadata"].get("ownerReferences") or ()
    )


def made(pod: Obj, owner: Obj, by_uid: dict[str, Obj]) -> Obj | None:
    """What we build for a recorded pod; None where its template is not the owner's any more."""
    labels, meta = pod["metadata"].get("labels") or {}, owner["metadata"]
    match owner["kind"]:
        case "ReplicaSet":
            above = by_uid.get((meta.get("ownerReferences") or [{}])[0].get("uid", ""))
            built = pod_of_set(owner)
            if above and same_template(above, owner):
                assert pod_of_deployment(above, owner) == built
            return built
        case "StatefulSet" if labels[DIGEST] == owner["status"].get("updateRevision"):
            number = int(pod["metadata"]["name"].rpartition("-")[2])
            return pod_of_stateful_set(owner, number, labels[DIGEST])
        case "DaemonSet":
            generation = meta["annotations"][TEMPLATE_GENERATION]
            if labels["pod-template-generation"] != generation:
                return None
            return pod_of_daemon_set(owner, pod["spec"]["nodeName"], labels[DIGEST])
        case "Job":
            return pod_of_job(owner)
        case _:
            return None


def same_template(deployment: Obj, replica_set: Obj) -> bool:
    """Whether a ReplicaSet is the one of its Deployment's present template."""
    template = replica_set["spec"]["template"]
    labels = {k: v for k, v in template["metadata"]["labels"].items() if k != "pod-template-hash"}
    bare = {**template, "metadata": {**template["metadata"], "labels": labels}}
    return bare == deployment["spec"]["template"]


def differ(pod: Obj, built: Obj) -> None:
    """Fail where a recorded pod is not what we build, admission and defaults aside."""
    meta, spec = pod["metadata"], pod["spec"]
    name = f"{meta['namespace']}/{meta['name']}"
    for key in ("generateName", "ownerReferences", "finalizers", "namespace"):
        assert meta.get(key) == built["metadata"].get(key), (name, key)
    for key in ("labels", "annotations"):
        # The injector writes its own version over the one that the template has.
        ours = {k: v for k, v in (built["metadata"].get(key) or {}).items() if k != CREATED_BY}
        theirs = meta.get(key) or {}
        assert ours.items() <= theirs.items(), (name, key)
        assert all(k.startswith(INJECTED) for k in theirs.keys() - ours.keys()), (name, key)
    for key in ("hostname", "subdomain", "affinity", "nodeSelector"):
        assert (spec.get(key) or None) == (built["spec"].get(key) or None), (name, key)
    tolerations = [t for t in built["spec"].get("tolerations") or ()]
    theirs = spec.get("tolerations") or []
    assert theirs[: len(tolerations)] == tolerations, name
    assert all(t["tolerationSeconds"] == DEFAULT_TOLERATIONS for t in theirs[len(tolerations) :])
    for kind in ("containers", "initContainers", "volumes"):
        recorded = {c["name"]: c for c in spec.get(kind) or ()}
        for one in built["spec"].get(kind) or ():
            within(one, recorded[one["name"]], (name, kind, one["name"]))
        ours = {c["name"] for c in built["spec"].get(kind) or ()}
        extra = recorded.keys() - ours
        assert all(n.startswith(("linkerd-", "kube-api-access-", "tap")) for n in extra), (
            name,
            extra,
        )


def within(ours: Any, theirs: Any, where: tuple[str, ...]) -> None:
    """Fail unless everything we say is in what was recorded; more may be."""
    if isinstance(ours, dict):
        for key, value in ours.items():
            assert key in theirs, (where, key)
            within(value, theirs[key], (*where, key))
    elif isinstance(ours, list):
        for value in ours:
            assert value in theirs, (where, value)
    else:
        assert ours == theirs, where


def workload(kind: str, **spec: Any) -> Obj:
    group = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    template = {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "a", "volumeMounts": [{"name": "data"}]}]},
    }
    spec = {"template": template, **spec}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    meta = {"name": "store", "namespace": "shop", "uid": "u"}
    return {"apiVersion": group, "kind": kind, "metadata": meta, "spec": spec}


def test_claim_templates_become_volumes_and_replace_those_of_their_name() -> None:
    owner = workload("StatefulSet", volumeClaimTemplates=[{"metadata": {"name": "data"}}])
    owner["spec"]["template"]["spec"]["volumes"] = [
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    pod = pod_of_stateful_set(owner, 3, "store-abc")

    assert pod["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-store-3"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    assert pod["metadata"]["name"] == pod["spec"]["hostname"] == "store-3"
    assert pod["metadata"]["generateName"] == "store-"


def test_an_indexed_job_numbers_its_pods() -> None:
    pod = pod_of_job(workload("Job", completionMode="Indexed"), 2)

    assert pod["metadata"]["generateName"] == "store-2-"
    assert pod["metadata"]["labels"][COMPLETION_INDEX] == "2"
    assert pod["metadata"]["annotations"] == {COMPLETION_INDEX: "2"}
    assert pod["spec"]["hostname"] == "store-2"
    assert [e["name"] for e in pod["spec"]["containers"][0]["env"]] == ["JOB_COMPLETION_INDEX"]


def test_a_cron_jobs_pod_is_its_next_jobs() -> None:
    pod = pod_of_cron_job(workload("CronJob"))

    assert pod["metadata"]["ownerReferences"][0]["kind"] == "Job"
    assert pod["metadata"]["labels"]["job-name"] == "store-0"
    assert pod["metadata"]["labels"]["app"] == "x"


def test_a_deployment_without_a_replica_set_yet_gets_one_by_name() -> None:
    pod = pod_of_deployment(workload("Deployment"))

    assert pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
    assert pod["metadata"]["labels"] == {"app": "x", "pod-template-hash": "0"}


def test_a_long_name_leaves_room_for_the_random_letters() -> None:
    owner = workload("ReplicaSet")
    owner["metadata"]["name"] = "x" * 80

    assert len(pod_of_set(owner)["metadata"]["generateName"]) == 58


def test_a_daemon_sets_pod_is_for_its_node_alone() -> None:
    owner = workload("DaemonSet")
    required = {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]
    }
    owner["spec"]["template"]["spec"]["affinity"] = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}
    }
    pod = pod_of_daemon_set(owner, "n1", "abc")

    terms = pod["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    assert [list(t) for t in terms] == [["matchFields"]]
    assert required["nodeSelectorTerms"][0].keys() == {"matchExpressions"}, "template untouched"
