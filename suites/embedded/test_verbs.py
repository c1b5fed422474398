"""Create, read, change and delete, as the Kubernetes API concepts describe them."""

from __future__ import annotations

from pathlib import Path

import pytest

from suites.embedded.client import Client, Obj


def config_map(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_created_object_has_identity_and_can_be_read(api: Client, config_maps: str) -> None:
    created = api.post(config_maps, config_map("a", x="1"))

    assert created.code == 201
    metadata = created.body["metadata"]
    assert metadata["uid"]
    assert metadata["resourceVersion"]
    assert metadata["creationTimestamp"].endswith("Z")
    assert api.get(f"{config_maps}/a").body == created.body


def test_second_create_is_refused(api: Client, config_maps: str) -> None:
    api.post(config_maps, config_map("a"))

    again = api.post(config_maps, config_map("a"))

    assert (again.code, again.reason) == (409, "AlreadyExists")
    assert again.body["details"] == {"name": "a", "kind": "configmaps"}


def test_absent_object_is_not_found(api: Client, config_maps: str) -> None:
    answer = api.get(f"{config_maps}/absent")

    assert (answer.code, answer.reason) == (404, "NotFound")
    assert answer.body["message"] == 'configmaps "absent" not found'


def test_create_in_absent_namespace_is_not_found(api: Client) -> None:
    answer = api.post("/api/v1/namespaces/absent/configmaps", config_map("a"))

    assert (answer.code, answer.reason) == (404, "NotFound")
    assert answer.body["message"] == 'namespaces "absent" not found'


@pytest.mark.parametrize("name", ["UPPER", "-a", "a_b", "a" * 254])
def test_bad_names_are_invalid(api: Client, config_maps: str, name: str) -> None:
    answer = api.post(config_maps, config_map(name))

    assert (answer.code, answer.reason) == (422, "Invalid")
    assert answer.causes == [("FieldValueInvalid", "metadata.name")]


def test_generated_names_differ(api: Client, config_maps: str) -> None:
    body = {"metadata": {"generateName": "g-"}}

    names = {api.post(config_maps, body).body["metadata"]["name"] for _ in range(3)}

    assert len(names) == 3
    assert all(name.startswith("g-") and len(name) == 7 for name in names)


def test_stale_update_is_a_conflict(api: Client, config_maps: str) -> None:
    first = api.post(config_maps, config_map("a", x="1")).body
    api.put(f"{config_maps}/a", {**first, "data": {"x": "2"}})

    stale = api.put(f"{config_maps}/a", {**first, "data": {"x": "3"}})

    assert (stale.code, stale.reason) == (409, "Conflict")
    assert api.get(f"{config_maps}/a").body["data"] == {"x": "2"}


def test_update_without_version_wins(api: Client, config_maps: str) -> None:
    api.post(config_maps, config_map("a", x="1"))

    assert api.put(f"{config_maps}/a", config_map("a", x="2")).code == 200


def test_write_without_effect_keeps_the_version(api: Client, config_maps: str) -> None:
    created = api.post(config_maps, config_map("a", x="1")).body

    same = api.merge(f"{config_maps}/a", {"data": {"x": "1"}}).body

    assert same["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


def test_only_spec_changes_raise_the_generation(
    api: Client, deployments: str, deployment: Obj
) -> None:
    assert api.post(deployments, deployment).body["metadata"]["generation"] == 1

    labelled = api.merge(f"{deployments}/web", {"metadata": {"labels": {"x": "y"}}}).body
    scaled = api.merge(f"{deployments}/web", {"spec": {"revisionHistoryLimit": 3}}).body

    assert labelled["metadata"]["generation"] == 1
    assert scaled["metadata"]["generation"] == 2


def test_status_and_spec_are_written_apart(api: Client, deployments: str, deployment: Obj) -> None:
    api.post(deployments, {**deployment, "status": {"replicas": 7}})

    patch = {"status": {"collisionCount": 3}, "spec": {"revisionHistoryLimit": 3}}
    by_status = api.merge(f"{deployments}/web/status", patch).body

    assert by_status["status"]["collisionCount"] == 3
    assert by_status["spec"]["revisionHistoryLimit"] == 10
    by_object = api.merge(f"{deployments}/web", {"status": {"collisionCount": 9}}).body
    assert by_object["status"]["collisionCount"] == 3


def test_dry_run_changes_nothing(api: Client, config_maps: str) -> None:
    dry = api.post(config_maps, config_map("a"), dryRun="All")

    assert dry.code == 201
    assert dry.body["metadata"]["uid"]
    assert api.get(f"{config_maps}/a").code == 404


def test_unknown_fields_are_refused_told_or_dropped(api: Client, config_maps: str) -> None:
    body = {**config_map("a"), "extra": 1}

    strict = api.post(config_maps, body, fieldValidation="Strict")
    warned = api.post(config_maps, body, fieldValidation="Warn")

    assert (strict.code, strict.reason) == (400, "BadRequest")
    assert 'unknown field "extra"' in strict.body["message"]
    assert warned.code == 201
    assert warned.headers["Warning"] == '299 - "unknown field \\"extra\\""'
    assert "extra" not in warned.body


def test_wrong_type_is_a_bad_request(api: Client, deployments: str, deployment: Obj) -> None:
    deployment["spec"]["replicas"] = "many"

    answer = api.post(deployments, deployment)

    assert (answer.code, answer.reason) == (400, "BadRequest")


def test_selectors_choose(api: Client, config_maps: str) -> None:
    for name, tier in (("a", "web"), ("b", "db"), ("c", "web")):
        body = config_map(name)
        body["metadata"]["labels"] = {"tier": tier}
        api.post(config_maps, body)

    def names(**query: str) -> list[str]:
        items = api.get(config_maps, **query).body["items"]
        return [item["metadata"]["name"] for item in items]

    assert names(labelSelector="tier=web") == ["a", "c"]
    assert names(labelSelector="tier notin (web)") == ["b", "kube-root-ca.crt"]
    assert names(labelSelector="tier,tier!=web") == ["b"]
    assert names(fieldSelector="metadata.name=b") == ["b"]


def test_unknown_field_selector_is_refused(api: Client, config_maps: str) -> None:
    answer = api.get(config_maps, fieldSelector="spec.nodeName=x")

    assert (answer.code, answer.reason) == (400, "BadRequest")


def test_pages_are_of_one_moment(api: Client, config_maps: str) -> None:
    for number in range(5):
        api.post(config_maps, config_map(f"m{number}"))

    first = api.get(config_maps, limit=3).body
    api.delete(f"{config_maps}/m4")
    second = api.get(config_maps, limit=3, **{"continue": first["metadata"]["continue"]}).body

    names = [item["metadata"]["name"] for item in first["items"] + second["items"]]
    assert names == ["kube-root-ca.crt", "m0", "m1", "m2", "m3", "m4"]
    assert first["metadata"]["remainingItemCount"] == 3
    assert "continue" not in second["metadata"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_unreadable_continue_is_refused(api: Client, config_maps: str) -> None:
    assert api.get(config_maps, **{"continue": "rubbish"}).code == 400


def test_finalizer_holds_a_deleted_object(api: Client, config_maps: str) -> None:
    body = config_map("a")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    api.post(config_maps, body)

    marked = api.delete(f"{config_maps}/a").body

    assert marked["metadata"]["deletionTimestamp"]
    api.merge(f"{config_maps}/a", {"metadata": {"finalizers": None}})
    assert api.get(f"{config_maps}/a").code == 404


def test_delete_answers_what_went(api: Client, config_maps: str) -> None:
    created = api.post(config_maps, config_map("a")).body

    gone = api.delete(f"{config_maps}/a", {"propagationPolicy": "Background"})

    assert gone.body["status"] == "Success"
    assert gone.body["details"] == {
        "name": "a",
        "kind": "configmaps",
        "uid": created["metadata"]["uid"],
    }


def test_delete_holds_its_preconditions(api: Client, config_maps: str) -> None:
    api.post(config_maps, config_map("a"))

    answer = api.delete(f"{config_maps}/a", {"preconditions": {"uid": "other"}})

    assert (answer.code, answer.reason) == (409, "Conflict")
    assert api.get(f"{config_maps}/a").code == 200


def test_collection_is_deleted_by_selector(api: Client, config_maps: str) -> None:
    for name in ("a", "b"):
        body = config_map(name)
        body["metadata"]["labels"] = {"name": name}
        api.post(config_maps, body)

    api.delete(config_maps, labelSelector="name=a")

    assert api.get(f"{config_maps}/a").code == 404
    assert api.get(f"{config_maps}/b").code == 200


def test_bodies_that_cannot_be_read(api: Client, config_maps: str) -> None:
    assert api.post(config_maps, b'{"kind": "Conf').code == 400
    assert api.post(config_maps, b"\xff\xfe{}").code == 400
    assert api.post(config_maps, b"[]").code == 400
    assert api.request("POST", config_maps, b"a=b", content_type="text/plain").code == 415
    assert api.post(config_maps, b" " * (3 * 1024 * 1024 + 1)).code == 413
    deep = b'{"metadata":{"name":"d"},"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert api.post(config_maps, deep).code == 400


def test_wrong_kind_is_refused(api: Client, config_maps: str) -> None:
    answer = api.post(config_maps, {**config_map("a"), "kind": "Secret"})

    assert (answer.code, answer.reason) == (400, "BadRequest")


def test_methods_that_a_path_does_not_take(api: Client, config_maps: str) -> None:
    assert api.put(config_maps, config_map("a")).code == 405
    assert api.post(f"{config_maps}/a", config_map("a")).code == 405


def test_unknown_paths_are_not_found(api: Client) -> None:
    assert api.get("/apis/absent.example.com/v1/things").code == 404
    assert api.get("/api/v1/absent").code == 404


def test_without_the_token_nothing_is_answered(kubeconfig_client: Client) -> None:
    for path in ("/api/v1/pods", "/version", "/_embedded/clock"):
        answer = kubeconfig_client.get(path)
        assert (answer.code, answer.reason) == (401, "Unauthorized")


@pytest.fixture
def kubeconfig_client(kubeconfig: Path) -> Client:
    """A client of the same cluster that knows no token."""
    return Client(kubeconfig, token="wrong")
