"""Requests that the workloads' own proxies counted as failed (TRF-06), whoever sent them.

Applications answer 5xx of their own, so what counts is a change: the share of failures in a step,
beside the share of all that the same workload's proxies had counted before anything was changed.
Both are compared by Fisher's exact test, for as many comparisons as are made.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Sequence

import msgspec

from policies.facts.proxy_counters import ProxyCount, ProxyCounts
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.wording import number

CHANCE = 0.01
"""How probable it may be that any of the comparisons is red by chance alone."""
BEFORE = frozenset({"baseline", "preflighted"})
"""Steps that change nothing: what was counted until their end is what failed anyway."""


class Measure(msgspec.Struct, frozen=True):
    """One way in which requests fail."""

    what: str
    failed: Callable[[ProxyCount], int]
    asked: Callable[[ProxyCount], int]


MEASURES = (
    Measure("answered with 5xx", lambda c: c.received_5xx, lambda c: c.received),
    Measure(
        "not passed on to the application", lambda c: c.refused, lambda c: c.received + c.refused
    ),
    Measure("to others answered with 5xx", lambda c: c.sent_5xx, lambda c: c.sent),
    Measure(
        "to others failed fast, without an endpoint",
        lambda c: c.failfast,
        lambda c: c.sent + c.failfast,
    ),
    Measure("to others not sent", lambda c: c.lost, lambda c: c.sent + c.lost),
)


class Tally(msgspec.Struct):
    """Failed and asked."""

    failed: int = 0
    asked: int = 0

    def add(self, failed: int, asked: int) -> None:
        self.failed += failed
        self.asked += asked


Key = tuple[str, int, str]
"""Workload, place in `MEASURES`, step with its hop; the step is empty before anything changed."""


def workloads_lost_nothing(readings: Sequence[ProxyCounts]) -> Verdict:
    """Judge whether any workload's proxies counted more failures than before (TRF-06).

    Args:
        readings: In the order they were made. What a proxy counted after its last reading is not
            seen; readings are made right before pods are replaced.
    """
    read = [r for r in readings if r.proxies]
    if not read:
        reasons = [r.reason for r in readings if r.reason]
        return not_assessed(reasons[-1] if reasons else "no proxy was asked what it counted")
    tallies = _tallies(read)
    if not any(t.asked for (_, _, step), t in tallies.items() if step):
        return not_assessed("the proxies counted no request in any step")
    items = _items(tallies) + _unread(readings)
    counted = sum(t.asked for (_, place, step), t in tallies.items() if step and place in (0, 2))
    workloads = {w for (w, _, step), t in tallies.items() if step and t.asked}
    return judged(
        items,
        holds_as=f"Proxies of {number(len(workloads), 'workload')} counted no more failures than "
        f"before, of {number(counted, 'response')}",
        violated_as="Workloads lost more requests than before the upgrade, as their own proxies "
        "counted",
        expected="no larger share of failed requests than before anything was changed",
        cause="what TRF-01 says beside; else the workload has no second replica, no readiness "
        "probe, or ends before its connections do",
        next_command=f"linkerd diagnostics proxy-metrics {_named(items)}".rstrip(),
    )


def _tallies(readings: Iterable[ProxyCounts]) -> dict[Key, Tally]:
    """Add up what each workload's proxies counted between readings, by step."""
    last: dict[str, ProxyCount] = {}
    found: dict[Key, Tally] = {}
    for reading in readings:
        hop = f", {reading.hop.partition(':')[0]}" if reading.hop else ""
        step = "" if reading.step in BEFORE else reading.step + hop
        for count in reading.proxies:
            earlier = last.get(count.uid)
            for place, measure in enumerate(MEASURES):
                failed, asked = measure.failed(count), measure.asked(count)
                if earlier is not None and measure.asked(earlier) <= asked:  # it did not restart
                    asked -= measure.asked(earlier)
                    failed = max(failed - measure.failed(earlier), 0)
                if asked:
                    found.setdefault((count.workload, place, step), Tally()).add(failed, asked)
            last[count.uid] = count
    return found


def _items(tallies: dict[Key, Tally]) -> list[Item]:
    failing = [(key, t) for key, t in tallies.items() if key[2] and t.failed]
    items: list[Item] = []
    for (workload, place, step), tally in failing:
        before = tallies.get((workload, place, ""), Tally())
        told = f"{tally.failed} of {number(tally.asked, 'request')} {MEASURES[place].what}"
        known = f"{before.failed} of {number(before.asked, 'request')} before"
        explained = ""
        if not before.asked:
            explained = "not assessed: nothing was counted before the upgrade to compare it with"
        elif tail(before, tally) >= CHANCE / len(failing):
            explained = "no more than chance, beside what failed before the upgrade"
        items.append(
            Item(
                subject=f"{workload} in {step}",
                expected=f"as before: {known}",
                seen=f"{told}; {known}",
                explained=explained,
            )
        )
    return items


def _named(items: Iterable[Item]) -> str:
    """Return the first workload that lost requests, as `linkerd` takes it."""
    subject = next((i.subject for i in items if not i.explained), "")
    kind, _, place = subject.partition(" in ")[0].partition(" ")
    namespace, _, name = place.partition("/")
    if not name:
        return ""
    return f"-n {shlex.quote(namespace)} {shlex.quote(f'{kind.lower()}/{name}')}"


def _unread(readings: Iterable[ProxyCounts]) -> list[Item]:
    """Tell of workloads none of whose proxies was ever read."""
    read = {c.workload for r in readings for c in r.proxies}
    why = dict(u for r in readings for u in r.unread if u[0] not in read)
    left_out = max((r.left_out for r in readings), default=0)
    items = [Item(subject=w, explained=f"not assessed: {reason}") for w, reason in why.items()]
    if left_out:
        items.append(
            Item(
                subject=f"{number(left_out, 'further pod')} of large workloads",
                explained="not asked: a part of each workload's proxies stands for it",
            )
        )
    return items


def tail(before: Tally, now: Tally) -> float:
    """Return how probable so many failures now are, if nothing had changed (Fisher, one side)."""
    failed, asked = before.failed + now.failed, before.asked + now.asked
    if now.failed * asked <= now.asked * failed:  # the share did not rise
        return 1.0
    term = math.exp(
        _choices(now.asked, now.failed)
        + _choices(before.asked, before.failed)
        - _choices(asked, failed)
    )
    total, more = 0.0, now.failed
    while more <= min(failed, now.asked) and term > total * 1e-12:
        total += term
        # From this many failures now to one more.
        term *= (now.asked - more) * (failed - more)
        term /= (more + 1) * (before.asked - failed + more + 1)
        more += 1
    return min(total, 1.0)


def _choices(of: int, taken: int) -> float:
    """Return the logarithm of a binomial coefficient."""
    return math.lgamma(of + 1) - math.lgamma(taken + 1) - math.lgamma(of - taken + 1)
