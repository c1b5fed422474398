"""What happened near an episode: steps, injection gaps, endpoints, pods, ends of streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from fixtures.evidence.records import EndpointsSeen, PodsSeen, Record
from policies.facts.observations import EndpointMoment, PodMoment
from policies.facts.traffic import PathTraffic
from policies.traffic.outages import Episode, Span
from reports.model.report import CanarySummary, Section
from reports.model.traffic import Beside, What

NEAR = timedelta(seconds=1)
SERVER_NEAR = timedelta(seconds=10)
"""A pod that the path itself used is named this far from the episode: it drains before it ends."""
MOST = 40
"""Things told per episode."""
_RANK: dict[What, int] = {
    "stream": 0,
    "control path": 0,
    "injection": 1,
    "step": 2,
    "endpoints": 3,
    "pod": 4,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened in a cluster."""

    at: datetime
    what: What
    text: str
    pod: str = ""


def pods_of(records: Iterable[Record], cluster: str) -> tuple[PodMoment, ...]:
    """Return every pod once, with the most that any step saw of it."""
    found: dict[str, PodMoment] = {}
    for record in records:
        if record.cluster == cluster and isinstance(record.body, PodsSeen):
            for pod in record.body.pods:
                known = found.get(pod.uid)
                if known is None or pod.ended or (pod.ready and not known.ended):
                    found[pod.uid] = pod
    return tuple(found.values())


def moments_of(records: Iterable[Record], cluster: str) -> dict[str, list[EndpointMoment]]:
    """Return Service -> changes of its ready endpoints, in order; repeats are left out."""
    found: dict[str, list[EndpointMoment]] = {}
    for record in records:
        if record.cluster == cluster and isinstance(record.body, EndpointsSeen):
            for moment in record.body.endpoints:
                seen = found.setdefault(moment.service, [])
                if not seen or seen[-1].ready != moment.ready:
                    seen.append(moment)
    return found


def happenings(
    records: Sequence[Record],
    cluster: str,
    sections: Iterable[Section],
    canaries: Iterable[CanarySummary],
) -> tuple[Happening, ...]:
    """Return all that is dated in one cluster, in order of time."""
    found: list[Happening] = []
    for section in sections:
        if section.cluster == cluster and section.cluster_started is not None:
            name = section.step.replace("_", " ")
            found.append(Happening(section.cluster_started, "step", f"step {name} began"))
    for summary in canaries:
        if summary.cluster == cluster:
            found += _gaps(summary)
    for service, moments in moments_of(records, cluster).items():
        found += [
            Happening(b.at, "endpoints", f"{service}: {a.ready} to {b.ready} ready endpoints")
            for a, b in pairwise(moments)
        ]
    for pod in pods_of(records, cluster):
        found += _pod(pod)
    return tuple(sorted(found, key=lambda h: (h.at, h.text)))


def _gaps(summary: CanarySummary) -> Iterable[Happening]:
    for gap in summary.gaps:
        told = f"injection gap {gap.number}"
        caught = f"{gap.unmeshed} pods unmeshed, {gap.refused} refused"
        yield Happening(gap.started, "injection", f"{told} began: {caught}")
        if gap.ended is not None:
            yield Happening(gap.ended, "injection", f"{told} ended: pods were injected again")


def _pod(pod: PodMoment) -> Iterable[Happening]:
    proxy = f", proxy {pod.proxy_version}" if pod.proxy_version else ""
    name = f"pod {pod.namespace}/{pod.name}"
    if pod.ready is not None:
        yield Happening(pod.ready, "pod", f"{name} became ready{proxy}", pod.name)
    if pod.ended is not None:
        yield Happening(pod.ended, "pod", f"{name} ended{proxy}", pod.name)


def beside(
    episode: Episode,
    seen: PathTraffic,
    servers: Sequence[str],
    happened: Iterable[Happening],
    excuses: Iterable[Span],
) -> tuple[Beside, ...]:
    """Return what happened within a second of an episode's bounds, the likeliest causes alone."""
    first = episode.earliest_start or episode.start
    last = episode.latest_end or episode.end
    own = [
        Happening(e.at, "stream", f"connection to {e.server or 'a pod'} ended: {e.how}")
        for e in seen.ends
    ]
    control = [
        Happening(max(a, first), "control path", "the control path failed too")
        for a, b in excuses
        if a <= last and b >= first
    ]
    near = [
        h
        for h in (*own, *control, *happened)
        if first - (reach := SERVER_NEAR if h.pod and h.pod in servers else NEAR) <= h.at
        and h.at <= last + reach
    ]

    def weight(happening: Happening) -> tuple[int, timedelta, str]:
        rank = 0 if happening.pod and happening.pod in servers else _RANK[happening.what]
        return rank, abs(happening.at - episode.start), happening.text

    kept = sorted(near, key=weight)[:MOST]
    return tuple(Beside(at=h.at, what=h.what, text=h.text) for h in kept)
