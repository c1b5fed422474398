"""Linked clusters: each part that a link needs, taken away in turn."""

from __future__ import annotations

from typing import Any

import pytest

from policies.controls.extensions.multicluster import consistent, leases_held
from policies.facts.cluster import ClusterFacts, ObjectKey, Unreadable
from policies.facts.links import Gateway, Lease, Link, Mirror, Multicluster
from suites.policy.builders import (
    TARGET,
    TO,
    change,
    cluster,
    pod,
    with_pods,
    with_workloads,
    workload,
)

SPACE = "linkerd-multicluster"
LINK = Link(
    namespace=SPACE, name="west", uid="link", cluster="west", gateway="172.18.0.3",
    created_by=f"linkerd/cli {TARGET}", probe_period="3s", credentials="cluster-credentials-west",
)  # fmt: skip
MIRROR = Mirror(
    namespace="shop", name="web-west", uid="mirror", cluster="west", addresses=("172.18.0.3",)
)
LINKED = Multicluster(
    links=(LINK,),
    mirrors=(MIRROR,),
    gateways=(Gateway(namespace=SPACE, name="linkerd-gateway", uid="gw", addresses=("1.2.3.4",)),),
    leases=(Lease(namespace=SPACE, name="service-mirror-write-west", holder="controller-west-1"),),
    credentials=(
        ObjectKey(kind="Secret", namespace="linkerd", name="cluster-credentials-west"),
        ObjectKey(kind="Secret", namespace=SPACE, name="cluster-credentials-west"),
    ),
)


def linked(
    seen: Multicluster | None = LINKED, controller: str = "controller-west"
) -> ClusterFacts:
    """A cluster linked to west, with one controller and its pod."""
    facts = change(cluster(TARGET), multicluster=seen)
    if not controller:
        return facts
    holder = pod(f"{controller}-1", controller, version=TARGET, within=SPACE)
    return with_pods(with_workloads(facts, workload(controller, within=SPACE)), holder)


def test_a_linked_cluster_holds() -> None:
    verdict = consistent(linked(), linked(), TO)

    assert verdict.status == "holds", verdict.seen
    assert "1 link with 1 mirror," in verdict.summary


def test_a_lease_is_held_by_a_ready_pod_of_the_link_alone() -> None:
    assert leases_held(linked())
    assert leases_held(cluster(TARGET)), "no link, no lease to be held"
    for holder in ("controller-west-0", ""):
        lease = change(LINKED.leases[0], holder=holder)
        assert not leases_held(linked(change(LINKED, leases=(lease,))))
    assert not leases_held(linked(change(LINKED, leases=())))
    going = tuple(change(p, deleting=True) for p in linked().pods)
    assert not leases_held(change(linked(), pods=going))


def test_a_cluster_without_the_extension_is_not_applicable_and_says_so() -> None:
    bare = cluster(TARGET)

    none = consistent(bare, bare, TO)
    assert (none.status, "not installed" in none.reason) == ("not applicable", True)
    empty = linked(Multicluster())
    alone = consistent(empty, empty, TO)
    assert (alone.status, "no cluster is linked" in alone.reason) == ("not applicable", True)


@pytest.mark.parametrize(
    "resource",
    ["links.multicluster.linkerd.io", "secrets/metadata", "leases.coordination.k8s.io"],
)
def test_what_could_not_be_read_is_not_assessed(resource: str) -> None:
    refused = Unreadable(resource=resource, reason="Forbidden")
    blind = change(linked(), unreadable=(refused,))

    assert consistent(linked(), blind, TO).status == "not assessed"


WRONG: dict[str, dict[str, Any]] = {
    "the link is gone": {"links": ()},
    "the link is another object": {"links": (change(LINK, uid="new"),)},
    "a period that is no duration": {"links": (change(LINK, probe_period="3"),)},
    "no credentials for the control plane": {"credentials": LINKED.credentials[1:]},
    "no credentials for the mirror": {"credentials": LINKED.credentials[:1]},
    "the mirror is gone": {"mirrors": ()},
    "the mirror is another object": {"mirrors": (change(MIRROR, uid="new"),)},
    "the mirror has no endpoints": {"mirrors": (change(MIRROR, addresses=()),)},
    "the mirror has another address": {"mirrors": (change(MIRROR, addresses=("9.9.9.9",)),)},
    "a mirror without a link": {
        "mirrors": (MIRROR, change(MIRROR, name="web-north", uid="n", cluster="north"))
    },
    "the gateway is another object": {"gateways": (change(LINKED.gateways[0], uid="new"),)},
    "the gateway has another address": {"gateways": (change(LINKED.gateways[0], addresses=()),)},
    "nobody holds the lease": {"leases": ()},
    "the lease is held by a pod that is gone": {
        "leases": (change(LINKED.leases[0], holder="controller-west-0"),)
    },
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_each_part_that_is_wrong_is_a_violation(wrong: dict[str, Any]) -> None:
    after = linked(change(LINKED, **wrong))

    assert consistent(linked(), after, TO).status == "violated"


def test_a_link_has_exactly_one_controller() -> None:
    none = linked(controller="")
    both = with_workloads(linked(), workload("linkerd-service-mirror-west", within=SPACE))

    assert consistent(linked(), none, TO).status == "violated"
    assert consistent(linked(), both, TO).status == "violated"


def test_an_old_link_is_explained() -> None:
    old = change(LINK, created_by="linkerd/cli edge-24.11.8")
    facts = linked(change(LINKED, links=(old,)))

    verdict = consistent(facts, facts, TO)

    assert verdict.status == "holds"
    assert "edge-24.11.8" in verdict.explained[0].seen


def test_a_gateway_by_host_name_is_not_compared_with_addresses() -> None:
    named = change(LINKED, links=(change(LINK, gateway="gw.west.example"),))

    assert consistent(linked(named), linked(named), TO).status == "holds"


def test_a_discovered_mirror_needs_no_endpoints() -> None:
    remote = change(LINKED, mirrors=(change(MIRROR, discovered=True, addresses=()),))

    assert consistent(linked(remote), linked(remote), TO).status == "holds"
