"""A copy of a cluster: what it cannot hold is left out by name, what pods used is supplied."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterable
from typing import Any

import pytest

from fixtures.snapshot import played
from fixtures.snapshot.autoscalers import mark
from fixtures.snapshot.completing import Completed, complete
from fixtures.snapshot.foreign import deciders, leave_out
from fixtures.snapshot.load import KINDS_READ, NOT_READ, read_snapshot
from fixtures.snapshot.references import PLACEHOLDER, volumes, wanted_by
from fixtures.targets.embedded.nodes.autoscaler import ADDED_BY
from policies.facts import ClusterFacts, Unreadable
from suites.harness.snapshots import SECOND, recorded
from suites.policy.builders import change, cluster
from suites.policy.builders import pod as pod_fact

Obj = dict[str, Any]

RUNNING: Obj = {"state": {"running": {}}, "ready": True}
STUCK: Obj = {"state": {"waiting": {"reason": "CreateContainerConfigError"}}}
ALL = [{"apiGroups": ["*"], "operations": ["*"], "resources": ["*/*"]}]
PODS = [{"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}]
OWN = [{"apiGroups": ["cert-manager.io"], "operations": ["CREATE"], "resources": ["*/*"]}]


def pod(name: str, status: Obj = RUNNING, **spec: Any) -> Obj:
    containers = spec.pop("containers", [{"name": "app"}])
    statuses = [{"name": c["name"], **status} for c in containers]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"containers": [*containers, {"name": "linkerd-proxy"}], **spec},
        "status": {
            "containerStatuses": statuses,
            "conditions": [{"type": "Ready", "status": "True" if status is RUNNING else "False"}],
        },
    }


def env(**references: Obj) -> Obj:
    """A container whose variables come from elsewhere."""
    return {
        "name": "app",
        "env": [{"name": "A", "valueFrom": {k: v}} for k, v in references.items()],
    }


def facts_of(*names: str) -> ClusterFacts:
    return change(cluster(), pods=tuple(pod_fact(n, owner_name="web", uid=n) for n in names))


def completed(*objects: Obj, **annotations: str) -> Completed:
    names = [o["metadata"]["name"] for o in objects if o["kind"] == "Pod"]
    return complete(list(objects), facts_of(*names), annotations)


def values(found: Iterable[Obj], kind: str) -> dict[str, list[str]]:
    """Name -> keys of each Secret or ConfigMap."""
    return {o["metadata"]["name"]: sorted(o.get("data") or {}) for o in found if o["kind"] == kind}


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


# Webhooks, policies and APIs of others


def configuration(
    name: str, rules: Any, kind: str = "Validating", client: Obj | None = None, **hook: Any
) -> Obj:
    service = {"service": {"name": name, "namespace": name}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{"name": name, "clientConfig": client or service, "rules": rules, **hook}],
    }


def left(*objects: Obj) -> dict[str, tuple[str, ...]]:
    """What is left out of a cluster with Linkerd in it -> the controls that speak of it."""
    own = configuration(
        "injector",
        PODS,
        "Mutating",
        {"service": {"name": "linkerd-proxy-injector", "namespace": "linkerd"}},
    )
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "linkerd-config", "namespace": "linkerd"},
    }
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": {"team": n}}}
        for n in ("linkerd", "shop")
    ]
    kept, lacking = leave_out([own, config, *spaces, pod("web-1"), *copy.deepcopy(list(objects))])
    assert own in kept
    assert not [
        o for o in kept if o["metadata"]["name"] in {x["metadata"]["name"] for x in objects}
    ]
    return {one.subject.partition(" (")[0]: one.controls for one in lacking}


@pytest.mark.parametrize(
    ("obj", "controls"),
    [
        (configuration("kyverno", ALL), ("PRE-10", "PRE-09")),
        (configuration("by-url", ALL, client={"url": "https://10.0.0.1/"}), ("PRE-10", "PRE-09")),
        (configuration("istio", PODS, "Mutating"), ("PRE-10",)),
        (configuration("open", PODS, failurePolicy="Ignore"), ("PRE-10",)),
        (configuration("cert-manager", OWN), ()),
        (configuration("elsewhere", ALL, namespaceSelector={"matchLabels": {"team": "x"}}), ()),
        (
            configuration("not-linkerd", ALL, namespaceSelector={"matchLabels": {"team": "shop"}}),
            ("PRE-10",),
        ),
        (configuration("no-rules", None), ()),
    ],
)
def test_webhooks_of_others_are_left_out_by_name(obj: Obj, controls: tuple[str, ...]) -> None:
    assert left(obj) == {f"{obj['kind']} {obj['metadata']['name']}": controls}


def test_a_configuration_may_be_shared() -> None:
    mixed = configuration("mixed", PODS)
    client = {"service": {"name": "linkerd-proxy-injector", "namespace": "linkerd"}}
    mixed["webhooks"].append({"name": "ours", "clientConfig": client})
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "linkerd-config", "namespace": "linkerd"},
    }

    kept, lacking = leave_out([config, mixed])

    assert [h["name"] for h in kept[1]["webhooks"]] == ["ours"]
    assert [one.subject for one in lacking] == ["ValidatingWebhookConfiguration mixed (mixed)"]


def other(api: str, kind: str, name: str, **spec: Any) -> Obj:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def test_policies_and_apis_of_others_are_left_out() -> None:
    metrics = {"name": "metrics-server", "namespace": "kube-system"}
    admission = "admissionregistration.k8s.io/v1"
    constraints = {"resourceRules": PODS}

    assert left(
        other(
            "apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io", service=metrics
        ),
        other(admission, "ValidatingAdmissionPolicy", "signed", matchConstraints=constraints),
        other(admission, "ValidatingAdmissionPolicyBinding", "signed-binding"),
        other(
            f"{admission}beta1", "MutatingAdmissionPolicy", "adds", matchConstraints=constraints
        ),
        other("resource.k8s.io/v1", "ResourceSlice", "gpus"),
        other("acme.example/v1", "Widget", "w"),
    ) == {
        "APIService v1beta1.metrics.k8s.io": (),
        "ValidatingAdmissionPolicy signed": ("PRE-10",),
        "MutatingAdmissionPolicy adds": ("PRE-10",),
        "1 ResourceSlice": (),
        "1 Widget": (),
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


# Autoscalers


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


# Against a recording


def recording() -> list[Obj]:
    return [item.object() for item in read_snapshot(recorded(SECOND)).items]


def test_a_recorded_cluster_lacks_nothing_of_others() -> None:
    snapshot = read_snapshot(recorded(SECOND))
    objects = [item.object() for item in snapshot.items]
    before = copy.deepcopy(objects)

    kept, lacking = leave_out(objects)

    assert (kept, lacking) == (before, [])
    assert deciders(snapshot) == ()


def test_every_reference_of_a_recorded_cluster_is_there_already() -> None:
    objects = recording()

    wanted = wanted_by(objects, {}).supplied()

    names = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects}
    assert wanted
    assert {r[:3] for r in wanted} <= names
