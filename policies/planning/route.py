"""The planner's core: the shortest way over a small graph of releases and Kubernetes versions.

Pure arithmetic, no release knowledge: `policies.planning.path` builds the stops from the
catalogue, tests build toy ones. A state is (stop, Kubernetes minor). From a state one may hop to
a newer stop at most one logical version away while both stops support the Kubernetes that runs;
Kubernetes may be raised before a hop, never lowered. Cheapest is: fewest hops, then fewest
Kubernetes upgrades, then fewest stops that are not the preferred one of their logical version,
then the earliest stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from policies.releases.grammar import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

OPEN = 10_000
"""A Kubernetes minor no bound reaches: the range is open at this end."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One release as the search sees it."""

    version: Version
    logical: int
    order: int
    """Position among the stops of its logical version."""
    low: int = 0
    """Lowest Kubernetes minor it supports."""
    high: int = OPEN
    preferred: bool = False
    channel: str = "edge"


@dataclass(frozen=True, slots=True)
class Leg:
    """One hop of a route."""

    source: Stop
    destination: Stop
    kubernetes_before: int
    """Kubernetes minor that ran before this hop."""
    kubernetes: int
    """Kubernetes minor this hop runs on; larger when Kubernetes is upgraded before it."""


@dataclass(frozen=True, slots=True)
class Route:
    """The way found, first hop first."""

    legs: tuple[Leg, ...]

    @property
    def upgrades(self) -> int:
        """How often Kubernetes is upgraded on the way."""
        return sum(leg.kubernetes != leg.kubernetes_before for leg in self.legs)


def may_hop(source: Stop, destination: Stop) -> bool:
    """Return whether a hop goes forward, by one logical version at most, else in one channel."""
    if source.logical == destination.logical:
        return source.channel == destination.channel and source.order < destination.order
    return destination.logical - source.logical == 1


def supports(stop: Stop, kubernetes: int) -> bool:
    """Return whether the stop runs on this Kubernetes minor."""
    return stop.low <= kubernetes <= stop.high


def search(
    source: Stop, destination: Stop, between: Iterable[Stop], kubernetes: int | None
) -> Route | None:
    """Find the cheapest route; None when there is none.

    Args:
        source: The stop the cluster is at.
        destination: The stop to reach.
        between: Stops that may be used on the way, in any order.
        kubernetes: The minor that runs; None leaves the start open and picks the newest that does
            not cost more.
    """
    stops = [*_useful(source, destination, between), destination]
    minors = sorted({s.low for s in (source, *stops)})
    tie = count()
    queue: list[tuple[tuple[int, ...], int, Stop, int, tuple[Leg, ...]]] = []
    for start in _starts(source, minors, kubernetes):
        heappush(queue, ((0, 0, 0, 0, 0, -start), next(tie), source, start, ()))
    done: set[tuple[Version, int]] = set()
    while queue:
        cost, _, stop, minor, legs = heappop(queue)
        if stop.version == destination.version:
            return Route(legs=legs)
        if (stop.version, minor) in done:
            continue
        done.add((stop.version, minor))
        for leg in _legs(stop, minor, stops, minors):
            off = leg.destination.version != destination.version and not leg.destination.preferred
            hops, upgrades, others, order, risen, start = cost
            price = (
                hops + 1,
                upgrades + (leg.kubernetes != minor),
                others + off,
                order + leg.destination.order * off,
                risen + leg.kubernetes - minor,
                start,
            )
            heappush(queue, (price, next(tie), leg.destination, leg.kubernetes, (*legs, leg)))
    return None


def _legs(stop: Stop, minor: int, stops: Sequence[Stop], minors: Sequence[int]) -> Iterator[Leg]:
    for destination in stops:
        if not may_hop(stop, destination):
            continue
        for raised in (minor, *(m for m in minors if m > minor)):
            if supports(stop, raised) and supports(destination, raised):
                yield Leg(stop, destination, minor, raised)


def _starts(source: Stop, minors: Sequence[int], kubernetes: int | None) -> list[int]:
    if kubernetes is not None:
        return [kubernetes]
    newest = source.high if source.high < OPEN else max(minors[-1], source.low)
    return sorted({m for m in (*minors, newest) if supports(source, m)})


def _useful(source: Stop, destination: Stop, between: Iterable[Stop]) -> list[Stop]:
    """Return stops between source and destination; of neighbours alike in range only the first."""
    low, high = (source.logical, source.order), (destination.logical, destination.order)
    stops: list[Stop] = []
    ordered = sorted(between, key=lambda s: (s.channel, s.logical, s.order))
    previous: tuple[object, ...] = ()
    for stop in ordered:
        if stop.version in (source.version, destination.version) or not _inside(
            stop, source, destination, low, high
        ):
            continue
        kind = (stop.channel, stop.logical, stop.low, stop.high)
        if stop.preferred or kind != previous:
            stops.append(stop)
        previous = kind
    return stops


def _inside(
    stop: Stop, source: Stop, destination: Stop, low: tuple[int, int], high: tuple[int, int]
) -> bool:
    place = (stop.logical, stop.order)
    after = place > low if stop.channel == source.channel else stop.logical > source.logical
    before = (
        place < high if stop.channel == destination.channel else stop.logical < destination.logical
    )
    return after and before
