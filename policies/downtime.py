"""Zero downtime judged: the traffic controls TRF-01 to TRF-05.

A path with fewer than three samples in a step, all answered, or with an excused stretch there, is
not assessed there; a sparse one is judged over all steps together. One whose kind the prober does
not speak is not assessed at all. Nothing is judged unless the detector has seen an outage made on
purpose (TRF-02).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from policies import latencies, unprobed
from policies.findings import Item, Verdict, holds, judged, not_assessed, violated
from policies.observations import PodMoment
from policies.outages import (
    LEAST_SAMPLES,
    Cell,
    Outage,
    Span,
    assessed,
    cells,
    excuses,
    observed_in_steps,
    outages,
    smallest_visible,
)
from policies.traffic import (
    STREAM_KINDS,
    Budget,
    PathTraffic,
    SelfTest,
    StreamEnd,
    Traffic,
    Window,
)

GRACE = timedelta(seconds=120)
"""How long after its stream ended a pod may still be there: a proxy's shutdown grace period."""

LATENCY_FACTOR = 3.0
LATENCY_FLOOR = 0.1
"""Wall seconds; see `Budget.latency_p99`."""


def budget_for(budgets: Iterable[Budget], step: str, path: str, kind: str) -> Budget:
    """The first budget that fits; without one nothing may be lost."""
    for budget in budgets:
        wanted = ((step, budget.step), (path, budget.path), (kind, budget.kind))
        if all(fnmatchcase(text, pattern) for text, pattern in wanted):
            return budget
    return Budget()


def unknown_budgets(
    budgets: Iterable[Budget],
    *,
    steps: Collection[str],
    paths: Collection[str],
    kinds: Collection[str],
) -> tuple[str, ...]:
    """What budgets name and nothing fits: a budget that never applies is a mistake."""
    named = (
        (what, pattern, known)
        for b in budgets
        for what, pattern, known in (
            ("step", b.step, steps),
            ("path", b.path, paths),
            ("kind", b.kind, kinds),
        )
    )
    return tuple(
        f"{what} {pattern}: there are {', '.join(sorted(known)) or 'none'}"
        for what, pattern, known in named
        if not any(fnmatchcase(text, pattern) for text in known)
    )


def void(traffic: Traffic) -> str:
    """Why no traffic control can be assessed at all; empty when they can."""
    if not traffic.measured:
        return "no traffic was probed"
    if not traffic.self_tests:
        return "the detector was not tested before: no outage was made on purpose"
    if _unseen(traffic):
        return "the detector did not see an outage made on purpose (TRF-02)"
    return ""


def self_test_seen(traffic: Traffic) -> Verdict:
    """Each outage made on purpose was seen, exact to one interval plus lateness (TRF-02)."""
    if not traffic.self_tests:
        return not_assessed("no outage was made on purpose")
    return judged(
        _unseen(traffic),
        holds_as=f"{counted(len(traffic.self_tests), 'outage')} made on purpose, all measured",
        violated_as="An outage made on purpose was not measured: the run is void",
        expected="each found, its ends exact to one interval plus the prober's lateness",
        cause="the machine is too busy for this interval, or the prober was stopped",
        next_command="run again on a quieter machine, or with a longer probe interval",
    )


def _unseen(traffic: Traffic) -> list[Item]:
    paths = {p.path.id: p for p in traffic.paths}
    return [i for t in traffic.self_tests if (i := _self_test(t, paths.get(t.path))) is not None]


def _self_test(test: SelfTest, seen: PathTraffic | None) -> Item | None:
    length = (test.end - test.start).total_seconds()
    subject = f"{length:.3f} s without a listener on path {test.path}, from {_clock(test.start)}"
    if seen is None:
        return Item(subject=subject, expected="an outage", seen="the path was not probed")
    near = [o for o in outages(seen) if o.start <= test.end and o.end >= test.start]
    if not near:
        return Item(subject=subject, expected="an outage", seen="none")
    here = {o.window for o in near}
    lateness = max((s.lateness_max for s in seen.sight if s.window in here), default=0.0)
    slack = seen.path.interval + lateness
    last = max(near, key=lambda o: o.end)
    started = abs((min(o.start for o in near) - test.start).total_seconds())
    ended = abs((last.end - test.end).total_seconds())
    if started <= slack and ended <= slack + last.answer_seconds:
        return None
    return Item(
        subject=subject,
        expected=f"both ends exact to {slack:.3f} s",
        seen=f"start {started:.3f} s off, end {ended:.3f} s off",
    )


def within_budget(traffic: Traffic, budgets: Sequence[Budget] = ()) -> Verdict:
    """No path lost more in any step than its budget allows (TRF-01)."""
    if why := void(traffic):
        return not_assessed(why)
    spans = excuses(traffic)
    items: list[Item] = []
    gaps: list[str] = []
    for seen in traffic.measured:
        judged_items, unjudged = _path_within(traffic, seen, spans, budgets)
        items += judged_items
        gaps += unjudged
    gaps += _unwatched(traffic, spans)
    if not (asked := unprobed.probed(traffic)):
        gaps += [f"path {p.path.id}: {p.path.unavailable}" for p in traffic.measured]
    else:
        gaps += unprobed.promised(traffic, budgets)
    if any(not i.explained for i in items):
        return judged(
            items,
            holds_as="",
            violated_as="Requests were lost beyond the budget",
            expected="no more than each step's budget per path and kind",
            cause="see what happened within a second of each outage in the timeline",
            next_command="rehearse report BUNDLE",
        )
    if gaps:
        return not_assessed("; ".join(gaps))
    return holds(
        f"No path lost more than its budget ({counted(len(asked), 'path')}"
        f"{unprobed.rest(traffic)})",
        seen="; ".join(visibility(traffic)),
        items=items,
    )


def visibility(traffic: Traffic) -> tuple[str, ...]:
    """Per probed path: the smallest outage that was sure to be seen, over all windows."""
    told: list[str] = []
    for seen in unprobed.probed(traffic):
        found = [
            v for w in range(len(traffic.windows)) if (v := smallest_visible(seen, w)) is not None
        ]
        text = f"any outage of {max(found):.3f} s" if found else "nothing"
        told.append(f"path {seen.path.id} would have shown {text}")
    return tuple(told)


def _path_within(
    traffic: Traffic, seen: PathTraffic, spans: Sequence[Span], budgets: Sequence[Budget]
) -> tuple[list[Item], list[str]]:
    """What one path lost, and the reasons why it, or a step of it, could not be judged."""
    name = f"path {seen.path.id} ({seen.path.kind})"
    if seen.path.unavailable:
        return [Item(subject=name, explained=f"not assessed: {seen.path.unavailable}")], []
    counted = cells(seen, spans)
    found = outages(seen, spans)
    items: list[Item] = []
    reasons: list[str] = []
    telling = assessed(counted)
    for place, window in enumerate(traffic.windows):
        cell = counted.get(place, Cell(path=seen.path.id, window=place))
        where = f"{name} in {_step(window)}"
        if cell.excused:
            reasons.append(f"{where}: {cell.excused} samples failed while the control path did")
        if place not in telling:
            items.append(
                Item(subject=where, explained=f"not assessed there: {cell.observed} samples")
            )
            continue
        if cell.failed:
            budget = budget_for(budgets, window.step, seen.path.id, seen.path.kind)
            here = [o for o in found if o.window == place and o.failed > o.excused]
            items.append(_lost(where, cell, here, budget))
    if seen.cut_off:
        last = _clock(seen.runs[-1].last_end) if seen.runs else "its start"
        reasons.append(f"{name}: its prober was killed, nothing was seen after {last}")
    if observed_in_steps(counted) < LEAST_SAMPLES:
        reasons.append(f"{name}: fewer than {LEAST_SAMPLES} samples in all steps together")
    return items, reasons


def _unwatched(traffic: Traffic, spans: Sequence[Span]) -> list[str]:
    """Steps that were long enough to be assessed, and on no path were."""
    interval = min(p.path.interval for p in traffic.measured)
    counted = [cells(p, spans) for p in traffic.measured]
    return [
        f"in {_step(window)} no path had {LEAST_SAMPLES} samples"
        for place, window in enumerate(traffic.windows)
        if (window.end - window.start).total_seconds() > (LEAST_SAMPLES + 1) * interval
        and not any(place in c and c[place].observed >= LEAST_SAMPLES for c in counted)
    ]


def _lost(where: str, cell: Cell, found: Sequence[Outage], budget: Budget) -> Item:
    longest = max((o.counted_seconds for o in found), default=0.0)
    figures = (
        (budget.longest_outage, longest, "longest outage {:g} s"),
        (budget.failed_samples, cell.failed, "failed samples {:g}"),
        (budget.failed_ratio, cell.ratio, "failed ratio {:g}"),
    )
    named = [(limit, value, text) for limit, value, text in figures if limit is not None]
    within = bool(named) and all(value <= limit for limit, value, _ in named)
    allowed = ", ".join(text.format(limit) for limit, _, text in named)
    origin = f" ({budget.origin})" if budget.origin else ""
    told = [
        f"{counted(len(found), 'outage')}, longest {longest:.3f} s"
        if found
        else "the end of an outage of an earlier step",
        f"{cell.failed} of {cell.observed} samples failed",
        *(f"from {_clock(o.start)} to {_clock(o.end)}: {o.first_error}" for o in found[:3]),
    ]
    return Item(
        subject=where,
        expected=(allowed or "no failed sample") + origin,
        seen="; ".join(told),
        explained=f"within the budget: {allowed}{origin}" if within else "",
    )


def streams_end_gracefully(traffic: Traffic, pods: Sequence[PodMoment] | None = None) -> Verdict:
    """Long-lived connections end only gracefully, and only with their own pod (TRF-03).

    Args:
        traffic: What was seen.
        pods: Births and ends of pods; None where nobody watched, then only the way a stream
            ended is judged.
    """
    if why := void(traffic):
        return not_assessed(why)
    streams = [p for p in traffic.measured if p.path.kind in STREAM_KINDS and p.runs]
    if not streams:
        return not_assessed("no long-lived connection was probed")
    spans = excuses(traffic)
    excused = [
        f"path {p.path.id} at {_clock(e.at)}"
        for p in streams
        for e in p.ends
        if _within(e.at, spans)
    ]
    items = [
        Item(subject=f"path {p.path.id}, connection to {e.server or 'a pod'}", expected=w, seen=s)
        for p in streams
        for e in p.ends
        if not _within(e.at, spans)
        for w, s in _abrupt(e, pods)
    ]
    if excused and not items:
        return not_assessed(f"streams ended while the control path failed: {', '.join(excused)}")
    ended = sum(len(p.ends) for p in streams)
    return judged(
        items,
        holds_as=f"{counted(ended, 'end')} of streams on {counted(len(streams), 'path')}, "
        "each graceful and with its pod",
        violated_as="Long-lived streams were cut",
        expected="an end event, a close frame or an end between two messages, as the pod goes",
        cause="the application closes connections at SIGTERM, or its grace period is too short",
        next_command="kubectl get pods -o wide --sort-by=.metadata.creationTimestamp",
    )


def _within(at: datetime, spans: Iterable[Span]) -> bool:
    return any(a <= at <= b for a, b in spans)


def _abrupt(end: StreamEnd, pods: Sequence[PodMoment] | None) -> list[tuple[str, str]]:
    """(expected, seen) where an end was not graceful, or not its own pod's."""
    if end.how != "graceful":
        return [("a graceful end", f"{end.how} at {_clock(end.at)} after {end.age:.1f} s")]
    if pods is None or not end.server:
        return []
    named = [p for p in pods if p.name == end.server]
    if not named or any(p.ended is not None and p.ended <= end.at + GRACE for p in named):
        return []
    return [("to end with its pod", f"ended at {_clock(end.at)}, and the pod went on")]


def identity_on_every_sample(traffic: Traffic) -> Verdict:
    """Every answered sample of a meshed path carried the expected identity (TRF-05)."""
    if why := void(traffic):
        return not_assessed(why)
    chosen = [p for p in traffic.measured if p.path.identity]
    answered = sum(c.answered for p in chosen for c in cells(p).values())
    if not answered:
        return not_assessed("no sample of a path between meshed pods was answered")
    items = [
        Item(
            subject=f"path {seen.path.id} from {_clock(run.first)} to {_clock(run.last)}",
            expected=seen.path.identity,
            seen=f"{run.count} answers to {run.detail or 'no identity'} by {run.server or '?'}",
        )
        for seen in chosen
        for run in seen.runs
        if run.outcome == "wrong identity"
    ]
    return judged(
        items,
        holds_as=f"{answered} answers on {len(chosen)} paths saw the expected identity",
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
    """The 99th percentile stays within its budget in every step (TRF-04).

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
                    subject=f"path {row.path} in {_step(window)}"
                    + (f", server proxy {row.version}" if row.version else ""),
                    expected=f"99 % of answers within {allowed:g} s",
                    seen=f"within {row.p99:g} s ({row.answers} answers)",
                )
            )
    if not items:
        limited = [b for b in budgets if b.latency_p99 is not None]
        if gaps := unprobed.promised(traffic, limited):
            return not_assessed("; ".join(gaps))
        return holds(f"Latency stayed within its budget in {len(rows)} combinations")
    return violated(
        "Latency was worse than its budget",
        expected="99 % of answers within the budget, in every step and for every version pair",
        seen="; ".join(f"{i.subject}: {i.seen}" for i in items[:5]),
        items=items,
        cause="requests waited for discovery, or proxies were short of CPU",
        next_command="linkerd diagnostics proxy-metrics",
    )


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 outage`, `2 outages`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _step(window: Window) -> str:
    return f"{window.step} ({window.hop})" if window.hop else window.step


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S.%f}"[:-3] + "Z"
