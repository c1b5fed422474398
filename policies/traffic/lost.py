"""Requests lost, judged against budgets (TRF-01), with what happened beside each outage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from policies.facts.traffic import Budget, PathTraffic, Traffic, Window
from policies.traffic import away, unprobed
from policies.traffic.beside import AWAY, Beside, happened, pair
from policies.traffic.budgeting import budget_for
from policies.traffic.outages import (
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
from policies.traffic.self_test import void
from policies.traffic.unanswered import never_answered
from policies.verdicts.findings import Item, Verdict, holds, judged, not_assessed
from policies.verdicts.moments import Clock
from policies.verdicts.wording import number

TOO_SLOW = "this machine was too slow for the simulated cluster to answer: try a lower --speed"
"""Said of what nobody can judge for that reason."""
TOO_FEW = "not assessed there: too few samples"
"""Said of a path in a step that saw less of it than `LEAST_SAMPLES`."""
CAUSES = 3
"""Outages whose surroundings a finding tells; the report's table has all."""


def within_budget(
    traffic: Traffic, budgets: Sequence[Budget] = (), beside: Beside | None = None
) -> Verdict:
    """Judge whether no path lost more in any step than its budget allows (TRF-01).

    Args:
        traffic: What was seen.
        budgets: The scenario's, in the order they are asked.
        beside: What else was seen; without it no cause is named and nothing is explained by one.
    """
    around = beside or Beside()
    if why := void(traffic):
        return not_assessed(why)
    spans = excuses(traffic)
    items: list[Item] = []
    silent = never_answered(traffic)
    gaps = list(silent.values())
    for seen in traffic.measured:
        if seen.path.id in silent:
            continue
        judged_items, unjudged = _path_within(traffic, seen, spans, budgets, around)
        items += judged_items
        gaps += unjudged
    gaps += _unwatched(traffic, spans)
    shown = any(i.explained.startswith(AWAY) for i in items)
    if not shown and (why := away.unseen(traffic)):
        items.append(Item(subject=AWAY, explained=f"not assessed: {why}"))
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
            cause=_cause(traffic, spans, around, items),
            next_command="read the Episodes table in report.html (report.html#episodes): each "
            "outage with its bounds and what happened beside it",
        )
    if gaps:
        return not_assessed("; ".join(gaps))
    return holds(
        f"No path lost more than its budget ({number(len(asked), 'path')}"
        f"{unprobed.rest(traffic)}){_away_told(items)}",
        seen="; ".join(visibility(traffic)),
        items=items,
    )


def visibility(traffic: Traffic) -> tuple[str, ...]:
    """Return, per probed path, the smallest outage that was sure to be seen, over all windows."""
    told: list[str] = []
    for seen in unprobed.probed(traffic):
        found = [
            v for w in range(len(traffic.windows)) if (v := smallest_visible(seen, w)) is not None
        ]
        text = f"any outage of {max(found):.3f} s" if found else "nothing"
        told.append(f"path {seen.path.id} would have shown {text}")
    return tuple(told)


def _path_within(
    traffic: Traffic,
    seen: PathTraffic,
    spans: Sequence[Span],
    budgets: Sequence[Budget],
    around: Beside,
) -> tuple[list[Item], list[str]]:
    """Return what one path lost, and why it, or a step of it, could not be judged."""
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
        where = f"{name} in {step_of(window)}"
        if cell.excused:
            reasons.append(f"{where}: {cell.excused} samples failed while the control path did")
        starved = sum(r.count for r in seen.runs if r.outcome == "starved" and r.window == place)
        if starved:
            reasons.append(f"{where}: {starved} requests were given up; {TOO_SLOW}")
        if place not in telling:
            items.append(
                Item(subject=where, seen=number(cell.observed, "sample"), explained=TOO_FEW)
            )
            continue
        if cell.failed:
            budget = budget_for(budgets, window.step, seen.path.id, seen.path.kind)
            here = [o for o in found if o.window == place and o.failed > o.excused]
            item = _lost(where, cell, here, budget, around.clock)
            if not item.explained:
                near = [o for o in found if o.start < window.end and o.end >= window.start]
                item = replace(item, explained=away.why(near, seen, around))
            items.append(item)
    if seen.cut_off:
        last = around.clock.say(seen.runs[-1].last_end) if seen.runs else "its start"
        reasons.append(f"{name}: its prober was killed, nothing was seen after {last}")
    if observed_in_steps(counted) < LEAST_SAMPLES:
        reasons.append(f"{name}: fewer than {LEAST_SAMPLES} samples in all steps together")
    return items, reasons


def _unwatched(traffic: Traffic, spans: Sequence[Span]) -> list[str]:
    """Return steps that were long enough to be assessed, and on no path were."""
    interval = min(p.path.interval for p in traffic.measured)
    counted = [cells(p, spans) for p in traffic.measured]
    return [
        f"in {step_of(window)} no path had {LEAST_SAMPLES} samples"
        for place, window in enumerate(traffic.windows)
        if (window.end - window.start).total_seconds() > (LEAST_SAMPLES + 1) * interval
        and not any(place in c and c[place].observed >= LEAST_SAMPLES for c in counted)
    ]


def _lost(where: str, cell: Cell, found: Sequence[Outage], budget: Budget, clock: Clock) -> Item:
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
        f"{number(len(found), 'outage')}, longest {longest:.3f} s"
        if found
        else "the end of an outage of an earlier step",
        f"{cell.failed} of {cell.observed} samples failed",
        *(f"from {clock.say(o.start)} to {clock.say(o.end)}: {o.first_error}" for o in found[:3]),
    ]
    return Item(
        subject=where,
        expected=(allowed or "no failed sample") + origin,
        seen="; ".join(told),
        explained=f"within the budget: {allowed}{origin}" if within else "",
    )


def step_of(window: Window) -> str:
    """Return a step as findings name it: with its hop."""
    return f"{window.step} ({window.hop})" if window.hop else window.step


def _cause(traffic: Traffic, spans: Sequence[Span], around: Beside, items: Iterable[Item]) -> str:
    """Tell what happened beside the first outages that violate: step, pods, version pair."""
    bad = {i.subject for i in items if not i.explained}
    found = sorted(
        (
            (outage, seen)
            for seen in traffic.measured
            for outage in outages(seen, spans)
            if outage.failed > outage.excused and 0 <= outage.window < len(traffic.windows)
        ),
        key=lambda pair: pair[0].start,
    )
    told: list[str] = []
    for outage, seen in found:
        step = step_of(traffic.windows[outage.window])
        if f"path {seen.path.id} ({seen.path.kind}) in {step}" in bad:
            told.append(
                f"{around.clock.say(outage.start)} in {step}, {pair(outage, seen, around)}: "
                f"{happened(outage, seen, around)}"
            )
    more = len(told) - CAUSES
    rest = f"; and {number(more, 'outage')} more" if more > 0 else ""
    return ("; ".join(told[:CAUSES]) or "an outage that began between two steps") + rest


def _away_told(items: Iterable[Item]) -> str:
    """Return what a verdict that holds says of discovery that was away."""
    count = sum(i.explained.startswith(AWAY) for i in items)
    told = number(count, "path and step", "paths and steps")
    return f"; {AWAY} for {told}, explained" if count else ""
