"""Merge, JSON and strategic merge patches."""

from __future__ import annotations

import pytest

from fixtures.embedded.api.patches.json_patch import json_patch, merge
from fixtures.embedded.kernel import ApiError
from suites.embedded.client import Client, Obj


@pytest.fixture
def web(api: Client, deployments: str, deployment: Obj) -> str:
    """The path of a Deployment `web`."""
    assert api.post(deployments, deployment).code == 201
    return f"{deployments}/web"


def pod_spec(body: Obj) -> Obj:
    return body["spec"]["template"]["spec"]


def test_strategic_patch_merges_containers_by_name(api: Client, web: str) -> None:
    patch = {"containers": [{"name": "main", "image": "web:2"}, {"name": "x", "image": "x:1"}]}

    changed = api.strategic(web, {"spec": {"template": {"spec": patch}}}).body

    main, extra = pod_spec(changed)["containers"]
    assert (main["image"], [item["name"] for item in main["env"]]) == ("web:2", ["A", "B"])
    assert extra["imagePullPolicy"] == "IfNotPresent"


def test_strategic_patch_deletes_and_orders(api: Client, web: str) -> None:
    env = [{"$patch": "delete", "name": "A"}, {"name": "C", "value": "3"}]
    container = {
        "name": "main",
        "env": env,
        "$setElementOrder/env": [{"name": "C"}, {"name": "B"}],
    }

    changed = api.strategic(
        web, {"spec": {"template": {"spec": {"containers": [container]}}}}
    ).body

    names = [item["name"] for item in pod_spec(changed)["containers"][0]["env"]]
    assert names == ["C", "B"]


def test_strategic_patch_retains_keys(api: Client, web: str) -> None:
    strategy = {"$retainKeys": ["type"], "type": "Recreate"}

    changed = api.strategic(web, {"spec": {"strategy": strategy}}).body

    assert changed["spec"]["strategy"] == {"type": "Recreate"}


def test_strategic_patch_replaces_on_request(api: Client, web: str) -> None:
    labels = {"$patch": "replace", "only": "this"}

    changed = api.strategic(web, {"metadata": {"labels": labels}}).body

    assert changed["metadata"]["labels"] == {"only": "this"}


def test_merge_patch_replaces_lists_and_removes_nulls(api: Client, web: str) -> None:
    containers = [{"name": "other", "image": "o:1"}]
    patch = {
        "metadata": {"labels": {"app": None, "x": "y"}},
        "spec": {"template": {"spec": {"containers": containers}}},
    }

    changed = api.merge(web, patch).body

    assert changed["metadata"]["labels"] == {"x": "y"}
    assert [item["name"] for item in pod_spec(changed)["containers"]] == ["other"]


def test_json_patch_holds_its_tests(api: Client, web: str) -> None:
    path = "/spec/template/spec/containers/0/image"
    right = [
        {"op": "test", "path": path, "value": "web:1"},
        {"op": "replace", "path": path, "value": "web:2"},
        {"op": "add", "path": "/metadata/labels/a~1b", "value": "c"},
    ]

    changed = api.json_patch(web, right)
    refused = api.json_patch(web, right)

    assert changed.body["metadata"]["labels"]["a/b"] == "c"
    assert (refused.code, refused.reason) == (422, "Invalid")


def test_unknown_patch_types_are_refused(api: Client, web: str) -> None:
    assert api.request("PATCH", web, {}, content_type="application/json").code == 415


def test_patch_of_an_absent_object_is_not_found(api: Client, deployments: str) -> None:
    assert api.merge(f"{deployments}/absent", {}).code == 404


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a"], ["c"], ["c"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_is_rfc_7386(target: object, patch: object, expected: object) -> None:
    assert merge(target, patch) == expected


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ({"a": [1, 2]}, {"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"a": [1, 2]}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/b"}, {"a": 1}),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/b"}, {"b": 1}),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"a": [1, 2]}, {"op": "replace", "path": "/a/0", "value": 5}, {"a": [5, 2]}),
        ({"~/": 1}, {"op": "test", "path": "/~0~1", "value": 1}, {"~/": 1}),
    ],
)
def test_json_patch_is_rfc_6902(document: Obj, operation: Obj, expected: Obj) -> None:
    assert json_patch(document, [operation]) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/absent"},
        {"op": "replace", "path": "/a/7", "value": 1},
        {"op": "add", "path": "/a/x", "value": 1},
        {"op": "add", "path": "/absent/x", "value": 1},
        {"op": "jump", "path": "/a"},
        {"path": "/a"},
    ],
)
def test_json_patch_refuses_what_does_not_fit(operation: Obj) -> None:
    with pytest.raises(ApiError):
        json_patch({"a": [1]}, [operation])
