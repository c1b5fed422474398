from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts.cluster import ClusterFacts
from policies.facts.observations import CommandRun
from policies.planning.path import Hop
from policies.releases import KubernetesRange, catalogue
from policies.skew.kubernetes import (
    KubernetesVersion,
    in_range,
    kubectl_skew,
    kubectl_within_skew,
    outside,
    parse_kubernetes,
)
from suites.policy import strategies as sts


def hop(source: str = "edge-25.10.7", target: str = "edge-26.6.3") -> Hop:
    return Hop(number=1, source_tag=source, destination_tag=target)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v1.31.14", (1, 31, 14)),
        ("v1.31.14+k3s1", (1, 31, 14)),
        ("1.30.4-gke.1348000", (1, 30, 4)),
        ("v1.32.0-rc.1+abc", (1, 32, 0)),
        ("1.29", (1, 29, 0)),
        (" 1.29\n", (1, 29, 0)),
    ],
)
def test_versions_are_read_with_build_information(
    text: str, expected: tuple[int, int, int]
) -> None:
    found = parse_kubernetes(text)
    assert found is not None
    assert (found.major, found.minor, found.patch) == expected


@pytest.mark.parametrize("text", ["", "v1", "latest", "1.x", "1.31.", "v1.31.14 or so", "-1.31"])
def test_anything_else_is_no_version(text: str) -> None:
    assert parse_kubernetes(text) is None


@given(st.text())
def test_reading_never_raises(text: str) -> None:
    found = parse_kubernetes(text)
    assert found is None or parse_kubernetes(str(found)) == found


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 20))
def test_a_range_holds_what_is_between_its_bounds(
    low: int, high: int, at: int, patch: int
) -> None:
    wanted = KubernetesRange(
        tag="edge-1", documented_minimum=f"1.{low}", documented_maximum=f"1.{high}"
    )
    version = KubernetesVersion(major=1, minor=at, patch=patch)
    assert (not outside(version, wanted)) == (low <= at <= high)


def test_the_larger_minimum_counts() -> None:
    wanted = KubernetesRange(
        tag="x", code_minimum="1.23", documented_minimum="1.22", documented_maximum="1.9"
    )
    assert wanted.minimum == "1.23"
    assert (
        KubernetesRange(tag="x", code_minimum="1.9", documented_minimum="1.21").minimum == "1.21"
    )


def test_a_cluster_in_range_holds() -> None:
    assert in_range(sts.cluster("edge-25.10.7"), hop()).status == "holds"


@pytest.mark.parametrize(
    ("version", "source", "target", "bad"),
    [
        ("v1.30.9", "edge-25.10.7", "edge-26.6.3", ["edge-26.6.3"]),
        ("v1.22.17", "edge-25.4.4", "edge-25.10.7", ["edge-25.4.4", "edge-25.10.7"]),
        ("v1.33.1", "edge-25.4.4", "edge-25.10.7", ["edge-25.4.4"]),
        ("v1.36.0", "edge-25.10.7", "edge-26.6.3", ["edge-25.10.7", "edge-26.6.3"]),
    ],
)
def test_a_cluster_out_of_range_is_violated_by_name(
    version: str, source: str, target: str, bad: list[str]
) -> None:
    verdict = in_range(sts.cluster(source, kubernetes=version), hop(source, target))
    assert verdict.status == "violated"
    assert [item.subject for item in verdict.items] == bad
    assert "rehearse plan" in verdict.next_command


@pytest.mark.parametrize("version", ["", "unknown"])
def test_an_unread_server_version_is_not_assessed(version: str) -> None:
    assert in_range(sts.cluster("edge-25.4.4", kubernetes=version), hop()).status == "not assessed"


def test_a_release_without_a_range_is_not_assessed() -> None:
    verdict = in_range(sts.cluster("edge-18.9.2"), hop("edge-18.9.2", "edge-18.12.2"))
    assert verdict.status == "not assessed"
    assert "edge-18.9.2" in verdict.reason


def test_every_range_is_read_back() -> None:
    for release in catalogue().edges:
        wanted = catalogue().kubernetes_range(release.version)
        for text in (wanted.minimum, wanted.maximum):
            assert not text or parse_kubernetes(text)


@pytest.mark.parametrize(
    ("client", "server", "status"),
    [
        ("v1.31.0", "v1.31.14", "holds"),
        ("v1.32.1", "v1.31.14", "holds"),
        ("v1.30.0", "v1.31.14", "holds"),
        ("v1.33.0", "v1.31.14", "violated"),
        ("v1.29.0", "v1.31.14", "violated"),
        ("", "v1.31.14", "not assessed"),
        ("v1.31.0", "nonsense", "not assessed"),
    ],
)
def test_kubectl_may_be_one_minor_away(client: str, server: str, status: str) -> None:
    assert kubectl_skew(client, server).status == status


def ran(program: Literal["real", "stand-in"], version: str) -> CommandRun:
    return CommandRun(
        argv=("kubectl", "version"),
        program=program,
        program_version=version,
        exit_code=0,
        seconds=0.1,
        started=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("client", "status"),
    [("v1.31.4", "holds"), ("v1.32.0", "holds"), ("v1.29.1", "violated"), ("", "not assessed")],
)
def test_the_kubectl_that_ran_is_judged(client: str, status: str) -> None:
    facts = ClusterFacts(taken_at=datetime(2026, 1, 1, tzinfo=UTC), kubernetes="v1.31.14")

    assert kubectl_within_skew([ran("real", client)], facts).status == status


def test_a_stand_in_has_no_skew_to_judge() -> None:
    facts = ClusterFacts(taken_at=datetime(2026, 1, 1, tzinfo=UTC), kubernetes="v1.31.14")

    assert kubectl_within_skew([ran("stand-in", "v1.29.0")], facts).status == "not assessed"
    none = kubectl_within_skew([], facts)
    assert none.status == "not applicable"
    assert "stand-in" not in none.reason
