"""Helm values as settings: every leaf kept, sorted, nothing secret in the open."""

from __future__ import annotations

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.value_leaves import settings

LEAVES = st.none() | st.booleans() | st.integers() | st.text("xyz 123", max_size=8)
KEYS = st.text("abcdef", min_size=1, max_size=4)
TREES = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner), max_leaves=12)


@given(st.dictionaries(KEYS, TREES))
def test_settings_are_sorted_and_keep_every_leaf(values: dict[str, object]) -> None:
    flat = settings(yaml.safe_dump(values))

    assert list(flat) == sorted(flat)
    assert len({s.path for s in flat}) == len(flat)
    for setting in flat:
        found: object = values
        for key in setting.path.split("."):
            assert isinstance(found, dict)
            found = found[key]
        assert json.loads(setting.value) == found


def test_a_key_never_stays_in_the_open() -> None:
    text = yaml.safe_dump({"identity": {"issuer": {"tls": {"keyPEM": "secret words"}}}})

    assert "secret" not in "".join(s.value for s in settings(text))
