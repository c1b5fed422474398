"""Writes: consent before each, places from discovery, refusals as answers where asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.access.patience import NONE
from fixtures.cluster.owning import RENEWED, RUN
from fixtures.cluster.reader import ClusterReader
from fixtures.cluster.writer import ClusterWriter, Write
from fixtures.core.errors import BadInput, Broken
from fixtures.embedded.process import EmbeddedProcess
from fixtures.observers.injection_canary import CanaryThread
from suites.harness.scripted_api import Asked, Says, scripted_api

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

    canary = CanaryThread(connection, namespace="taken")
    with pytest.raises(Broken, match="kubectl delete namespace taken"):
        canary.start()
    canary.stop()

    assert "deletionTimestamp" not in namespace(connection, "taken")["metadata"]


def namespace(connection: Connection, name: str) -> Obj:
    return json.loads(connection.request("GET", f"/api/v1/namespaces/{name}"))


def heard_of(connection: Connection, name: str, seconds: float) -> None:
    """The rehearsal that owns a namespace renewed its time so many seconds ago."""
    said = f"{datetime.now(UTC) - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
    patch = {"metadata": {"annotations": {RENEWED: said}}}
    ClusterWriter(connection).patch("namespaces", "", name, patch)


@pytest.mark.parametrize("seconds", [0, 75, -60, -100_000])
def test_a_rehearsal_keeps_out_of_what_a_living_one_uses(
    connection: Connection, seconds: float
) -> None:
    name = f"living{abs(seconds)}"
    first = ClusterWriter(connection, run="first")
    second = ClusterWriter(connection, run="second")
    first.claim_namespace(name, {})
    heard_of(connection, name, seconds)

    for claim in (
        lambda: second.take_over(name),
        lambda: second.claim_namespace(name, {}),
    ):
        with pytest.raises(Broken, match="The rehearsal first is under way") as caught:
            claim()

    assert f"kubectl delete namespace {name}" in str(caught.value)
    assert second.remove_namespaces() == {}
    assert namespace(connection, name)["metadata"]["annotations"][RUN] == "first"
    assert ClusterWriter(connection, run="first").take_over(name), "it is resumed"


def test_what_a_dead_rehearsal_left_is_taken_over(connection: Connection) -> None:
    first = ClusterWriter(connection, run="first")
    second = ClusterWriter(connection, run="second")
    first.claim_namespace("left", {"linkerd.io/inject": "enabled"})
    heard_of(connection, "left", 91)

    second.claim_namespace("left", {})
    first.renew()
    first.remove_namespaces()

    found = namespace(connection, "left")["metadata"]
    assert found["annotations"][RUN] == "second"
    assert "deletionTimestamp" not in found, "it is not the first one's any more"
    with pytest.raises(Broken, match="The rehearsal second is under way"):
        first.take_over("left")


def test_the_canary_renews_every_namespace_of_its_rehearsal(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fixtures.observers.injection_canary.RENEW_SECONDS", 0.05)
    writer = ClusterWriter(connection, run="mine")
    writer.claim_namespace("beside", {})
    heard_of(connection, "beside", 1000)
    was = namespace(connection, "beside")["metadata"]["annotations"][RENEWED]
    canary = CanaryThread(
        connection, namespace="renewing", speed=50, run="mine", others=lambda: writer.namespaces
    )
    canary.start()
    try:
        for _ in range(500):
            if namespace(connection, "beside")["metadata"]["annotations"][RENEWED] > was:
                break
            threading.Event().wait(0.02)
        else:
            pytest.fail("it was not renewed")
    finally:
        canary.stop()
    with pytest.raises(Broken, match="The rehearsal mine"):
        ClusterWriter(connection, run="other").take_over("beside")
    assert canary.left == {}


def test_one_namespace_that_is_not_deleted_keeps_no_other(connection: Connection) -> None:
    def refuse(write: Write) -> None:
        if write.verb == "delete" and write.name == "kept-2":
            raise BadInput("no right to delete it")

    writer = ClusterWriter(connection, refuse, run="mine")
    for number in (1, 2, 3):
        writer.claim_namespace(f"kept-{number}", {})

    assert writer.remove_namespaces() == {"kept-2": "no right to delete it"}

    assert writer.namespaces == ("kept-2",)
    assert "deletionTimestamp" not in namespace(connection, "kept-2")["metadata"]
    facts = ClusterReader(connection).facts()
    assert not [
        n for n in facts.namespaces if n.name in ("kept-1", "kept-3") and n.phase == "Active"
    ]


def test_a_cluster_that_is_away_is_asked_once(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Says:
        return Says(201, {}) if asked.method == "POST" else Says(dropped=True)

    with scripted_api(tmp_path, answer) as api:
        connection = Connection(api.kubeconfig, patience=NONE)
        writer = ClusterWriter(connection)
        for name in ("one", "two"):
            writer.ensure_namespace(name, {})

        left = writer.remove_namespaces()
        connection.close()

    assert set(left) == {"one", "two"}
    assert {a.path for a in api.asked if a.method != "POST"} == {"/api/v1/namespaces/two"}
