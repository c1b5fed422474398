"""Paths through the embedded network: who answers, with what identity, over which protocol."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.embedded.kernel import ApiError, Obj
from fixtures.embedded.process import EmbeddedProcess, EmbeddedProcessError
from suites.embedded.in_process import SPACE, run, scene, service, workload
from suites.embedded.network_probers import probed, prober_path, results
from suites.embedded.network_stage import (
    MESHED,
    UNMESHED,
    Line,
    Stage,
    ask,
    get,
    result_of,
    stage,
)

IDENTITY = "default.shop.serviceaccount.identity.linkerd.cluster.local"


@pytest.mark.parametrize(
    ("source", "mesh", "identity"),
    [
        (UNMESHED, "", ""),
        (UNMESHED, "container", ""),
        (MESHED, "", ""),
        (MESHED, "container", IDENTITY),
        (MESHED, "native", IDENTITY),
    ],
    ids=["neither", "server", "client", "both", "both-native"],
)
@scene
async def test_identity_is_told_where_both_sides_are_meshed(
    source: Obj, mesh: str, identity: str
) -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", mesh=mesh)

        answered = await get(on.path(source))

        (pod,) = on.cluster.pods(app="web")
        assert (answered.status, answered.pod) == (200, pod.name)
        assert answered.identity == identity


@scene
async def test_a_source_that_is_a_pod_is_what_its_pod_is() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", mesh="container")
        account = {"metadata": {"name": "buyer", "namespace": SPACE}}
        await on.cluster.kernel.create("serviceaccounts", account)
        await on.serve("client", mesh="native", serviceAccountName="buyer")
        (client,) = on.cluster.pods(app="client")
        port = on.path({"pod": client.name})

        assert (await get(port)).identity == IDENTITY.replace("default", "buyer")

        await on.restart("client")
        assert await result_of(port) == "refused"


@scene
async def test_the_trust_domain_is_that_of_the_installed_mesh() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", mesh="container")
        await on.cluster.kernel.create("namespaces", {"metadata": {"name": "linkerd"}})
        values = "clusterDomain: cluster.local\nidentityTrustDomain: mesh.example\n"
        metadata = {"name": "linkerd-config", "namespace": "linkerd"}
        config = {"metadata": metadata, "data": {"values": values}}
        await on.cluster.kernel.create("configmaps", config)

        answered = await get(on.path(MESHED))

        assert answered.identity == IDENTITY.replace("cluster.local", "mesh.example")


@scene
async def test_meshed_requests_of_one_connection_reach_every_pod() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 3}, mesh="container")

        assert len(await pods_of_one_connection(on, MESHED)) == 3
        assert len(await pods_of_one_connection(on, UNMESHED)) == 1


async def pods_of_one_connection(on: Stage, source: Obj) -> set[str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", on.path(source))
    found = {(await ask(reader, writer)).pod for _ in range(40)}
    writer.close()
    return found


@scene
async def test_pods_that_are_not_ready_get_nothing() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 2})
        (ready, _) = on.cluster.pods(app="web")
        on.fault("never-ready", name_prefix="web-late", namespace=SPACE)
        await on.cluster.kernel.create("pods", bare("web-late"))
        await on.cluster.until(lambda: len(on.cluster.pods(app="web")) == 3)
        await on.cluster.passes(10)

        answers = {(await get(on.path(s))).pod for s in (MESHED, UNMESHED) for _ in range(20)}

        assert "web-late" not in answers
        assert ready.name in answers


def bare(name: str) -> Obj:
    template = workload("Deployment", "web")["spec"]["template"]
    return {
        "metadata": {"name": name, "namespace": SPACE, **template["metadata"]},
        **{"spec": template["spec"]},
    }


@scene
async def test_pods_without_the_echo_program_answer_too() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", marked=False)
        (pod,) = on.cluster.pods(app="web")

        for source in (MESHED, UNMESHED):
            port = on.path(source)
            assert (await get(port)).pod == pod.name
            line = await Line.open(port)
            assert (await line.say(3))["pod"] == pod.name
            line.writer.close()


@scene
async def test_an_echo_pod_listens_on_loopback_itself() -> None:
    async with stage() as on:
        await on.serve("web")
        (pod,) = on.cluster.pods(app="web")
        port = on.cluster.kernel.network.real_port(pod.uid, 8080)
        assert port is not None

        assert (await get(port)).pod == pod.name

        await on.scale("web", 0)
        assert on.cluster.kernel.network.real_port(pod.uid, 8080) is None
        assert await result_of(port) == "refused"


@scene
async def test_a_service_without_endpoints_refuses_or_fails_fast() -> None:
    async with stage() as on:
        await on.destination()
        await on.cluster.kernel.create("services", service("web"))
        meshed = on.path(MESHED)

        assert await result_of(on.path(UNMESHED)) == "refused"
        before = on.cluster.clock.seconds()
        answered = await get(meshed)
        assert answered.status == 503
        assert "fail-fast" in answered.error
        assert on.cluster.clock.seconds() - before >= 3
        assert (await get(meshed)).status == 503

        await on.cluster.kernel.create(
            "deployments.apps", workload("Deployment", "web", {"replicas": 1})
        )
        await on.ready("web", 1)
        await on.cluster.passes(2)
        assert (await get(meshed)).status == 200


def test_every_kind_of_the_prober_is_answered(tmp_path: Path) -> None:
    """The suite's own prober, unchanged: each kind, meshed and not."""
    kinds = ("http-new", "http-reused", "http-sparse", "sse", "websocket", "tcp")

    async def scene() -> None:
        async with stage() as on:
            await on.destination()
            await on.serve("web", {"replicas": 2}, mesh="container")
            specs = [
                prober_path(f"{kind} {source['kind']}", kind, on.path(source), told(kind, source))
                for source in (MESHED, UNMESHED)
                for kind in kinds
            ]
            async with probed(specs, tmp_path / "samples.bin"):
                await asyncio.sleep(0.8)

    run(scene())
    seen, _ = results(tmp_path / "samples.bin")
    assert set(seen) == {f"{k} {s}" for k in kinds for s in ("meshed", "unmeshed")}
    for path, found in seen.items():
        assert set(found) <= {"ok", "late", "held"}, path  # a busy machine sends fewer
        assert found.count("ok") >= 3, path


def told(kind: str, source: Obj) -> str:
    """The identity that a meshed server sees: of requests, not of lines over TCP."""
    return IDENTITY if source is MESHED and kind != "tcp" else ""


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ([], 400, "source"),
        ({"source": {"namespace": "shop", "kind": "unmeshed"}}, 400, "namespace/name:port"),
        ({"source": UNMESHED, "service": "shop/web:80"}, 400, "namespace"),
        ({"source": {"namespace": "shop", "sort": "x"}, "service": "shop/web:80"}, 400, "source"),
        (
            {"source": {"namespace": "shop", "kind": "meshed"}, "service": "shop/web:80"},
            400,
            "version",
        ),
        (
            {"source": {"namespace": "shop", "pod": "gone"}, "service": "shop/web:80"},
            404,
            "shop/gone",
        ),
        (
            {"source": {"namespace": "shop", "kind": "unmeshed"}, "service": "shop/nix:80"},
            404,
            "shop/nix",
        ),
        (
            {"source": {"namespace": "shop", "kind": "unmeshed"}, "service": "shop/web:81"},
            404,
            "it has 80",
        ),
    ],
)
def test_what_cannot_be_a_path_is_refused(asked: Any, code: int, words: str) -> None:
    async def scene() -> ApiError:
        async with stage() as on:
            await on.cluster.kernel.create("services", service("web"))
            with pytest.raises(ApiError) as caught:
                on.links.paths.open(asked)
            return caught.value

    error = asyncio.run(scene())
    assert error.code == code
    assert words in error.message


def test_paths_are_opened_listed_and_closed_over_https(tmp_path: Path) -> None:
    place = "/_embedded/network/paths"
    asked = {"source": {"namespace": "shop", "kind": "unmeshed"}, "service": "shop/web:80"}
    with EmbeddedProcess.start(tmp_path, speed=50.0, seed=1) as process:
        process.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        process.post("/api/v1/namespaces/shop/services", service("web"))

        made = process.post(place, asked)

        assert made["address"] == "127.0.0.1"
        assert made["source"] == "shop/unmeshed"
        assert process.get(place) == {"paths": [made]}
        assert json.loads(json.dumps(made))["port"] == made["port"]
        assert process.delete(f"{place}/{made['id']}") == {"paths": 0}
        with pytest.raises(EmbeddedProcessError, match="404"):
            process.delete(f"{place}/{made['id']}")
