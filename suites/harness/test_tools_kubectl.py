"""The kubectl stand-in's own arithmetic: three-way patches, command lines, JSONPath."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.standins import flags
from fixtures.standins.kubectl.apply import annotated, three_way
from fixtures.standins.kubectl.printing import jsonpath
from fixtures.standins.linkerd.values import assignments

Obj = dict[str, Any]

LEAVES = st.booleans() | st.integers(1, 5) | st.text("xyz", min_size=1, max_size=2)
KEYS = st.sampled_from("abcd")
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES | st.lists(LEAVES, min_size=1, max_size=3),  # an empty list says no more than none
        lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


def merged(target: object, patch: object) -> object:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    found: Obj = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def manifest(spec: Obj) -> Obj:
    metadata = {"name": "a"}
    return {"apiVersion": "v1", "kind": "Thing", "metadata": metadata, "spec": spec}


@given(TREES, TREES)
def test_a_patch_leads_to_what_is_wanted(before: Obj, after: Obj) -> None:
    live, wanted = annotated(manifest(before)), annotated(manifest(after))
    assert merged(live, three_way(live, wanted)) == wanted


@given(TREES)
def test_what_was_applied_already_needs_no_patch(spec: Obj) -> None:
    live = annotated(manifest(spec))
    assert three_way(live, annotated(manifest(spec))) == {}


@given(TREES, TREES, st.integers())
def test_what_others_set_stays(before: Obj, after: Obj, theirs: int) -> None:
    live = annotated(manifest(before))
    live["spec"]["theirs"] = theirs
    result = merged(live, three_way(live, annotated(manifest(after))))
    assert isinstance(result, dict)
    assert result["spec"]["theirs"] == theirs


def test_defaults_in_a_list_are_no_difference_but_a_changed_element_is() -> None:
    before = {"containers": [{"name": "a", "image": "one"}]}
    live = annotated(manifest(before))
    live["spec"] = {"containers": [{"name": "a", "image": "one", "terminationGrace": 30}]}
    assert three_way(live, annotated(manifest(before))) == {}
    after = copy.deepcopy(before)
    after["containers"][0]["image"] = "two"
    patch = three_way(live, annotated(manifest(after)))
    assert patch["spec"] == after


def test_a_dropped_element_is_a_difference() -> None:
    live = annotated(manifest({"args": ["a", "b"]}))
    assert three_way(live, annotated(manifest({"args": ["a"]})))["spec"] == {"args": ["a"]}


@pytest.mark.parametrize(
    ("text", "wanted"), [("20s", 20), ("1m30s", 90), ("500ms", 0.5), ("0", 0), ("1.5h", 5400)]
)
def test_durations(text: str, wanted: float) -> None:
    assert flags.seconds(text) == wanted


@pytest.mark.parametrize("text", ["20", "soon", "s", "-5s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(flags.BadLine):
        flags.seconds(text)


def test_flags_stand_anywhere() -> None:
    known = flags.flags(switches="all/A wait", values="namespace/n filename/f")
    line = flags.read(["-n", "shop", "delete", "--wait=false", "pod", "-A", "-f-", "web"], known)
    assert line.words == ("delete", "pod", "web")
    assert (line.text("namespace"), line.text("filename")) == ("shop", "-")
    assert line.on("all")
    assert not line.on("wait", default=True)


@pytest.mark.parametrize("argv", [["--nope"], ["-x"], ["--namespace"]])
def test_unknown_and_unfinished_flags(argv: list[str]) -> None:
    with pytest.raises(flags.BadLine):
        flags.read(argv, flags.flags(values="namespace/n"))


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{.status.ready}", "2"),
        ("{.items[*].name}", "a b"),
        ("{.items[0].name}", "a"),
        ("{.items[-1].name}", "b"),
        ("name={.items[1].name}!", "name=b!"),
        (r"{.labels.linkerd\.io/x}", "y"),
        ("{.missing.deep}", ""),
    ],
)
def test_jsonpath(template: str, wanted: str) -> None:
    value = {
        "status": {"ready": 2},
        "items": [{"name": "a"}, {"name": "b"}],
        "labels": {"linkerd.io/x": "y"},
    }
    assert jsonpath(value, template) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a.b=1,c=true", {"a": {"b": 1}, "c": True}),
        (r"a\.b/c=x", {"a.b/c": "x"}),
        (r"networks=10.0.0.0/8\,fd00::/8", {"networks": "10.0.0.0/8,fd00::/8"}),
        ("list={x,2}", {"list": ["x", 2]}),
        ("gone=null,zero=007", {"gone": None, "zero": "007"}),
    ],
)
def test_assignments(text: str, wanted: Obj) -> None:
    assert assignments(text) == wanted
