from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.control_plane.crds import (
    gateway_api,
    numbers,
    ready_before_control_plane,
    resources_decode,
    served_as_before,
    stored_versions_served,
)
from policies.facts.cluster import ClusterFacts, Crd, Unreadable
from policies.planning.path import Hop
from policies.releases.grammar import parse
from suites.policy.builders import OLDER, SOURCE, TARGET, TO, change, cluster, config, crds

HIDDEN = (
    Unreadable(resource="customresourcedefinitions.apiextensions.k8s.io", reason="forbidden"),
)
HOP = Hop(number=1, source_tag=SOURCE, destination_tag=TARGET)
GATEWAY = "gateway.networking.k8s.io"
SERVERS = "servers.policy.linkerd.io"


def with_crd(name: str, **fields: Any) -> ClusterFacts:
    """A cluster one of whose CRDs, or all whose names hold `name`, are changed."""
    facts = cluster()
    return change(
        facts, crds=tuple(change(c, **fields) if name in c.name else c for c in facts.crds)
    )


def without_crd(name: str) -> ClusterFacts:
    facts = cluster()
    return change(facts, crds=tuple(c for c in facts.crds if name not in c.name))


def external(bundle: str, **fields: Any) -> ClusterFacts:
    return with_crd(GATEWAY, created_by="", control_plane="", bundle_version=bundle, **fields)


@pytest.mark.parametrize("target", [OLDER, SOURCE, TARGET])
def test_crds_applied_before_the_control_plane_hold(target: str) -> None:
    facts = change(cluster("edge-24.11.8"), crds=crds(target))

    assert ready_before_control_plane(facts, parse(target)).status == "holds"


def test_a_crd_of_an_older_release_is_not_enough() -> None:
    verdict = ready_before_control_plane(cluster("edge-24.2.4"), TO)
    names = {i.subject for i in verdict.violations}

    assert f"CRD {SERVERS}" in names
    assert "CRD egressnetworks.policy.linkerd.io" in names


@pytest.mark.parametrize(
    ("facts", "seen"),
    [
        (without_crd(SERVERS), f"CRD {SERVERS}: absent"),
        (with_crd(SERVERS, established=False), "not established"),
        (with_crd(SERVERS, served=("v1beta2",)), "serves v1beta2"),
        (with_crd(f"httproutes.{GATEWAY}", served=("v1beta1",)), "serves v1beta1"),
        (change(cluster(), config=config(TARGET)), "applied already"),
    ],
    ids=["absent", "not established", "not served", "gateway not served", "out of order"],
)
def test_a_crd_that_is_not_ready_is_a_violation(facts: ClusterFacts, seen: str) -> None:
    verdict = ready_before_control_plane(facts, TO)

    assert verdict.status == "violated"
    assert seen in verdict.seen


def test_gateway_crds_of_another_owner_do_not_count() -> None:
    assert ready_before_control_plane(external("v1.2.1", served=()), TO).status == "holds"
    assert ready_before_control_plane(without_crd(GATEWAY), TO).status == "holds"


def test_a_target_nobody_knows_is_not_assessed() -> None:
    assert ready_before_control_plane(cluster(), parse("dev-mine")).status == "not assessed"


def test_served_stored_versions_hold() -> None:
    assert stored_versions_served(cluster()).status == "holds"


def test_a_stored_version_no_longer_served_is_a_violation() -> None:
    verdict = stored_versions_served(with_crd(SERVERS, stored=("v1alpha0", "v1beta3")))

    assert verdict.seen == f"CRD {SERVERS}: v1alpha0 not served"


VERSIONS = st.lists(st.sampled_from(["v1", "v1beta1", "v1alpha1"]), unique=True)


@given(VERSIONS, VERSIONS)
def test_stored_must_be_a_subset_of_served(stored: list[str], served: list[str]) -> None:
    facts = change(
        cluster(), crds=(Crd(name="a", uid="a", stored=tuple(stored), served=tuple(served)),)
    )

    assert (stored_versions_served(facts).status == "holds") == (set(stored) <= set(served))


def test_crds_as_they_were_hold() -> None:
    assert served_as_before(cluster(), cluster(), TO).status == "holds"
    shrunk = with_crd(SERVERS, served=("v1beta3",), stored=("v1beta3",))

    assert served_as_before(shrunk, cluster(), TO).status == "holds"


@pytest.mark.parametrize(
    ("after", "seen"),
    [
        (without_crd(SERVERS), "gone"),
        (with_crd(SERVERS, uid="anew"), "deleted and made anew"),
        (with_crd(SERVERS, established=False), "not established any more"),
        (with_crd(SERVERS, served=(), stored=()), "serves nothing"),
        (without_crd(GATEWAY), f"httproutes.{GATEWAY}: gone"),
    ],
    ids=["gone", "made anew", "not established", "serves less", "another's, gone"],
)
def test_a_crd_that_is_not_what_it_was_is_a_violation(after: ClusterFacts, seen: str) -> None:
    verdict = served_as_before(cluster(), after, TO)

    assert verdict.status == "violated"
    assert seen in verdict.seen


def test_a_version_that_the_release_itself_drops_is_explained() -> None:
    old = with_crd(SERVERS, served=("v1alpha0", "v1beta1", "v1beta2", "v1beta3"))
    verdict = served_as_before(old, cluster(), TO)

    assert verdict.status == "holds"
    assert [i.subject for i in verdict.explained] == [f"CRD {SERVERS}"]


def test_resources_that_are_still_there_need_the_schema_to_decode() -> None:
    facts = with_crd(SERVERS, resources=4)

    assert resources_decode(cluster(), cluster()).status == "not applicable"
    assert resources_decode(facts, facts).status == "not assessed"
    assert resources_decode(facts, facts, undecodable=()).status == "holds"


@pytest.mark.parametrize(
    "after",
    [
        with_crd(SERVERS, resources=3),
        with_crd(SERVERS, resources=4, uid="made again"),
        without_crd(SERVERS),
    ],
    ids=["one lost", "made again", "gone"],
)
def test_a_lost_resource_is_a_violation(after: ClusterFacts) -> None:
    assert resources_decode(with_crd(SERVERS, resources=4), after).status == "violated"


def test_a_resource_that_does_not_decode_is_a_violation() -> None:
    facts = with_crd(SERVERS, resources=4)

    assert resources_decode(facts, facts, undecodable=["Server shop/web"]).status == "violated"


def test_resources_not_counted_are_not_assessed() -> None:
    uncounted = with_crd("", resources=-1)

    assert resources_decode(uncounted, uncounted).status == "not assessed"


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (cluster(), "holds"),
        (external("v1.2.1"), "holds"),
        (external("v1.5.1"), "holds"),
        (external("v1.1.1"), "violated"),
        (external("v1.6.0"), "violated"),
        (external(""), "violated"),
        (external("v1.2.1", served=("v1beta1",)), "violated"),
        (with_crd(GATEWAY, bundle_version="v1.2.1"), "violated"),
        (with_crd(f"httproutes.{GATEWAY}", created_by=""), "violated"),
        (without_crd(GATEWAY), "violated"),
        (without_crd(f"httproutes.{GATEWAY}"), "violated"),
        (without_crd(f"grpcroutes.{GATEWAY}"), "violated"),
    ],
    ids=[
        "Linkerd's", "oldest", "newest", "too old", "too new", "unknown", "no v1",
        "mark survived the hand-over", "two owners", "absent", "no HTTPRoute", "no GRPCRoute",
    ],
)  # fmt: skip
def test_the_gateway_api_must_be_usable(facts: ClusterFacts, status: str) -> None:
    assert gateway_api(facts, HOP).status == status


def test_linkerd_installs_its_own_up_to_2_17() -> None:
    hop = Hop(number=1, source_tag="edge-24.8.2", destination_tag="edge-24.11.8")

    assert gateway_api(without_crd(GATEWAY), hop).status == "not applicable"


def test_a_target_without_a_known_range_is_not_assessed() -> None:
    hop = Hop(number=1, source_tag=SOURCE, destination_tag="dev-mine")

    assert gateway_api(cluster(), hop).status == "not assessed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("v1.2.1", (1, 2, 1)), ("v0.7.1-dev", (0, 7, 1)), ("1.0", (1, 0)), ("", ()), ("main", ())],
)
def test_bundle_versions_are_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert numbers(text) == expected


def test_without_crds_to_read_nothing_is_assessed() -> None:
    facts = change(cluster(), unreadable=HIDDEN)

    assert ready_before_control_plane(facts, TO).status == "not assessed"
    assert stored_versions_served(facts).status == "not assessed"
    assert resources_decode(facts, facts).status == "not assessed"
    assert served_as_before(cluster(), facts, TO).status == "not assessed"
    assert served_as_before(facts, cluster(), TO).status == "not assessed"
    assert gateway_api(facts, HOP).status == "not assessed"
    assert stored_versions_served(change(cluster(), crds=())).status == "not assessed"
