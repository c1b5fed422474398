"""The summary on the terminal: what failed, what to run next, where the report is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from fixtures.core.plain_text import visible, without_commands
from reports.formats.grouped import Merged, merged
from reports.formats.wording import (
    counts_line,
    duration,
    explained_line,
    faults,
    next_of_look,
    one_line,
    seen,
    subject,
    surroundings,
    traffic_line,
    until_death,
)
from reports.model.report import Report

WIDTH = 99
ITEMS = 5
"""Items named per finding; the report names more."""
_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


class _Paint:
    """Colour, or none: plain text is what a log file and `NO_COLOR` get."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, *styles: str) -> str:
        if not self._colour or not styles:
            return text
        codes = ";".join(_CODES[s] for s in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"


def render(report: Report, *, colour: bool = False, documents: Iterable[str] = ()) -> str:
    """Render the summary.

    Args:
        report: What to summarise.
        colour: Use colour; whoever calls knows the terminal and `NO_COLOR`.
        documents: Paths of the documents written, the one to open first in front.
    """
    paint = _Paint(colour)
    lines = _head(report, paint)
    for entry in report.failures:
        lines += ["", *_entry(Merged.of(entry), paint, "violated", "red")]
    for told in merged(report.advice):
        lines += ["", *_entry(told, paint, "advice", "yellow")]
    lines += _waived(report, paint)
    lines += _remaining(report, paint)
    lines += _unassessed(report, paint)
    for problem in report.origin.problems:
        lines += ["", paint("note: ", "yellow") + one_line(problem)]
    shown = [visible(path) for path in documents]
    if shown:
        lines += ["", f"report: {shown[0]}", *(f"        {path}" for path in shown[1:])]
    if ahead := next_of_look(report):
        lines += ["", f"{paint('next', 'bold')}: {ahead[0]}"]
        lines += [f"      {one_line(command)}" for command in ahead[1:]]
    return without_commands("\n".join(lines)) + "\n"


def _head(report: Report, paint: _Paint) -> list[str]:
    header, verdict = report.header, report.verdict
    style = {0: "green", 1: "red", 3: "red", 4: "red"}.get(verdict.exit_code, "yellow")
    simulated = paint("  simulated", "yellow") if header.simulated else ""
    explained = f"; {said}" if (said := explained_line(report)) else ""
    lines = [
        f"{paint(verdict.word.upper(), 'bold', style)}  {one_line(subject(report))}{simulated}",
        one_line(verdict.headline),
        f"{counts_line(report)}{explained}",
        paint(f"on {one_line(surroundings(report))}, {duration(header.seconds)}", "dim"),
    ]
    for summary in report.traffic:
        of = "" if len(report.traffic) == 1 else f" of cluster {summary.cluster}"
        short = f" {until_death(summary)}" if summary.cut_short else ""
        told = f"traffic{of}{short}: {summary.void or traffic_line(summary)}"
        lines.append(one_line(told))
    if verdict.reason:
        lines.insert(2, one_line(verdict.reason))
    if told := faults(report):
        lines.insert(1, paint(one_line(told), "yellow"))
    return lines


def _entry(told: Merged, paint: _Paint, word: str, style: str) -> list[str]:
    entry = told.entry
    lines = [f"{paint(f'{word} {entry.control}', 'bold', style)}  {one_line(entry.summary)}"]
    pairs = (
        ("follows from", entry.follows),
        ("where", told.where),
        ("expected", entry.expected),
        ("seen", seen(entry)),
        ("likely cause", entry.cause),
        ("next", entry.next_command),
    )
    for name, text in pairs:
        if text:
            shown = one_line(text)
            lines += [f"  {name:<13} {shown}"] if name == "next" else _wrapped(name, shown)
    lines += [
        f"    - {one_line(i.subject)}: {one_line(i.seen)}{f' ({at})' if at else ''}"
        for i, at in told.items[:ITEMS]
    ]
    if (rest := len(told.items) - ITEMS) > 0:
        lines.append(f"    - and {rest} more, in the report")
    return lines


def _wrapped(name: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        width=WIDTH,
        initial_indent=f"  {name:<13} ",
        subsequent_indent=" " * 16,
        break_long_words=False,
        break_on_hyphens=False,
        max_lines=4,
        placeholder=" ...",
    )


def _waived(report: Report, paint: _Paint) -> list[str]:
    """Return each waived control with who answers for it, until when and why; one a line."""
    told = dict.fromkeys((e.control, one_line(e.waiver or e.reason)) for e in report.waived)
    lines = [
        f"{paint(f'waived {control}', 'bold', 'yellow')}  {textwrap.shorten(said, 2 * WIDTH)}"
        for control, said in told
    ]
    return ["", *lines] if lines else []


def _remaining(report: Report, paint: _Paint) -> list[str]:
    """Return what remains to be renewed, by whom; one a line."""
    lines = [
        f"  {one_line(r.subject)}: {r.pods} at {one_line(r.version)}, by {one_line(r.by)}"
        for r in report.remaining[:ITEMS]
    ]
    if len(report.remaining) > ITEMS:
        lines.append(f"  and {len(report.remaining) - ITEMS} more, in the report")
    return ["", paint("remains to be renewed", "bold"), *lines] if lines else []


def _unassessed(report: Report, paint: _Paint) -> list[str]:
    """Return controls that were not assessed, grouped by the reason; first what is required."""
    groups: dict[tuple[bool, str], list[str]] = {}
    for entry in report.unassessed:
        groups.setdefault((not entry.required, entry.reason), []).append(entry.control)
    for unfound in report.without_finding:
        groups.setdefault((not unfound.required, unfound.reason), []).append(unfound.control)
    lines = ["", paint("not assessed", "bold")] if groups else []
    for (optional, reason), controls in sorted(groups.items()):
        names = ", ".join(dict.fromkeys(controls))
        wrapped = textwrap.wrap(
            f"{'' if optional else 'required  '}{names}: {one_line(reason)}",
            width=WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
            break_on_hyphens=False,
            max_lines=6,
            placeholder=" ...",
        )
        if not optional:
            wrapped[0] = wrapped[0].replace("required", paint("required", "yellow"), 1)
        lines += wrapped
    return lines
