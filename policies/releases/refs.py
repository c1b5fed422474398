"""From the tags of the project's repository to releases with their logical versions.

What the shipped set says of a logical version stays. One that is newer than those begins with the
edge that its tag `version-2.N` points at; where that is no edge's commit, as for 2.20, with the
newest edge that is not younger than the tag. An edge that follows belongs to the newest logical
version that has begun by then.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from policies.facts.cluster import Fact
from policies.releases.grammar import LogicalVersion, parse
from policies.releases.tables import LogicalTable, Tags
from policies.releases.tagged import plain_edge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policies.releases.tables import Row

COMMIT = 12
"""Hexadecimal digits of a commit that a row keeps."""


class Ref(Fact, frozen=True, kw_only=True):
    """One tag of the repository."""

    name: str
    commit: str
    """What it points at, an annotated tag followed to its commit."""
    date: date

    @property
    def row(self) -> Row:
        """Write it as a data set has it."""
        return (self.name, self.date.isoformat(), self.commit[:COMMIT])


def telling(name: str) -> bool:
    """Return whether a tag says something of releases: an edge, a stable release, a version."""
    version = parse(name)
    return plain_edge(name) or (version.known and version.channel in ("stable", "version"))


def refs_of(tags: Tags) -> dict[str, Ref]:
    """Return every tag that a data set names, by name."""
    rows = [row for logical in tags.logical for row in _rows(logical)]
    return {name: Ref(name=name, commit=c, date=date.fromisoformat(d)) for name, d, c in rows}


def tags_of(refs: Iterable[Ref], shipped: Tags, source: str) -> Tags:
    """Return the releases and logical versions that a repository's tags make.

    Args:
        refs: Its tags; those that say nothing of releases are left out.
        shipped: What the project knows already: its logical versions keep their first edges.
        source: Where the tags come from.
    """
    known = {ref.name: ref for ref in refs if telling(ref.name)}
    edges = sorted((r for r in known.values() if plain_edge(r.name)), key=_numbers)
    begun = [*shipped.logical, *_newer(known, edges, shipped.logical)]
    starts = [parse(row.anchor).numbers for row in begun]
    by_logical: list[list[Row]] = [[] for _ in begun]
    for edge in edges:
        if position := bisect_right(starts, _numbers(edge)):
            by_logical[position - 1].append(edge.row)
    rows = [_filled(row, by_logical[n], known) for n, row in enumerate(begun)]
    return Tags(source=source, anchor_table=shipped.anchor_table, logical=tuple(rows))


def gone(tags: Tags, known: Tags) -> tuple[str, ...]:
    """Return what was known and is not there any more, in the order it was known."""
    there = refs_of(tags)
    return tuple(name for name in refs_of(known) if name not in there)


@dataclass(frozen=True, slots=True)
class Changes:
    """What new tags say that was not known, or was known otherwise."""

    releases: tuple[Ref, ...]
    """Oldest first within a channel."""
    logical: tuple[LogicalTable, ...]
    moved: tuple[tuple[Ref, Ref], ...]
    """Tags that point elsewhere than they did: before, now."""
    gone: tuple[str, ...]

    @property
    def any(self) -> bool:
        """Return whether anything changed."""
        return bool(self.releases or self.logical or self.moved or self.gone)


def changes(before: Sequence[Tags], after: Tags) -> Changes:
    """Compare what was known, the first that names a tag being heard, with what is known now."""
    known = {name: ref for tags in reversed(before) for name, ref in refs_of(tags).items()}
    versions = {row.version for tags in before for row in tags.logical}
    now = refs_of(after)
    return Changes(
        releases=tuple(ref for name, ref in now.items() if name not in known),
        logical=tuple(row for row in after.logical if row.version not in versions),
        moved=tuple(
            (known[name], ref)
            for name, ref in now.items()
            if name in known and known[name].commit[:COMMIT] != ref.commit[:COMMIT]
        ),
        gone=tuple(name for name in known if name not in now),
    )


def _newer(
    known: dict[str, Ref], edges: Sequence[Ref], shipped: Sequence[LogicalTable]
) -> list[LogicalTable]:
    """Return logical versions that begin behind the shipped ones, oldest first."""
    newest = LogicalVersion.parse(shipped[-1].version)
    start = parse(shipped[-1].anchor).numbers
    tags = {_logical(name): ref for name, ref in known.items() if name.startswith("version-")}
    rows: list[LogicalTable] = []
    for version in sorted(v for v in tags if v > newest):
        tag = tags[version]
        later = [edge for edge in edges if _numbers(edge) > start]
        same = [edge for edge in later if edge.commit[:COMMIT] == tag.commit[:COMMIT]]
        older = [edge for edge in later if edge.date <= tag.date]
        if not same and not older:
            continue  # nothing belongs to it yet
        anchor = (same or older)[-1]
        start = _numbers(anchor)
        how = f"the edge {tag.name} points at" if same else f"newest edge by {tag.name}"
        rows.append(
            LogicalTable(
                version=str(version),
                anchor=anchor.name,
                anchor_source=f"derived: {how}, {tag.date}",
            )
        )
    return rows


def _filled(row: LogicalTable, edges: list[Row], known: dict[str, Ref]) -> LogicalTable:
    stables = [
        ref
        for name, ref in known.items()
        if name.startswith("stable-") and str(_logical(name)) == row.version
    ]
    tag = known.get(f"version-{row.version}")
    return LogicalTable(
        version=row.version,
        anchor=row.anchor,
        anchor_source=row.anchor_source,
        announced=row.announced,
        edges=tuple(edges),
        stables=tuple(ref.row for ref in sorted(stables, key=_stable_order)),
        version_tag=tag.row if tag else None,
    )


def _rows(row: LogicalTable) -> tuple[Row, ...]:
    return (*row.edges, *row.stables, *((row.version_tag,) if row.version_tag else ()))


def _numbers(ref: Ref) -> tuple[int, ...]:
    return parse(ref.name).numbers


def _stable_order(ref: Ref) -> tuple[tuple[int, ...], bool, str]:
    """Pre-releases before the release that they prepare."""
    version = parse(ref.name)
    return version.numbers, not version.suffix, version.suffix


def _logical(name: str) -> LogicalVersion:
    major, minor = parse(name).numbers[:2]
    return LogicalVersion(major=major, minor=minor)
