"""From the traffic of a ledger to what a report says of it, by the policies of outages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from fixtures.evidence.records import Record, Resumed, TrafficSeen
from policies.facts.traffic import PathTraffic, SelfTest, Traffic
from policies.traffic import latencies, outages
from policies.traffic.downtime import self_test_seen, void
from reports.build.beside import Happening, beside, happenings, pods_of
from reports.build.watched import components_of, marks_of
from reports.model.report import CanarySummary, Entry, Section, Unfound
from reports.model.traffic import (
    Excused,
    LatencyOf,
    PathEpisode,
    PathOutage,
    PathWindow,
    ProbedPath,
    ProberPause,
    SelfTested,
    TrafficSummary,
)

Place = tuple[str, str]
"""Step and hop; empty between two steps."""


def traffic_of(
    records: Sequence[Record], sections: Sequence[Section], canaries: Sequence[CanarySummary]
) -> tuple[TrafficSummary, ...]:
    """Return one summary per cluster whose traffic was recorded."""
    seen = {
        r.cluster: (r.body.traffic, _cut_short(records[place + 1 :]))
        for place, r in enumerate(records)
        if isinstance(r.body, TrafficSeen)
    }
    summaries: list[TrafficSummary] = []
    for cluster, (traffic, cut_short) in seen.items():
        happened = happenings(records, cluster, sections, canaries)
        summary = _Summing(records, cluster, traffic, happened).sum()
        summaries.append(replace(summary, cut_short=cut_short))
    return tuple(summaries)


def _cut_short(after: Iterable[Record]) -> bool:
    """Return whether a later resumption had steps left: it begins no probes again."""
    return any(isinstance(r.body, Resumed) and r.body.step != "settled" for r in after)


def reasons_of(entries: Iterable[Entry], without: Iterable[Unfound]) -> tuple[str, ...]:
    """Return why traffic was not assessed, as its controls say."""
    found = [e.reason for e in entries if e.area == "traffic" and e.status == "not assessed"]
    found += [u.reason for u in without if u.area == "traffic"]
    return tuple(dict.fromkeys(r for r in found if r))


class _Summing:
    """One cluster's traffic while it is summed up."""

    def __init__(
        self,
        records: Sequence[Record],
        cluster: str,
        traffic: Traffic,
        happened: Sequence[Happening],
    ) -> None:
        self.records = records
        self.cluster = cluster
        self.traffic = traffic
        self.happened = happened
        self.excuses = outages.excuses(traffic)
        self.tested = {t.path for t in traffic.self_tests}
        self.versions = {p.name: p.proxy_version for p in pods_of(records, cluster)}
        self.latency: dict[tuple[str, int], list[LatencyOf]] = {}
        for row in latencies.table(traffic, self.versions):
            self.latency.setdefault((row.path, row.window), []).append(_latency(row))

    def sum(self) -> TrafficSummary:
        traffic = self.traffic
        paths = _numbered([self._path(seen) for seen in traffic.paths])
        measured = [p for p in paths if p.role == "measured"]
        starts = [p.started for p in paths if p.started is not None]
        ends = [p.ended for p in paths if p.ended is not None]
        return TrafficSummary(
            cluster=self.cluster,
            speed=traffic.speed,
            void=void(traffic),
            started=min(starts, default=None),
            ended=max(ends, default=None),
            answered=sum(p.answered for p in measured),
            failed=sum(p.failed for p in measured),
            excused=sum(p.excused for p in measured),
            unobserved=sum(p.unobserved for p in measured),
            visible=_most(p.smallest_visible for p in measured),
            visible_everywhere=_everywhere(measured),
            paths=paths,
            excuses=tuple(Excused(started=a, ended=b) for a, b in self.excuses),
            self_tests=tuple(self._tested(t) for t in traffic.self_tests),
            pauses=tuple(
                ProberPause(started=p.start, ended=p.end, seconds=_seconds(p.start, p.end))
                for p in traffic.pauses
            ),
            problems=traffic.problems,
            components=components_of(self.records, self.cluster),
        )

    def _place(self, window: int) -> Place:
        if not 0 <= window < len(self.traffic.windows):
            return "", ""
        found = self.traffic.windows[window]
        return found.step, found.hop

    def _path(self, seen: PathTraffic) -> ProbedPath:
        path = seen.path
        tested = path.id in self.tested
        excuses = self.excuses if path.role == "measured" else ()
        counted = outages.cells(seen, excuses)
        whole = outages.availability(counted.values())
        telling = outages.assessed(counted)
        windows = tuple(
            self._window(seen, w, c, assessed=w in telling) for w, c in sorted(counted.items())
        )
        return ProbedPath(
            id=path.id,
            kind=path.kind,
            source=path.source,
            role="self-test" if tested else path.role,
            target=path.target,
            interval=path.interval,
            limit=path.limit,
            unavailable=path.unavailable,
            cut_off=seen.cut_off,
            started=seen.runs[0].first if seen.runs else None,
            ended=max(r.last_end for r in seen.runs) if seen.runs else None,
            answered=whole.answered,
            failed=whole.observed - whole.answered,
            excused=sum(w.excused for w in windows),
            unobserved=sum(w.unobserved for w in windows),
            wrong_identity=sum(w.wrong_identity for w in windows),
            availability=whole.value,
            low=whole.low,
            high=whole.high,
            confidence=whole.confidence,
            smallest_visible=_most(w.smallest_visible for w in windows if w.step and w.assessed),
            windows=windows,
            marks=marks_of(seen),
            episodes=tuple(self._episodes(seen, excuses)),
        )

    def _window(
        self, seen: PathTraffic, window: int, cell: outages.Cell, *, assessed: bool
    ) -> PathWindow:
        step, hop = self._place(window)
        sights = [s for s in seen.sight if s.window == window]
        return PathWindow(
            step=step,
            hop=hop,
            answered=cell.answered,
            failed=cell.failed,
            excused=cell.excused,
            unobserved=cell.unobserved,
            wrong_identity=cell.wrong_identity,
            assessed=assessed,
            smallest_visible=outages.smallest_visible(seen, window),
            lateness_p99=max((s.lateness_p99 for s in sights), default=0.0),
            lateness_max=max((s.lateness_max for s in sights), default=0.0),
            latency=tuple(self.latency.get((seen.path.id, window), ())),
        )

    def _episodes(
        self, seen: PathTraffic, excuses: Sequence[outages.Span]
    ) -> Iterator[PathEpisode]:
        left = list(outages.outages(seen, excuses))
        for episode in outages.episodes(left):
            own, left = left[: episode.outages], left[episode.outages :]
            step, hop = self._place(episode.window)
            servers = _servers(seen, episode)
            versions = (self.versions.get(s, "") for s in servers)
            yield PathEpisode(
                number=0,
                path=seen.path.id,
                step=step,
                hop=hop,
                started=episode.start,
                ended=episode.end,
                earliest_start=episode.earliest_start,
                latest_start=episode.latest_start,
                earliest_end=episode.earliest_end,
                latest_end=episode.latest_end,
                seconds=episode.seconds,
                failed=episode.failed,
                total=episode.total,
                rate=episode.rate,
                held=episode.held,
                excused=episode.excused,
                longest_outage=episode.longest_outage,
                first_error=episode.first_error,
                last_error=episode.last_error,
                source=seen.path.source,
                servers=tuple(dict.fromkeys(v for v in versions if v)),
                outages=tuple(_outage(o) for o in own),
                beside=beside(episode, seen, servers, self.happened, excuses),
            )

    def _tested(self, test: SelfTest) -> SelfTested:
        paths = [p for p in self.traffic.paths if p.path.id == test.path]
        near = [
            o
            for p in paths
            for o in outages.outages(p)
            if o.start <= test.end and o.end >= test.start
        ]
        start = min((o.start for o in near), default=test.start)
        end = max((o.end for o in near), default=test.end)
        alone = self_test_seen(replace(self.traffic, self_tests=(test,)))
        return SelfTested(
            path=test.path,
            started=test.start,
            ended=test.end,
            seconds=_seconds(test.start, test.end),
            measured=_seconds(start, end) if near else None,
            start_error=abs(_seconds(test.start, start)),
            end_error=abs(_seconds(test.end, end)),
            seen=alone.status == "holds",
        )


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def _most(values: Iterable[float | None]) -> float | None:
    return max((v for v in values if v is not None), default=None)


def _everywhere(paths: Iterable[ProbedPath]) -> float | None:
    """Return the worst step's best path."""
    best: dict[Place, float] = {}
    for path in paths:
        for window in path.windows:
            if window.step and window.assessed and window.smallest_visible is not None:
                key = window.step, window.hop
                best[key] = min(best.get(key, math.inf), window.smallest_visible)
    return max(best.values(), default=None)


def _latency(row: latencies.LatencyRow) -> LatencyOf:
    p50, p99, slowest = (v if math.isfinite(v) else None for v in (row.p50, row.p99, row.slowest))
    return LatencyOf(version=row.version, answers=row.answers, p50=p50, p99=p99, slowest=slowest)


def _outage(outage: outages.Outage) -> PathOutage:
    return PathOutage(
        started=outage.start,
        ended=outage.end,
        earliest_start=outage.earliest_start,
        latest_start=outage.latest_start,
        earliest_end=outage.earliest_end,
        latest_end=outage.latest_end,
        seconds=outage.seconds,
        failed=outage.failed,
        held=outage.held,
        excused=outage.excused,
        first_error=outage.first_error,
        last_error=outage.last_error,
    )


def _servers(seen: PathTraffic, episode: outages.Episode) -> tuple[str, ...]:
    """Return pods that answered this path last before an episode, in it, and first after it."""
    before = [r.server for r in seen.runs if r.server and r.first < episode.start]
    inside = [r.server for r in seen.runs if r.server and episode.start <= r.first < episode.end]
    after = [r.server for r in seen.runs if r.server and r.first >= episode.end]
    cut = [e.server for e in seen.ends if episode.start <= e.at <= episode.end and e.server]
    return tuple(dict.fromkeys([*cut, *before[-1:], *inside, *after[:1]]))


def _numbered(paths: Sequence[ProbedPath]) -> tuple[ProbedPath, ...]:
    """Give numbers to the episodes of measured paths in order of time."""
    order = sorted(
        (e.started, p.id, n)
        for p in paths
        if p.role == "measured"
        for n, e in enumerate(p.episodes)
    )
    numbers: Mapping[tuple[str, int], int] = {
        (path, n): number for number, (_, path, n) in enumerate(order, 1)
    }
    return tuple(
        replace(
            p,
            episodes=tuple(
                replace(e, number=numbers.get((p.id, n), 0)) for n, e in enumerate(p.episodes)
            ),
        )
        for p in paths
    )
