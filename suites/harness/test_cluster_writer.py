"""Writes: consent before each, places from discovery, refusals as answers where asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.canary import CanaryThread
from fixtures.cluster.connection import ClusterError, Connection
from fixtures.cluster.reader import ClusterReader
from fixtures.cluster.writer import ClusterWriter, Write
from fixtures.errors import BadInput, Broken
from fixtures.targets.embedded.process import EmbeddedProcess

Obj = dict[str, Any]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with EmbeddedProcess.start(tmp_path_factory.mktemp("cluster"), speed=50) as process:
        yield Connection(process.kubeconfig)


def config_map(name: str, **data: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


def stored(connection: Connection, name: str) -> Obj:
    path = f"/api/v1/namespaces/default/configmaps/{name}"
    return json.loads(connection.request("GET", path))


def test_objects_are_created_patched_and_deleted(connection: Connection) -> None:
    writer = ClusterWriter(connection)

    writer.create(config_map("one", a="1", b="2"))
    writer.patch("configmaps", "default", "one", {"data": {"a": None, "c": "3"}})

    assert stored(connection, "one")["data"] == {"b": "2", "c": "3"}

    writer.delete("configmaps", "default", "one")
    writer.delete("configmaps", "default", "one")

    with pytest.raises(ClusterError, match="404"):
        stored(connection, "one")
    with pytest.raises(ClusterError, match="404"):
        writer.delete("configmaps", "default", "one", missing_ok=False)


def test_apply_creates_and_then_changes(connection: Connection) -> None:
    writer = ClusterWriter(connection)

    writer.apply(config_map("two", a="1"))
    writer.apply(config_map("two", b="2"))

    assert stored(connection, "two")["data"] == {"a": "1", "b": "2"}


def test_grouped_and_cluster_scoped_kinds_are_found_by_discovery(connection: Connection) -> None:
    writer = ClusterWriter(connection)
    role: Obj = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "seen"},
        "rules": [],
    }

    writer.create(role)
    changed = writer.patch(
        "clusterroles.rbac.authorization.k8s.io", "", "seen", {"metadata": {"labels": {"a": "b"}}}
    )

    assert changed["metadata"]["labels"] == {"a": "b"}
    with pytest.raises(ClusterError, match="404"):
        writer.create({"apiVersion": "v1", "kind": "Wardrobe", "metadata": {"name": "x"}})


def test_a_dry_run_stores_nothing_and_tells_refusals(connection: Connection) -> None:
    writer = ClusterWriter(connection)
    nameless: Obj = {**config_map(""), "metadata": {"namespace": "default"}}

    assert writer.dry_run_create(config_map("three")).accepted
    refusal = writer.dry_run_create(nameless)

    assert not refusal.accepted
    assert refusal.reason
    with pytest.raises(ClusterError, match="404"):
        stored(connection, "three")


def test_a_namespace_is_ensured_twice(connection: Connection) -> None:
    writer = ClusterWriter(connection)

    writer.ensure_namespace("probes", {"linkerd.io/inject": "disabled"})
    writer.ensure_namespace("probes", {})

    names = {n.name: n.inject for n in ClusterReader(connection).facts().namespaces}
    assert names["probes"] == "disabled"


def test_nothing_is_written_without_consent(connection: Connection) -> None:
    asked: list[Write] = []

    def refuse(write: Write) -> None:
        asked.append(write)
        raise BadInput("no consent")

    writer = ClusterWriter(connection, refuse)
    for change in (
        lambda: writer.create(config_map("four")),
        lambda: writer.apply(config_map("four")),
        lambda: writer.patch("configmaps", "default", "four", {}),
        lambda: writer.delete("configmaps", "default", "four"),
        lambda: writer.delete_pod("default", "four"),
        lambda: writer.create_pod("default", "four", b"{}"),
        lambda: writer.dry_run_create(config_map("four")),
        lambda: writer.ensure_namespace("four", {}),
        lambda: CanaryThread(connection, consent=refuse).start(),
    ):
        with pytest.raises(BadInput):
            change()

    assert len(asked) == 9
    assert asked[0] == Write("create", "configmaps", "default", "four")


def test_the_embedded_cluster_says_what_it_is(connection: Connection) -> None:
    reader = ClusterReader(connection)

    found = reader.facts()

    assert reader.is_embedded()
    assert found.simulated
    assert found.kubernetes.startswith("v1.31")
    assert found.unreadable == ()
    assert reader.uid()
    reader.close()


def test_the_canary_asks_until_it_is_stopped_and_leaves_nothing(connection: Connection) -> None:
    canary = CanaryThread(connection, rate=4, speed=50)
    canary.start()
    while len(canary.latest(20)) < 20:
        threading.Event().wait(0.01)
    canary.stop()

    seen = canary.drain()

    assert {c.outcome for c in seen} == {"unmeshed"}
    assert [c.at for c in seen] == sorted(c.at for c in seen)
    assert len({c.name for c in seen}) == len(seen) >= 20
    assert canary.drain() == ()
    facts = ClusterReader(connection).facts()
    assert all(n.phase == "Terminating" for n in facts.namespaces if n.name == canary.namespace)
    assert not [p for p in facts.pods if p.namespace == canary.namespace]


def test_the_canary_keeps_out_of_a_namespace_that_is_not_its_own(connection: Connection) -> None:
    taken: Obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "taken"}}
    ClusterWriter(connection).create(taken)

    with pytest.raises(Broken, match="kubectl delete namespace taken"):
        CanaryThread(connection, namespace="taken").start()
