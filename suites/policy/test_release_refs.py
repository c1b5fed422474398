"""Tags of the repository become releases with logical versions, as the shipped ones did."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.releases import Catalogue
from policies.releases.dataset import DataSet
from policies.releases.grammar import LogicalVersion, parse
from policies.releases.refs import Ref, changes, gone, refs_of, tags_of, telling
from policies.releases.shipped import Shipped
from policies.releases.tables import Tags
from policies.releases.validation import problems

SHIPPED = Shipped().tags
KNOWN = Catalogue()
REFS = refs_of(SHIPPED)
NEWEST = max(ref.date for ref in REFS.values())
OFFICIAL = [row.version for row in SHIPPED.logical if row.version_tag]


def ref(name: str, days: int, commit: str = "c0ffee000000") -> Ref:
    return Ref(name=name, commit=commit, date=NEWEST + timedelta(days=days))


def made(*refs: Ref) -> Tags:
    return tags_of([*REFS.values(), *refs], SHIPPED, "a test")


def before(version: str) -> Tags:
    """What is shipped, as it was before a logical version."""
    older = tuple(row for row in SHIPPED.logical if _logical(row.version) < _logical(version))
    return msgspec.structs.replace(SHIPPED, logical=older)


def _logical(text: str) -> LogicalVersion:
    return LogicalVersion.parse(text)


def test_the_shipped_tags_make_what_is_shipped() -> None:
    tags = made()

    assert gone(tags, SHIPPED) == ()
    assert not changes([SHIPPED], tags).any
    for row, shipped in zip(tags.logical, SHIPPED.logical, strict=True):
        assert (row.version, row.anchor, row.edges) == (
            shipped.version,
            shipped.anchor,
            shipped.edges,
        )
        assert sorted(row.stables) == sorted(shipped.stables)
        assert row.version_tag == shipped.version_tag


@pytest.mark.parametrize("version", OFFICIAL)
def test_version_tags_give_the_anchors_of_the_official_table(version: str) -> None:
    tags = tags_of(REFS.values(), before(version), "a test")

    anchors = {row.version: row.anchor for row in tags.logical}
    assert anchors == {row.version: row.anchor for row in SHIPPED.logical}


def test_an_edge_belongs_to_the_newest_version_that_has_begun() -> None:
    tags = made(
        ref("edge-26.9.1", 10),
        ref("edge-26.10.1", 40, "ab12cd34ef56"),
        ref("edge-26.10.2", 50),
        ref("version-2.21", 41, "ab12cd34ef56"),
    )

    last = tags.logical[-1]
    assert (last.version, last.anchor) == ("2.21", "edge-26.10.1")
    assert [tag for tag, _, _ in last.edges] == ["edge-26.10.1", "edge-26.10.2"]
    assert tags.logical[-2].edges[-1][0] == "edge-26.9.1"
    assert last.version_tag is not None
    known = Catalogue([DataSet(date=NEWEST, source="a test", tags=tags), Shipped()])
    assert str(known.logical_of(parse("edge-26.9.1"))) == "2.20"
    assert str(known.logical_of(parse("edge-26.10.2"))) == "2.21"


def test_a_version_tag_between_edges_takes_the_one_before_it() -> None:
    tags = made(ref("edge-26.9.1", 10), ref("edge-26.9.2", 20), ref("version-2.21", 15, "0" * 12))

    assert tags.logical[-1].anchor == "edge-26.9.1"
    assert "newest edge" in tags.logical[-1].anchor_source


def test_a_version_tag_of_later_may_take_the_newest_edges_that_are_shipped() -> None:
    tags = made(ref("version-2.21", 15))

    assert (tags.logical[-1].version, tags.logical[-1].anchor) == ("2.21", "edge-26.8.3")
    assert problems(DataSet(date=NEWEST, source="a test", tags=tags), KNOWN) == ()


def test_a_version_tag_never_takes_edges_of_older_versions() -> None:
    whole = DataSet(date=NEWEST, source="a test", tags=made(ref("version-2.21", 15)))
    assert whole.tags is not None
    *older, last = whole.tags.logical
    early = msgspec.structs.replace(
        last, anchor="edge-26.6.2", edges=(REFS["edge-26.6.2"].row, *older[-1].edges, *last.edges)
    )
    cut = [
        msgspec.structs.replace(row, edges=tuple(e for e in row.edges if e not in early.edges))
        for row in older
    ]
    tags = msgspec.structs.replace(whole.tags, logical=(*cut, early))

    assert problems(msgspec.structs.replace(whole, tags=tags), KNOWN)


def test_two_versions_never_begin_with_one_edge() -> None:
    tags = made(
        ref("edge-26.9.1", 10),
        ref("version-2.21", 12, "0" * 12),
        ref("version-2.22", 13, "1" * 12),
    )

    assert [row.version for row in tags.logical][-2:] == ["2.20", "2.21"]


def test_what_says_nothing_of_releases_is_left_out() -> None:
    names = (
        "v18.9.1",
        "git-1a18ca8f",
        "edge-1.3.5",
        "edge-26.9.1-fips",
        "x" * 500,
        "edge-26.9.1\n",
    )

    assert not any(telling(name) for name in names[:-1])
    tags = made(*(ref(name, 10) for name in names[:-1]))
    assert not changes([SHIPPED], tags).any


def test_changes_name_what_is_new_moved_and_gone() -> None:
    moved = msgspec.structs.replace(REFS["edge-26.8.3"], commit="badc0de00000")
    rest = [r for name, r in REFS.items() if name not in ("edge-26.8.3", "edge-26.7.1")]
    tags = tags_of([*rest, moved, ref("edge-26.9.1", 10)], SHIPPED, "a test")

    found = changes([SHIPPED], tags)
    assert [r.name for r in found.releases] == ["edge-26.9.1"]
    assert found.moved == ((REFS["edge-26.8.3"], moved),)
    assert found.gone == ("edge-26.7.1",)
    assert gone(tags, SHIPPED) == ("edge-26.7.1",)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_new_tags_make_a_set_that_contradicts_nothing(data: st.DataObject) -> None:
    numbers = st.tuples(st.integers(26, 30), st.integers(1, 12), st.integers(1, 9))
    edges = data.draw(st.sets(numbers, max_size=12))
    versions = data.draw(st.sets(st.integers(21, 30), max_size=4))
    days, commit = st.integers(0, 900), st.sampled_from(["a" * 12, "b" * 12, "c" * 12])
    refs = [
        ref(f"edge-{y}.{m}.{n}", data.draw(days), data.draw(commit))
        for y, m, n in edges
        if f"edge-{y}.{m}.{n}" not in REFS
    ]
    refs += [ref(f"version-2.{n}", data.draw(days), data.draw(commit)) for n in versions]
    tags = made(*data.draw(st.permutations(refs)))
    whole = DataSet(date=NEWEST, source="a test", tags=tags)

    assert gone(tags, SHIPPED) == ()
    assert problems(whole, KNOWN) == ()
    known = Catalogue([whole, Shipped()])
    ordered = [known.logical_of(parse(edge.tag)) for edge in known.edges]
    assert all(a <= b for a, b in pairwise(ordered) if a and b)
    for row in tags.logical:
        assert row.edges[0][0] == row.anchor
        assert all(str(known.logical_of(parse(tag))) == row.version for tag, _, _ in row.edges)
