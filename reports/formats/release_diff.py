"""The difference of two releases as text, HTML, JSON and Markdown, for the review of a bump."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

import msgspec

from policies.planning.computed import RULES, told
from policies.verdicts.wording import number
from reports.formats.html import environment
from reports.formats.markdown import told as literal

if TYPE_CHECKING:
    from policies.planning.advisories import AdvisoryResult
    from policies.releases.comparison import Change
    from reports.model.release_diff import ReleaseDiff

WIDTH = 96
SHOWN = 20
"""Changes of one kind that text and Markdown name; HTML and JSON have all."""
STATES = ("applies", "read this", "does not apply")


def text(diff: ReleaseDiff) -> str:
    """Render for a terminal."""
    lines = [_headline(diff), *_knowledge(diff), ""]
    for kind, changes in _by_kind(diff.changes):
        lines.append(f"{kind}  {len(changes)}")
        for change in changes[:SHOWN]:
            lines += wrap(
                f"{change.place}: {told(change)}",
                WIDTH,
                initial_indent="  ",
                subsequent_indent="    ",
            )
        lines += _rest(changes, "  ")
    lines += ["", *_advised(diff)]
    lines += [f"not compared: {each}" for each in diff.not_compared]
    return "\n".join(lines).rstrip() + "\n"


def html(diff: ReleaseDiff) -> str:
    """Render one HTML file without scripts or remote assets."""
    return (
        environment()
        .get_template("release_diff.html.j2")
        .render(
            diff=diff,
            headline=_headline(diff),
            kinds=[(kind, changes) for kind, changes in _by_kind(diff.changes)],
            results=_ordered(diff.advisories),
            told=told,
        )
    )


def as_json(diff: ReleaseDiff) -> str:
    """Render the model itself."""
    return msgspec.json.format(msgspec.json.encode(diff), indent=1).decode() + "\n"


def markdown(diff: ReleaseDiff) -> str:
    """Render for the summary of a CI step."""
    lines = [f"### {literal(_headline(diff))}", ""]
    for kind, changes in _by_kind(diff.changes):
        lines.append(f"<details><summary>{kind}: {len(changes)}</summary>\n")
        lines += [f"- {c.place}: {literal(told(c))}" for c in changes[:SHOWN]]
        lines += [*_rest(changes, "- "), "\n</details>"]
    lines += ["", "| advisory | state | seen |", "|---|---|---|"]
    lines += [
        f"| {literal(f'{r.id}: {r.title}')} | {r.state} | {literal(r.seen)} |"
        for r in _ordered(diff.advisories)
        if r.state != "does not apply"
    ]
    return "\n".join(lines) + "\n"


def _headline(diff: ReleaseDiff) -> str:
    return (
        f"{diff.source} ({diff.source_logical or '?'}) -> {diff.destination} "
        f"({diff.destination_logical or '?'}): {number(len(diff.changes), 'change')}, "
        f"{number(len(diff.advisories), 'advisory', 'advisories')}"
        f"{f', asked of {diff.cluster}' if diff.cluster else ''}"
    )


def _knowledge(diff: ReleaseDiff) -> Iterator[str]:
    yield f"release knowledge: {', '.join(map(str, diff.knowledge))}"


def _by_kind(changes: Iterable[Change]) -> Iterator[tuple[str, list[Change]]]:
    order = list(RULES)
    ordered = sorted(changes, key=lambda c: order.index(c.kind))
    for kind, part in groupby(ordered, key=lambda c: c.kind):
        yield kind, list(part)


def _rest(changes: list[Change], indent: str) -> list[str]:
    more = len(changes) - SHOWN
    return [f"{indent}and {more} more, all of them with -o json"] if more > 0 else []


def _ordered(results: Iterable[AdvisoryResult]) -> list[AdvisoryResult]:
    return sorted(
        results, key=lambda r: (STATES.index(r.state), "XMOI".index(r.advisory.severity))
    )


def _advised(diff: ReleaseDiff) -> Iterator[str]:
    yield f"advisories  {len(diff.advisories)}"
    for result in _ordered(diff.advisories):
        if result.state == "does not apply":
            continue
        label = f"  {result.state:<10} {result.advisory.severity} "
        yield from wrap(
            f"{result.id}: {result.title} ({result.seen})",
            WIDTH,
            initial_indent=label,
            subsequent_indent=" " * len(label),
        )
