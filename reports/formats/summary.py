"""The summary of a run as Markdown: for a step of GitHub Actions, a merge request of GitLab.

The verdict comes first, then what violated it, what advises, and every control by its status. Its
size is bounded, so that it fits into a step's summary (1 MiB) whatever the ledger holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from policies.verdicts.findings import Severity, Status
from policies.verdicts.wording import number
from reports.formats.markdown import code, told
from reports.formats.wording import (
    duration,
    faults,
    occasion,
    seen,
    subject,
    traffic_line,
    where,
)
from reports.model.report import Entry, Report

ENTRIES = 10
"""Findings of one severity that are told; the rest is named."""
ITEMS = 5
CONTROLS = 100
"""Controls named per status."""
ADVISORIES = "PRE-08"
"""The control whose items are the advisories of the hop."""
_MARKS = {0: "\u2705", 1: "\u274c"}


def render(report: Report) -> str:
    """Render the summary; every line begins with markup of ours, never with text of anybody."""
    advice = [e for e in report.advice if e.control != ADVISORIES]
    advisories = [e for e in report.advice if e.control == ADVISORIES]
    lines = [
        *_head(report),
        *_several("Violated", report.failures),
        *_several("Advice", advice),
        *_advisories(advisories),
        *_by_status(report),
        *_origin(report),
    ]
    return "\n".join(lines) + "\n"


def _head(report: Report) -> list[str]:
    verdict, header = report.verdict, report.header
    mark = _MARKS.get(verdict.exit_code, "\u26a0\ufe0f")
    simulated = ", simulated" if header.simulated else ""
    lines = [
        f"## {mark} {occasion(report)}: {verdict.word}{simulated}",
        "",
        f"**{told(verdict.headline)}**",
        "",
        f"- what: {told(subject(report))}",
        *([f"- why: {told(verdict.reason)}"] if verdict.reason else []),
        *([f"- faults: {told(said)}"] if (said := faults(report)) else []),
        f"- where: {told(header.target_name or header.target)},"
        f" Kubernetes {told(header.kubernetes) or 'unknown'}",
        f"- took: {duration(header.seconds)}",
    ]
    lines += [f"- traffic: {told(t.void or traffic_line(t))}" for t in report.traffic[:ENTRIES]]
    return [*lines, "", *_counts(report)]


def _counts(report: Report) -> list[str]:
    statuses: tuple[Status, ...] = get_args(Status)
    severities: tuple[Severity, ...] = get_args(Severity)
    rows = [
        f"| {severity} | {' | '.join(str(report.counts.number(severity, s)) for s in statuses)} |"
        for severity in severities
    ]
    return [f"| | {' | '.join(statuses)} |", "|---|" + "---:|" * len(statuses), *rows]


def _several(title: str, entries: Sequence[Entry]) -> list[str]:
    if not entries:
        return []
    lines = ["", f"### {title}"]
    for entry in entries[:ENTRIES]:
        lines += ["", *_entry(entry)]
    if rest := entries[ENTRIES:]:
        lines += ["", f"- {number(len(rest), 'finding')} more: {_named(rest)}"]
    return lines


def _entry(entry: Entry) -> list[str]:
    pairs = (
        ("follows from", told(entry.follows)),
        ("where", told(where(entry))),
        ("expected", told(entry.expected)),
        ("seen", told(seen(entry))),
        ("likely cause", told(entry.cause)),
        ("next", code(entry.next_command)),
    )
    items = entry.violations
    lines = [f"- **{told(entry.control)}** {told(entry.summary)}"]
    lines += [f"  - {name}: {text}" for name, text in pairs if text]
    lines += [f"  - {code(i.subject)}: {told(i.seen)}" for i in items[:ITEMS]]
    if len(items) > ITEMS:
        lines.append(f"  - and {number(len(items) - ITEMS, 'item')} more, in the report")
    return lines


def _advisories(entries: Sequence[Entry]) -> list[str]:
    items = list(dict.fromkeys(i for e in entries for i in e.violations))
    if not items:
        return []
    shown = [f"- {told(i.subject)}: {told(i.seen)}" for i in items[: 2 * ENTRIES]]
    if len(items) > len(shown):
        shown.append(f"- and {len(items) - len(shown)} more, in the report")
    return ["", f"### {number(len(items), 'advisory', 'advisories')} to acknowledge", "", *shown]


def _by_status(report: Report) -> list[str]:
    lines: list[str] = []
    for status in get_args(Status):
        entries = [e for e in report.findings if e.status == status]
        if entries:
            lines += _folded(f"{status}: {number(len(entries), 'finding')}", _reasons(entries))
    if missing := report.without_finding:
        told_of = [f"- {told(u.control)} {told(u.title)}: {told(u.reason)}" for u in missing]
        lines += _folded(f"no finding: {number(len(missing), 'control')}", told_of[:CONTROLS])
    return lines


def _folded(title: str, lines: Iterable[str]) -> list[str]:
    return ["", f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _reasons(entries: Sequence[Entry]) -> list[str]:
    """Return controls with their titles, or under the reason that they share."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.waiver or entry.reason, []).append(entry)
    lines: list[str] = []
    for reason, found in groups.items():
        if reason:
            lines.append(f"- {_named(found)}: {told(reason)}")
        else:
            titles = dict.fromkeys((e.control, e.title) for e in found)
            lines += [f"- {told(control)} {told(title)}" for control, title in titles]
    rest = len(lines) - CONTROLS
    return lines if rest <= 0 else [*lines[:CONTROLS], f"- and {rest} more, in the report"]


def _named(entries: Iterable[Entry]) -> str:
    controls = list(dict.fromkeys(e.control for e in entries))
    more = f" and {len(controls) - CONTROLS} more" if len(controls) > CONTROLS else ""
    return ", ".join(told(c, 40) for c in controls[:CONTROLS]) + more


def _origin(report: Report) -> list[str]:
    problems = [f"- note: {told(p)}" for p in report.origin.problems[:ENTRIES]]
    sealed = f"sealed, digest {code(report.origin.manifest_digest)}"
    return [
        "",
        f"- run {code(report.header.run)}, {sealed if report.origin.sealed else 'never sealed'}",
        *problems,
    ]
