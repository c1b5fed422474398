"""Zero downtime judged by what was probed: the traffic controls TRF-01 to TRF-05.

A path with fewer than three samples in a step, all answered, or with an excused stretch there, is
not assessed there; a sparse one is judged over all steps together. One whose kind the prober does
not speak is not assessed at all. Nothing is judged unless the detector has seen an outage made on
purpose (TRF-02).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from policies.facts.observations import PodMoment
from policies.facts.traffic import STREAM_KINDS, Budget, StreamEnd, Traffic
from policies.traffic import latencies, unprobed
from policies.traffic.beside import Beside
from policies.traffic.budgeting import budget_for, unknown_budgets
from policies.traffic.lost import TOO_SLOW, step_of, visibility, within_budget
from policies.traffic.outages import Span, cells, excuses
from policies.traffic.self_test import self_test_seen, void
from policies.verdicts.findings import Item, Verdict, holds, judged, not_assessed, violated
from policies.verdicts.moments import Clock
from policies.verdicts.wording import number

__all__ = [
    "Beside",
    "budget_for",
    "identity_on_every_sample",
    "latency_within_budget",
    "self_test_seen",
    "streams_end_gracefully",
    "unknown_budgets",
    "visibility",
    "void",
    "within_budget",
]

GRACE = timedelta(seconds=120)
"""How long after its stream ended a pod may still be there: a proxy's shutdown grace period."""

LATENCY_FACTOR = 3.0
LATENCY_FLOOR = 0.1
"""Wall seconds; see `Budget.latency_p99`."""


def streams_end_gracefully(
    traffic: Traffic, pods: Sequence[PodMoment] | None = None, clock: Clock | None = None
) -> Verdict:
    """Judge whether long-lived connections end gracefully, and with their own pod (TRF-03).

    Args:
        traffic: What was seen.
        pods: Births and ends of pods; None where nobody watched, then only the way a stream
            ended is judged.
        clock: How moments are said.
    """
    said = clock or Clock()
    if why := void(traffic):
        return not_assessed(why)
    streams = [p for p in traffic.measured if p.path.kind in STREAM_KINDS and p.runs]
    if not streams:
        return not_assessed("no long-lived connection was probed")
    spans = excuses(traffic)
    excused = [
        f"path {p.path.id} at {said.say(e.at)}"
        for p in streams
        for e in p.ends
        if _within(e.at, spans)
    ]
    starved = sum(e.starved for p in streams for e in p.ends)
    items = [
        Item(subject=f"path {p.path.id}, connection to {e.server or 'a pod'}", expected=w, seen=s)
        for p in streams
        for e in p.ends
        if not e.starved and not _within(e.at, spans)
        for w, s in _abrupt(e, pods, said)
    ]
    if excused and not items:
        return not_assessed(f"streams ended while the control path failed: {', '.join(excused)}")
    if starved and not items:
        return not_assessed(f"{number(starved, 'stream')} were given up; {TOO_SLOW}")
    ended = sum(len(p.ends) for p in streams)
    return judged(
        items,
        holds_as=f"{number(ended, 'end')} of streams on {number(len(streams), 'path')}, "
        "each graceful and with its pod",
        violated_as="Long-lived streams were cut",
        expected="an end event, a close frame or an end between two messages, as the pod goes",
        cause="the application closes connections at SIGTERM, or its grace period is too short",
        next_command="kubectl get pods -o wide --sort-by=.metadata.creationTimestamp",
    )


def _within(at: datetime, spans: Iterable[Span]) -> bool:
    return any(a <= at <= b for a, b in spans)


def _abrupt(
    end: StreamEnd, pods: Sequence[PodMoment] | None, clock: Clock
) -> list[tuple[str, str]]:
    """Return (expected, seen) where an end was not graceful, or not its own pod's."""
    if end.how != "graceful":
        return [("a graceful end", f"{end.how} at {clock.say(end.at)} after {end.age:.1f} s")]
    if pods is None or not end.server:
        return []
    named = [p for p in pods if p.name == end.server]
    if not named or any(p.ended is not None and p.ended <= end.at + GRACE for p in named):
        return []
    return [("to end with its pod", f"ended at {clock.say(end.at)}, and the pod went on")]


def identity_on_every_sample(traffic: Traffic, clock: Clock | None = None) -> Verdict:
    """Judge whether every answered sample of a meshed path had the expected identity (TRF-05)."""
    if why := void(traffic):
        return not_assessed(why)
    said = clock or Clock()
    chosen = [p for p in traffic.measured if p.path.identity]
    answered = sum(c.answered for p in chosen for c in cells(p).values())
    if not answered:
        return not_assessed("no sample of a path between meshed pods was answered")
    items = [
        Item(
            subject=f"path {seen.path.id} from {said.say(run.first)} to {said.say(run.last)}",
            expected=seen.path.identity,
            seen=f"{number(run.count, 'answer')} to {run.detail or 'no identity'} "
            f"by {run.server or '?'}",
        )
        for seen in chosen
        for run in seen.runs
        if run.outcome == "wrong identity"
    ]
    return judged(
        items,
        holds_as=f"{number(answered, 'answer')} on {number(len(chosen), 'path')} "
        "saw the expected identity",
        violated_as="Answers without the expected identity",
        expected="the client's identity on every sample",
        cause="a pod at one end was created without a proxy, and traffic fell back to plain text",
        next_command="linkerd check --proxy",
    )


def latency_within_budget(
    traffic: Traffic,
    budgets: Sequence[Budget] = (),
    versions: Mapping[str, str] | None = None,
    *,
    simulated: bool = False,
) -> Verdict:
    """Judge whether the 99th percentile stays within its budget in every step (TRF-04).

    Args:
        traffic: What was seen.
        budgets: The scenario's budgets; `latency_p99` of the first that fits.
        versions: Proxy version by server pod, to tell version pairs apart.
        simulated: Nothing but loopback lies between client and server.
    """
    if why := "a simulated network has no latency of its own" if simulated else void(traffic):
        return not_assessed(why)
    rows = latencies.table(traffic, versions or {})
    if not rows:
        return not_assessed(f"no path was answered {latencies.LEAST} times in any step")
    first: dict[str, float] = {}
    for row in rows:
        first.setdefault(row.path, row.p99)
    items: list[Item] = []
    for row in rows:
        window = traffic.windows[row.window]
        own = budget_for(budgets, window.step, row.path, row.kind).latency_p99
        allowed = max(LATENCY_FLOOR, LATENCY_FACTOR * first[row.path]) if own is None else own
        if row.p99 > allowed:
            items.append(
                Item(
                    subject=f"path {row.path} in {step_of(window)}"
                    + (f", server proxy {row.version}" if row.version else ""),
                    expected=f"99 % of answers within {allowed:g} s",
                    seen=f"within {row.p99:g} s ({row.answers} answers)",
                )
            )
    if not items:
        limited = [b for b in budgets if b.latency_p99 is not None]
        if gaps := unprobed.promised(traffic, limited):
            return not_assessed("; ".join(gaps))
        return holds(f"Latency stayed within its budget in {number(len(rows), 'combination')}")
    return violated(
        "Latency was worse than its budget",
        expected="99 % of answers within the budget, in every step and for every version pair",
        seen="; ".join(f"{i.subject}: {i.seen}" for i in items[:5]),
        items=items,
        cause="requests waited for discovery, or proxies were short of CPU",
        next_command="linkerd diagnostics proxy-metrics",
    )
