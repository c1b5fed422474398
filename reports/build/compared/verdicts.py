"""Controls whose verdict changed, and violated items that are new or gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from policies.verdicts.findings import Status
from reports.build.compared.places import Places, stable, told
from reports.model.report import Entry, Report
from reports.model.run_diff import ControlChange, Direction, ItemChange

Key = tuple[str, str, str, str]
"""Control, step, hop (as the second run names it), cluster."""
RANK: Mapping[Status, int] = {
    "violated": 0,
    "not assessed": 2,
    "waived": 3,
    "holds": 4,
    "not applicable": 4,
}
"""The higher the better; what advises stands one above what blocks."""


def direction(before: Entry | None, after: Entry | None) -> Direction:
    """Return which way a verdict went; no finding counts as not assessed."""
    one, other = rank(before), rank(after)
    if one == other:
        return "changed"
    return "worse" if other < one else "better"


def rank(entry: Entry | None) -> int:
    if entry is None:
        return RANK["not assessed"]
    return RANK[entry.status] + (1 if entry.advises else 0)


def changes(
    before: Report, after: Report, places: Places
) -> tuple[tuple[ControlChange, ...], tuple[ItemChange, ...]]:
    """Return controls whose verdict is another one, and items that only one run has violated.

    A control that only one of the runs could judge, since the other's catalogue has none of that
    name or its suite applies none, is no change.
    """
    if before.header.suite != after.header.suite:
        one, other = _by_control(before), _by_control(after)
        known = {k[0] for k in one} & {k[0] for k in other}
    else:
        one, other = (
            _by_place(before, places.first, places),
            _by_place(after, places.second, places),
        )
        known = _controls(before) & _controls(after)
    verdicts: list[ControlChange] = []
    items: list[ItemChange] = []
    for key in dict.fromkeys((*one, *other)):
        if key[0] not in known:
            continue
        old, new = _worst(one.get(key, [])), _worst(other.get(key, []))
        if _state(old) != _state(new):
            verdicts.append(_change(key, old, new))
        items += _items(key, one.get(key, []), other.get(key, []))
    return tuple(verdicts), tuple(items)


def alone(before: Report, after: Report) -> tuple[str, ...]:
    """Tell controls that only one of the runs knows."""
    one, other = _controls(before), _controls(after)
    sides = (("first", one - other), ("second", other - one))
    return tuple(
        f"only the {which} run knows {', '.join(sorted(controls))}"
        for which, controls in sides
        if controls
    )


def _controls(report: Report) -> set[str]:
    return {e.control for e in report.findings} | {u.control for u in report.without_finding}


def _by_control(report: Report) -> dict[Key, list[Entry]]:
    """Group findings without their places: each suite has steps of its own."""
    by_control: dict[Key, list[Entry]] = {}
    for entry in report.findings:
        by_control.setdefault((entry.control, "", "", "main"), []).append(entry)
    return by_control


def _by_place(
    report: Report, named: Callable[[str], str | None], places: Places
) -> dict[Key, list[Entry]]:
    by_place: dict[Key, list[Entry]] = {}
    for entry in report.findings:
        hop = named(entry.hop)
        if hop is not None and entry.cluster in places.clusters:
            key = (entry.control, entry.step, hop, entry.cluster)
            by_place.setdefault(key, []).append(entry)
    return by_place


def _worst(entries: Iterable[Entry]) -> Entry | None:
    return min(entries, key=rank, default=None)


def _state(entry: Entry | None) -> tuple[str, int]:
    return (entry.status if entry else "", rank(entry))


def _change(key: Key, old: Entry | None, new: Entry | None) -> ControlChange:
    control, step, hop, cluster = key
    shown = new or old
    assert shown is not None
    return ControlChange(
        control=control,
        title=shown.title,
        severity=shown.severity,
        where=told(step, hop, cluster),
        before=old.status if old else None,
        after=new.status if new else None,
        direction=direction(old, new),
        said_before=old.summary if old else "",
        said_after=new.summary if new else "",
    )


def _items(key: Key, old: list[Entry], new: list[Entry]) -> list[ItemChange]:
    """Return what one side has more of: items are told apart by their subjects."""
    one, other = _violated(old), _violated(new)
    counted = Counter(s for s, _, _ in one), Counter(s for s, _, _ in other)
    return [
        *_rest(key, other, counted[1] - counted[0], new=True),
        *_rest(key, one, counted[0] - counted[1], new=False),
    ]


def _violated(entries: Iterable[Entry]) -> list[tuple[str, str, str]]:
    return [
        (stable(i.subject), i.subject, i.seen)
        for e in entries
        if e.status == "violated"
        for i in e.violations
    ]


def _rest(
    key: Key, items: list[tuple[str, str, str]], more: Counter[str], *, new: bool
) -> Iterable[ItemChange]:
    for name, subject, seen in items:
        if more[name] > 0:
            more[name] -= 1
            where = told(*key[1:])
            yield ItemChange(control=key[0], where=where, subject=subject, seen=seen, new=new)
