"""Annotations for GitHub Actions: a violated blocker is an error, violated advice a warning."""

from __future__ import annotations

from fixtures.core.plain_text import harmless
from reports.formats.wording import occasion, where
from reports.model.report import Entry, Report

LIMIT = 10
"""Annotations of one level that GitHub shows per step; a last one says how many there are more."""


def render(report: Report) -> str:
    """Render the workflow commands, one a line; a single notice when there is nothing to say."""
    label = " (simulated)" if report.header.simulated else ""
    lines = [
        *_several("error", report.failures, label),
        *_several("warning", report.advice, label),
    ]
    word = report.verdict.word
    level = "notice" if report.verdict.exit_code == 0 else "error"
    if level == "notice" or not report.failures:
        text = " ".join(t for t in (report.verdict.headline, report.verdict.reason) if t)
        lines.append(_command(level, f"{occasion(report)}: {word}{label}", text))
    return "".join(line + "\n" for line in lines)


def _several(level: str, entries: tuple[Entry, ...], label: str) -> list[str]:
    shown = entries if len(entries) <= LIMIT else entries[: LIMIT - 1]
    lines = [_command(level, f"{e.control} {e.title}{label}", _message(e)) for e in shown]
    rest = [e.control for e in entries[len(shown) :]]
    if rest:
        lines.append(_command(level, f"{len(rest)} more{label}", ", ".join(rest)))
    return lines


def _message(entry: Entry) -> str:
    pairs = (
        ("where", where(entry)),
        ("expected", entry.expected),
        ("seen", entry.seen),
        ("likely cause", entry.cause),
        ("follows from", entry.follows),
        ("next", entry.next_command),
    )
    return "\n".join([entry.summary, *(f"{name}: {text}" for name, text in pairs if text)])


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return harmless(text.replace("\r\n", "\n")).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
