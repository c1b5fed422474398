"""Findings put together as a reader takes them in: by area, by reason, by what they share.

Formats show these groups; counts and the JSON report stay those of single findings and items.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec
from msgspec.structs import replace

from policies.verdicts.findings import Item
from policies.verdicts.wording import number
from reports.formats import wording
from reports.model.report import Entry, Report, Said


class Area(msgspec.Struct, frozen=True):
    """The controls of one area of the catalogue."""

    name: str
    entries: tuple[Entry, ...]


class Why(msgspec.Struct, frozen=True):
    """Explained items of one control that have one reason."""

    text: str
    items: tuple[tuple[Entry, Item], ...]


class Explained(msgspec.Struct, frozen=True):
    """The explained items of one control, by their reason; the most frequent first."""

    control: str
    title: str
    reasons: tuple[Why, ...]

    @property
    def count(self) -> int:
        return sum(len(r.items) for r in self.reasons)


class Reason(msgspec.Struct, frozen=True):
    """Controls that were not assessed, or that do not apply, for one reason."""

    text: str
    required: bool
    controls: tuple[tuple[str, str, str], ...]
    """(id, title, where)."""


class Told(msgspec.Struct, frozen=True):
    """What programs said alike in a step."""

    kind: str
    text: str
    labels: tuple[str, ...]
    details: tuple[str, ...] = ()


class Merged(msgspec.Struct, frozen=True):
    """Findings of one control in several hops and clusters, said once."""

    entry: Entry
    """The first one, with the words of all."""
    where: str
    items: tuple[tuple[Item, str], ...]
    """Violated items with their places; no place where it is in every one."""
    others: tuple[str, ...] = ()
    """Ids of the further findings."""

    @classmethod
    def of(cls, entry: Entry) -> Merged:
        """Return one finding as it is."""
        return cls(entry, wording.where(entry), tuple((i, "") for i in entry.violations))


def areas(entries: Iterable[Entry]) -> tuple[Area, ...]:
    """Return findings by the area of their control, in the catalogue's order."""
    return tuple(
        Area(name, tuple(found)) for name, found in groupby(entries, key=lambda e: e.area)
    )


def unassessed(report: Report) -> tuple[Reason, ...]:
    """Return controls that were not assessed by reason: required ones first, unbuilt ones last."""
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


def inapplicable(report: Report) -> tuple[Reason, ...]:
    """Return controls whose subject does not exist here, by reason, in the catalogue's order."""
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for entry in report.inapplicable:
        control = (entry.control, entry.title, wording.where(entry))
        groups.setdefault(entry.reason, []).append(control)
    return tuple(Reason(text, False, tuple(controls)) for text, controls in groups.items())


def explained(entries: Iterable[Entry]) -> tuple[Explained, ...]:
    """Return what is explained, by control and reason."""
    titles: dict[str, str] = {}
    groups: dict[str, dict[str, list[tuple[Entry, Item]]]] = {}
    for entry in entries:
        for item in entry.explained:
            titles.setdefault(entry.control, entry.title)
            reasons = groups.setdefault(entry.control, {})
            reasons.setdefault(item.explained, []).append((entry, item))
    return tuple(
        Explained(control, titles[control], tuple(_largest_first(reasons)))
        for control, reasons in groups.items()
    )


def _largest_first(reasons: dict[str, list[tuple[Entry, Item]]]) -> Iterable[Why]:
    found = sorted(reasons.items(), key=lambda r: -len(r[1]))
    return (Why(text, tuple(items)) for text, items in found)


def told(said: Sequence[Said]) -> tuple[Told, ...]:
    """Return what was said in a step; lines that say the same of several things are one."""
    groups: dict[tuple[str, str], list[Said]] = {}
    lines: list[Told | tuple[str, str]] = []
    for each in said:
        if each.details:
            lines.append(Told(each.kind, each.text, (each.label,), each.details))
            continue
        key = (each.kind, each.text)
        if key not in groups:
            lines.append(key)
        groups.setdefault(key, []).append(each)
    return tuple(
        line if isinstance(line, Told) else Told(*line, tuple(each.label for each in groups[line]))
        for line in lines
    )


def merged(entries: Iterable[Entry]) -> tuple[Merged, ...]:
    """Return the findings of each control as one, in the order of the first ones."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.control, []).append(entry)
    return tuple(_merged(found) for found in groups.values())


def _merged(found: Sequence[Entry]) -> Merged:
    first = found[0]
    if len(found) == 1:
        return Merged.of(first)
    places: dict[Item, dict[str, str]] = {}
    for entry in found:
        for item in entry.violations:
            places.setdefault(item, {})[entry.id] = _short(entry)
    entry = replace(
        first,
        summary="; ".join(dict.fromkeys(e.summary for e in found)),
        expected="; ".join(dict.fromkeys(e.expected for e in found if e.expected)),
        seen=number(len(places), "item") + ", below"
        if places
        else "; ".join(dict.fromkeys(e.seen for e in found if e.seen)),
        cause="; ".join(dict.fromkeys(e.cause for e in found if e.cause)),
        next_command=_next([e.next_command for e in found if e.next_command]),
        items=tuple(places),
    )
    return Merged(
        entry,
        "; ".join(wording.where(e) for e in found),
        tuple(
            (i, "" if len(at) == len(found) else ", ".join(at.values()))
            for i, at in places.items()
        ),
        tuple(e.id for e in found[1:]),
    )


def _short(entry: Entry) -> str:
    cluster = "" if entry.cluster == "main" else f"cluster {entry.cluster}"
    return ", ".join(p for p in (entry.hop.partition(":")[0], cluster) if p) or entry.step


def _next(commands: Sequence[str]) -> str:
    """Return the next command; of those that differ in their last list alone, one with all."""
    heads = {c.rpartition(" ")[0] for c in commands}
    if len(heads) == 1 and all(h.endswith("--acknowledge") for h in heads):
        ids = dict.fromkeys(i for c in commands for i in c.rpartition(" ")[2].split(","))
        return f"{heads.pop()} {','.join(ids)}"
    return "\n".join(dict.fromkeys(commands))
