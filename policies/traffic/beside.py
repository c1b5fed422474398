"""What happened beside an outage: pods that came and went, endpoints, proxies at both ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from policies.facts.cluster import Fact
from policies.facts.observations import EndpointMoment, PodMoment
from policies.facts.traffic import ANSWERED, PathTraffic
from policies.traffic.outages import Outage
from policies.verdicts.moments import Clock

NEAR = timedelta(seconds=1)
"""So far from an outage's bounds a happening is told."""
SERVER_NEAR = timedelta(seconds=10)
"""The same for a pod that the path itself used: it drains before it ends."""
MOST = 3
"""Happenings told per outage; the nearest to its start."""
AWAY = "discovery was away"


class Beside(Fact, frozen=True, kw_only=True):
    """What else was seen while traffic was probed."""

    clock: Clock = Clock()
    pods: tuple[PodMoment, ...] = ()
    """Births and ends of pods."""
    endpoints: tuple[EndpointMoment, ...] = ()
    """Changes of the control plane's ready endpoints."""
    discovery_gap: float = 0.0
    """Cluster seconds that a proxy may dial a destination that was replaced; see `away`."""


def changes(around: Beside) -> Iterator[tuple[EndpointMoment, EndpointMoment]]:
    """Yield each change of a Service's ready endpoints: before and after."""
    by_service: dict[str, list[EndpointMoment]] = {}
    for moment in sorted(around.endpoints, key=lambda m: m.at):
        by_service.setdefault(moment.service, []).append(moment)
    for moments in by_service.values():
        yield from ((a, b) for a, b in pairwise(moments) if a.ready != b.ready)


def happened(outage: Outage, seen: PathTraffic, around: Beside) -> str:
    """Tell what happened near an outage: to the path's own pods first, then nearest in time."""
    servers = _servers(outage, seen)
    found = [
        (not own, abs(at - outage.start), text) for own, at, text in _near(outage, servers, around)
    ]
    if not found:
        return "nothing that was watched happened within a second"
    return ", ".join(dict.fromkeys(text for *_, text in sorted(found)[:MOST]))


def _near(
    outage: Outage, servers: tuple[str, ...], around: Beside
) -> Iterator[tuple[bool, datetime, str]]:
    """Yield whether it is the path's own pod, when it was, and what."""
    say = around.clock.say
    for pod in around.pods:
        own = pod.name in servers
        reach = SERVER_NEAR if own else NEAR
        proxy = f", proxy {pod.proxy_version}" if pod.proxy_version else ""
        for at, what in ((pod.ready, "became ready"), (pod.ended, "ended")):
            if at is not None and outage.start - reach <= at <= outage.end + reach:
                yield own, at, f"pod {pod.namespace}/{pod.name} {what} at {say(at)}{proxy}"
    for before, after in changes(around):
        if outage.start - NEAR <= after.at <= outage.end + NEAR:
            told = f"{before.ready} to {after.ready} ready endpoints"
            yield False, after.at, f"{after.service}: {told} at {say(after.at)}"


def pair(outage: Outage, seen: PathTraffic, around: Beside) -> str:
    """Return the client and the proxies of the pods that answered next before and after."""
    versions = {p.name: p.proxy_version for p in around.pods}
    found = dict.fromkeys(v for s in _servers(outage, seen) if (v := versions.get(s)))
    return f"{seen.path.source or seen.path.id} to {', '.join(found) or 'unknown'} servers"


def _servers(outage: Outage, seen: PathTraffic) -> tuple[str, ...]:
    answered = [r for r in seen.runs if r.outcome in ANSWERED and r.server]
    before = [r.server for r in answered if r.first < outage.start][-1:]
    after = [r.server for r in answered if r.first >= outage.start][:1]
    return tuple(dict.fromkeys((*before, *after)))
