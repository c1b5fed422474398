"""The compliance report: one HTML file without scripts or remote assets, for screen and paper.

Templates only place what is prepared here. Everything that is text in the model passes through
`visible` and Jinja's escaping, so that no name of a cluster can become markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from fixtures.core.as_typed import as_typed
from fixtures.evidence.walk import length
from reports.formats import grouped, traffic_drawing, wording
from reports.formats.axis import zeros
from reports.formats.compiled import Compiled
from reports.formats.svg import clock, exact
from reports.formats.timeline import key_of, steps_of, timelines
from reports.model.report import Entry, Report

TEMPLATES = Path(__file__).parent / "templates"
LONG = 1500
"""Characters of one text that are shown; the JSON report has all."""
_CONTROL = re.compile(r"\b([A-Z]{2,3}-\d{2})\b")
PROGRAMS = frozenset(
    (
        "kubectl",
        "linkerd",
        "helm",
        "pytest",
        "rehearse",
        "make",
        "kind",
        "step",
        "docker",
        "python",
    )
)
TAIL = 30
"""Lines of a command's output that are shown."""


def render(report: Report) -> str:
    """Render the document."""
    template = environment().get_template("report.html.j2")
    zero = zeros(report)
    first = min(zero.values(), default=0.0)

    def offset(at: datetime, cluster: str) -> str:
        return clock(at.timestamp() - zero.get(cluster, first))

    def instant(at: datetime, cluster: str) -> str:
        return exact(at.timestamp() - zero.get(cluster, first))

    return template.render(
        report=report,
        again=_again(report),
        subject=wording.subject(report),
        failures=[grouped.Merged.of(e) for e in report.failures],
        advice=grouped.merged(report.advice),
        areas=grouped.areas(report.findings),
        reasons=grouped.unassessed(report),
        inapplicable=grouped.inapplicable(report),
        explained=grouped.explained(report.findings),
        explained_line=wording.explained_line(report),
        told=grouped.told,
        timelines=timelines(report),
        offset=offset,
        instant=instant,
        stopped=_stopped(report),
        faults=wording.faults(report),
        several_hops=_hops(report) > 1,
        key=key_of(report),
        steps=steps_of(report),
        traffic=traffic_drawing.drawings(report),
        traffic_key=traffic_drawing.key_of(report.traffic),
    )


@cache
def environment() -> Environment:
    """Return the templates, with all that they may call; made once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        bytecode_cache=Compiled(TEMPLATES, Path(__file__)),
    )
    filters: dict[str, Callable[..., Any]] = {
        "code": code,
        "cut": cut,
        "is_command": is_command,
        "duration": wording.duration,
        "fine": wording.fine,
        "share": wording.share,
        "surely": wording.surely,
        "traffic_line": wording.traffic_line,
        "until_death": wording.until_death,
        "kind": kind,
        "linked": linked,
        "number": wording.number,
        "seen": wording.seen,
        "sentence": sentence,
        "tail": tail,
        "utc": wording.utc,
        "where": wording.where,
        "arrows": wording.arrows,
        "words": wording.words,
    }
    made.filters.update(filters)
    return made


def _shown(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.visible(value)
    return value


def cut(text: str, most: int = LONG) -> str:
    """Cut a text that is too long for a page."""
    return text if len(text) <= most else f"{text[:most]} … (whole text in the JSON report)"


def tail(text: str) -> str:
    """Return the last lines of an output."""
    lines = text.rstrip().splitlines()
    return cut("\n".join(lines[-TAIL:]), 3000)


def kind(entry: Entry) -> str:
    """Return the class and word of a finding's badge: its status, or `advice`."""
    return "advice" if entry.advises else entry.status


def sentence(text: str) -> str:
    """Return the text with a capital first letter, unless it begins with a name (`linkerd-x`)."""
    first = text.split(" ", 1)[0]
    capital = first.isalpha() and first not in PROGRAMS
    return text[:1].upper() + text[1:] if capital else text


def code(text: str) -> Markup:
    """Mark up text of the catalogue: what stands in backticks is set as code."""
    parts = wording.visible(text).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part)
        for n, part in enumerate(parts)
    )


def linked(headline: str, failures: Sequence[Entry]) -> Markup:
    """Mark up the headline: each control that failed is linked to its details."""
    places = {e.control: e.id for e in reversed(failures)}
    link = Markup('<a class="id" href="#{}">{}</a>')
    name = Markup('<span class="id">{}</span>')
    return Markup("").join(
        (link.format(places[part], part) if part in places else name.format(part))
        if n % 2
        else escape(wording.visible(part))
        for n, part in enumerate(_CONTROL.split(headline))
    )


def is_command(text: str) -> bool:
    """Return whether a next step can be typed as it is."""
    return text.split(" ", 1)[0].rpartition("/")[2] in PROGRAMS


def _again(report: Report) -> str:
    """Return what writes these documents again, as it was typed in this run."""
    return as_typed(f"rehearse report {report.header.run}", report.header.command or "pytest")


def _stopped(report: Report) -> str:
    """Tell where a rehearsal that a violation stopped stood; empty when it went through."""
    blocked = [s for s in report.sections if s.state == "blocked"]
    reached = [s for s in report.sections if s.state == "reached"]
    if not blocked or not reached:
        return ""
    last = wording.words(reached[-1].step)
    where = f", {wording.arrows(reached[-1].hop)}" if reached[-1].hop else ""
    return (
        f"It stopped after step {reached[-1].number} of {_steps(report)}: {last}{where}."
        " No later step changed the target."
    )


def _steps(report: Report) -> int:
    """Count the steps of the whole walk; those after a stop may never have been begun."""
    clusters = len({s.cluster for s in report.sections})
    hops = len(report.plan.hops) if report.plan else 1
    said = dict(report.scenario).get("rollback")
    rollback = "all" if said == "all" else said == "True"
    return max(len(report.sections), clusters * length(hops, rollback=rollback))


def _hops(report: Report) -> int:
    return len({e.hop for e in report.findings if e.hop})
