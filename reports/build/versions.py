"""Versions over time: sightings of a ledger as points (when anything changed) and phases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from fixtures.evidence.records import Record, SightingsSeen
from policies.facts.observations import Sighting
from reports.model.report import Phase, Point, Section, Versions

_NUMBERS = re.compile(r"\d+")


def versions_of(records: Iterable[Record], sections: Sequence[Section]) -> tuple[Versions, ...]:
    """Return one series per cluster that the watch saw."""
    seen: dict[str, list[Sighting]] = {}
    for record in records:
        if isinstance(record.body, SightingsSeen):
            seen.setdefault(record.cluster, []).extend(record.body.sightings)
    return tuple(
        _versions(cluster, sightings, _last(cluster, sections))
        for cluster, sightings in seen.items()
        if sightings
    )


def _last(cluster: str, sections: Sequence[Section]) -> datetime | None:
    ends = [s.cluster_ended for s in sections if s.cluster == cluster and s.cluster_ended]
    return max(ends, default=None)


def _versions(cluster: str, sightings: list[Sighting], last: datetime | None) -> Versions:
    sightings.sort(key=lambda s: s.at)
    points: list[Point] = []
    for sighting in sightings:
        point = Point(
            at=sighting.at,
            control_plane=tuple(sorted(set(sighting.control_plane), key=age)),
            proxies=tuple(sorted(sighting.proxies, key=lambda p: age(p[0]))),
            unmeshed=sighting.unmeshed,
        )
        if not points or _state(points[-1]) != _state(point):
            points.append(point)
    end = max(sightings[-1].at, last) if last else sightings[-1].at
    names = {v for p in points for v in (*p.control_plane, *(name for name, _ in p.proxies))}
    return Versions(
        cluster=cluster,
        order=tuple(sorted(names, key=age)),
        points=tuple(points),
        phases=_phases(points, end),
    )


def _state(point: Point) -> tuple[object, ...]:
    return (point.control_plane, point.proxies, point.unmeshed)


@lru_cache(maxsize=512)
def age(version: str) -> tuple[str, tuple[int, ...], str]:
    """Return the sorting key of versions for display: channel, numbers, then the text itself."""
    channel = version.partition("-")[0]
    return channel, tuple(int(n) for n in _NUMBERS.findall(version)), version


def _phases(points: Sequence[Point], end: datetime) -> tuple[Phase, ...]:
    runs: list[list[Point]] = []
    for point in points:
        if runs and _names(runs[-1][-1]) == _names(point):
            runs[-1].append(point)
        else:
            runs.append([point])
    ends = [run[0].at for run in runs[1:]] + [end]
    return tuple(_phase(run, until) for run, until in zip(runs, ends, strict=True))


def _names(point: Point) -> tuple[object, ...]:
    running = tuple(name for name, pods in point.proxies if pods)
    return point.control_plane, running, point.unmeshed > 0


def _phase(run: Sequence[Point], ended: datetime) -> Phase:
    pods: dict[str, list[int]] = {}
    for point in run:
        for name, count in point.proxies:
            pods.setdefault(name, []).append(count)
    return Phase(
        started=run[0].at,
        ended=ended,
        control_plane=run[0].control_plane,
        proxies=tuple((name, min(c), max(c)) for name, c in pods.items() if max(c)),
        unmeshed=max(p.unmeshed for p in run),
    )
