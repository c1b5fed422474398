"""Releases and logical versions out of several data sets: the first that says a thing is heard.

An edge belongs to the newest logical version whose anchor is not newer than it, unless somebody
states another. Stable releases, version tags and vendors' releases name theirs.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from policies.releases.grammar import LogicalVersion, Version, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policies.releases.dataset import Provenance, Sections, Stated
    from policies.releases.tables import LogicalTable, Row


@dataclass(frozen=True, slots=True)
class Tag:
    """One release as a data set names it."""

    text: str
    date: date | None
    commit: str
    source: str
    known_from: Provenance
    stated: LogicalVersion | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a logical version starts."""

    version: LogicalVersion
    edge: str
    source: str
    announced: str = ""


@dataclass(slots=True)
class Tagged:
    """Every tag and every anchor, merged; filled once, by `merge`."""

    tags: dict[str, Tag] = field(default_factory=dict)
    anchors: tuple[Anchor, ...] = ()
    """Oldest first."""
    starts: tuple[tuple[int, ...], ...] = ()
    """The numbers of the anchors' edges, ascending."""

    def logical(self, version: Version) -> LogicalVersion | None:
        """Return where a version belongs, by statement, anchors or its own name; else None."""
        tag = self.tags.get(version.text)
        if tag is not None and tag.stated is not None:
            return tag.stated
        if not version.known:
            return None
        if version.channel == "edge":
            position = bisect_right(self.starts, version.numbers)
            return self.anchors[position - 1].version if position else None
        if version.channel in ("stable", "enterprise", "version"):
            return LogicalVersion(major=version.numbers[0], minor=version.numbers[1])
        return None


def merge(sets: Sequence[Sections]) -> Tagged:
    """Merge what data sets say of tags; those before win over those behind."""
    merged = Tagged()
    anchors: dict[str, Anchor] = {}
    for each in sets:
        for tag, stated in each.releases.items():
            _state(merged, tag, stated, each.provenance)
        for row in each.tags.logical if each.tags else ():
            source = row.anchor_source or each.provenance.source
            version = LogicalVersion.parse(row.version)
            anchors.setdefault(row.version, Anchor(version, row.anchor, source, row.announced))
            _rows(merged, row, each)
    _stated_anchors(merged, anchors)
    merged.anchors = tuple(sorted(anchors.values(), key=lambda a: a.version))
    merged.starts = tuple(parse(a.edge).numbers for a in merged.anchors)
    return merged


def _state(merged: Tagged, tag: str, stated: Stated, known_from: Provenance) -> None:
    before = merged.tags.get(tag)
    if before is not None and before.stated is not None:
        return
    logical = LogicalVersion.parse(stated.logical) if stated.logical else None
    source = stated.source or known_from.source
    merged.tags[tag] = Tag(
        tag,
        before.date if before else stated.date,
        before.commit if before else "",
        source,
        known_from,
        logical,
    )


def _rows(merged: Tagged, row: LogicalTable, each: Sections) -> None:
    source = each.tags.source if each.tags else ""
    for tag, day, commit in _all(row):
        before = merged.tags.get(tag)
        if before is not None and before.date is not None:
            continue
        merged.tags[tag] = Tag(
            tag,
            date.fromisoformat(day),
            commit,
            before.source if before else source,
            before.known_from if before else each.provenance,
            before.stated if before else None,
        )


def _all(row: LogicalTable) -> Iterable[Row]:
    yield from row.edges
    yield from row.stables
    if row.version_tag:
        yield row.version_tag


def _stated_anchors(merged: Tagged, anchors: dict[str, Anchor]) -> None:
    """Let a logical version that only statements know start with its earliest stated edge."""
    stated = [tag for tag in merged.tags.values() if tag.stated and plain_edge(tag.text)]
    for tag in sorted(stated, key=lambda t: parse(t.text).numbers):
        if tag.stated is not None:
            anchor = Anchor(tag.stated, tag.text, f"stated: {tag.source}")
            anchors.setdefault(str(tag.stated), anchor)


def plain_edge(tag: str) -> bool:
    """Return whether a tag is an edge as the project makes them, without anything behind it."""
    version = parse(tag)
    return version.known and version.channel == "edge" and not version.suffix
