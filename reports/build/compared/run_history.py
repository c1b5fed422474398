"""From the reports of many runs to their history: pure, the same runs give the same history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from policies.verdicts.findings import Status
from reports.build.compared.figures import FINISHED, alike, figures
from reports.build.compared.verdicts import rank
from reports.model.report import Entry, Report
from reports.model.run_diff import Measured
from reports.model.run_history import ControlTrend, Group, RunHistory, RunPoint

TURNS = 2
"""Changes of a verdict from which on it is flaky: one may be a fix or a regression."""


def build(
    reports: Iterable[Report], folder: str = "", left_out: Sequence[tuple[str, str]] = ()
) -> RunHistory:
    """Group runs that are alike, in order of time."""
    grouped: dict[tuple[object, ...], list[Report]] = {}
    for report in sorted(reports, key=lambda r: (r.header.started, r.header.run)):
        grouped.setdefault(alike(report), []).append(report)
    ordered = list(grouped.values())
    groups = [_group(runs, ordered[:n]) for n, runs in enumerate(ordered)]
    groups.sort(key=lambda g: g.runs[-1].started, reverse=True)
    return RunHistory(
        folder=folder,
        groups=tuple(groups),
        left_out=tuple(f"{name}: {why}" for name, why in left_out),
    )


def _group(runs: Sequence[Report], earlier: Sequence[Sequence[Report]]) -> Group:
    header = runs[-1].header
    judged = [r for r in runs if r.verdict.word in FINISHED]
    trends = _trends(runs, judged)
    return Group(
        suite=header.suite,
        source=header.source,
        destination=header.destination,
        target=header.target,
        simulated=header.simulated,
        kubernetes=header.kubernetes,
        apart=_apart(runs[0], earlier),
        runs=tuple(_point(r) for r in runs),
        controls=tuple(t for t in trends if t.turns),
        steady=sum(not t.turns for t in trends),
    )


def _apart(report: Report, earlier: Sequence[Sequence[Report]]) -> tuple[str, ...]:
    """Return scenario keys that are others than in the last group of this suite and path."""

    def way(one: Report) -> tuple[str, ...]:
        header = one.header
        return header.suite, header.source, header.destination, header.target, header.kubernetes

    for runs in reversed(earlier):
        if way(runs[0]) == way(report):
            one, other = dict(runs[0].scenario), dict(report.scenario)
            keys = dict.fromkeys((*one, *other))
            return tuple(k for k in keys if k != "out" and one.get(k) != other.get(k))
    return ()


def _point(report: Report) -> RunPoint:
    header, counts = report.header, report.counts
    lost = _sum(report, "lost requests")
    return RunPoint(
        run=header.run,
        started=header.started,
        word=report.verdict.word,
        exit_code=report.verdict.exit_code,
        version=header.version,
        violated=counts.blocker.violated,
        not_assessed=counts.of("not assessed"),
        lost=None if lost is None else int(lost),
        gap=_sum(report, "injection gap"),
        seconds=_sum(report, "duration"),
        sealed=report.origin.sealed,
    )


def _sum(report: Report, what: Measured) -> float | None:
    values = [v for (name, _), v in figures(report).items() if name == what]
    return round(sum(values), 3) if values else None


def _trends(runs: Sequence[Report], judged: Sequence[Report]) -> list[ControlTrend]:
    """Return every control's trend, flaky ones first; only finished runs turn a verdict."""
    worst = [_worst(r) for r in runs]
    telling = [w for r, w in zip(runs, worst, strict=True) if r in judged]
    shown = {control: entry for each in worst for control, entry in each.items()}
    trends = [
        _trend(entry, [w.get(c) for w in worst], [w.get(c) for w in telling])
        for c, entry in shown.items()
    ]
    return sorted(trends, key=lambda t: (not t.flaky, -t.turns, t.control))


def _trend(
    entry: Entry, found: Sequence[Entry | None], telling: Sequence[Entry | None]
) -> ControlTrend:
    verdicts = [e.status for e in telling if e is not None]
    turns = sum(a != b for a, b in pairwise(verdicts))
    statuses: tuple[Status | None, ...] = tuple(e.status if e else None for e in found)
    return ControlTrend(
        control=entry.control,
        title=entry.title,
        severity=entry.severity,
        statuses=statuses,
        turns=turns,
        flaky=turns >= TURNS,
    )


def _worst(report: Report) -> dict[str, Entry]:
    worst: dict[str, Entry] = {}
    for entry in report.findings:
        if entry.control not in worst or rank(entry) < rank(worst[entry.control]):
            worst[entry.control] = entry
    return worst
