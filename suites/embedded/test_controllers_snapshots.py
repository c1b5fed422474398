"""Recorded clusters, loaded: nothing is created, deleted or changed; later they go on working."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fixtures.embedded.api.storage.loading import load
from fixtures.embedded.controllers.views import pod_view
from fixtures.embedded.kernel import Change, Mounts, Obj, Program
from suites.embedded.in_process import InProcess, Recorded, cluster, is_rolled_out, run

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
QUIET = ("leases.coordination.k8s.io", "events")
"""What goes on changing in a cluster at rest."""
HEARTBEAT = ("MODIFIED", "nodes")
"""A node says every five minutes that it is there."""
SETTLED = [
    "edge-25.4.4-to-edge-25.10.7/dumps/baseline.json.gz",
    "edge-25.4.4-to-edge-25.10.7/dumps/settled.json.gz",
    "edge-25.10.7-to-edge-26.6.3/dumps/data_plane_partly.json.gz",
    "edge-25.10.7-to-edge-26.6.3/dumps/settled.json.gz",
    "extensions-edge-25.10.7-to-edge-26.6.3/dumps/baseline.json.gz",
    "faults-edge-25.10.7/dumps/uninjected.json.gz",
    "helm-edge-25.10.7-to-edge-26.6.3/dumps/rolled_back.json.gz",
    "stuck-injector/dumps/injector_stuck.json.gz",
]
BASELINE, HALFWAY = SETTLED[0], "edge-25.4.4-to-edge-25.10.7/dumps/control_plane_applied.json.gz"


def recorded(name: str) -> Obj:
    path = RECORDINGS / name
    if not path.exists():
        pytest.skip(f"the recording {name} is not beside this checkout")
    with gzip.open(path) as file:
        return json.load(file)


def kinds(document: Obj, kind: str) -> Iterable[Obj]:
    return (item for item in document["items"] if item["kind"] == kind)


@pytest.mark.parametrize("name", SETTLED)
def test_a_loaded_cluster_at_rest_stays_as_it_is(name: str) -> None:
    document = recorded(name)
    changes: list[Change] = []

    async def scenario() -> None:
        async with cluster(count=1) as running:
            load(running.kernel, document)
            running.kernel.subscribe(["*"], changes.append)
            await running.passes(60)
            await running.settled()

            told = [
                (c.type, c.resource, c.object["metadata"]["name"])
                for c in changes
                if c.resource not in QUIET and (c.type, c.resource) != HEARTBEAT
            ]
            created = [t for t in told if t[1] == "controllerrevisions.apps"]
            assert [t for t in told if t not in created] == []
            sets = [*kinds(document, "StatefulSet"), *kinds(document, "DaemonSet")]
            assert len(created) == len(sets)
            names = [n["metadata"]["name"] for n in running.kernel.list("nodes")]
            assert names == [n["metadata"]["name"] for n in kinds(document, "Node")]

    run(scenario())


def test_lost_revisions_are_made_under_the_names_in_use() -> None:
    document = recorded(BASELINE)

    async def scenario() -> None:
        async with cluster() as running:
            load(running.kernel, document)
            await running.settled()
            await running.passes(5)

            made = {r["metadata"]["name"] for r in running.kernel.list("controllerrevisions.apps")}
            (store,) = kinds(document, "StatefulSet")
            agents = [
                p for p in kinds(document, "Pod") if p["metadata"]["name"].startswith("agent-")
            ]
            digest = agents[0]["metadata"]["labels"]["controller-revision-hash"]
            assert store["status"]["updateRevision"] in made
            assert f"agent-{digest}" in made

    run(scenario())


def test_a_rollout_that_was_under_way_is_finished() -> None:
    document = recorded(HALFWAY)

    async def scenario() -> None:
        async with cluster() as running:
            load(running.kernel, document)
            names = ("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector")
            await running.until(
                lambda: all(
                    is_rolled_out(running.get("deployments.apps", n, "linkerd")) for n in names
                )
            )
            await running.settled()
            pods = [pod_view(p) for p in running.kernel.list("pods", "linkerd")]
            assert len(pods) == 3
            addresses = [pod_view(p).ip for p in running.kernel.list("pods")]
            own = [a for a in addresses if a.startswith("10.244.")]
            assert len(set(own)) == len(own)

    run(scenario())


def test_programs_of_running_containers_are_started() -> None:
    document = recorded(BASELINE)
    made: list[Recorded] = []

    def factory(pod: Obj, container: Obj, mounts: Mounts) -> Program | None:
        if container["name"] not in ("proxy-injector", "linkerd-proxy"):
            return None
        made.append(Recorded(pod, container, mounts))
        return made[-1]

    async def scenario() -> None:
        async with cluster(factories=[factory]) as running:
            load(running.kernel, document)
            running_now = running_containers(document, ("proxy-injector", "linkerd-proxy"))
            await running.until(lambda: len(made) == running_now)
            await running.until(lambda: all(m.started == 1 for m in made))
            (injector,) = (m for m in made if m.container["name"] == "proxy-injector")
            assert "tls.crt" in injector.mounts.read("tls")

    run(scenario())


def running_containers(document: Obj, names: tuple[str, ...]) -> int:
    total = 0
    for pod in kinds(document, "Pod"):
        status: Obj = pod["status"]
        for found in (
            *(status.get("initContainerStatuses") or ()),
            *(status.get("containerStatuses") or ()),
        ):
            total += found["name"] in names and "running" in found["state"]
    return total


def test_a_restart_on_a_loaded_cluster_gives_objects_of_the_recorded_shape() -> None:
    document = recorded(BASELINE)

    async def scenario() -> None:
        async with cluster() as running:
            load(running.kernel, document)
            await running.settled()
            before = recorded_pods(document, "web-")
            running.restart("deployments.apps", "web")
            await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
            await running.settled()
            fresh = [
                p
                for p in running.kernel.list("pods", "shop")
                if p["metadata"]["name"].startswith("web-")
            ]
            assert len(fresh) == 3
            for pod in fresh:
                assert fields(pod["status"]) == fields(without_proxy(before[0])["status"])
                reference = dict(pod["metadata"]["ownerReferences"][0], uid="", name="")
                wanted = dict(before[0]["metadata"]["ownerReferences"][0], uid="", name="")
                assert reference == wanted

    run(scenario())


def recorded_pods(document: Obj, prefix: str) -> list[Obj]:
    return [p for p in kinds(document, "Pod") if p["metadata"]["name"].startswith(prefix)]


def without_proxy(pod: Obj) -> Obj:
    """The recorded pod as it would be unmeshed: no injector runs in this test."""
    status: Obj = {k: v for k, v in pod["status"].items() if k != "initContainerStatuses"}
    status["containerStatuses"] = [
        c for c in status["containerStatuses"] if c["name"] != "linkerd-proxy"
    ]
    return {**pod, "status": status}


def fields(value: Any) -> Any:
    """The names in a nested value, without what they hold."""
    if isinstance(value, dict):
        return {str(k): fields(v) for k, v in value.items()}
    if isinstance(value, list):
        return [fields(v) for v in value]
    return type(value).__name__


def test_the_loaded_node_takes_the_place_of_the_made_one() -> None:
    document = recorded(BASELINE)

    async def scenario() -> None:
        async with cluster() as running:
            assert [n["metadata"]["name"] for n in running.kernel.list("nodes")] == [
                "embedded-control-plane"
            ]
            load(running.kernel, document)
            await running.settled()
            assert only_node(running) == "lab-control-plane"

    run(scenario())


def only_node(running: InProcess) -> str:
    (node,) = running.kernel.list("nodes")
    return node["metadata"]["name"]
