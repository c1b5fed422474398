"""The place of a source in the mesh: a proxy of the release that it names, or it never asks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.access.patience import NONE
from fixtures.cluster.writer import ClusterWriter
from fixtures.steps import traffic_probes
from fixtures.traffic import pods as runners
from fixtures.traffic.kinds import MESHED_KINDS
from fixtures.traffic.life import Probes
from fixtures.traffic.pods import Mesh, PodRunner
from fixtures.traffic.runner import NoPlaceError
from fixtures.traffic.timebase import Timebase
from policies.facts.links import Gateway, Multicluster
from policies.facts.traffic import Traffic
from suites.harness.pods import pod
from suites.harness.scripted_api import Asked, Says, ScriptedApi, refused, scripted_api

TARGET, OTHER = "edge-25.10.7", "edge-25.4.4"
CORE = [
    {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
    {"name": "services", "kind": "Service", "namespaced": True},
]


def injecting(proxy: str) -> Any:
    """An API server whose injector gives each pod this proxy."""

    def answer(asked: Asked) -> Says:
        if asked.path == "/api/v1":
            return Says(body={"resources": CORE})
        if asked.method == "POST" and asked.path.endswith("/pods"):
            return Says(201, pod("source", proxy=proxy))
        if asked.method == "PATCH":
            return Says(body={})
        return refused(404, "NotFound")

    return answer


def probes(api: ScriptedApi, folder: Path) -> tuple[Probes, ClusterWriter]:
    writer = ClusterWriter(Connection(api.kubeconfig, patience=NONE))
    runner = PodRunner(
        writer,
        writer.connection,
        folder,
        image="python:3-slim",
        interval=0.1,
        mesh=lambda: Mesh("serviceaccount.identity.linkerd.cluster.local", native=True),
        control="control",
    )
    base = Timebase()
    made = Probes(runner, interval=0.1, limit=1, base=base, measured="measured", control="control")
    return made, writer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "INJECT_SECONDS", 0.0)


@pytest.mark.parametrize("proxy", [OTHER, ""])
def test_a_source_with_another_proxy_is_unavailable_and_counts_for_no_release(
    tmp_path: Path, proxy: str
) -> None:
    with scripted_api(tmp_path, injecting(proxy)) as api:
        made, writer = probes(api, tmp_path)
        reason = made.start_meshed(TARGET)
        traffic: Traffic = made.traffic([])
        writer.connection.close()

    assert f"a proxy of {TARGET}" in reason
    assert (OTHER if proxy else "no proxy") in reason
    assert [p.path.id for p in traffic.paths] == [f"meshed by {TARGET} {k}" for k in MESHED_KINDS]
    assert {p.path.unavailable for p in traffic.paths} == {reason}
    assert any(a.method == "DELETE" for a in api.asked), "the pod goes again"


def test_before_anything_is_changed_a_mesh_that_injects_nothing_ends_the_rehearsal(
    tmp_path: Path,
) -> None:
    with scripted_api(tmp_path, injecting("")) as api:
        made, writer = probes(api, tmp_path)
        with pytest.raises(NoPlaceError, match="was not injected"):
            made.start_meshed(TARGET, first=True)
        writer.connection.close()


def test_an_unmeshed_source_that_is_injected_does_not_ask(tmp_path: Path) -> None:
    with scripted_api(tmp_path, injecting(OTHER)) as api:
        made, writer = probes(api, tmp_path)
        with pytest.raises(NoPlaceError) as caught:
            made.start_unmeshed()
        writer.connection.close()

    assert caught.value.expected == "no proxy"


def test_nothing_is_exported_where_no_client_of_another_cluster_asks(tmp_path: Path) -> None:
    notes: list[str] = []
    gateway = Gateway(namespace="linkerd-multicluster", name="linkerd-gateway", uid="u")
    seen = SimpleNamespace(multicluster=Multicluster(gateways=(gateway,)))

    def facts(_: str) -> object:
        return seen

    with scripted_api(tmp_path, injecting("")) as api:
        made, writer = probes(api, tmp_path)
        run = SimpleNamespace(
            cluster=SimpleNamespace(
                name="main", reader=SimpleNamespace(facts=facts), writer=writer
            ),
            scenario=SimpleNamespace(probes_namespace="measured"),
            plan=SimpleNamespace(source=OTHER),
            note=notes.append,
        )
        traffic_probes._mirrored(cast("Any", run), made)  # pyright: ignore[reportPrivateUsage]
        writer.connection.close()

    assert api.asked == []
    assert "nobody asks through the gateway" in notes[0]
