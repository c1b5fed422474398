"""Values: merged, compared, and in step with the versions that read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.linkerd.edges import edge, since
from fixtures.linkerd.values import defaults, difference, high_availability, merge

Obj = dict[str, Any]

SCALARS = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "a", "b"])
TREES = st.recursive(
    st.dictionaries(st.sampled_from("xyz"), SCALARS, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), SCALARS | inner, max_size=3),
    max_leaves=8,
)


@given(base=TREES, overrides=TREES)
def test_what_is_kept_of_merged_values_restores_them(base: Obj, overrides: Obj) -> None:
    merged = merge(base, overrides)

    assert merge(base, difference(merged, base)) == merged


@given(values=TREES)
def test_nothing_is_kept_of_values_that_are_the_defaults(values: Obj) -> None:
    assert difference(values, values) == {}


@given(base=TREES, overrides=TREES)
def test_merging_changes_neither_side(base: Obj, overrides: Obj) -> None:
    before = (repr(base), repr(overrides))

    merge(base, overrides)["x"] = "changed"

    assert (repr(base), repr(overrides)) == before


def test_an_override_that_became_a_default_disappears() -> None:
    old, new = defaults("edge-25.10.7"), defaults("edge-26.6.3")
    stored = difference(merge(old, {"proxy": {"nativeSidecar": True, "uid": 7}}), old)

    assert difference(merge(new, stored), new) == {"proxy": {"uid": 7}}


def test_high_availability_is_stored_as_plain_values() -> None:
    version = "edge-25.10.7"
    values = merge(defaults(version), high_availability())

    assert difference(values, defaults(version)).keys() == high_availability().keys()


@pytest.mark.parametrize(
    ("path", "last_with", "first_without"),
    [
        ("proxyInit.image", "edge-25.11.2", "edge-25.11.3"),
        ("policyController.image", "edge-25.8.2", "edge-25.8.3"),
        ("controlPlaneTracing", "edge-25.9.4", "edge-25.10.1"),
    ],
)
def test_keys_vanish_with_their_release(path: str, last_with: str, first_without: str) -> None:
    assert found(defaults(last_with), path) is not None
    assert found(defaults(first_without), path) is None


def found(values: Obj, path: str) -> object:
    current: object = values
    for name in path.split("."):
        current = current.get(name) if isinstance(current, dict) else None
    return current


def test_init_resources_are_null_from_24_6_4() -> None:
    assert defaults("edge-24.6.3")["proxyInit"]["resources"] is not None
    assert defaults("edge-24.6.4")["proxyInit"]["resources"] is None


@pytest.mark.parametrize(
    ("version", "place"),
    [
        ("edge-25.4.4", (25, 4, 4)),
        ("stable-2.12.6", (22, 8, 2)),
        ("enterprise-2.18.1", (25, 4, 4)),
        ("dev-undefined", (99, 0, 0)),
        ("enterprise-2.99.0", (99, 0, 0)),
    ],
)
def test_versions_stand_on_the_line_of_edges(version: str, place: tuple[int, int, int]) -> None:
    assert edge(version) == place


@given(st.tuples(*[st.integers(1, 30)] * 3), st.tuples(*[st.integers(1, 30)] * 3))
def test_since_orders_edges_by_number(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    first = ".".join(str(number) for number in other)
    version = "edge-" + ".".join(str(number) for number in one)
    if one[0] == 2:
        return

    assert since(version, first) == (one >= other) or other[0] == 2
