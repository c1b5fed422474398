"""What counts as a change to a cluster while nobody watched, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from policies.controls.whole_run.sameness import differences, identity
from policies.facts.cluster import (
    Bundle,
    ClusterFacts,
    Crd,
    LinkerdConfig,
    Namespace,
    Pod,
    SecretKeys,
    Setting,
    Unreadable,
    Webhook,
)
from policies.facts.helm import HelmRelease
from policies.facts.links import Link, Multicluster
from suites.policy.builders import cluster, pod, with_pods

CONFIG = LinkerdConfig(
    uid="c", version="edge-25.4.4", values=(Setting(path="proxy.cores", value="1"),)
)


def alone(**fields: Any) -> Pod:
    """A meshed pod that no controller would make again."""
    return pod("alone", kind="", **fields)


THEN = msgspec.structs.replace(
    with_pods(cluster(), alone()),
    config=CONFIG,
    webhooks=(
        Webhook(
            configuration_kind="MutatingWebhookConfiguration",
            configuration="injector",
            uid="w",
            name="inject.linkerd.io",
            ca_bundle=Bundle(place="webhook", sha256="aa"),
        ),
    ),
    crds=(Crd(name="servers.policy.linkerd.io", uid="s", stored=("v1beta3",), resources=2),),
    secrets=(SecretKeys(namespace="linkerd", name="issuer", uid="i", values=(("crt", "a"),)),),
    trust_roots=Bundle(place="ConfigMap trust-roots", sha256="aa"),
    issuer=Bundle(place="Secret issuer", sha256="bb"),
    helm=(HelmRelease(name="linkerd", namespace="linkerd", revision=3, status="deployed"),),
    multicluster=Multicluster(
        links=(Link(namespace="linkerd-multicluster", name="west", uid="l", cluster="west"),)
    ),
)
Change = Callable[[ClusterFacts], ClusterFacts]


def having(**fields: Any) -> Change:
    return lambda facts: msgspec.structs.replace(facts, **fields)


def each(name: str, **fields: Any) -> Change:
    """Every fact of one list with these fields."""

    def change(facts: ClusterFacts) -> ClusterFacts:
        found = tuple(msgspec.structs.replace(f, **fields) for f in getattr(facts, name))
        return msgspec.structs.replace(facts, **{name: found})

    return change


CHANGED: dict[str, tuple[Change, str]] = {
    "kubernetes": (having(kubernetes="v1.99.0"), "cluster"),
    "namespace gone": (having(namespaces=THEN.namespaces[1:]), THEN.namespaces[0].name),
    "injection asked for": (each("namespaces", inject="ingress"), "Namespace shop"),
    "workload restarted": (each("workloads", restarted_at="now"), "Deployment shop/"),
    "workload made anew": (each("workloads", uid="other"), "Deployment shop/"),
    "image changed": (each("workloads", images=(("web", "other:1"),)), "Deployment shop/"),
    "webhook's CA": (
        each("webhooks", ca_bundle=Bundle(place="webhook", sha256="zz")),
        "MutatingWebhookConfiguration injector",
    ),
    "failure policy": (each("webhooks", failure_policy="Ignore"), "MutatingWebhook"),
    "stored version": (each("crds", stored=("v1",)), "CustomResourceDefinition servers"),
    "object gone": (having(objects=THEN.objects[1:]), str(THEN.objects[0].key)),
    "secret's value": (each("secrets", values=(("crt", "z"),)), "Secret linkerd/issuer"),
    "value": (
        having(
            config=msgspec.structs.replace(
                CONFIG, values=(Setting(path="proxy.cores", value="2"),)
            )
        ),
        "ConfigMap linkerd-config",
    ),
    "configuration gone": (having(config=None), "ConfigMap linkerd-config"),
    "anchors": (having(trust_roots=Bundle(place="ConfigMap trust-roots", sha256="zz")), "certif"),
    "issuer": (having(issuer=Bundle(place="Secret issuer", sha256="zz")), "Secret issuer"),
    "helm": (each("helm", revision=4), "Helm release linkerd/linkerd"),
    "link": (having(multicluster=None), "Link linkerd-multicluster/west"),
    "bare pod lost": (lambda facts: msgspec.structs.replace(facts, pods=()), "Pod shop/alone"),
    "bare pod made anew": (
        lambda facts: with_pods(msgspec.structs.replace(facts, pods=()), alone(uid="anew")),
        "Pod shop/alone",
    ),
    "bare pod going": (
        lambda facts: with_pods(msgspec.structs.replace(facts, pods=()), alone(deleting=True)),
        "Pod shop/alone",
    ),
    "right lost": (
        having(unreadable=(Unreadable(resource="secrets", reason="Forbidden"),)),
        "secrets (reading them)",
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_somebody_changed_is_named(name: str) -> None:
    change, subject = CHANGED[name]

    found = differences(THEN, change(THEN))

    assert found
    assert any(subject in item.subject for item in found)
    assert all(item.expected != item.seen for item in found)
    assert [i.subject for i in differences(change(THEN), THEN)] == [i.subject for i in found]


COMES_AND_GOES: dict[str, Change] = {
    "time": having(taken_at=THEN.taken_at + timedelta(hours=9)),
    "pods": lambda facts: with_pods(facts, pod("another")),
    "restarts": each("pods", restarts=9),
    "a controller's pods": lambda facts: msgspec.structs.replace(
        facts,
        pods=tuple(
            msgspec.structs.replace(p, uid="new") if p.owner_kind else p for p in facts.pods
        ),
    ),
    "a bare pod of no mesh": lambda facts: with_pods(facts, pod("x", kind="", version=None)),
    "a node's own pod": lambda facts: with_pods(facts, pod("x", kind="", static=True)),
    "nodes": having(nodes=()),
    "replicas": each("workloads", desired=9, current=8, ready=7, generation=6),
    "custom resources": each("crds", resources=77),
    "endpoints": having(endpoints=()),
    "order": lambda facts: having(workloads=facts.workloads[::-1])(facts),
}


@pytest.mark.parametrize("name", COMES_AND_GOES)
def test_what_comes_and_goes_by_itself_is_no_change(name: str) -> None:
    assert differences(THEN, COMES_AND_GOES[name](THEN)) == ()


def test_the_rehearsals_own_namespaces_come_and_go_with_it() -> None:
    canary = Namespace(name="rehearse-canary", uid="x")
    with_canary = having(namespaces=(*THEN.namespaces, canary))(THEN)

    assert differences(with_canary, THEN, own=frozenset({"rehearse-canary"})) == ()
    assert [i.seen for i in differences(with_canary, THEN)] == ["absent"]

    source = with_pods(THEN, pod("source", kind="", within="rehearse-probes"))
    assert differences(source, THEN, own=frozenset({"rehearse-probes"})) == ()


def test_a_clusters_identity_is_its_system_namespace() -> None:
    assert identity(THEN) == "ns-kube-system"
    assert identity(having(namespaces=())(THEN)) == ""
