from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts.cluster import Selector
from policies.workloads.selectors import asks_for, matches

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))


@pytest.mark.parametrize(
    ("expression", "labels", "expected"),
    [
        (("a", "In", ("x",)), {"a": "x"}, True),
        (("a", "In", ("x",)), {"a": "y"}, False),
        (("a", "In", ("x",)), {}, False),
        (("a", "NotIn", ("x",)), {"a": "x"}, False),
        (("a", "NotIn", ("x",)), {}, True),
        (("a", "Exists", ()), {"a": ""}, True),
        (("a", "Exists", ()), {}, False),
        (("a", "DoesNotExist", ()), {}, True),
        (("a", "DoesNotExist", ()), {"a": "x"}, False),
        (("a", "Near", ("x",)), {"a": "x"}, False),
    ],
)
def test_operators(
    expression: tuple[str, str, tuple[str, ...]], labels: dict[str, str], expected: bool
) -> None:
    assert matches(Selector(expressions=(expression,)), labels) is expected


@given(LABELS)
def test_an_empty_selector_matches_everything(labels: dict[str, str]) -> None:
    assert matches(Selector(), labels)


@given(LABELS, st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), min_size=1))
def test_both_parts_must_match(labels: dict[str, str], wanted: dict[str, str]) -> None:
    pairs = tuple(wanted.items())
    selector = Selector(match_labels=pairs, expressions=(("d", "DoesNotExist", ()),))

    assert matches(selector, labels) == (wanted.items() <= labels.items())
    assert not matches(selector, {**labels, **wanted, "d": ""})


def test_a_selector_tells_what_it_looks_at() -> None:
    selector = Selector(match_labels=(("a", "x"),), expressions=(("b", "Exists", ()),))

    assert asks_for(selector) == {"a", "b"}
