"""What captured pods used and whose help they had is in a copy again, and named."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path

import pytest

from fixtures.core.errors import BadInput
from fixtures.snapshot.copy import played
from fixtures.snapshot.copy.references import PLACEHOLDER, volumes, wanted_by
from fixtures.snapshot.copy.standin import prepare
from fixtures.snapshot.load import CAPTURED_AT, KINDS_READ, NOT_READ, read_snapshot
from policies.facts.cluster import Unreadable
from suites.harness.copies import STUCK, Obj, completed, env, pod, values
from suites.harness.snapshots import SECOND, cluster, recorded, written

SECRET: Obj = {"name": "db", "key": "password"}


def test_what_a_running_container_refers_to_is_supplied_key_by_key() -> None:
    found = completed(
        pod(
            "web-1",
            containers=[
                {
                    **env(secretKeyRef=SECRET, configMapKeyRef={"name": "cfg", "key": "LEVEL"}),
                    "envFrom": [{"secretRef": {"name": "all"}}],
                    "volumeMounts": [{"name": "sub", "mountPath": "/a", "subPath": "app.yaml"}],
                }
            ],
            volumes=[
                {"name": "ca", "secret": {"secretName": "tls", "items": [{"key": "ca.crt"}]}},
                {"name": "sub", "configMap": {"name": "files"}},
                {"name": "p", "projected": {"sources": [{"configMap": {"name": "part"}}]}},
                {"name": "q", "secret": {"secretName": "may-be", "optional": True}},
            ],
        )
    )

    assert values(found.objects, "Secret") == {"db": ["password"], "all": [], "tls": ["ca.crt"]}
    assert values(found.objects, "ConfigMap") == {
        "cfg": ["LEVEL"],
        "files": ["app.yaml"],
        "part": [],
    }
    (named,) = [one for one in found.lacking if "DP-05" in one.controls]
    assert named.subject == "Deployment shop/web"
    assert "Secret db" in named.what
    assert "not assessed" in named.why


@pytest.mark.parametrize("there", [{"data": {"user": "YQ=="}}, {"stringData": {"user": "a"}}])
def test_an_object_with_values_shows_all_its_keys(there: Obj) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop"},
    }

    found = completed(pod("web-1", containers=[env(secretKeyRef=SECRET)]), {**secret, **there})

    assert "password" not in json.dumps(values(found.objects, "Secret"))
    assert not found.lacking


def test_metadata_alone_is_completed_with_placeholders() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop"},
    }

    found = completed(pod("web-1", containers=[env(secretKeyRef=SECRET)]), secret)

    (kept,) = [o for o in found.objects if o["kind"] == "Secret"]
    assert base64.b64decode(kept["data"]["password"]).decode() == PLACEHOLDER


def test_what_a_container_waited_for_in_vain_is_not_supplied() -> None:
    found = completed(pod("web-1", STUCK, containers=[env(secretKeyRef=SECRET)]))

    assert values(found.objects, "Secret") == {}


def test_a_key_that_another_container_has_is_there_all_the_same() -> None:
    found = completed(
        pod("web-1", STUCK, containers=[env(secretKeyRef=SECRET)]),
        pod("web-2", containers=[env(secretKeyRef=SECRET)]),
    )

    assert values(found.objects, "Secret") == {"db": ["password"]}


def test_a_volume_that_failed_to_mount_is_not_supplied() -> None:
    wanted = {"name": "ca", "secret": {"secretName": "tls"}}
    waiting = {"state": {"waiting": {"reason": "ContainerCreating"}}}
    told = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "shop"},
        "reason": "FailedMount",
        "involvedObject": {"uid": "web-1"},
    }

    assert values(completed(pod("web-1", waiting, volumes=[wanted]), told).objects, "Secret") == {}
    late = completed(pod("web-1", waiting, volumes=[wanted]))
    assert values(late.objects, "Secret") == {"tls": []}


def test_an_object_of_another_shape_is_bad_input(tmp_path: Path) -> None:
    spec = {"containers": [{"name": "app"}], "volumes": [1]}
    wrong = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": spec}}}
    items = cluster({**wrong, "metadata": {"name": "a", "namespace": "shop"}})
    snapshot = read_snapshot(
        written(tmp_path / "s.json", items, **{CAPTURED_AT: "2030-01-01T00:00:00Z"})
    )

    with pytest.raises(BadInput, match="shape of its kind"):
        prepare(snapshot, now=snapshot.captured_at)


def test_templates_without_a_pod_are_supplied_too() -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "n", "namespace": "shop"},
        "spec": {
            "jobTemplate": {
                "spec": {"template": {"spec": {"containers": [env(secretKeyRef=SECRET)]}}}
            }
        },
    }

    assert values(completed(job).objects, "Secret") == {"db": ["password"]}


def test_a_secret_that_a_whole_listing_does_not_hold_is_gone() -> None:
    missing = pod("web-1", containers=[env(secretKeyRef=SECRET)])
    read = {KINDS_READ: "pods,secrets/metadata,configmaps"}
    refused = Unreadable(resource="secrets/metadata", reason="Forbidden")

    assert values(completed(missing, **read).objects, "Secret") == {}
    no_right = {**read, NOT_READ: json.dumps([{"resource": refused.resource, "reason": "no"}])}
    assert values(completed(missing, **no_right).objects, "Secret") == {"db": ["password"]}


def test_volumes_of_an_unnamed_source_ask_for_nothing() -> None:
    assert list(volumes({"volumes": [{"name": "a", "secret": {"defaultMode": 1}}]}, "shop")) == []


def test_accounts_and_classes_of_captured_pods_are_there_again() -> None:
    found = completed(
        pod("web-1", serviceAccountName="web", priorityClassName="business", priority=900)
    )

    assert {(o["kind"], o["metadata"]["name"], o.get("value")) for o in found.objects[1:]} == {
        ("ServiceAccount", "web", None),
        ("PriorityClass", "business", 900),
    }


@pytest.mark.parametrize("resource", ["resourcequotas", "limitranges"])
def test_what_admission_decides_by_and_nobody_may_read_is_not_assessed(resource: str) -> None:
    refused = json.dumps([{"resource": resource, "reason": "Forbidden"}])

    found = completed(pod("web-1"), **{NOT_READ: refused})

    assert [(one.subject, one.controls) for one in found.lacking] == [(resource, ("PRE-10",))]


# Who helped


@pytest.mark.parametrize(
    ("spec", "helper"),
    [
        ({"schedulerName": "volcano"}, "scheduler volcano"),
        ({"readinessGates": [{"conditionType": "a/b"}]}, "readiness gate a/b"),
        ({"runtimeClassName": "gvisor"}, "runtime class gvisor"),
        ({"resourceClaims": [{"name": "gpu"}]}, "resource claim gpu"),
        (
            {"containers": [{"name": "app", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]},
            "device nvidia.com/gpu",
        ),
        ({"containers": [{"name": "app", "ports": [{"hostPort": 80}]}]}, "host port 80"),
        ({"volumes": [{"name": "v", "csi": {"driver": "d"}}]}, "CSI driver d"),
        (
            {"volumes": [{"name": "v", "ephemeral": {}, "persistentVolumeClaim": {"a": 1}}]},
            "volume",
        ),
    ],
)
def test_the_help_of_others_is_named_for_pods_that_were_ready(spec: Obj, helper: str) -> None:
    (named,) = completed(pod("web-1", **copy.deepcopy(spec))).lacking

    assert helper in named.what
    assert (named.subject, named.controls) == ("Deployment shop/web", ("DP-05",))
    unready = {"state": {"running": {}}, "ready": False}
    assert not completed(pod("web-1", unready, **spec)).lacking


@pytest.mark.parametrize(
    "spec",
    [{}, {"schedulerName": "default-scheduler"}, {"volumes": [{"name": "e", "emptyDir": {}}]}],
)
def test_ordinary_pods_need_no_help(spec: Obj) -> None:
    assert list(played.helpers_of(pod("web-1", **spec))) == []


def test_every_reference_of_a_recorded_cluster_is_there_already() -> None:
    objects = [item.object() for item in read_snapshot(recorded(SECOND)).items]

    wanted = wanted_by(objects, {}).supplied()

    names = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects}
    assert wanted
    assert {r[:3] for r in wanted} <= names
