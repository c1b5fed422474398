"""Facts read from an API server: rights, pages, versions of custom resources."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.reader import ClusterReader
from policies.facts.cluster import ClusterFacts
from suites.harness.pods import namespace, pod
from suites.harness.scripted_api import Asked, Says, Script, listing, refused, scripted_api

Obj = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read(script: Script) -> ClusterFacts:
    with (
        tempfile.TemporaryDirectory() as folder,
        scripted_api(Path(folder), script) as api,
    ):
        reader = ClusterReader(Connection(api.kubeconfig), clock=lambda: NOW)
        try:
            return reader.facts()
        finally:
            reader.close()


def ordinary(asked: Asked) -> Says:
    if asked.path == "/version":
        return Says(body={"gitVersion": "v1.31.0", "gitTreeState": "clean"})
    if asked.path == "/api/v1/pods":
        return listing(pod("a", proxy="v1"), pod("b"))
    if asked.path == "/api/v1/namespaces":
        return listing(namespace("shop"))
    if "/linkerd-" in asked.path:
        return refused(404, "NotFound")
    return listing()


@pytest.mark.parametrize(("readable", "present"), [(True, False), (False, None)])
def test_absent_overrides_differ_from_unreadable_ones(readable: bool, present: object) -> None:
    def script(asked: Asked) -> Says:
        if asked.path == "/version":
            return Says(body={"gitVersion": "v1.31.0"})
        if "/secrets" in asked.path and not readable:
            return refused(403, "Forbidden")
        if asked.path.endswith("/configmaps/linkerd-config"):
            return Says(body={"metadata": {"name": "linkerd-config"}, "data": {"values": "a: 1"}})
        if "/linkerd-" in asked.path:
            return refused(404, "NotFound")
        return listing()

    found = read(script)

    assert found.config is not None
    assert found.config.overrides_present is present
    assert bool(found.cannot_read("secrets")) is not readable


def test_a_reading_gives_facts_with_their_time_and_version() -> None:
    found = read(ordinary)

    assert found.taken_at == NOW
    assert found.kubernetes == "v1.31.0"
    assert not found.simulated
    assert [p.name for p in found.pods] == ["a", "b"]
    assert found.unreadable == ()


def test_a_kind_without_rights_is_unreadable_and_the_rest_is_read() -> None:
    def script(asked: Asked) -> Says:
        return refused(403, "Forbidden", "x") if "nodes" in asked.path else ordinary(asked)

    found = read(script)

    assert found.cannot_read("nodes") == "nodes: Forbidden: x"
    assert len(found.pods) == 2


def test_refused_credentials_end_the_reading() -> None:
    with pytest.raises(ClusterError, match="401"):
        read(lambda _: refused(401, "Unauthorized"))


def test_all_pages_are_read_and_an_expired_one_starts_again() -> None:
    expired: list[bool] = []

    def script(asked: Asked) -> Says:
        if asked.path != "/api/v1/pods":
            return ordinary(asked)
        if "continue" not in asked.query:
            return listing(pod("a"), **{"continue": "next"})
        if not expired:
            expired.append(True)
            return refused(410, "Expired")
        return listing(pod("b"))

    assert [p.name for p in read(script).pods] == ["a", "b"]


def test_custom_resources_are_counted_where_their_definition_is_served() -> None:
    crd: Obj = {
        "metadata": {"name": "servers.policy.linkerd.io"},
        "spec": {
            "group": "policy.linkerd.io",
            "names": {"plural": "servers", "kind": "Server"},
            "versions": [
                {"name": "v1beta2", "served": True},
                {"name": "v1beta3", "served": True, "storage": True},
            ],
        },
        "status": {"storedVersions": ["v1beta3"]},
    }
    labelled: Obj = {
        "metadata": {
            "name": "s",
            "namespace": "linkerd",
            "labels": {"linkerd.io/control-plane-ns": "linkerd"},
        }
    }

    def script(asked: Asked) -> Says:
        if asked.path.endswith("/customresourcedefinitions"):
            return listing(crd)
        if asked.path == "/apis/policy.linkerd.io/v1beta3/servers":
            return listing(labelled, remainingItemCount=41)
        return ordinary(asked)

    found = read(script)

    assert found.crds[0].resources == 42
    assert [str(o.key) for o in found.objects] == ["Server linkerd/s"]
