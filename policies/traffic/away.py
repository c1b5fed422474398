"""Discovery away: a proxy that must ask for a Service anew dials a destination that has gone.

Proxies find destination by DNS and use an answer until it expires (CoreDNS: 30 s as kubeadm sets
it). When a destination pod is replaced, a proxy that watches a Service keeps what it knows; one
that has forgotten it (5 s without a request) waits until the old address has expired. Measured on
a real cluster: 21 and 25 s with one replica, 14 s with three, while an endpoint was ready at every
moment. The scenario's `discovery_gap` says how long of this is allowed; what is longer, of another
path or of another shape is a violation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from policies.facts.observations import PodMoment
from policies.facts.traffic import FAILURES, PathTraffic, SampleRun, Traffic
from policies.traffic.beside import AWAY, Beside, changes
from policies.traffic.outages import Outage

SERVICE = "linkerd-dst"
"""The Service of destination whose endpoints are watched."""
FORGOTTEN = 5.0
"""Seconds without a request after which a proxy forgets a Service
(`proxy.outboundDiscoveryCacheUnusedTimeout`)."""
EXPIRES = 30.0
"""Seconds after which every proxy has asked DNS anew: CoreDNS's TTL as kubeadm sets it."""
_FAIL_FAST = (503, 504)
REMEDY = (
    "a minReadySeconds of linkerd-destination above the TTL, or a TTL of 5 s in CoreDNS's Corefile"
)


def why(found: Sequence[Outage], seen: PathTraffic, around: Beside) -> str:
    """Return why all these outages of a path are explained by it; empty when any is not.

    Args:
        found: The outages that reach into one step.
        seen: Their path.
        around: Endpoints of destination, and what the scenario allows.
    """
    path = seen.path
    forgets = bool(path.identity) and path.interval > FORGOTTEN
    if not found or not forgets or around.discovery_gap <= 0:
        return ""
    away = [_replaced(o, seen, around) for o in found]
    if any(at is None for at in away):
        return ""
    at = next(a for a in away if a is not None)
    longest = max(o.seconds for o in found)
    return (
        f"{AWAY}: a destination pod was replaced at {around.clock.say(at)}, and this client's "
        f"proxy, which had forgotten the Service, dialled it until its DNS answer expired; "
        f"{longest:.3f} s, first asked again within discovery_gap = {around.discovery_gap:g} s. "
        f"Shorter with {REMEDY}"
    )


def unseen(traffic: Traffic) -> str:
    """Return why no proxy can have forgotten a Service; empty where one did, or never could."""
    meant = [
        p for p in traffic.measured if p.runs and p.path.identity and p.path.interval > FORGOTTEN
    ]
    asked = [(every, p.path.id) for p in meant if (every := asked_every(p)) is not None]
    if not asked or max(asked)[0] > FORGOTTEN:
        return ""
    every, path = max(asked)
    return (
        f"path {path} was asked every {every:.1f} s, and a proxy forgets a Service only after "
        f"{FORGOTTEN:g} s: this machine was too slow for it to be asked as rarely as it should be"
    )


def asked_every(seen: PathTraffic) -> float | None:
    """Return mean seconds between two samples of a path; None where fewer than two were due."""
    due = sum(r.count for r in seen.runs)
    if due < 2:
        return None
    return (seen.runs[-1].last - seen.runs[0].first).total_seconds() / (due - 1)


def known_from(pods: Iterable[PodMoment], allowed: float = EXPIRES) -> datetime | None:
    """Return when every proxy can have found the newest destination pod; None: none was seen.

    Until then proxies may know endpoints only as they were: a workload all of whose pods are
    replaced meanwhile is away for them.

    Args:
        pods: Births and ends of pods.
        allowed: Seconds that a DNS answer may last, where that is more than usual.
    """
    seen = [
        at
        for p in pods
        if p.component == "destination"
        for at in (p.ready, p.ended)
        if at is not None
    ]
    return max(seen) + timedelta(seconds=max(allowed, EXPIRES)) if seen else None


def _replaced(outage: Outage, seen: PathTraffic, around: Beside) -> datetime | None:
    """Return when the destination pod was replaced that explains this outage; None for none."""
    failed = [
        r for r in seen.runs if r.outcome in FAILURES and outage.start <= r.first <= outage.end
    ]
    if not failed or not all(_hung(r) for r in failed):
        return None
    limit = timedelta(seconds=seen.path.limit)
    gap = timedelta(seconds=around.discovery_gap)
    last = max(r.last for r in failed)
    for at in _drops(around, outage.end):
        if at - limit <= outage.start and last <= at + gap:
            return at
    return None


def _hung(run: SampleRun) -> bool:
    """Return whether it waited in vain, as a request for discovery without an answer does."""
    return run.outcome == "timeout" or (run.outcome == "5xx" and run.status in _FAIL_FAST)


def _drops(around: Beside, until: datetime) -> Iterator[datetime]:
    """Yield when a destination pod went while another was ready, and one was at every moment."""
    found = [(a, b) for a, b in changes(around) if b.service == SERVICE and b.at <= until]
    empty = [b.at for _, b in found if not b.ready]
    for before, after in found:
        if 0 < after.ready < before.ready and not any(at >= after.at for at in empty):
            yield after.at
