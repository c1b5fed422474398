"""What there is to ask for: version, groups, resources, OpenAPI, tables, metadata."""

from __future__ import annotations

import pytest

from suites.embedded.client import Client, Obj

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def test_version_says_that_the_cluster_is_embedded(api: Client) -> None:
    version = api.get("/version").body

    assert (version["major"], version["minor"]) == ("1", "31")
    assert version["gitTreeState"] == "embedded"
    assert version["gitVersion"].startswith("v1.31.")


def test_aggregated_and_legacy_discovery_agree(api: Client) -> None:
    aggregated: dict[str, set[str]] = {}
    for path in ("/api", "/apis"):
        answer = api.request("GET", path, headers={"Accept": AGGREGATED})
        assert answer.headers["Content-Type"] == AGGREGATED
        for group in answer.body["items"]:
            name = group["metadata"].get("name")
            for version in group["versions"]:
                where = f"/apis/{name}/{version['version']}" if name else "/api/v1"
                aggregated[where] = {item["resource"] for item in version["resources"]}

    for where, plurals in aggregated.items():
        legacy = api.get(where).body
        assert legacy["kind"] == "APIResourceList"
        assert {i["name"] for i in legacy["resources"] if "/" not in i["name"]} == plurals
    groups = {group["name"] for group in api.get("/apis").body["groups"]}
    assert {f"/apis/{name}" for name in groups} == {
        where.rpartition("/")[0] for where in aggregated if where != "/api/v1"
    }


def test_pods_have_their_subresources(api: Client) -> None:
    resources = {item["name"]: item for item in api.get("/api/v1").body["resources"]}

    eviction = resources["pods/eviction"]
    assert (eviction["group"], eviction["version"], eviction["kind"]) == (
        "policy",
        "v1",
        "Eviction",
    )
    assert {"pods/status", "pods/log", "pods/binding"} <= set(resources)


def test_every_openapi_document_can_be_read(api: Client) -> None:
    paths = api.get("/openapi/v3").body["paths"]

    assert {"api/v1", "apis/apps/v1", "apis/apiextensions.k8s.io/v1"} <= set(paths)
    for document in paths.values():
        body = api.get(document["serverRelativeURL"]).body
        marks = [
            item["patch"]["x-kubernetes-group-version-kind"]["kind"]
            for item in body["paths"].values()
            if "patch" in item
        ]
        assert marks
        for item in body["paths"].values():
            names = {
                parameter["name"] for parameter in item.get("patch", {}).get("parameters", ())
            }
            assert not names or {"dryRun", "fieldValidation"} <= names


def test_openapi_v2_names_the_kinds_that_can_be_patched(api: Client) -> None:
    paths = api.get("/openapi/v2").body["paths"]

    where = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    mark = paths[where]["patch"]["x-kubernetes-group-version-kind"]
    assert mark == {"group": "apps", "version": "v1", "kind": "Deployment"}


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_is_ok(api: Client, path: str) -> None:
    assert api.get(path).body == "ok"


def test_list_of_built_in_kinds_leaves_the_kind_to_the_list(api: Client, namespace: str) -> None:
    body = api.get(f"/api/v1/namespaces/{namespace}/configmaps").body

    assert (body["kind"], body["apiVersion"]) == ("ConfigMapList", "v1")
    assert "kind" not in body["items"][0]


def test_table_of_config_maps(api: Client, config_maps: str) -> None:
    table = api.request("GET", config_maps, headers={"Accept": TABLE}).body

    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [item["name"] for item in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    (row,) = table["rows"]
    assert row["cells"][:2] == ["kube-root-ca.crt", 1]
    assert row["object"]["kind"] == "PartialObjectMetadata"


def test_metadata_alone(api: Client, config_maps: str) -> None:
    body = api.request("GET", config_maps, headers={"Accept": PARTIAL}).body

    assert body["kind"] == "PartialObjectMetadataList"
    assert list(body["items"][0]) == ["metadata"]


def test_unknown_media_types_are_not_acceptable(api: Client, config_maps: str) -> None:
    answer = api.request("GET", config_maps, headers={"Accept": "image/png"})

    assert (answer.code, answer.reason) == (406, "NotAcceptable")


def test_events_are_one_collection_in_two_groups(api: Client, namespace: str) -> None:
    event: Obj = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": namespace},
        "reason": "Seen",
        "message": "seen",
        "type": "Normal",
    }
    api.post(f"/api/v1/namespaces/{namespace}/events", event)

    other = api.get(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events").body

    assert [item["metadata"]["name"] for item in other["items"]] == ["e"]
