"""Two linked clusters held against each other: each thing they must agree on, changed in turn."""

from __future__ import annotations

from typing import Any

import pytest

from policies.controls.extensions.linked import agree
from policies.controls.extensions.multicluster import linked
from policies.facts.cluster import ClusterFacts, ObjectKey, Unreadable
from policies.facts.links import Gateway, Link, Mirror, Multicluster
from suites.policy.builders import TARGET, TO, bundle, certificate, change, cluster, namespace

SPACE, GATEWAY = "linkerd-multicluster", "172.18.0.3"
IDENTITY = "linkerd-gateway.linkerd-multicluster.serviceaccount.identity.linkerd.cluster.local"
WEB = ObjectKey(kind="Service", namespace="shop", name="web")
LINK = Link(
    namespace=SPACE, name="west", uid="link", cluster="west", gateway=GATEWAY,
    gateway_identity=IDENTITY, created_by=f"linkerd/cli {TARGET}",
)  # fmt: skip
MIRROR = Mirror(
    namespace="shop", name="web-west", uid="mirror", cluster="west", addresses=(GATEWAY,)
)
PROBE = Mirror(namespace=SPACE, name="probe-west", uid="probe", cluster="west", probe=True)


def here(**changes: Any) -> ClusterFacts:
    parts: dict[str, Any] = {"links": (LINK,), "mirrors": (MIRROR, PROBE), **changes}
    facts = cluster(TARGET)
    spaces = (*facts.namespaces, namespace("shop"))
    return change(facts, namespaces=spaces, multicluster=Multicluster(**parts))


def west(**changes: Any) -> ClusterFacts:
    gateway = Gateway(
        namespace=SPACE, name="linkerd-gateway", uid="g", addresses=(GATEWAY,), identity=IDENTITY
    )
    parts: dict[str, Any] = {"gateways": (gateway,), "exported": (WEB,), **changes}
    return change(cluster(TARGET), cluster="west", multicluster=Multicluster(**parts))


def test_two_clusters_that_agree_hold() -> None:
    verdict = agree(here(), west())

    assert verdict.status == "holds", verdict.seen
    assert "main and west agree" in verdict.summary


@pytest.mark.parametrize(
    ("mine", "other", "subject", "seen"),
    [
        (here(links=()), west(), "Link to west", "none"),
        (here(), west(gateways=()), f"Link {SPACE}/west", "none is there"),
        (
            here(),
            west(gateways=(Gateway(namespace=SPACE, name="g", uid="g", addresses=("9.9.9.9",)),)),
            f"Link {SPACE}/west",
            GATEWAY,
        ),
        (
            here(),
            west(gateways=(Gateway(namespace=SPACE, name="g", uid="g", identity="other"),)),
            f"Link {SPACE}/west",
            IDENTITY,
        ),
        (here(mirrors=(PROBE,)), west(), "mirror Service shop/web-west", "none"),
        (here(), west(exported=()), "mirror Service shop/web-west", "none: its requests end"),
    ],
    ids=["link", "gateway", "address", "identity", "mirror", "export"],
)
def test_what_differs_is_named(
    mine: ClusterFacts, other: ClusterFacts, subject: str, seen: str
) -> None:
    verdict = agree(mine, other)

    assert verdict.status == "violated"
    assert [i.subject for i in verdict.items] == [subject]
    assert verdict.items[0].seen.startswith(seen)


def test_clusters_without_an_anchor_in_common_disagree() -> None:
    strange = change(west(), trust_roots=bundle("ConfigMap x", certificate("another root")))

    verdict = agree(here(), strange)

    assert verdict.status == "violated"
    assert "none in common" in verdict.items[0].seen


@pytest.mark.parametrize("which", ["main", "west"])
def test_anchors_that_were_not_read_are_not_said_to_agree(which: str) -> None:
    sides = {"main": here(), "west": west()}
    sides[which] = change(sides[which], trust_roots=None)

    verdict = agree(sides["main"], sides["west"])

    assert verdict.status == "not assessed"
    assert f"cluster {which} shows no trust anchors" in verdict.reason


def test_what_differs_is_said_though_anchors_were_not_read() -> None:
    verdict = agree(change(here(links=()), trust_roots=None), west())

    assert [i.subject for i in verdict.violations] == ["Link to west"]


NAMELESS = Gateway(namespace=SPACE, name="g", uid="g", addresses=(GATEWAY,))
PENDING = Gateway(namespace=SPACE, name="g", uid="g", identity=IDENTITY)


@pytest.mark.parametrize(
    ("mine", "other", "compared"),
    [
        (here(), west(), "gateway, identity, anchors, 1 exported"),
        (here(links=(change(LINK, gateway=""),)), west(), "anchors, 1 exported"),
        (here(), west(gateways=(NAMELESS,)), "gateway, anchors, 1 exported"),
        (here(), west(gateways=(PENDING,)), "identity, anchors, 1 exported"),
    ],
    ids=["all", "flat network", "no identity", "no address"],
)
def test_only_what_was_compared_is_said_to_agree(
    mine: ClusterFacts, other: ClusterFacts, compared: str
) -> None:
    verdict = agree(mine, other)

    assert verdict.status == "holds", verdict.seen
    assert f"main and west agree: {compared}" in verdict.summary


def test_a_namespace_that_is_not_here_has_no_mirrors() -> None:
    """The service mirror makes none of its own unless told to."""
    elsewhere = ObjectKey(kind="Service", namespace="bank", name="api")

    assert agree(here(), west(exported=(WEB, elsewhere))).status == "holds"


def test_what_cannot_be_read_is_not_assessed_and_the_cluster_is_named() -> None:
    blind = change(west(), unreadable=(Unreadable(resource="services", reason="forbidden"),))

    verdict = agree(here(), blind)

    assert verdict.status == "not assessed"
    assert "cluster west" in verdict.reason


def test_the_control_takes_both_views_together() -> None:
    lonely = here(mirrors=())

    assert linked(lonely, lonely, TO, None).status == "violated", "its controller is missing"
    verdict = linked(lonely, lonely, TO, west())

    subjects = {i.subject for i in verdict.violations}
    assert "mirror Service shop/web-west" in subjects
    assert f"Link {SPACE}/west" in subjects
