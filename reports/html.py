"""The compliance report: one HTML file without scripts or remote assets, for screen and paper.

Templates only place what is prepared here. Everything that is text in the model passes through
`visible` and Jinja's escaping, so that no name of a cluster can become markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from policies.findings import Item
from reports import wording
from reports.model import Entry, Report
from reports.svg import clock
from reports.timeline import timelines

TEMPLATES = Path(__file__).parent / "templates"
LONG = 1500
"""Characters of one text that are shown; the JSON report has all."""
TAIL = 30
"""Lines of a command's output that are shown."""


class Area(msgspec.Struct, frozen=True):
    """The controls of one area of the catalogue."""

    name: str
    entries: tuple[Entry, ...]


class Reason(msgspec.Struct, frozen=True):
    """Controls that were not assessed for one reason."""

    text: str
    required: bool
    controls: tuple[tuple[str, str, str], ...]
    """(id, title, where)."""


def render(report: Report) -> str:
    """The document."""
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        subject=wording.subject(report),
        areas=_areas(report.findings),
        reasons=_reasons(report),
        explained=_explained(report.findings),
        timelines=timelines(report),
        zero=_zero(report),
        digest=report.origin.manifest_digest,
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        clock=clock,
        cut=cut,
        duration=wording.duration,
        kind=kind,
        number=wording.number,
        tail=tail,
        utc=wording.utc,
        where=wording.where,
        words=wording.words,
    )
    return environment


def _shown(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.visible(value)
    return value


def cut(text: str, most: int = LONG) -> str:
    """The text, shortened where it is too long for a page."""
    return text if len(text) <= most else f"{text[:most]} … (whole text in the JSON report)"


def tail(text: str) -> str:
    """The last lines of an output."""
    lines = text.rstrip().splitlines()
    return cut("\n".join(lines[-TAIL:]), 3000)


def kind(entry: Entry) -> str:
    """The class and word of a finding's badge: its status, or `advice`."""
    return "advice" if entry.advises else entry.status


def _areas(entries: Sequence[Entry]) -> tuple[Area, ...]:
    return tuple(
        Area(name, tuple(found)) for name, found in groupby(entries, key=lambda e: e.area)
    )


def _reasons(report: Report) -> tuple[Reason, ...]:
    """Not assessed controls by reason: required ones first, what is not built yet last."""
    groups: dict[tuple[bool, str], list[tuple[str, str, str]]] = {}
    for entry in report.unassessed:
        key = (not entry.required, entry.reason)
        groups.setdefault(key, []).append((entry.control, entry.title, wording.where(entry)))
    for control in report.without_finding:
        key = (not control.required, control.reason)
        groups.setdefault(key, []).append((control.control, control.title, ""))
    return tuple(
        Reason(text, not optional, tuple(controls))
        for (optional, text), controls in sorted(groups.items(), key=lambda g: g[0])
    )


def _explained(entries: Sequence[Entry]) -> tuple[tuple[Entry, Item], ...]:
    return tuple((entry, item) for entry in entries for item in entry.explained)


def _zero(report: Report) -> dict[str, float]:
    """Cluster -> the POSIX time from which its timeline counts."""
    zero: dict[str, float] = {}
    for section in report.sections:
        if section.cluster_started is not None:
            at = section.cluster_started.timestamp()
            zero[section.cluster] = min(at, zero.get(section.cluster, at))
    for versions in report.versions:
        at = versions.points[0].at.timestamp()
        zero[versions.cluster] = min(at, zero.get(versions.cluster, at))
    for canaries in report.canaries:
        at = canaries.stretches[0].started.timestamp()
        zero[canaries.cluster] = min(at, zero.get(canaries.cluster, at))
    return zero
