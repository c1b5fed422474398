"""Releases as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.releases import catalogue
from policies.releases.grammar import parse
from policies.releases.spellings import resolve

TAGS = [r.tag for r in (*catalogue().edges, *catalogue().stables)]


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("edge-25.4.4", "edge-25.4.4"),
        ("25.4.4", "edge-25.4.4"),
        ("v25.4.4", "edge-25.4.4"),
        ("V25.04.4", "edge-25.4.4"),
        (" EDGE-25.4.4 ", "edge-25.4.4"),
        ("edge 25.4.4", "edge-25.4.4"),
        ("edge-v25.4.4", "edge-25.4.4"),
        ("2025.10.7", "edge-25.10.7"),
        ("2.18", "edge-25.4.4"),
        ("v2.18", "edge-25.4.4"),
        ("2.18.0", "edge-25.4.4"),
        ("2.14", "stable-2.14.10"),
        ("2.14.3", "stable-2.14.3"),
        ("v2.14.0", "stable-2.14.0"),
        ("stable-2.14", "stable-2.14.10"),
        ("edge-2.14", "edge-23.8.3"),
        ("Stable-2.14.10", "stable-2.14.10"),
    ],
)
def test_a_release_is_found_as_people_write_it(written: str, tag: str) -> None:
    assert resolve(written).text == tag


@pytest.mark.parametrize(
    "text",
    ["", "edge", "2", "2.99", "99.1.1", "edge-2.18.7", "stable-2.18", "v2.322.0", "25.4.4.1", "é"],
)
def test_what_is_no_release_stays_as_it_was_written(text: str) -> None:
    assert resolve(text).text == text


def test_latest_is_the_newest_release_that_nothing_is_said_against() -> None:
    newest = catalogue().release(resolve("latest"))

    assert newest is not None
    assert newest.channel == "edge"
    assert not (newest.advice and newest.advice.against)
    assert resolve("LATEST") == resolve("newest") == resolve("edge-latest") == newest.version
    assert resolve("latest-stable") == catalogue().stables[-1].version


@given(st.sampled_from(TAGS))
def test_a_tag_is_itself_however_it_is_shouted(tag: str) -> None:
    assert resolve(tag) == resolve(tag.upper()) == parse(tag)


@given(st.text(max_size=30))
def test_what_comes_out_is_a_release_or_what_went_in(text: str) -> None:
    found = resolve(text)
    assert found == parse(text) or catalogue().release(found) is not None
    assert resolve(found.text) == found


def test_the_two_newest_anchors_have_names() -> None:
    newest = catalogue().logical_versions
    assert resolve("newest-anchor").text == newest[-1].anchor
    assert resolve("previous-anchor").text == newest[-2].anchor
