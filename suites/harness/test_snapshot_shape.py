"""Snapshots that no cluster gives are refused with file and object, whoever wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rehearse
from fixtures.core.errors import BadInput
from fixtures.snapshot.load import CAPTURED_AT, NOT_READ, SERVER_VERSION
from fixtures.snapshot.read import facts, read_snapshot
from suites.harness.pods import namespace, pod
from suites.harness.snapshots import cluster, written

Obj = dict[str, Any]
PLACE = {"namespace": "shop", "name": "odd"}
CRDS = "apiextensions.k8s.io/v1"
KEYS = ["name", "namespace", "spec", "template", "containers", "labels", "a"]
LAUGHS = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 10)
)


def made(kind: str, api: str = "v1", meta: Obj | None = None, **rest: Any) -> Obj:
    return {"apiVersion": api, "kind": kind, "metadata": PLACE if meta is None else meta, **rest}


def workload(**spec: Any) -> Obj:
    template = {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    return made("Deployment", "apps/v1", spec={"template": template, **spec})


def linkerd(values: str) -> Obj:
    meta = {"namespace": "linkerd", "name": "linkerd-config"}
    return made("ConfigMap", meta=meta, data={"values": values})


def nested(levels: int) -> Any:
    found: Any = "x"
    for _ in range(levels):
        found = {"a": found}
    return found


REFUSED: dict[str, list[Obj]] = {
    "deep": [made("Widget", "example.com/v1", spec=nested(300))],
    "number beyond 64 bits": [made("Widget", "example.com/v1", spec={"n": 10**30})],
    "no namespace": [made("Pod", meta={"name": "a"}, spec={"containers": [{"name": "a"}]})],
    "nul": [made("ConfigMap", meta={"namespace": "shop", "name": "a\0b"})],
    "path": [made("ConfigMap", meta={"namespace": "shop", "name": "../../tmp/x"})],
    "dots": [made("ConfigMap", meta={"namespace": "shop", "name": ".."})],
    "long": [made("ConfigMap", meta={"namespace": "shop", "name": "n" * 254})],
    "namespace that leads elsewhere": [made("ConfigMap", meta={"namespace": "../x", "name": "a"})],
    "name of a namespace": [made("Namespace", meta={"name": "Shop_1"})],
    "null spec": [made("Pod", spec=None)],
    "no spec": [made("Pod")],
    "no container": [made("Pod", spec={"containers": []})],
    "container without a name": [made("Pod", spec={"containers": [{"image": "a"}]})],
    "containers that are text": [made("Pod", spec={"containers": "x"})],
    "status that is a number": [made("Pod", spec={"containers": [{"name": "a"}]}, status=5)],
    "null template": [made("Deployment", "apps/v1", spec={"template": None})],
    "replicas": [workload(replicas=10**9)],
    "negative replicas": [workload(replicas=-1)],
    "replicas that are text": [workload(replicas="3")],
    "definition of nothing": [
        made(
            "CustomResourceDefinition", "apiextensions.k8s.io/v1", spec={"group": "", "names": {}}
        )
    ],
    "data that is a list": [made("ConfigMap", data=["a"])],
    "list within the list": [made("List", items=[])],
    "list of pods within the list": [made("PodList", items=[])],
    "twice": [made("ConfigMap"), made("ConfigMap")],
    "one uid": [
        made("ConfigMap", meta={"namespace": "shop", "name": n, "uid": "same"}) for n in ("a", "b")
    ],
    "values that laugh": [linkerd(LAUGHS)],
    "values that hold themselves": [linkerd("z: &z [*z]")],
    "deep values": [linkerd("z: " + "[" * 100_000)],
    "values with a tag": [linkerd("z: !!python/object/apply:os.system ['true']")],
    "values that are a list": [linkerd("- a")],
}


@pytest.mark.parametrize("items", REFUSED.values(), ids=REFUSED)
def test_what_no_cluster_gives_is_refused_with_its_place(tmp_path: Path, items: list[Obj]) -> None:
    path = written(tmp_path / "s.json", cluster(*items))

    with pytest.raises(BadInput) as bad:
        read_snapshot(path)

    assert str(path) in bad.value.where
    assert len(str(bad.value)) < 2_000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (CAPTURED_AT, "2026-01-01T00:00:00"),
        (CAPTURED_AT, "0001-01-01T00:00:00Z"),
        (CAPTURED_AT, "9999-12-31T23:59:59Z"),
        (CAPTURED_AT, "yesterday"),
        (SERVER_VERSION, "v1.999999999999999999999.0"),
        (SERVER_VERSION, "--help"),
        (NOT_READ, "{{{"),
        (NOT_READ, "[" * 100_000),
    ],
)
def test_a_note_that_cannot_be_read_is_named(tmp_path: Path, name: str, value: str) -> None:
    path = written(tmp_path / "s.json", cluster(), **{name: value})

    with pytest.raises(BadInput, match=name):
        read_snapshot(path)


ACCEPTED: dict[str, Obj] = {
    "a kind that nobody knows": made("Widget", "example.com/v1", spec={"n": 2**53 + 1, "f": 0.5}),
    "a definition with a slow pattern": made(
        "CustomResourceDefinition",
        CRDS,
        meta={"name": "as.b.c"},
        spec={
            "group": "b.c",
            "names": {"plural": "as", "kind": "A"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"pattern": "^(a+)+$"}}}],
        },
    ),
    "owners in a circle": made(
        "ReplicaSet",
        "apps/v1",
        meta={
            **PLACE,
            "uid": "u",
            "ownerReferences": [{"kind": "ReplicaSet", "name": "odd", "uid": "u"}],
        },
        spec={"template": {"spec": {"containers": [{"name": "a"}]}}},
    ),
    "a role with a colon": made("Role", "rbac.authorization.k8s.io/v1", {**PLACE, "name": "a:b"}),
    "values in an empty text": linkerd(""),
}


@pytest.mark.parametrize("item", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_odd_and_harmless_is_read(tmp_path: Path, item: Obj) -> None:
    found = read_snapshot(written(tmp_path / "s.json", cluster(item)))

    assert facts(found).pods


def test_the_command_says_it_in_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "s.json", cluster(linkerd(LAUGHS)))

    code = rehearse.main(
        ["plan", "--from", "edge-25.4.4", "--to", "edge-25.10.7", "--snapshot", str(path)]
    )

    said = capsys.readouterr().err
    assert code == 4
    assert f"{path}: item 2, ConfigMap linkerd/linkerd-config, key values" in said
    assert "Traceback" not in said


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["name", "namespace", "spec", "template", "containers", "labels", "a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kind=st.sampled_from(["Pod", "Deployment", "CronJob", "ConfigMap", "Secret", "Node", "Event"]),
    field=st.sampled_from(["metadata", "spec", "status", "data", "kind", "involvedObject"]),
    tree=TREES,
)
def test_any_tree_is_read_or_refused(tmp_path: Path, kind: str, field: str, tree: Any) -> None:
    api = {"Deployment": "apps/v1", "CronJob": "batch/v1"}.get(kind, "v1")
    item = {**made(kind, api, spec={}), field: tree}
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"kind": "List", "items": [*cluster(), item]}))

    try:
        found = facts(read_snapshot(path))
    except BadInput:
        return
    msgspec.json.encode(found)


def test_a_deep_object_within_the_bounds_is_read(tmp_path: Path) -> None:
    deep = made("Widget", "example.com/v1", spec=nested(190))

    assert read_snapshot(written(tmp_path / "s.json", [namespace("shop"), pod("a"), deep])).items
