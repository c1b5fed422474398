"""What can be wrong in a data set of release knowledge, beyond its shape.

A set of somebody's own may add to what is known, and may warn. It may not contradict what the
shipped set says of a release's place: a release of 2.15 that is said to be one of 2.19 would make
a skew hold that is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from policies.releases.grammar import LogicalVersion, parse
from policies.releases.tagged import plain_edge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.releases.catalogue import Catalogue
    from policies.releases.dataset import DataSet
    from policies.releases.tables import LogicalTable, Row
    from policies.releases.types import Release

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,100}", re.ASCII)
_NUMBERS = re.compile(r"\d{1,4}\.\d{1,4}(?:\.\d{1,6})?(?:-[0-9a-z.]{1,20})?", re.ASCII)
_KEY = re.compile(r"[^/\s]+/[^/\s]+/[^/\s]+/[^/\s]+")
MOST_RELEASES = 20_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a data set."""

    key: str
    """Where: `tags.logical[3].edges`, `releases."edge-26.11.2".logical`."""
    why: str


def problems(data: DataSet, shipped: Catalogue) -> tuple[Problem, ...]:
    """Return what is wrong in a data set; empty for one that can be used.

    Args:
        data: The set, of the right shape.
        shipped: What the project itself says, which nobody's set may contradict.
    """
    return tuple(
        [
            *_stated(data, shipped),
            *_tags(data, shipped),
            *_ranges(data),
            *_details(data),
        ]
    )


def _stated(data: DataSet, shipped: Catalogue) -> Iterator[Problem]:
    newest = shipped.logical_versions[-1].version
    for tag, stated in data.releases.items():
        key = f'releases."{tag[:60]}".logical'
        if not _NAME.fullmatch(tag):
            yield Problem(f'releases."{tag[:60]}"', "this is not the name of a release")
            continue
        if not stated.logical:
            continue
        logical = _logical(stated.logical)
        if logical is None:
            yield Problem(key, f"{stated.logical!r} is no logical version such as 2.18")
            continue
        version = parse(tag)
        known = shipped.release(version)
        place = shipped.logical_of(version)
        if known is not None and known.logical != stated.logical:
            yield Problem(key, f"{tag} is known to be of {known.logical}, not {stated.logical}")
        elif shipped.is_newer_than_known(version) and logical < LogicalVersion.parse(newest):
            why = f"{tag} is newer than every known edge of {newest}: {stated.logical} goes back"
            yield Problem(key, why)
        elif plain_edge(tag) and not shipped.is_newer_than_known(version) and logical != place:
            yield Problem(key, f"{tag} lies between edges of {place}, not {stated.logical}")
        elif version.known and version.channel in ("stable", "enterprise") and logical != place:
            yield Problem(key, f"{tag} names {place} itself")


def _tags(data: DataSet, shipped: Catalogue) -> Iterator[Problem]:
    rows = data.tags.logical if data.tags else ()
    if sum(len(r.edges) + len(r.stables) for r in rows) > MOST_RELEASES:
        yield Problem("tags.logical", f"more than {MOST_RELEASES} releases")
        return
    seen: set[str] = set()
    for n, row in enumerate(rows):
        at = f"tags.logical[{n}]"
        yield from _logical_row(row, at, shipped)
        for name, part in (("edges", row.edges), ("stables", row.stables)):
            for m, each in enumerate(part):
                yield from _tag_row(each, f"{at}.{name}[{m}]", name, row.version, shipped, seen)
    yield from _order(rows)


def _logical_row(row: LogicalTable, at: str, shipped: Catalogue) -> Iterator[Problem]:
    if _logical(row.version) is None:
        yield Problem(f"{at}.version", f"{row.version!r} is no logical version such as 2.18")
    if not plain_edge(row.anchor):
        yield Problem(f"{at}.anchor", f"{row.anchor!r} is no edge such as edge-26.6.3")
        return
    known = shipped.logical(row.version)
    if known is not None and known.anchor != row.anchor:
        why = f"{row.version} is known to start with {known.anchor}, not {row.anchor}"
        yield Problem(f"{at}.anchor", why)
    if row.edges and row.edges[0][0] != row.anchor:
        why = f"the anchor {row.anchor} is not its first edge, {row.edges[0][0]}"
        yield Problem(f"{at}.edges", why)


def _tag_row(
    row: Row, at: str, name: str, logical: str, shipped: Catalogue, seen: set[str]
) -> Iterator[Problem]:
    tag, day, _ = row
    if tag in seen:
        yield Problem(at, f"{tag} stands there twice")
    seen.add(tag)
    version = parse(tag)
    if name == "edges" and not plain_edge(tag):
        yield Problem(at, f"{tag[:60]!r} is no edge such as edge-26.6.3")
    elif name == "stables" and not (version.known and version.channel == "stable"):
        yield Problem(at, f"{tag[:60]!r} is no stable release such as stable-2.14.10")
    known = shipped.release(version)
    if (
        known is not None
        and known.logical != logical
        and not _begun_since(known, logical, shipped)
    ):
        yield Problem(at, f"{tag} is known to be of {known.logical}, not {logical}")
    try:
        date.fromisoformat(day)
    except ValueError:
        yield Problem(at, f"{day[:20]!r} is no day such as 2026-08-21")


def _begun_since(known: Release, logical: str, shipped: Catalogue) -> bool:
    """Return whether an edge may begin a version that the shipped set does not know yet.

    A version's tag follows its first edge by days (2.20: by four), and the set may be of between.
    """
    newest = shipped.logical_versions[-1].version
    at = _logical(logical)
    later = at is not None and at > LogicalVersion.parse(newest)
    return later and known.logical == newest and not known.anchor


def _order(rows: tuple[LogicalTable, ...]) -> Iterator[Problem]:
    """Find what is out of order: logical versions, their anchors, the edges of all."""
    for n, (a, b) in enumerate(pairwise(rows), start=1):
        left, right = _logical(a.version), _logical(b.version)
        if left is not None and right is not None and left >= right:
            yield Problem(f"tags.logical[{n}].version", f"{b.version} stands behind {a.version}")
    edges = [(f"tags.logical[{n}]", e[0]) for n, row in enumerate(rows) for e in row.edges]
    anchors = [(f"tags.logical[{n}]", row.anchor) for n, row in enumerate(rows)]
    for ordered in (edges, anchors):
        plain = [(at, tag) for at, tag in ordered if plain_edge(tag)]
        for (_, a), (at, b) in pairwise(plain):
            if parse(a).numbers > parse(b).numbers:
                yield Problem(at, f"{b} stands behind {a}: releases are listed oldest first")
                return


def _ranges(data: DataSet) -> Iterator[Problem]:
    for n, row in enumerate(data.kubernetes.documented if data.kubernetes else ()):
        for key, text in (("minimum", row.minimum), ("maximum", row.maximum)):
            if not _NUMBERS.fullmatch(text):
                at = f"kubernetes.documented[{n}].{key}"
                yield Problem(at, f"{text[:20]!r} is no version such as 1.31")
    for n, each in enumerate(data.gateway_api.range if data.gateway_api else ()):
        for key, text in (("minimum", each.minimum), ("maximum", each.maximum)):
            if not _NUMBERS.fullmatch(text):
                yield Problem(
                    f"gateway_api.range[{n}].{key}", f"{text[:20]!r} is no version such as 1.2.1"
                )
    for n, advice in enumerate(data.advice.advice if data.advice else ()):
        if not _NAME.fullmatch(advice.tag):
            yield Problem(f"advice.advice[{n}].tag", "this is not the name of a release")


def _details(data: DataSet) -> Iterator[Problem]:
    for n, row in enumerate(data.inventory.set if data.inventory else ()):
        for key in row.keys:
            if not _KEY.fullmatch(key):
                at = f"inventory.set[{n}].keys"
                yield Problem(at, f"{key[:60]!r} is not group/Kind/namespace/name")
                break
    for n, crd in enumerate(data.crds.crd if data.crds else ()):
        if sum("*" in version for version in crd.versions) != 1:
            why = "exactly one version is stored, marked with a star: `v1beta3*`"
            yield Problem(f"crds.crd[{n}].versions", why)


def _logical(text: str) -> LogicalVersion | None:
    try:
        return LogicalVersion.parse(text)
    except ValueError:
        return None
