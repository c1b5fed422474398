"""The history of many runs as one HTML page, text and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from markupsafe import Markup

from policies.verdicts.wording import number
from reports.formats import svg
from reports.formats.html import environment
from reports.formats.wording import duration, one_line, path_of, utc
from reports.model.run_history import Group, RunHistory, RunPoint

MOST = 60
"""Newest runs of a group that are drawn and listed; JSON has all."""
HEIGHT = 44.0
"""Pixels of one row of bars."""
SIGNS = {
    "holds": "+",
    "violated": "X",
    "not assessed": "?",
    "not applicable": "o",
    "waived": "~",
    None: ".",
}
"""Verdicts in the one character that text has for each."""
LEGEND = "  " + ", ".join(f"{sign} {status or 'no finding'}" for status, sign in SIGNS.items())


def text(history: RunHistory) -> str:
    """Render for a terminal."""
    lines = [headline(history)]
    for group in history.groups:
        lines += ["", title(group), *_rows(group)]
        for trend in group.controls:
            signs = "".join(SIGNS[s] for s in trend.statuses[-MOST:])
            state = "flaky" if trend.flaky else "changed"
            lines.append(f"  {state:<8} {trend.control:<7} {signs}  {one_line(trend.title)}")
        if group.controls:
            lines.append(
                "  + holds, X violated, ? not assessed, o not applicable, ~ waived, . none"
            )
    lines += [f"left out: {one_line(each)}" for each in history.left_out]
    return "\n".join(lines) + "\n"


def html(history: RunHistory) -> str:
    """Render one HTML file without scripts or remote assets."""
    return (
        environment()
        .get_template("run_history.html.j2")
        .render(
            history=history,
            headline=headline(history),
            title=title,
            most=MOST,
            drawing=drawing,
        )
    )


def as_json(history: RunHistory) -> str:
    """Render the model itself."""
    return msgspec.json.format(msgspec.json.encode(history), indent=1).decode() + "\n"


def headline(history: RunHistory) -> str:
    """Return what it comes to, in one sentence."""
    flaky = list(dict.fromkeys(c.control for c in history.flaky))
    said = f"flaky: {', '.join(flaky)}" if flaky else "no control is flaky"
    groups = number(len(history.groups), "group")
    return f"{number(history.runs, 'run')} in {groups} of runs that are alike; {said}."


def title(group: Group) -> str:
    """Return what the runs of a group have in common."""
    way = path_of(group.suite, group.source, group.destination)
    simulated = ", simulated" if group.simulated else ""
    return (
        f"{one_line(way)} on {one_line(group.target)}{simulated},"
        f" Kubernetes {one_line(group.kubernetes) or 'unknown'}: {number(len(group.runs), 'run')}"
    )


def drawing(group: Group) -> Markup:
    """Draw the figures of a group's runs as bars, one column per run, oldest on the left.

    One run is no trend: nothing is drawn.
    """
    runs = group.runs[-MOST:]
    if len(runs) < 2:
        return Markup("")
    rows = (
        ("Lost requests", [r.lost for r in runs], "unmeshed", "{:.0f}".format),
        ("Injection gap", [r.gap for r in runs], "refused", duration),
        ("Duration", [r.seconds for r in runs], "v4", duration),
    )
    parts: list[Markup] = []
    top = 0.0
    for name, values, style, unit in rows:
        known = [v for v in values if v is not None]
        if not known:
            continue
        least, most = unit(min(known)), unit(max(known))
        said = f"{name}: {least} to {most}" if least != most else f"{name}: {most} each time"
        parts.append(svg.text("0", top + 12, said, style="lane"))
        parts += _bars(runs, values, max(known), top + 18, style, unit)
        top += HEIGHT + 26
    if not parts:
        return Markup("")
    return svg.figure(top, "Trend", f"{title(group)}; the table has the same figures", parts)


def _bars(
    runs: Sequence[RunPoint],
    values: Sequence[float | None],
    most: float,
    top: float,
    style: str,
    unit: Callable[[float], str],
) -> Iterator[Markup]:
    width = 1 / max(len(runs), 8)
    for place, (run, value) in enumerate(zip(runs, values, strict=True)):
        if value is None:
            continue
        height = max(HEIGHT * value / most if most else 0.0, 1.5)
        told = f"{run.run}, {utc(run.started)}: {unit(value)}"
        left = place * width
        yield svg.rect(left, left + 0.8 * width, top + HEIGHT - height, height, style, told)


def _rows(group: Group) -> Iterator[str]:
    for run in group.runs[-MOST:]:
        figures = [
            f"{run.lost} lost" if run.lost is not None else "",
            f"gap {duration(run.gap)}" if run.gap is not None else "",
            duration(run.seconds) if run.seconds is not None else "",
        ]
        said = ", ".join(f for f in figures if f)
        yield f"  {utc(run.started)}  {run.word:<10} {said}  {one_line(run.run)}"
