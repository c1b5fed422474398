"""Webhooks, policies and APIs of others are left out of a copy, and named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fixtures.snapshot.copy.foreign import deciders, leave_out
from fixtures.snapshot.load import read_snapshot
from suites.harness.copies import ALL, OWN, PODS, Obj, other, pod
from suites.harness.snapshots import SECOND, recorded


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


def test_a_recorded_cluster_lacks_nothing_of_others() -> None:
    snapshot = read_snapshot(recorded(SECOND))
    objects = [item.object() for item in snapshot.items]
    before = copy.deepcopy(objects)

    kept, lacking = leave_out(objects)

    assert (kept, lacking) == (before, [])
    assert deciders(snapshot) == ()
