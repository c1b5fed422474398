"""Whatever a client sends is stored or answered with a Status; nothing makes the server fail."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fixtures.embedded.api.calls import ADMIN, Call
from fixtures.embedded.api.core import ApiKernel
from fixtures.embedded.api.patches.json_patch import json_patch, merge
from fixtures.embedded.api.patches.strategic import StrategicMerge
from fixtures.embedded.kernel import ApiError, Clock, Obj

SCHEMA: Obj = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "n": {"type": "integer", "default": 1},
                "items": {"type": "array", "items": {"type": "object", "properties": {"a": {}}}},
            },
        }
    },
}
VERSION: Obj = {
    "name": "v1",
    "served": True,
    "storage": True,
    "schema": {"openAPIV3Schema": SCHEMA},
    "subresources": {"status": {}},
}
DEFINITION: Obj = {
    "metadata": {"name": "foos.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "foos", "kind": "Foo"},
        "versions": [VERSION],
    },
}
CONTAINER: Obj = {
    "name": "c",
    "image": "c:1",
    "ports": [{"containerPort": 80}],
    "env": [{"name": "A", "value": "b"}],
    "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}},
    "readinessProbe": {"httpGet": {"port": 80}},
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
}
POD: Obj = {"containers": [CONTAINER], "volumes": [{"name": "v", "configMap": {"name": "c"}}]}
TEMPLATE: Obj = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
HOOK: Obj = {
    "name": "a.b.c",
    "clientConfig": {"service": {"name": "s", "namespace": "n"}},
    "rules": [
        {
            "apiGroups": ["none.example.com"],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["pods"],
        }
    ],
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}
ROLE_REF: Obj = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
OBJECTS: dict[str, Obj] = {
    "configmaps": {"metadata": {"name": "a", "labels": {"a": "b"}}, "data": {"a": "b"}},
    "secrets": {"metadata": {"name": "a"}, "stringData": {"a": "b"}},
    "pods": {"metadata": {"name": "a"}, "spec": POD},
    "services": {
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}},
    },
    "namespaces": {"metadata": {"name": "other", "labels": {"a": "b"}}},
    "deployments.apps": {
        "metadata": {"name": "a"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
    },
    "statefulsets.apps": {
        "metadata": {"name": "a"},
        "spec": {
            "serviceName": "a",
            "selector": {"matchLabels": {"a": "b"}},
            "template": TEMPLATE,
            "volumeClaimTemplates": [{"metadata": {"name": "v"}, "spec": {}}],
        },
    },
    "jobs.batch": {
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": {**POD, "restartPolicy": "Never"}}},
    },
    "cronjobs.batch": {
        "metadata": {"name": "a"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}},
    },
    "poddisruptionbudgets.policy": {
        "metadata": {"name": "a"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}},
    },
    "rolebindings.rbac.authorization.k8s.io": {
        "metadata": {"name": "a"},
        "roleRef": ROLE_REF,
        "subjects": [{"kind": "User", "name": "u"}],
    },
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": {
        "metadata": {"name": "a"},
        "webhooks": [HOOK],
    },
    "customresourcedefinitions.apiextensions.k8s.io": {
        "metadata": {"name": "bars.example.com"},
        "spec": {**DEFINITION["spec"], "names": {"plural": "bars", "kind": "Bar"}},
    },
    "foos.example.com": {"metadata": {"name": "a"}, "spec": {"n": 1, "items": [{"a": 1}]}},
}

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in an object but the whole of it."""
    found: list[tuple[Any, ...]] = [path] if path else []
    keys: Any = ()
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        found += places(value[key], (*path, key))
    return found


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, Obj]:
    """An object of some resource with up to two places that hold something else."""
    resource = draw(st.sampled_from(sorted(OBJECTS)))
    obj = copy.deepcopy(OBJECTS[resource])
    for _ in range(draw(st.integers(0, 2))):
        path = draw(st.sampled_from(places(obj)))
        holder: Any = obj
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = draw(values)
    return resource, obj


async def write(resource: str, obj: Obj, patch: Any) -> int:
    """Create and then patch an object; the code of the first refusal, else 200."""
    kernel = ApiKernel(Clock(), 31, seed=1)
    await kernel.create("namespaces", {"metadata": {"name": "n"}})
    await kernel.create("serviceaccounts", {"metadata": {"name": "default", "namespace": "n"}})
    await kernel.create("customresourcedefinitions.apiextensions.k8s.io", DEFINITION)
    found = kernel.resource(resource)
    namespace = "n" if found.namespaced else ""
    call = Call(user=ADMIN, manager="m", version=found.storage)
    try:
        made = await kernel.writes.create(found, namespace, obj, call)
        changed = await kernel.writes.change(
            found, namespace, made.name, lambda old: merge(old, patch), call
        )
    except ApiError as error:
        return error.code
    again = kernel.writes.replace(found, changed.obj, call)
    assert again is changed, "writing what is stored must change nothing"
    return 200


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=spoilt(), patch=st.dictionaries(st.sampled_from(["metadata", "spec"]), values))
@example(
    case=("pods", {"metadata": {"name": "a"}, "spec": {**POD, "volumes": [None]}}), patch={}
).via("a volume without a name")
def test_spoilt_objects_are_stored_or_refused(case: tuple[str, Obj], patch: Obj) -> None:
    resource, obj = case

    code = asyncio.run(write(resource, obj, patch))

    assert code == 200 or 400 <= code < 500


def test_whole_objects_are_stored() -> None:
    for resource, obj in OBJECTS.items():
        assert asyncio.run(write(resource, obj, {})) == 200, resource


operations = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "odd"]),
        "path": st.sampled_from(["", "/a", "/a/0", "/a/-", "/b/c", "/~1", "odd"]),
    },
    optional={"value": values, "from": st.sampled_from(["/a", "/b", "/x", ""])},
)


@given(document=st.dictionaries(st.sampled_from("abc"), values), patch=st.lists(operations))
def test_json_patches_end_or_are_refused(document: Obj, patch: list[Obj]) -> None:
    before = copy.deepcopy(document)

    try:
        json_patch(document, patch)
    except ApiError as error:
        refused = error.code
    else:
        refused = 400

    assert refused in (400, 422)
    assert document == before


@given(document=st.dictionaries(st.sampled_from("abc"), values), patch=values)
def test_merge_patch_is_idempotent(document: Obj, patch: Any) -> None:
    once = merge(document, patch)

    assert merge(once, patch) == once


@pytest.fixture(scope="module")
def kernel() -> ApiKernel:
    return ApiKernel(Clock(), 31, seed=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patch=st.dictionaries(st.sampled_from(["metadata", "spec", "$patch"]), values))
def test_strategic_patches_end_or_are_refused(kernel: ApiKernel, patch: Obj) -> None:
    schema = kernel.definitions.kind("apps", "v1", "Deployment")
    assert schema is not None
    original = OBJECTS["deployments.apps"]
    before = copy.deepcopy(original)

    try:
        StrategicMerge(kernel.definitions).merge(original, patch, schema)
    except ApiError as error:
        assert error.code == 400  # noqa: PT017 - a refusal is one of two right outcomes

    assert original == before
