"""YAML and JSON of anybody: read within bounds, or refused with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fixtures.cluster.facts.config import config_fact
from fixtures.cluster.facts.helm_manifest import documents as manifests
from fixtures.cluster.objects import Meta, RawConfigMap
from fixtures.cluster.wire.rawlists import RawLists
from fixtures.core import bounded
from fixtures.core.errors import BadInput
from fixtures.core.manifests import Unparsable, documents, json_stream
from fixtures.core.value_leaves import settings

SEEDS = Path(__file__).parents[1] / "fuzz" / "seeds"
LAUGHS = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
HOSTILE = {
    "flow": "z: " + "[" * 100_000,
    "map": "{a: " * 100_000,
    "list": "- " * 100_000,
    "block": "".join(" " * i + "a:\n" for i in range(2_000)),
    "json": '{"a":' * 100_000,
    "itself": "z: &z [*z]",
    "laughs": LAUGHS,
    "tag": "z: !!python/object/apply:os.system ['true']",
    "digits": "z: " + "9" * 100_000,
    "hidden breaks": "".join("\r" + " " * i + "a:" for i in range(2_000)),
    "utf-16": ("z: " + "[" * 100_000).encode("utf-16").decode("latin-1"),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_yaml_is_refused_by_every_reader(text: str) -> None:
    data = text.encode()

    with pytest.raises(BadInput, match="the file"):
        bounded.document(data, "file", "x.yaml", bounds=bounded.MANIFESTS)
    with pytest.raises(Unparsable):
        list(documents(data))
    assert settings(text) == ()
    assert list(manifests(text)) == []


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "[" * 100_000, json.dumps({"a": 1}) + "{"])
def test_a_stream_that_is_too_deep_or_cut_off_is_unparsable(text: str) -> None:
    with pytest.raises(Unparsable):
        json_stream(text)


def test_values_of_a_live_cluster_that_cannot_be_read_are_not_assessed() -> None:
    meta = Meta(name="linkerd-config", namespace="linkerd")
    lists = RawLists(config_maps=[RawConfigMap(metadata=meta, data={"values": LAUGHS})])

    assert config_fact(lists) is None
    assert [u.resource for u in lists.unreadable] == ["configmaps"]
    assert "too many values" in lists.unreadable[0].reason


YAML = st.text("ab:-[]{}&*!?|>'\"#%@` \n\r\t0129.,~<", max_size=60)


@given(YAML)
@example("? - ? - a")
@example("- - - a:\n    - b")
def test_any_text_is_read_or_refused(text: str) -> None:
    data = text.encode()
    try:
        bounded.document(data, "file", "x", bounds=bounded.Bounds(deepest=6))
    except BadInput:
        return


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(v) for v in value), default=0)
    return 0


@given(YAML)
def test_no_text_is_deeper_than_its_bounds(text: str) -> None:
    """The short way, that looks at the text alone, is as strict as following its events."""
    try:
        found = bounded.documents(text.encode(), "file", "x", bounds=bounded.Bounds(deepest=4))
    except BadInput:
        return
    assert all(depth(each) <= 4 for each in found)


@pytest.mark.parametrize("seed", sorted(SEEDS.glob("*")), ids=lambda p: p.name)
def test_what_a_fuzzer_once_found_stays_bounded(seed: Path) -> None:
    from suites.fuzz.targets import TARGETS

    for run in TARGETS.values():
        run(seed.read_bytes())
