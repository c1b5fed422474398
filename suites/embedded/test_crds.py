"""CustomResourceDefinitions: endpoints, versions, defaults, pruning, and what may not change."""

from __future__ import annotations

import threading

import pytest

from suites.embedded.client import Client, Obj

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SCHEMA: Obj = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "default": 1, "minimum": 1},
                "color": {"type": "string", "enum": ["red", "blue"]},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def definition(plural: str, *names: str, storage: str = "v1") -> Obj:
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == storage,
            "schema": {"openAPIV3Schema": SCHEMA},
            "subresources": {"status": {}},
            "additionalPrinterColumns": [
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}
            ],
        }
        for name in names or ("v1",)
    ]
    names_of = {"plural": plural, "kind": plural.capitalize(), "shortNames": [plural[:2]]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": names_of,
            "versions": versions,
        },
    }


def thing(name: str, kind: str, version: str = "v1", **spec: object) -> Obj:
    return {
        "apiVersion": f"example.com/{version}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def establish(api: Client, body: Obj) -> Obj:
    """Create a definition and ask for it until it is served, as `kubectl wait` would."""
    assert api.post(CRDS, body).code in (201, 409)
    waiter = threading.Event()
    for _ in range(100):
        found: Obj = api.get(f"{CRDS}/{body['metadata']['name']}").body
        if conditions_of(found).get("Established") == "True":
            return found
        waiter.wait(0.1)
    raise AssertionError(f"{body['metadata']['name']} is not established")


def conditions_of(body: Obj) -> dict[str, str]:
    return {item["type"]: item["status"] for item in body["status"].get("conditions") or ()}


@pytest.fixture
def things(api: Client, namespace: str) -> str:
    """The path of a custom resource, served in v1 and v1beta1."""
    establish(api, definition("things", "v1", "v1beta1"))
    return f"/apis/example.com/v1/namespaces/{namespace}/things"


def test_definition_is_established_after_it_was_created(api: Client) -> None:
    created = api.post(CRDS, definition("gadgets")).body

    found = establish(api, definition("gadgets"))

    assert created["spec"]["names"]["listKind"] == "GadgetsList"
    assert created["status"]["conditions"] is None
    assert conditions_of(found) == {"NamesAccepted": "True", "Established": "True"}
    assert found["status"]["storedVersions"] == ["v1"]


def test_defaults_come_and_unknown_fields_go(api: Client, things: str) -> None:
    made = api.post(things, thing("a", "Things", unknown=1, free={"any": 1})).body

    assert made["spec"] == {"size": 1, "free": {"any": 1}}


def test_schema_is_enforced(api: Client, things: str) -> None:
    answer = api.post(things, thing("a", "Things", size=0, color="green"))

    assert (answer.code, answer.reason) == (422, "Invalid")
    assert sorted(field for _, field in answer.causes) == ["spec.color", "spec.size"]


def test_strict_validation_names_unknown_fields(api: Client, things: str) -> None:
    answer = api.post(things, thing("a", "Things", odd=1), fieldValidation="Strict")

    assert (answer.code, answer.reason) == (400, "BadRequest")
    assert 'unknown field "spec.odd"' in answer.body["message"]


def test_every_served_version_shows_the_same_object(api: Client, things: str) -> None:
    api.post(things, thing("a", "Things", size=3))

    older = api.get(things.replace("/v1/", "/v1beta1/") + "/a").body

    assert (older["apiVersion"], older["spec"]["size"]) == ("example.com/v1beta1", 3)


def test_status_has_its_own_path(api: Client, things: str) -> None:
    api.post(things, {**thing("a", "Things"), "status": {"ready": True}})

    by_object = api.merge(f"{things}/a", {"status": {"ready": True}}).body
    by_status = api.merge(f"{things}/a/status", {"status": {"ready": True}}).body

    assert "status" not in by_object
    assert by_status["status"] == {"ready": True}


def test_strategic_patches_are_for_built_in_kinds(api: Client, things: str) -> None:
    api.post(things, thing("a", "Things"))

    assert api.strategic(f"{things}/a", {"spec": {"size": 2}}).code == 415


def test_stored_version_cannot_be_dropped(api: Client) -> None:
    establish(api, definition("relics", "v1alpha1", "v1", storage="v1alpha1"))
    newer = definition("relics", "v1alpha1", "v1", storage="v1")
    assert api.merge(f"{CRDS}/relics.example.com", newer).code == 200

    answer = api.merge(f"{CRDS}/relics.example.com", definition("relics", "v1"))

    assert (answer.code, answer.reason) == (422, "Invalid")
    assert answer.causes[0][1] == "status.storedVersions[0]"


def test_deleting_a_definition_takes_its_objects_and_endpoints(
    api: Client, namespace: str
) -> None:
    establish(api, definition("shortlived"))
    path = f"/apis/example.com/v1/namespaces/{namespace}/shortlived"
    api.post(path, thing("a", "Shortlived"))

    api.delete(f"{CRDS}/shortlived.example.com")

    assert api.get(path).code == 404
    api.post(CRDS, definition("shortlived"))
    assert api.get(path).body["items"] == []


def test_columns_of_a_definition_are_printed(api: Client, things: str) -> None:
    api.post(things, thing("a", "Things", size=5))
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}

    table = api.request("GET", things, headers=accept).body

    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size"]
    assert table["rows"][0]["cells"] == ["a", 5]


def test_applied_custom_resource_is_owned(api: Client, things: str) -> None:
    applied = api.apply(f"{things}/a", thing("a", "Things", size=2), "one")

    assert applied.code == 201
    (entry,) = applied.body["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:spec": {"f:size": {}}}
    assert api.apply(f"{things}/a", thing("a", "Things", size=3), "two").code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scope": "Elsewhere"}, "spec.scope"),
        ({"names": {"plural": "odd", "kind": ""}}, "spec.names.kind"),
    ],
)
def test_definitions_are_validated(api: Client, change: Obj, field: str) -> None:
    body = definition("odd")
    body["spec"].update(change)

    answer = api.post(CRDS, body)

    assert answer.code == 422
    assert field in [name for _, name in answer.causes]
