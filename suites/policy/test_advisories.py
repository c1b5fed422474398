from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given

from policies.facts.cluster import (
    ClusterFacts,
    Unreadable,
)
from policies.planning import conditions
from policies.planning.advisories import (
    Advisory,
    applicable,
    relevant,
    unjudged,
)
from policies.planning.computed import RULES
from policies.planning.conditions.resources import CRDS, GRPC_ROUTES, HTTP_ROUTES, LINKS
from policies.planning.path import plan
from policies.releases import catalogue
from policies.releases.versions import parse
from suites.policy import strategies as sts
from suites.policy.advisory_facts import (
    arm_node,
    by_helm,
    closed,
    cni,
    crd,
    hop,
    namespace,
    native_pod,
    nodes,
    pods,
    with_crds,
    with_values,
)

ROWS = {"14": 3, "15": 8, "16": 11, "17": 7, "18": 14, "19": 13, "20": 11, "value": 9}
"""Notes per logical version of Linkerd's releases, and renamed values."""
OTHERS = {f"n-{n}" for n in ("1", "2", "2b", "3", "4", "5")} | {
    f"old-2.{minor}" for minor in range(9, 14)
}

SERVERS = "servers.policy.linkerd.io"


SERVERS_AND_ROUTES = with_crds(
    crd(SERVERS, resources=1), crd(HTTP_ROUTES, resources=2), crd(GRPC_ROUTES, resources=0)
)
EMPTY = ClusterFacts(taken_at=sts.NOW)
BLIND = ClusterFacts(
    taken_at=sts.NOW,
    unreadable=tuple(
        Unreadable(resource=name, reason="forbidden")
        for name in (CRDS, "pods", "nodes", "namespaces", "workloads")
    ),
)
JAEGER_ELSEWHERE = with_values(
    proxy_tracing_enabled="true", identityTrustDomain='"a.b"', clusterDomain='"c.d"'
)

Case = tuple[str, tuple[str, ...], ClusterFacts, bool | None]
CASES: list[Case] = [
    ("always", (), EMPTY, True),
    ("read this", (), EMPTY, None),
    ("source is stable", (), EMPTY, False),
    ("hop touches", ("edge-25.4.1", "edge-25.4.4"), EMPTY, True),
    ("hop touches", ("edge-25.5.1", "edge-25.5.2", "edge-25.10.2", "edge-25.10.7"), EMPTY, True),
    ("hop touches", ("edge-25.5.1", "edge-25.10.6"), EMPTY, False),
    ("kubernetes below", ("1.32",), with_values(), True),
    ("kubernetes below", ("1.31",), with_values(), False),
    ("kubernetes below", ("1.31",), EMPTY, None),
    ("kubernetes from", ("1.31",), with_values(), True),
    ("kubernetes from", ("1.32",), with_values(), False),
    ("kubernetes from", ("1.32",), EMPTY, None),
    ("resources exist", (SERVERS,), with_crds(crd(SERVERS, resources=2)), True),
    ("resources exist", (SERVERS,), with_crds(crd(SERVERS, resources=0)), False),
    ("resources exist", (SERVERS,), with_crds(crd(SERVERS)), None),
    ("resources exist", (SERVERS,), EMPTY, False),
    ("resources exist", (SERVERS,), BLIND, None),
    ("read this when resources exist", (SERVERS,), with_crds(crd(SERVERS, resources=1)), None),
    ("read this when resources exist", (SERVERS,), EMPTY, False),
    ("read this when all exist", (SERVERS, f"{HTTP_ROUTES} x.y"), SERVERS_AND_ROUTES, None),
    ("read this when all exist", (SERVERS, GRPC_ROUTES), SERVERS_AND_ROUTES, False),
    ("links made by", ("edge-25.4.4",), with_crds(crd(LINKS, resources=1)), True),
    ("links made by", ("edge-25.1.1",), with_crds(crd(LINKS, resources=1)), None),
    ("links made by", ("edge-25.4.4",), EMPTY, False),
    ("crd serves", (HTTP_ROUTES, "v1"), with_crds(crd(served=("v1",))), True),
    ("crd serves", (HTTP_ROUTES, "v1"), with_crds(crd(served=("v1",), resources=0)), False),
    ("crd serves", (HTTP_ROUTES, "v1"), with_crds(crd(served=("v1beta1",))), False),
    ("gateway api state", (), EMPTY, True),
    ("gateway api state", (), BLIND, None),
    ("gateway api is absent", (), EMPTY, True),
    ("gateway api is absent", (), with_crds(crd()), True),
    ("gateway api is absent", (), with_crds(crd(), crd(GRPC_ROUTES)), False),
    ("gateway api is foreign", (), with_crds(crd()), True),
    ("gateway api is foreign", (), with_crds(crd(created_by="linkerd/cli x")), False),
    ("foreign gateway api without v1", (), with_crds(crd(served=("v1beta1",))), True),
    ("foreign gateway api without v1", (), with_crds(crd(served=("v1", "v1beta1"))), False),
    ("foreign gateway api without v1", (), with_crds(crd(created_by="linkerd/cli x")), False),
    ("gateway api newer than", ("1.2.1",), with_crds(crd(bundle_version="v1.3.0")), True),
    ("gateway api newer than", ("1.2.1",), with_crds(crd(bundle_version="v1.2.1")), False),
    (
        "linkerd owns grpcroutes stored as v1alpha2",
        (),
        with_crds(crd(GRPC_ROUTES, created_by="linkerd/cli x", stored=("v1alpha2", "v1"))),
        True,
    ),
    (
        "linkerd owns grpcroutes stored as v1alpha2",
        (),
        with_crds(crd(GRPC_ROUTES, created_by="linkerd/cli x", stored=("v1",))),
        False,
    ),
    (
        "linkerd owns grpcroutes stored as v1alpha2",
        (),
        with_crds(crd(GRPC_ROUTES, stored=("v1alpha2",))),
        False,
    ),
    (
        "mark of ownership on a foreign bundle",
        (),
        with_crds(crd(created_by="linkerd/helm x", bundle_version="v1.2.1")),
        True,
    ),
    (
        "mark of ownership on a foreign bundle",
        (),
        with_crds(crd(created_by="linkerd/helm x", bundle_version="v1.1.1")),
        False,
    ),
    ("helm owns gateway api unkept", (), with_crds(crd(helm_owned=True)), True),
    ("helm owns gateway api unkept", (), with_crds(crd(helm_owned=True, helm_keep=True)), False),
    ("webhooks fail closed with gateway api", (), closed("Fail"), True),
    ("webhooks fail closed with gateway api", (), closed("Ignore"), False),
    ("webhooks fail closed with gateway api", (), EMPTY, False),
    ("extension", ("jaeger",), namespace("jaeger"), True),
    ("extension", ("jaeger",), namespace("viz"), False),
    ("extension", ("jaeger",), BLIND, None),
    ("meshed pods on architecture", ("arm",), arm_node(meshed=True), True),
    ("meshed pods on architecture", ("arm",), arm_node(meshed=False), None),
    ("meshed pods on architecture", ("arm",), nodes("amd64", "arm64"), False),
    ("meshed pods on architecture", ("arm",), nodes("amd64", ""), None),
    ("meshed pods on architecture", ("arm",), EMPTY, None),
    ("meshed jobs", (), pods(sts.pod("edge-25.4.4", job=True)), True),
    ("meshed jobs", (), pods(sts.pod("edge-25.4.4")), False),
    ("native sidecars run", (), native_pod(), True),
    ("native sidecars run", (), pods(sts.pod("edge-25.4.4")), False),
    (
        "native sidecar with wait before exit",
        (),
        with_values(proxy_nativeSidecar="true", proxy_waitBeforeExitSeconds="30"),
        True,
    ),
    (
        "native sidecar with wait before exit",
        (),
        with_values(proxy_nativeSidecar="false", proxy_waitBeforeExitSeconds="0"),
        False,
    ),
    ("native sidecar with wait before exit", (), native_pod(), None),
    ("wait before exit", (), with_values(proxy_waitBeforeExitSeconds="30"), True),
    ("wait before exit", (), with_values(proxy_waitBeforeExitSeconds="0"), None),
    ("native sidecar becomes default", (), with_values("proxy.nativeSidecar"), False),
    ("native sidecar becomes default", (), with_values(), False),
    ("cni is used", (), cni("v1.6.2"), True),
    ("cni is used", (), with_values(cniEnabled="true"), True),
    ("cni is used", (), with_values(cniEnabled="false"), False),
    ("cni older than", ("1.5.0",), cni("v1.3.0"), True),
    ("cni older than", ("1.5.0",), cni("v1.5.0"), False),
    ("cni older than", ("1.5.0",), cni("mine"), None),
    ("cni older than", ("1.5.0",), EMPTY, False),
    (
        "proxy pinned below",
        ("edge-25.11.3",),
        pods(sts.pod("edge-25.4.4", pinned="edge-25.4.4")),
        True,
    ),
    (
        "proxy pinned below",
        ("edge-25.11.3",),
        pods(sts.pod("edge-26.6.3", pinned="edge-26.6.3")),
        False,
    ),
    ("proxy pinned below", ("edge-25.11.3",), pods(sts.pod("x", pinned="mine")), None),
    ("proxy pinned below", ("edge-25.11.3",), pods(sts.pod("x", pinned="edge-25.1.1-fips")), None),
    (
        "proxy pinned below",
        ("edge-25.11.3",),
        with_values("proxy.image.version", proxy_image_version='"edge-25.4.4"'),
        True,
    ),
    ("proxy pinned below", ("edge-25.11.3",), with_values("proxy.image.name"), None),
    ("installed by helm", (), by_helm(), True),
    ("installed by helm", (), with_values(), False),
    ("installed by helm", (), EMPTY, None),
    ("tracing is used", (), namespace("jaeger"), True),
    ("tracing is used", (), with_values(controlPlaneTracing="true"), True),
    ("tracing is used", (), with_values(controlPlaneTracing="false"), False),
    ("tracing is used", (), EMPTY, None),
    ("tracing with another trust domain", (), JAEGER_ELSEWHERE, True),
    ("tracing with another trust domain", (), namespace("jaeger"), False),
    ("tracing with another trust domain", (), with_values(), False),
    ("default is in force", ("proxy.cores",), with_values("proxy.cores"), False),
    ("default is in force", ("proxyInit.image",), with_values("proxyInit.image.name"), False),
    ("default is in force", ("proxyInit.image",), with_values("proxyInit.imageX"), True),
    ("default is in force", ("proxy.cores",), by_helm(), None),
    ("default is in force", ("proxy.cores",), EMPTY, None),
    ("value is set", ("proxy.cores",), with_values("proxy.cores"), True),
    ("value is set", ("proxyInit.image",), with_values("proxyInit.image.name"), True),
    ("value is set", ("proxyInit.image",), with_values("proxyInit.imageX"), False),
    ("value is set", ("proxy.cores",), by_helm(), None),
    ("value is set", ("proxy.cores",), EMPTY, None),
    ("value is not pinned", ("a.b",), with_values("a.b"), False),
    ("value is not pinned", ("a.b",), with_values(), None),
    ("value is", ("disableIPv6", "false"), with_values(disableIPv6="false"), True),
    ("value is", ("disableIPv6", "false"), with_values(disableIPv6="true"), False),
    ("value is", ("disableIPv6", "false"), with_values(), None),
    ("value contains", ("a.b", "trust_dns"), with_values(a_b='"warn,trust_dns=off"'), True),
    ("value contains", ("a.b", "trust_dns"), with_values(a_b='"warn"'), False),
    ("value contains", ("a.b", "trust_dns"), EMPTY, None),
    (
        "issuer scheme and pem stored",
        (),
        with_values("identity.issuer.scheme", "identity.issuer.tls.crtPEM"),
        True,
    ),
    ("issuer scheme and pem stored", (), with_values("identity.issuer.tls.crtPEM"), False),
    ("issuer scheme and pem stored", (), EMPTY, None),
]


@pytest.mark.parametrize(("name", "arguments", "facts", "expected"), CASES)
def test_a_condition_answers_yes_no_or_not_at_all(
    name: str, arguments: tuple[str, ...], facts: ClusterFacts, expected: bool | None
) -> None:
    answer = conditions.ask(name, arguments, hop(), facts)
    assert answer.applies is expected
    assert answer.seen


def test_every_condition_has_cases_and_is_used() -> None:
    assert {name for name, _, _, _ in CASES} == conditions.names()
    written = {a.condition for a in catalogue().advisories}
    assert written | {rule.condition for rule in RULES.values()} == conditions.names()


def test_conditions_over_the_hop_follow_it() -> None:
    stable, edge = hop("stable-2.14.10", "edge-24.2.4"), hop("edge-25.10.7", "edge-26.6.3")
    assert conditions.ask("source is stable", (), stable, EMPTY).applies
    assert conditions.ask("native sidecar becomes default", (), edge, with_values()).applies


def test_every_note_is_there_once() -> None:
    ids = [advisory.id for advisory in catalogue().advisories]
    expected = {f"{name}-{n}" for name, last in ROWS.items() for n in range(1, last + 1)} | OTHERS
    assert len(ids) == len(set(ids))
    assert set(ids) == expected
    assert len(ids) == 87


@pytest.mark.parametrize("advisory", catalogue().advisories, ids=lambda a: a.id)
def test_every_note_is_whole(advisory: Advisory) -> None:
    assert all((advisory.title, advisory.note, advisory.source))
    assert catalogue().anchor(advisory.source_logical)
    anchor = catalogue().anchor(advisory.target_logical)
    assert anchor is not None
    if advisory.since:
        assert catalogue().release(parse(advisory.since))
        before, start = parse(advisory.since), catalogue().anchor(advisory.source_logical)
        assert start is not None
        assert before.numbers > start.version.numbers
        within = before.numbers <= anchor.version.numbers
        assert within or advisory.source_logical == advisory.target_logical


def test_every_note_lies_on_exactly_one_hop_of_the_whole_way() -> None:
    found = plan(parse("edge-20.6.2"), parse("edge-26.8.3"))
    passed = [advisory.id for hop in found.hops for advisory in relevant(hop)]
    assert sorted(passed) == sorted(advisory.id for advisory in catalogue().advisories)


def test_a_hop_within_a_logical_version_passes_what_changes_there() -> None:
    ids = {a.id for a in relevant(hop("edge-25.4.4", "edge-25.8.5"))}
    assert {"19-4", "19-5", "19-8"} <= ids
    assert not ids & {"19-2", "18-1", "19-12"}


@given(sts.versions, sts.versions)
def test_a_hop_without_a_place_has_no_notes_and_never_raises(source: str, target: str) -> None:
    found = relevant(hop(source, target))
    if not (parse(source).known and parse(target).known):
        assert found == ()


@given(sts.clusters)
def test_every_relevant_note_gets_a_state_and_what_was_seen(facts: ClusterFacts) -> None:
    for number in (hop(), hop("edge-25.10.7", "edge-26.8.3"), hop("stable-2.13.1", "edge-24.1.1")):
        results = applicable(number, facts)
        assert [r.advisory for r in results] == list(relevant(number))
        for result in results:
            assert result.seen
            assert result.applies is {"applies": True, "does not apply": False}.get(result.state)


def test_what_cannot_be_read_is_never_a_no() -> None:
    for result in applicable(hop("edge-24.2.4", "edge-26.8.3"), BLIND):
        if result.state == "does not apply":
            assert result.advisory.condition in conditions.OF_THE_HOP


def test_without_a_cluster_only_the_hop_decides() -> None:
    results = unjudged(hop("edge-25.10.7", "edge-26.6.3"))
    states = {r.id: r.state for r in results}
    assert (states["20-6"], states["20-1"]) == ("applies", "read this")


def test_facts_of_another_time_change_nothing() -> None:
    later = ClusterFacts(taken_at=sts.NOW + timedelta(days=1))
    assert applicable(hop(), later) == applicable(hop(), EMPTY)
