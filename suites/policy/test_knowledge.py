"""Data sets fill each other, and none can take a warning back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts.cluster import ClusterFacts
from policies.planning.path import plan
from policies.releases import Catalogue, catalogue, using
from policies.releases.dataset import DataSet, Stated
from policies.releases.shipped import Shipped
from policies.releases.spellings import resolve
from policies.releases.tables import AdviceTable, LogicalTable, Tags
from policies.releases.types import Advice
from policies.releases.validation import problems
from policies.releases.versions import Order, compare, logical, newer_than_known, parse
from policies.skew.hops import Hop
from policies.skew.kubernetes import in_range
from policies.skew.rule import judge

NEW = "edge-26.11.2"
SHIPPED = Catalogue()


def a_set(**sections: object) -> DataSet:
    return DataSet(date=date(2026, 11, 30), source="a test", name="mine", digest="d", **sections)  # pyright: ignore[reportArgumentType]


def stated(**releases: str) -> DataSet:
    table = {tag: Stated(logical=logical) for tag, logical in releases.items()}
    return a_set(releases=table)


@pytest.fixture
def updated() -> Iterator[Catalogue]:
    """Know two releases more, one of them the first of 2.21."""
    rows = LogicalTable(
        version="2.21",
        anchor="edge-26.10.1",
        edges=(("edge-26.10.1", "2026-10-08", "a" * 12), (NEW, "2026-11-19", "b" * 12)),
    )
    with using([a_set(tags=Tags(source="a test", logical=(rows,))), Shipped()]) as known:
        yield known


def test_what_is_shipped_is_one_data_set_with_date_and_digest() -> None:
    (only,) = SHIPPED.provenance
    assert (only.name, only.date) == ("shipped", SHIPPED.date)
    assert len(only.digest) == 64
    assert SHIPPED.date >= max(r.date for r in SHIPPED.edges if r.date)


def test_an_updated_set_adds_releases_and_keeps_the_rest(updated: Catalogue) -> None:
    assert updated.newest_edge.tag == NEW
    assert str(logical(parse(NEW))) == "2.21"
    assert str(logical(parse("edge-26.9.9"))) == "2.20"
    assert len(updated.edges) == len(SHIPPED.edges) + 2
    assert updated.known_from(parse(NEW)) == updated.provenance[0]
    assert updated.known_from(parse("edge-26.6.3")) == updated.provenance[1]
    assert updated.date == date(2026, 11, 30)
    assert resolve("latest").text == NEW
    assert resolve("2.21").text == "edge-26.10.1"


def test_answers_of_other_knowledge_are_forgotten(updated: Catalogue) -> None:
    assert judge(parse(NEW), parse("edge-26.6.3")).state == "within"
    assert judge(parse(NEW), parse("edge-25.10.7")).state == "too far"
    with using([Shipped()]):
        assert newer_than_known(parse(NEW))
        assert judge(parse(NEW), parse("edge-26.6.3")).state == "unknown"
    assert judge(parse(NEW), parse("edge-26.6.3")).state == "within"


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        (NEW, "2.21"),
        ("enterprise-2.21.0", "2.21"),
        ("acme-1.4", "2.19"),
        ("edge-26.6.3-f.1", "2.20"),
    ],
)
def test_a_release_may_be_stated(tag: str, said: str) -> None:
    with using([stated(**{tag: said}), Shipped()]) as known:
        assert str(logical(parse(tag))) == said
        assert not newer_than_known(parse(tag))
        assert known.release(parse(tag)) is not None
    assert catalogue().release(parse(tag)) is None


def test_a_stated_release_decides_what_was_open() -> None:
    with using([stated(**{NEW: "2.21"}), Shipped()]):
        assert judge(parse(NEW), parse("edge-26.6.3")).state == "within"
        assert compare(parse(NEW), parse("edge-26.8.3")) is Order.GREATER
        way = plan(parse("edge-26.6.3"), parse(NEW))
        assert not way.blockers
        assert way.hops[0].destination_logical == "2.21"


def test_a_release_newer_than_known_is_planned_through_the_newest_known() -> None:
    way = plan(parse("edge-24.11.8"), parse(NEW))

    assert not way.blockers
    assert [hop.destination.text for hop in way.hops][-2:] == ["edge-26.6.3", NEW]
    assert way.hops[-1].destination_logical == ""
    assert any("newer than every release known" in note for note in way.notes)


def test_between_two_releases_newer_than_known_lies_one_hop() -> None:
    assert [hop.destination for hop in plan(parse("edge-26.9.1"), parse(NEW)).hops] == [parse(NEW)]
    assert plan(parse(NEW), parse("edge-26.9.1")).blockers


def test_kubernetes_of_a_release_newer_than_known_is_not_assessed() -> None:
    facts = ClusterFacts(taken_at=datetime(2026, 12, 1, tzinfo=UTC), kubernetes="v1.33.1")
    assert in_range(
        facts, Hop(number=1, source_tag="edge-26.6.3", destination_tag=NEW)
    ).status == ("not assessed")


@pytest.mark.parametrize("first", [True, False])
def test_a_warning_is_never_taken_back(first: bool) -> None:
    against = Advice(tag=NEW, status="not-recommended", why="broken", source="a test")
    fine = Advice(tag=NEW, status="recommended", why="fine", source="a test")
    every = (against, fine) if first else (fine, against)
    sets = [a_set(advice=AdviceTable(advice=(each,))) for each in every]
    known = Catalogue([*sets, Shipped()])
    said = known.advice(parse(NEW))
    assert said is not None
    assert said.against
    shipped = Advice(tag="edge-24.3.3", status="recommended", why="fine", source="a test")
    calm = Catalogue([a_set(advice=AdviceTable(advice=(shipped,))), Shipped()])
    still = calm.advice(parse("edge-24.3.3"))
    assert still is not None
    assert still.against


def rows(*edges: str, version: str = "2.21", anchor: str = "", day: str = "2026-10-08") -> DataSet:
    row = LogicalTable(
        version=version,
        anchor=anchor or edges[0],
        edges=tuple((edge, day, "a" * 12) for edge in edges),
    )
    return a_set(tags=Tags(source="a test", logical=(row,)))


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (stated(**{"edge-24.2.4": "2.19"}), 'releases."edge-24.2.4".logical'),
        (stated(**{NEW: "2.19"}), f'releases."{NEW}".logical'),
        (stated(**{NEW: "newest"}), f'releases."{NEW}".logical'),
        (stated(**{"edge-25.4.9": "2.20"}), 'releases."edge-25.4.9".logical'),
        (stated(**{"enterprise-2.18.0": "2.20"}), 'releases."enterprise-2.18.0".logical'),
        (stated(**{"../../etc": "2.20"}), 'releases."../../etc"'),
        (rows("edge-26.10.1", "edge-26.10.1"), "tags.logical[0].edges[1]"),
        (rows("edge-26.10.2", "edge-26.10.1"), "tags.logical[0]"),
        (rows("edge-26.10.1", version="2.x"), "tags.logical[0].version"),
        (rows("edge-26.10.1", anchor="edge-26.10.2"), "tags.logical[0].edges"),
        (rows("edge-26.10.1", day="soon"), "tags.logical[0].edges[0]"),
        (rows("edge-26.10.1", "$(id)"), "tags.logical[0].edges[1]"),
        (rows("edge-26.6.2", version="2.20"), "tags.logical[0].anchor"),
        (rows("edge-26.6.3", "edge-26.7.1", version="2.21"), "tags.logical[0].edges[0]"),
    ],
)
def test_what_is_wrong_is_named(data: DataSet, key: str) -> None:
    assert key in [problem.key for problem in problems(data, SHIPPED)]


def test_a_set_that_repeats_what_is_shipped_is_right() -> None:
    assert problems(a_set(tags=Shipped().tags, advice=Shipped().advice), SHIPPED) == ()


@given(tag=st.sampled_from([r.tag for r in SHIPPED.edges]), minor=st.integers(0, 30))
def test_no_statement_moves_a_release_that_is_known(tag: str, minor: int) -> None:
    known = SHIPPED.release(parse(tag))
    assert known is not None
    wrong = problems(stated(**{tag: f"2.{minor}"}), SHIPPED)
    assert bool(wrong) is (known.logical != f"2.{minor}")
