"""Watches: order, selections, bookmarks, and versions that are forgotten."""

from __future__ import annotations

from itertools import islice

from suites.embedded.client import Client, Obj


def config_map(name: str, **labels: str) -> Obj:
    return {"metadata": {"name": name, "labels": labels}}


def seen(events: list[Obj]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


def test_watch_from_a_version_tells_what_came_after(api: Client, config_maps: str) -> None:
    api.post(config_maps, config_map("before"))
    version = api.get(config_maps).body["metadata"]["resourceVersion"]
    api.post(config_maps, config_map("a"))
    api.merge(f"{config_maps}/a", {"data": {"x": "1"}})
    api.delete(f"{config_maps}/a")

    with api.watch(config_maps, resourceVersion=version) as events:
        told = list(islice(events, 3))

    assert seen(told) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in told]
    assert versions == sorted(versions)
    assert versions[0] > int(version)


def test_watch_without_a_version_begins_with_what_is_there(api: Client, config_maps: str) -> None:
    api.post(config_maps, config_map("a"))

    with api.watch(config_maps) as events:
        first = list(islice(events, 2))

    assert seen(first) == [("ADDED", "a"), ("ADDED", "kube-root-ca.crt")]


def test_selection_is_entered_and_left(api: Client, config_maps: str) -> None:
    version = api.get(config_maps).body["metadata"]["resourceVersion"]
    api.post(config_maps, config_map("a", tier="db"))
    for tier in ("web", "web2", "web"):
        api.merge(f"{config_maps}/a", {"metadata": {"labels": {"tier": tier}}})
    api.delete(f"{config_maps}/a")

    with api.watch(config_maps, resourceVersion=version, labelSelector="tier=web") as events:
        told = list(islice(events, 4))

    assert seen(told) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a"), ("DELETED", "a")]


def test_watch_of_one_object(api: Client, config_maps: str) -> None:
    version = api.get(config_maps).body["metadata"]["resourceVersion"]
    api.post(config_maps, config_map("other"))
    api.post(config_maps, config_map("mine"))

    query = {"fieldSelector": "metadata.name=mine", "resourceVersion": version}
    with api.watch(config_maps, **query) as events:
        told = list(islice(events, 1))

    assert seen(told) == [("ADDED", "mine")]


def test_watch_ends_in_time_with_a_bookmark(api: Client, config_maps: str) -> None:
    version = api.get(config_maps).body["metadata"]["resourceVersion"]

    query = {"allowWatchBookmarks": "true", "resourceVersion": version, "timeoutSeconds": 1}
    with api.watch(config_maps, **query) as events:
        told = list(events)

    assert [event["type"] for event in told] == ["BOOKMARK"]
    assert told[0]["object"]["kind"] == "ConfigMap"
    assert int(told[0]["object"]["metadata"]["resourceVersion"]) >= int(version)


def test_version_of_the_future_times_out(api: Client, config_maps: str) -> None:
    answer = api.get(config_maps, watch="1", resourceVersion=10**12)

    assert (answer.code, answer.reason) == (504, "Timeout")


def test_watch_list_is_forbidden_before_it_was_enabled(api: Client, config_maps: str) -> None:
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    answer = api.get(config_maps, watch="true", **query)

    assert (answer.code, answer.reason) == (422, "Invalid")
    assert answer.causes == [("FieldValueForbidden", "sendInitialEvents")]


def test_anything_but_false_and_zero_is_true(api: Client, config_maps: str) -> None:
    api.post(config_maps, config_map("a"))

    for text in ("True", "1", "yes", ""):
        query = {"watch": text, "timeoutSeconds": 1}
        with api.watch(config_maps, **query) as events:
            assert next(events)["type"] == "ADDED"
    for text in ("False", "0"):
        assert api.get(config_maps, watch=text).body["kind"] == "ConfigMapList"


def test_watch_of_tables_names_the_columns_once(api: Client, config_maps: str) -> None:
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    api.post(config_maps, config_map("a"))

    answer = api.request("GET", config_maps, headers=accept, watch="true", timeoutSeconds=1).body

    first, second = answer.splitlines()[:2]
    assert '"columnDefinitions":[' in first
    assert '"columnDefinitions":null' in second
