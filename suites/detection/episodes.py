"""What a rehearsal with a fault says of traffic, beside what is known of the fault itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fixtures.evidence.bundle import open_bundle
from fixtures.evidence.records import EndpointsSeen, Note, PodsSeen, Record
from policies.facts.observations import PodMoment
from reports.build.report import build
from reports.model.traffic import PathEpisode, ProbedPath
from suites.detection.runs import Run

PROBES = "rehearse-probes"
Span = tuple[datetime, datetime]
"""No earlier than the first, no later than the second."""


def seconds(number: float) -> timedelta:
    """Cluster seconds."""
    return timedelta(seconds=number)


@dataclass(frozen=True, slots=True)
class Story:
    """One run: what was measured, and what happened."""

    records: tuple[Record, ...]
    paths: tuple[ProbedPath, ...]
    """Those that are measured."""

    @property
    def struck(self) -> Span:
        """When the fault struck: after its note, before whatever was recorded next."""
        place = next(
            n
            for n, r in enumerate(self.records)
            if isinstance(r.body, Note) and r.body.text.startswith("fault ")
        )
        times = [r.cluster_time for r in self.records[place:] if r.cluster_time is not None]
        return times[0], next(t for t in times if t > times[0])

    @property
    def echoes(self) -> tuple[list[PodMoment], list[PodMoment]]:
        """The measured echo's pods, as known when the fault struck and since: old and new."""
        pods: dict[str, PodMoment] = {}
        for record in self.records:
            if isinstance(record.body, PodsSeen):
                pods |= {p.uid: p for p in record.body.pods if p.namespace == PROBES}
        struck = self.struck[0]
        old = [p for p in pods.values() if p.born <= struck and (p.ended or struck) >= struck]
        new = [p for p in pods.values() if p.born > struck]
        return old, new

    @property
    def went(self) -> datetime:
        """When the last of the old pods was gone."""
        return max(p.ended for p in self.echoes[0] if p.ended)

    @property
    def came(self) -> datetime:
        """When the first of the new pods was ready."""
        return min(p.ready for p in self.echoes[1] if p.ready)

    def without(self, service: str) -> Span:
        """The first stretch after the strike in which a Service had no ready endpoint."""
        moments = sorted(
            (m.at, m.ready)
            for r in self.records
            if isinstance(r.body, EndpointsSeen)
            for m in r.body.endpoints
            if m.service == service and m.at >= self.struck[0]
        )
        gone = next(at for at, ready in moments if not ready)
        return gone, next(at for at, ready in moments if ready and at > gone)


def story_of(run: Run) -> Story:
    """Read a run from its bundle."""
    bundle = open_bundle(run.folder)
    (traffic,) = build(bundle).traffic
    measured = tuple(p for p in traffic.paths if p.role == "measured" and not p.unavailable)
    return Story(bundle.reading.records, measured)


def told(episode: PathEpisode) -> str:
    """All that an episode says of its cause."""
    return "\n".join([episode.first_error, *(b.text for b in episode.beside)])


def began_within(episode: PathEpisode, truth: Span) -> bool:
    """The bounds of its start and what is known of the fault's start do not exclude each other."""
    earliest, latest = truth
    return episode.latest_start >= earliest and (
        episode.earliest_start is None or episode.earliest_start <= latest
    )


def ended_within(episode: PathEpisode, truth: Span | None) -> bool:
    """The same of its end; None: the fault never ended."""
    if truth is None:
        return episode.latest_end is None
    earliest, latest = truth
    return episode.earliest_end <= latest and (
        episode.latest_end is None or episode.latest_end >= earliest
    )


def slack(path: ProbedPath) -> timedelta:
    """The longest stretch in which nothing was asked on a path: no bound can be closer.

    A millisecond more, since moments are turned into cluster time one by one.
    """
    gaps: Iterable[float] = (w.smallest_visible or 0.0 for w in path.windows)
    return seconds(max(gaps, default=0.0) + 0.001)
