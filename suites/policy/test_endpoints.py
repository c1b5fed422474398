"""A ready endpoint at every moment: gaps are found with their length, silence is no pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policies.controls.control_plane.endpoints import COMPONENTS, ready_at_every_moment
from policies.facts.cluster import ClusterFacts
from policies.facts.observations import EndpointMoment

START = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = ClusterFacts(taken_at=START + timedelta(seconds=100))


def at(seconds: float, service: str, ready: int) -> EndpointMoment:
    return EndpointMoment(at=START + timedelta(seconds=seconds), service=service, ready=ready)


def healthy() -> list[EndpointMoment]:
    return [at(0, service, 1) for service in COMPONENTS]


def test_a_surge_that_never_drops_to_none_holds() -> None:
    moments = [*healthy(), at(5, "linkerd-dst", 2), at(6, "linkerd-dst", 1)]

    assert ready_at_every_moment(moments, FACTS).status == "holds"


def test_a_gap_is_violated_with_its_length() -> None:
    moments = [*healthy(), at(5, "linkerd-dst", 0), at(7.5, "linkerd-dst", 1)]

    verdict = ready_at_every_moment(moments, FACTS)

    assert verdict.status == "violated"
    assert [i.seen for i in verdict.items] == ["none for 2.5 s from 00:00:05.000Z"]


def test_a_gap_that_is_still_open_counts_to_the_end() -> None:
    verdict = ready_at_every_moment([*healthy(), at(40, "linkerd-identity", 0)], FACTS)

    assert verdict.violations[0].seen.startswith("none for 60.0 s")


def test_what_was_not_watched_is_not_assessed() -> None:
    assert ready_at_every_moment((), FACTS).status == "not assessed"
    assert ready_at_every_moment(healthy()[:-1], FACTS).status == "not assessed"


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_it_is_violated_exactly_when_some_moment_had_none(counts: list[int]) -> None:
    moments = healthy() + [at(i + 1, "linkerd-policy", n) for i, n in enumerate(counts)]

    verdict = ready_at_every_moment(moments, FACTS)

    assert (verdict.status == "violated") == (0 in counts)
