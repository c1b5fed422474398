from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.planning.route import OPEN, Route, Stop, may_hop, search, supports
from policies.releases.grammar import parse

MINORS = 6


@st.composite
def toys(draw: st.DrawFn) -> tuple[list[Stop], int]:
    """A few stops over four logical versions with small Kubernetes ranges, and a minor."""
    stops: list[Stop] = []
    for number in range(draw(st.integers(2, 8))):
        low = draw(st.integers(0, MINORS - 1))
        stops.append(
            Stop(
                version=parse(f"s{number}"),
                logical=draw(st.integers(0, 3)),
                order=number,
                low=low,
                high=draw(st.sampled_from((*range(low, MINORS), OPEN))),
                preferred=draw(st.booleans()),
            )
        )
    return stops, draw(st.integers(0, MINORS - 1))


def brute_force(
    source: Stop, target: Stop, stops: list[Stop], starts: list[int]
) -> tuple[int, int] | None:
    """Fewest (hops, Kubernetes upgrades), by relaxing every state until nothing changes."""
    best = {(source.version, minor): (0, 0) for minor in starts}
    by_tag = {stop.version: stop for stop in (source, *stops, target)}
    for _ in range(len(by_tag) + 1):
        for (tag, minor), (hops, upgrades) in list(best.items()):
            for stop in by_tag.values():
                for raised in range(minor, MINORS):
                    if not may_hop(by_tag[tag], stop):
                        continue
                    if not (supports(by_tag[tag], raised) and supports(stop, raised)):
                        continue
                    price = (hops + 1, upgrades + (raised != minor))
                    if price < best.get((stop.version, raised), (99, 99)):
                        best[stop.version, raised] = price
    return min((cost for (tag, _), cost in best.items() if tag == target.version), default=None)


def assert_legal(route: Route, source: Stop, target: Stop, minor: int | None) -> None:
    legs = route.legs
    assert (legs[0].source, legs[-1].destination) == (source, target)
    assert minor is None or legs[0].kubernetes_before == minor
    for leg in legs:
        assert may_hop(leg.source, leg.destination)
        assert leg.kubernetes >= leg.kubernetes_before
        assert supports(leg.source, leg.kubernetes)
        assert supports(leg.destination, leg.kubernetes)
    for before, after in pairwise(legs):
        assert before.destination == after.source
        assert before.kubernetes == after.kubernetes_before


@settings(max_examples=300)
@given(toys())
def test_the_planner_is_complete_and_minimal(toy: tuple[list[Stop], int]) -> None:
    stops, minor = toy
    source, target, middle = stops[0], stops[-1], stops[1:-1]
    route = search(source, target, middle, minor)
    expected = brute_force(source, target, middle, [minor])
    if route is None:
        assert expected is None
        return
    assert_legal(route, source, target, minor)
    assert (len(route.legs), route.upgrades) == expected


@settings(max_examples=150)
@given(toys())
def test_without_a_kubernetes_version_the_best_start_is_found(toy: tuple[list[Stop], int]) -> None:
    stops, _ = toy
    source, target, middle = stops[0], stops[-1], stops[1:-1]
    route = search(source, target, middle, None)
    starts = [minor for minor in range(MINORS) if supports(source, minor)]
    expected = brute_force(source, target, middle, starts)
    if route is None:
        assert expected is None
        return
    assert_legal(route, source, target, None)
    assert (len(route.legs), route.upgrades) == expected


def test_the_preferred_stop_is_taken_where_it_costs_nothing() -> None:
    a, d = Stop(parse("a"), 0, 0), Stop(parse("d"), 2, 0)
    plain, preferred = Stop(parse("b"), 1, 0), Stop(parse("c"), 1, 1, preferred=True)
    route = search(a, d, [plain, preferred], None)
    assert route is not None
    assert [str(leg.destination.version) for leg in route.legs] == ["c", "d"]


def test_kubernetes_is_upgraded_once_where_once_is_enough() -> None:
    a, b, c = Stop(parse("a"), 0, 0), Stop(parse("b"), 1, 0, low=1), Stop(parse("c"), 2, 0, low=2)
    route = search(a, c, [b], 0)
    assert route is not None
    assert [leg.kubernetes for leg in route.legs] == [2, 2]
