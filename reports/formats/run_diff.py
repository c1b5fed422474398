"""The difference of two runs as text, HTML and JSON: what got worse first, noise last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

import msgspec

from policies.verdicts.wording import number
from reports.formats.html import environment
from reports.formats.wording import duration, one_line, path_of
from reports.model.run_diff import (
    ControlChange,
    Direction,
    ItemChange,
    Measure,
    RunDiff,
    Setting,
)

WIDTH = 96
SHOWN = 20
"""Changes of one kind that text names; HTML and JSON have all."""
ORDER: Sequence[Direction] = ("worse", "better", "changed", "noise")
REQUESTS = "lost requests"
_HOP = re.compile(r"(hop \d+): [^,]*")
Change = ControlChange | ItemChange | Measure


def text(diff: RunDiff) -> str:
    """Render for a terminal."""
    lines = [headline(diff), *_sides(diff), ""]
    own, several = consequences(diff.controls)
    for direction in ORDER[:3]:
        moved = (c for c in (*own, *diff.items, *diff.measures) if c.direction == direction)
        lines += _several(direction, [told(c) for c in moved])
    for reason, found in several.items():
        names = ", ".join(dict.fromkeys(c.control for c in found))
        title = f"no longer assessed, {number(len(found), 'control')}: {one_line(reason)}"
        lines += [title, *wrap(names, WIDTH, initial_indent="  ", subsequent_indent="  ")]
    lines += _several("set or run otherwise", [setting(s) for s in diff.settings])
    lines += _several("noise", [told(c) for c in of(diff, "noise")])
    lines += _several("not compared", diff.not_compared)
    return "\n".join(lines).rstrip() + "\n"


def html(diff: RunDiff) -> str:
    """Render one HTML file without scripts or remote assets."""
    own, several = consequences(diff.controls)
    return (
        environment()
        .get_template("run_diff.html.j2")
        .render(
            diff=diff,
            headline=headline(diff),
            word=word(diff),
            controls=own,
            several=several,
            items=sorted(diff.items, key=lambda i: not i.new),
            moved=[m for m in diff.measures if m.direction not in ("noise", "same")],
            alike=[m for m in diff.measures if m.direction in ("noise", "same")],
            figure=figure,
            allowed=allowed,
        )
    )


def as_json(diff: RunDiff) -> str:
    """Render the model itself, with what it comes to."""
    counted = {"worse": diff.worse, "better": diff.better, "noise": diff.noise}
    return (
        msgspec.json.format(
            msgspec.json.encode({**msgspec.to_builtins(diff), "counts": counted}), indent=1
        ).decode()
        + "\n"
    )


def headline(diff: RunDiff) -> str:
    """Return what it comes to, in one sentence."""
    if diff.is_empty:
        said = "Nothing differs"
    elif not diff.worse and not diff.better:
        said = "Nothing got worse or better"
    else:
        said = f"{_counted(diff, 'worse')} got worse, {_counted(diff, 'better')} got better"
    noise = f"; {number(diff.noise, 'figure')} within what is noise" if diff.noise else ""
    return f"{said}{noise}."


def _counted(diff: RunDiff, direction: Direction) -> str:
    """Count what went one way, each unit by itself: `2 controls, 1 item`."""
    counted = (
        (diff.controls, "control"),
        (diff.items, "violated item"),
        (diff.measures, "figure"),
    )
    numbers = ((sum(e.direction == direction for e in every), unit) for every, unit in counted)
    return ", ".join(number(n, unit) for n, unit in numbers if n) or "nothing"


def consequences(
    controls: Iterable[ControlChange],
) -> tuple[list[ControlChange], dict[str, list[ControlChange]]]:
    """Return the changes that stand by themselves, and those for one reason, by the reason.

    What is not assessed after several controls for the same reason (`blocked by PRN-01`) is one
    thing to a reader.
    """
    own: list[ControlChange] = []
    shared: dict[str, list[ControlChange]] = {}
    for change in controls:
        if change.after == "not assessed" and change.direction == "worse" and change.said_after:
            shared.setdefault(change.said_after, []).append(change)
        else:
            own.append(change)
    alone = [c for found in shared.values() if len(found) == 1 for c in found]
    several = {reason: found for reason, found in shared.items() if len(found) > 1}
    return sorted([*own, *alone], key=lambda c: ORDER.index(c.direction)), several


def word(diff: RunDiff) -> str:
    """Return the class that colours the page."""
    return "violated" if diff.worse else "holds"


def of(diff: RunDiff, direction: Direction) -> Iterator[Change]:
    """Yield everything that went one way."""
    every: tuple[Change, ...] = (*diff.controls, *diff.items, *diff.measures)
    return (each for each in every if each.direction == direction)


def place(where: str) -> str:
    """Return a place with its hop's number alone."""
    return _HOP.sub(r"\1", where)


def told(change: Change) -> str:
    """Return one change as a sentence."""
    if isinstance(change, ControlChange):
        said = change.said_after or change.said_before
        return (
            f"{change.control} {change.before or 'no finding'} -> {change.after or 'no finding'}"
            f" ({change.severity}, {place(change.where)}): {one_line(said)}"
        )
    if isinstance(change, ItemChange):
        state = "new" if change.new else "gone"
        return (
            f"{change.control} {state} ({place(change.where)}):"
            f" {one_line(change.subject)}: {one_line(change.seen)}"
        )
    return (
        f"{change.what} ({place(change.where)}): {figure(change, change.before)} ->"
        f" {figure(change, change.after)}, {allowed(change)}"
    )


def setting(changed: Setting) -> str:
    """Return one setting as a sentence."""
    return (
        f"{changed.kind} {one_line(changed.key)}:"
        f" {one_line(changed.before) or '-'} -> {one_line(changed.after) or '-'}"
    )


def figure(measure: Measure, value: float) -> str:
    """Return a figure with its unit."""
    return f"{value:.0f}" if measure.what == REQUESTS else duration(value)


def allowed(measure: Measure) -> str:
    """Return the band of a measure, and where it comes from."""
    band = measure.band
    return (
        f"the same within {figure(measure, band.low)} to {figure(measure, band.high)}"
        f" ({band.origin})"
    )


def _sides(diff: RunDiff) -> Iterator[str]:
    for name, side in (("before", diff.before), ("after", diff.after)):
        way = path_of(side.suite, side.source, side.destination)
        simulated = ", simulated" if side.simulated else ""
        yield (
            f"  {name:<7} {one_line(side.run)}: {one_line(way)} on {one_line(side.target)}"
            f"{simulated}: {side.word}"
        )


def _several(title: str, lines: Iterable[str]) -> list[str]:
    every = list(lines)
    if not every:
        return []
    shown = [
        piece
        for each in every[:SHOWN]
        for piece in wrap(each, WIDTH, initial_indent="  ", subsequent_indent="    ")
    ]
    rest = len(every) - SHOWN
    more = [f"  and {rest} more, all of them with -o json"] if rest > 0 else []
    return [f"{title}  {len(every)}", *shown, *more]
