"""Server-side apply: ownership, conflicts, letting go, and migration from client-side apply."""

from __future__ import annotations

from typing import Any

from suites.embedded.client import Client, Obj


def owners(body: Obj) -> dict[tuple[str, str], Any]:
    return {
        (entry["manager"], entry["operation"]): entry["fieldsV1"]
        for entry in body["metadata"]["managedFields"]
    }


def config_map(**data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


def test_apply_creates_and_owns(api: Client, config_maps: str) -> None:
    answer = api.apply(f"{config_maps}/a", config_map(x="1"), "one")

    assert answer.code == 201
    assert owners(answer.body) == {("one", "Apply"): {"f:data": {"f:x": {}}}}


def test_other_value_of_anothers_field_is_a_conflict(api: Client, config_maps: str) -> None:
    api.apply(f"{config_maps}/a", config_map(x="1", y="1"), "one")

    answer = api.apply(f"{config_maps}/a", config_map(x="2"), "two")

    assert (answer.code, answer.reason) == (409, "Conflict")
    assert answer.causes == [("FieldManagerConflict", ".data.x")]
    assert 'conflict with "one": .data.x' in answer.body["message"]


def test_force_takes_a_field_over(api: Client, config_maps: str) -> None:
    api.apply(f"{config_maps}/a", config_map(x="1", y="1"), "one")

    forced = api.apply(f"{config_maps}/a", config_map(x="2"), "two", force="true").body

    assert forced["data"] == {"x": "2", "y": "1"}
    assert owners(forced) == {
        ("two", "Apply"): {"f:data": {"f:x": {}}},
        ("one", "Apply"): {"f:data": {"f:y": {}}},
    }


def test_same_value_is_owned_together(api: Client, config_maps: str) -> None:
    api.apply(f"{config_maps}/a", config_map(x="1"), "one")

    shared = api.apply(f"{config_maps}/a", config_map(x="1"), "two")
    left = api.apply(f"{config_maps}/a", config_map(), "one").body

    assert shared.code == 200
    assert left["data"] == {"x": "1"}


def test_field_that_is_no_longer_applied_goes(api: Client, config_maps: str) -> None:
    api.apply(f"{config_maps}/a", config_map(x="1", y="1"), "one")

    left = api.apply(f"{config_maps}/a", config_map(x="1"), "one").body

    assert left["data"] == {"x": "1"}


def test_apply_without_effect_keeps_the_version(api: Client, config_maps: str) -> None:
    first = api.apply(f"{config_maps}/a", config_map(x="1"), "one").body

    second = api.apply(f"{config_maps}/a", config_map(x="1"), "one").body

    assert second == first


def test_update_takes_ownership_of_what_it_changes(api: Client, config_maps: str) -> None:
    api.apply(f"{config_maps}/a", config_map(x="1", y="1"), "one")

    changed = api.merge(f"{config_maps}/a", {"data": {"x": "2"}}, fieldManager="edit").body

    assert owners(changed) == {
        ("one", "Apply"): {"f:data": {"f:y": {}}},
        ("edit", "Update"): {"f:data": {"f:x": {}}},
    }


def test_list_items_have_owners_of_their_own(
    api: Client, deployments: str, deployment: Obj
) -> None:
    api.apply(f"{deployments}/web", deployment, "one")
    sidecar: Obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}},
        },
    }

    both = api.apply(f"{deployments}/web", sidecar, "two").body
    sidecar["spec"] = {}
    again = api.apply(f"{deployments}/web", sidecar, "two").body

    def names(body: Obj) -> list[str]:
        return [item["name"] for item in body["spec"]["template"]["spec"]["containers"]]

    assert sorted(names(both)) == ["main", "side"]
    assert names(again) == ["main"]


def test_scale_is_a_conflict_with_its_manager(
    api: Client, deployments: str, deployment: Obj
) -> None:
    api.apply(f"{deployments}/web", deployment, "one")
    scale = {"spec": {"replicas": 3}}
    scaled = api.merge(f"{deployments}/web/scale", scale, fieldManager="scaler")

    answer = api.apply(f"{deployments}/web", deployment, "one")

    assert (scaled.body["kind"], scaled.body["spec"]) == ("Scale", {"replicas": 3})
    assert answer.causes == [("FieldManagerConflict", ".spec.replicas")]


def test_client_side_manager_owns_as_the_real_server_says(
    api: Client, deployments: str, deployment: Obj
) -> None:
    created = api.post(deployments, deployment, fieldManager="cli").body

    fields = owners(created)[("cli", "Update")]
    assert fields["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    assert fields["f:spec"]["f:strategy"]["f:rollingUpdate"] == {
        ".": {},
        "f:maxSurge": {},
        "f:maxUnavailable": {},
    }
    containers = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert list(containers) == ['k:{"name":"main"}']
    assert containers['k:{"name":"main"}']["f:env"]['k:{"name":"A"}'] == {
        ".": {},
        "f:name": {},
        "f:value": {},
    }


def test_apply_needs_a_manager_and_no_managed_fields(api: Client, config_maps: str) -> None:
    kind = "application/apply-patch+yaml"
    body = config_map(x="1")

    unnamed = api.request("PATCH", f"{config_maps}/a", body, content_type=kind)
    body["metadata"]["managedFields"] = [{"manager": "x"}]
    owned = api.apply(f"{config_maps}/a", body, "one")

    assert (unnamed.code, unnamed.reason) == (422, "Invalid")
    assert (owned.code, owned.reason) == (400, "BadRequest")


def test_applied_yaml_is_read(api: Client, config_maps: str) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\n"

    assert api.apply(f"{config_maps}/a", text, "one").body["data"] == {"x": "1"}


def test_status_is_ignored_where_it_has_a_subresource(
    api: Client, deployments: str, deployment: Obj
) -> None:
    """Helm 4 applies CRDs whose manifests hold an empty status."""
    status = {"status": {"replicas": 7, "observedGeneration": 9}}

    answer = api.apply(f"{deployments}/web", {**deployment, **status}, "one")
    again = api.apply(f"{deployments}/web", {**deployment, **status}, "one")

    assert (answer.code, again.code) == (201, 200)
    assert "f:spec" in owners(again.body)["one", "Apply"]
    assert "f:status" not in owners(again.body)["one", "Apply"]
