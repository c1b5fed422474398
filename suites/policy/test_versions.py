from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.releases.versions import (
    LogicalVersion,
    Order,
    compare,
    format_version,
    from_image,
    logical,
    newer_than_known,
    own_build,
    parse,
)
from suites.policy import strategies as sts

OPPOSITE = {
    Order.LESS: Order.GREATER,
    Order.GREATER: Order.LESS,
    Order.EQUAL: Order.EQUAL,
    Order.INCOMPARABLE: Order.INCOMPARABLE,
}
SAME_CHANNEL = st.one_of(
    st.lists(sts.edges, min_size=3, max_size=3),
    st.lists(sts.stables, min_size=3, max_size=3),
    st.lists(
        st.builds(
            "enterprise-2.{}.{}{}".format,
            st.integers(16, 18),
            st.integers(0, 2),
            st.sampled_from(("", "-rc1", "-rc2", "-1", "-2")),
        ),
        min_size=3,
        max_size=3,
    ),
)


@given(st.one_of(sts.versions, st.text()))
def test_parsing_never_raises_and_round_trips(text: str) -> None:
    version = parse(text)
    assert format_version(version) == text.strip()
    assert parse(format_version(version)) == version
    assert version.known is not bool(version.reason)


@pytest.mark.parametrize(
    ("text", "channel", "numbers", "suffix"),
    [
        ("edge-25.4.4", "edge", (25, 4, 4), ""),
        ("edge-19.6.13", "edge", (19, 6, 13), ""),
        ("edge-25.4.4-hotfix", "edge", (25, 4, 4), "hotfix"),
        ("stable-2.12.0-rc2", "stable", (2, 12, 0), "rc2"),
        ("enterprise-2.18.1-1", "enterprise", (2, 18, 1), "1"),
        ("version-2.18", "version", (2, 18), ""),
        ("preview-24.9.1", "preview", (), "24.9.1"),
        ("dev-undefined", "dev", (), "undefined"),
        ("git-1a18ca8f", "git", (), "1a18ca8f"),
        ("  edge-25.4.4\n", "edge", (25, 4, 4), ""),
    ],
)
def test_each_channel_is_read(
    text: str, channel: str, numbers: tuple[int, ...], suffix: str
) -> None:
    version = parse(text)
    assert (version.channel, version.numbers, version.suffix) == (channel, numbers, suffix)
    assert version.known


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("edge-1.3.5", "edge"),
        ("edge-25.13.1", "edge"),
        ("edge-25.4.0", "edge"),
        ("edge-25.04.1", "edge"),
        ("edge-25.4", "edge"),
        ("edge-\uff12\uff15.4.4", "edge"),
        ("stable-2.14", "stable"),
        ("version-2.18.0", "version"),
        ("dev-", "dev"),
        ("", "unknown"),
        ("2.18.0", "unknown"),
        ("latest", "unknown"),
        ("Edge-25.4.4", "unknown"),
        ("v18.7.1", "unknown"),
    ],
)
def test_wrong_grammar_is_not_known_and_says_why(text: str, channel: str) -> None:
    version = parse(text)
    assert (version.known, version.channel, version.numbers) == (False, channel, ())
    assert version.reason
    assert logical(version) is None


@given(sts.strange, sts.versions)
def test_what_was_never_seen_compares_with_nothing(text: str, other: str) -> None:
    strange = parse(text)
    assert logical(strange) is None
    if parse(other) != strange:
        assert compare(strange, parse(other)) is Order.INCOMPARABLE


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("cr.l5d.io/linkerd/proxy:edge-25.4.4", "edge-25.4.4"),
        ("localhost:5000/linkerd/proxy:stable-2.14.10", "stable-2.14.10"),
        ("registry.example:5000/proxy:enterprise-2.18.1-1", "enterprise-2.18.1-1"),
        ("proxy:edge-25.4.4", "edge-25.4.4"),
    ],
)
def test_the_version_of_an_image_is_its_tag(image: str, version: str) -> None:
    assert from_image(image) == parse(version)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("registry.example:5000/linkerd/proxy", "no tag"),
        ("cr.l5d.io/linkerd/proxy", "no tag"),
        ("cr.l5d.io/linkerd/proxy@sha256:" + "a" * 64, "digest"),
        ("cr.l5d.io/linkerd/proxy:", "not an image tag"),
        ("cr.l5d.io/linkerd/proxy:latest", "no known channel"),
        ("", "empty"),
    ],
)
def test_an_image_that_names_no_version_is_not_known(image: str, reason: str) -> None:
    version = from_image(image)
    assert not version.known
    assert reason in version.reason


@given(st.text())
def test_reading_an_image_never_raises(text: str) -> None:
    assert from_image(text).known is not bool(from_image(text).reason)


@given(sts.versions, sts.versions)
def test_order_is_the_same_from_both_sides(a: str, b: str) -> None:
    assert compare(parse(a), parse(b)) is OPPOSITE[compare(parse(b), parse(a))]


@given(SAME_CHANNEL)
def test_order_within_a_channel_is_total(texts: list[str]) -> None:
    a, b, c = (parse(text) for text in texts)
    assert compare(a, b) is not Order.INCOMPARABLE
    assert (compare(a, b) is Order.EQUAL) == (a == b)
    if compare(a, b) is Order.LESS and compare(b, c) is Order.LESS:
        assert compare(a, c) is Order.LESS


@given(sts.ordered, sts.ordered, sts.ordered)
def test_order_is_transitive_across_channels(x: str, y: str, z: str) -> None:
    a, b, c = parse(x), parse(y), parse(z)
    if compare(a, b) is Order.LESS and compare(b, c) is Order.LESS:
        assert compare(a, c) in (Order.LESS, Order.INCOMPARABLE)


@pytest.mark.parametrize(
    ("a", "b", "order"),
    [
        ("edge-25.9.4", "edge-25.10.1", Order.LESS),
        ("stable-2.12.0-rc2", "stable-2.12.0", Order.LESS),
        ("enterprise-2.18.0", "enterprise-2.18.0-1", Order.LESS),
        ("enterprise-2.18.0-9", "enterprise-2.18.0-10", Order.LESS),
        ("edge-25.4.4-mine", "edge-25.4.4", Order.INCOMPARABLE),
        ("stable-2.14.10", "edge-24.2.4", Order.LESS),
        ("stable-2.14.10", "edge-24.1.1", Order.INCOMPARABLE),
        ("enterprise-2.18.0", "edge-24.11.8", Order.GREATER),
        ("enterprise-2.20.0", "edge-27.1.1", Order.INCOMPARABLE),
        ("enterprise-2.19.0", "edge-27.1.1", Order.LESS),
        ("enterprise-2.21.0", "edge-27.1.1", Order.INCOMPARABLE),
        ("version-2.18", "edge-25.10.7", Order.LESS),
        ("git-abc", "git-def", Order.INCOMPARABLE),
        ("git-abc", "git-abc", Order.EQUAL),
        ("edge-1.2.3", "edge-1.3.5", Order.INCOMPARABLE),
    ],
)
def test_order_where_it_is_easy_to_get_wrong(a: str, b: str, order: Order) -> None:
    assert compare(parse(a), parse(b)) is order


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("edge-18.9.1", None),
        ("edge-18.9.2", "2.0"),
        ("edge-24.2.3", "2.14"),
        ("edge-24.2.4", "2.15"),
        ("edge-25.4.3", "2.17"),
        ("edge-25.4.4", "2.18"),
        ("edge-25.2.4", "2.17"),
        ("edge-26.8.3", "2.20"),
        ("stable-2.14.10", "2.14"),
        ("enterprise-2.19.3-1", "2.19"),
        ("version-2.15", "2.15"),
        ("preview-24.9.1", None),
    ],
)
def test_the_logical_version_of_a_release(text: str, expected: str | None) -> None:
    found = logical(parse(text))
    assert (str(found) if found else None) == expected


def test_an_edge_newer_than_known_is_flagged() -> None:
    assert newer_than_known(parse("edge-27.1.1"))
    assert logical(parse("edge-27.1.1")) == LogicalVersion(major=2, minor=20)
    assert not newer_than_known(parse("edge-26.8.3"))
    assert not newer_than_known(parse("stable-2.99.0"))


@settings(max_examples=50)
@given(st.integers(0, 50), st.integers(0, 50))
def test_logical_versions_are_ordered_and_apart(a: int, b: int) -> None:
    left, right = LogicalVersion(major=2, minor=a), LogicalVersion(major=2, minor=b)
    assert (left < right) == (a < b)
    assert left.distance(right) == a - b
    assert LogicalVersion.parse(str(left)) == left
    assert LogicalVersion(major=3, minor=a).distance(left) is None


@pytest.mark.parametrize("text", ["", "2", "2.18.0", "two", "2.x", "-2.18", "2.18 "])
def test_a_bad_logical_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a logical version"):
        LogicalVersion.parse(text)


@pytest.mark.parametrize(
    "text", ["edge-25.10.7-fips.2", "edge-99.1.1-acme", "stable-2.14.10-distroless"]
)
def test_an_own_build_is_placed_nowhere(text: str) -> None:
    build = parse(text)

    assert own_build(build)
    assert logical(build) is None
    assert not newer_than_known(build)
    for other in ("edge-25.10.7", "edge-26.6.3", "stable-2.14.10", "enterprise-2.19.1"):
        assert compare(build, parse(other)) is Order.INCOMPARABLE


@pytest.mark.parametrize("text", ["edge-25.10.7", "stable-2.14.10-1", "enterprise-2.18.1-fips"])
def test_what_its_makers_published_is_no_own_build(text: str) -> None:
    assert not own_build(parse(text))
    assert logical(parse(text)) is not None
