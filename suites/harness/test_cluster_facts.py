"""Facts out of raw lists: owners, proxies, secrets as digests, certificates with their signers."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.quantities import quantity
from fixtures.cluster import kinds, objects
from fixtures.cluster.facts import certificates
from fixtures.cluster.facts import objects as facts_objects
from fixtures.cluster.facts.cluster import facts_from_lists
from fixtures.cluster.facts.pods import image_tag, owners_of, pod_fact
from fixtures.cluster.facts.workloads import workload_fact
from fixtures.cluster.wire.lists import decode_page
from fixtures.cluster.wire.rawlists import RawLists
from fixtures.core.value_leaves import settings
from policies.facts.cluster import ClusterFacts, Pod
from suites.harness.pods import pod

Obj = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def raw_pod(obj: Obj) -> objects.RawPod:
    return msgspec.json.decode(json.dumps(obj), type=objects.RawPod)


def fact(obj: Obj) -> Pod:
    return pod_fact(raw_pod(obj), {})


def owner(kind: str, name: str, uid: str = "u") -> list[Obj]:
    return [{"kind": kind, "name": name, "uid": uid, "controller": True}]


def test_a_pod_belongs_to_the_deployment_behind_its_replica_set() -> None:
    replica_set = objects.PartialObject(
        metadata=objects.Meta(
            name="web-5c5",
            uid="rs",
            owner_references=[objects.OwnerReference("Deployment", "web", "d", True)],
        )
    )

    found = pod_fact(
        raw_pod(pod("web-5c5-x", ownerReferences=owner("ReplicaSet", "web-5c5", "rs"))),
        owners_of([replica_set]),
    )

    assert (found.owner_kind, found.owner_name) == ("Deployment", "web")


def test_a_replica_set_that_is_gone_is_traced_by_its_template_hash() -> None:
    found = fact(
        pod(
            "web-5c5-x",
            ownerReferences=owner("ReplicaSet", "web-5c5"),
            labels={"pod-template-hash": "5c5"},
        )
    )

    assert (found.owner_kind, found.owner_name) == ("Deployment", "web")


@pytest.mark.parametrize("kind", ["Job", "StatefulSet", "DaemonSet", "ReplicaSet"])
def test_other_owners_stay(kind: str) -> None:
    found = fact(pod("x", ownerReferences=owner(kind, "o")))

    assert (found.owner_kind, found.owner_name) == (kind, "o")


@pytest.mark.parametrize("native", [False, True])
def test_the_proxy_is_found_in_containers_and_init_containers(native: bool) -> None:
    found = fact(pod("x", proxy="edge-25.10.7", native=native))

    assert found.proxy is not None
    assert (found.proxy.version, found.proxy.native) == ("edge-25.10.7", native)
    assert found.images == (("app", "app:1"),)


def test_a_pod_without_proxy_has_none() -> None:
    assert fact(pod("x")).proxy is None


def test_an_ended_application_beside_a_running_proxy_is_seen() -> None:
    obj = pod("report", proxy="edge-25.4.4")
    obj["status"]["containerStatuses"] = [
        {"name": "app", "state": {"terminated": {"reason": "Error", "exitCode": 3}}},
        {"name": "side", "state": {"terminated": {"reason": "Completed", "exitCode": 0}}},
        {"name": "linkerd-proxy", "state": {"running": {}}, "restartCount": 2},
    ]

    found = fact(obj)

    assert found.application_ended
    assert found.failed == (("app", 3),)
    assert found.restarts == 2
    assert found.proxy is not None
    assert found.proxy.running


def test_out_of_memory_kills_are_counted_once_per_container() -> None:
    obj = pod("x")
    killed = {"terminated": {"reason": "OOMKilled"}}
    obj["status"]["containerStatuses"] = [
        {"name": "app", "state": killed, "lastState": killed, "restartCount": 3}
    ]

    assert fact(obj).oom_killed == 1


def test_nulls_everywhere_are_no_error() -> None:
    obj = pod("x")
    obj["metadata"] |= {"labels": None, "annotations": None, "ownerReferences": None}
    obj["spec"] = {"containers": None, "initContainers": None, "hostNetwork": None}
    obj["status"] = {"conditions": None, "containerStatuses": None, "phase": None}

    found = fact(obj)

    assert (found.name, found.phase, found.proxy) == ("x", "", None)


def test_an_object_that_does_not_fit_is_told_of_and_the_others_are_kept() -> None:
    odd = pod("odd")
    odd["spec"]["containers"] = "none"
    page = json.dumps({"metadata": {}, "items": [pod("a"), odd, pod("b")]}).encode()

    found, _, problem = decode_page(page, objects.RawPod)

    assert [p.metadata.name for p in found] == ["a", "b"]
    assert "1 could not be decoded" in problem


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("cr.l5d.io/linkerd/proxy:edge-25.4.4", "edge-25.4.4"),
        ("registry:5000/proxy", ""),
        ("registry:5000/proxy:v1", "v1"),
        ("proxy@sha256:abc", ""),
        ("proxy:v1@sha256:abc", "v1"),
        ("proxy", ""),
    ],
)
def test_image_tags(image: str, tag: str) -> None:
    assert image_tag(image) == tag


@given(st.text(max_size=30), st.from_regex(r"[A-Za-z0-9_][\w.-]{0,20}", fullmatch=True))
def test_the_tag_after_any_name_is_read_back(name: str, tag: str) -> None:
    name = name.replace("@", "").replace(":", "")
    if not tag.isascii():
        return
    assert image_tag(f"{name}:{tag}") == tag


def test_deployment_and_daemon_set_counts() -> None:
    raw: Obj = {
        "metadata": {"name": "x", "namespace": "n", "generation": 2},
        "spec": {"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": "25%"}}},
        "status": {"replicas": 4, "updatedReplicas": 1, "readyReplicas": 3},
    }
    deployment = workload_fact(
        kinds.DEPLOYMENTS, msgspec.json.decode(json.dumps(raw), type=objects.RawWorkload)
    )
    raw["status"] = {"desiredNumberScheduled": 5, "updatedNumberScheduled": 2}
    daemon_set = workload_fact(
        kinds.DAEMON_SETS, msgspec.json.decode(json.dumps(raw), type=objects.RawWorkload)
    )

    assert (deployment.desired, deployment.current, deployment.updated) == (3, 4, 1)
    assert deployment.max_surge == "25%"
    assert (daemon_set.desired, daemon_set.updated, daemon_set.ready) == (5, 2, 0)


def test_quantities() -> None:
    read = quantity

    assert read("500m") == 0.5
    assert read("2") == 2
    assert read("1Ki") == 1024
    assert read("1e3") == 1000
    assert read("1E") == 1e18
    assert read("much") is None


def test_endpoints_are_summed_over_slices_by_address() -> None:
    raw: Obj = {
        "metadata": {
            "name": "web-a",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": None}},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": False}},
        ],
    }
    piece = msgspec.json.decode(json.dumps(raw), type=objects.RawEndpointSlice)

    (found,) = facts_objects.endpoint_facts([piece, piece])

    assert (found.ready, found.not_ready) == (2, 1)


def test_certificates_know_who_signed_them() -> None:
    ca, other = trustme.CA(), trustme.CA()
    leaf = ca.issue_cert("web.shop.svc")
    root = certificates.bundle("roots", ca.cert_pem.bytes().decode())
    alien = certificates.bundle("alien", other.cert_pem.bytes().decode())
    served = certificates.bundle("leaf", leaf.cert_chain_pems[0].bytes().decode())

    signers = certificates.with_signers((root, alien, served, None))
    (found,) = certificates.verified(served, signers).certificates

    assert found.verified_by == (root.certificates[0].sha256,)
    assert found.dns_names == ("web.shop.svc",)
    assert not found.is_ca
    assert root.certificates[0].is_ca


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("nothing", "no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "certificate 1 cannot be parsed",
        ),
    ],
)
def test_a_bundle_that_cannot_be_parsed_says_why(text: str, said: str) -> None:
    assert said in certificates.bundle("x", text).unreadable


def test_values_are_leaves_and_secrets_in_them_digests() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    text = json.dumps(
        {
            "proxy": {"image": {"version": "v1"}, "ports": [1, 2], "none": None, "empty": {}},
            "identityTrustAnchorsPEM": pem,
            "identity": {"issuer": {"tls": {"keyPEM": "the key"}}},
            "extra": [{"pem": pem}],
        }
    )

    found = {s.path: s.value for s in settings(text)}

    assert found["proxy.image.version"] == '"v1"'
    assert found["proxy.ports"] == "[1,2]"
    assert (found["proxy.none"], found["proxy.empty"]) == ("null", "{}")
    assert found["identityTrustAnchorsPEM"] == f"sha256:{certificates.digest(pem)}"
    assert "the key" not in str(found)
    assert "AAAA" not in str(found)


@given(st.text(max_size=60))
def test_any_text_is_settings_or_none(text: str) -> None:
    found = settings(text)

    assert list(found) == sorted(found)


def secret(name: str, **data: str) -> objects.RawSecret:
    return objects.RawSecret(
        metadata=objects.Meta(name=name, namespace="linkerd"),
        data={k: base64.b64encode(v.encode()).decode() for k, v in data.items()},
    )


def facts_of(lists: RawLists) -> ClusterFacts:
    return facts_from_lists(lists, taken_at=NOW, kubernetes="v1.31.0", simulated=False)


def test_no_secret_value_reaches_the_facts() -> None:
    lists = RawLists(
        config_maps=[objects.RawConfigMap(metadata=objects.Meta(name=kinds.CONFIG_MAP))],
        secrets=[
            secret(
                kinds.OVERRIDES_SECRET, **{kinds.OVERRIDES_SECRET: "a: planted\nb: {c: planted}\n"}
            ),
            secret(kinds.ISSUER_SECRET, **{"key.pem": "planted"}),
        ],
    )

    found = facts_of(lists)
    written = msgspec.json.encode(found).decode()

    assert "planted" not in written
    assert base64.b64encode(b"planted").decode() not in written
    assert hashlib.sha256(b"planted").hexdigest() in written
    assert found.config is not None
    assert [s.path for s in found.config.overrides or ()] == ["a", "b.c"]
    assert msgspec.json.decode(written, type=ClusterFacts) == found
