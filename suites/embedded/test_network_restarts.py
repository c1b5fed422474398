"""What clients meet while pods are replaced: the data plane restart, and the control plane hop."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from fixtures.embedded.kernel import Obj
from suites.embedded.in_process import SPACE, run, scene
from suites.embedded.network_probers import probed, prober_path, results
from suites.embedded.network_stage import (
    DESTINATION,
    MESHED,
    UNMESHED,
    Line,
    Probing,
    Stage,
    ask,
    get,
    result_of,
    stage,
)

SLOW = 10.0
"""So slow that the time in which kube-proxy knows a pod that has gone takes 85 ms."""
TRIES = 5


async def restarted(
    on: Stage, name: str, *sources: Obj, target: str = ""
) -> tuple[list[list[str]], list[str]]:
    """Restart a Deployment under load; failures of new connections and ends of long ones."""
    ports = [on.path(source, f"{target or name}:80") for source in sources]
    probes = [Probing(port) for port in ports]
    lines = [await Line.open(port) for port in ports]
    ends = [asyncio.create_task(line.until_end()) for line in lines]
    await on.restart(name)
    await on.cluster.passes(5)
    failures = [await p.stop() for p in probes]
    if target:  # its own pods stay: only what went through the restarted ones has ended
        await asyncio.wait(ends[:1], timeout=5)
        for end in ends[1:]:
            end.cancel()
        return failures, [await ends[0]]
    return failures, [await end for end in ends]


async def lost_at_last(on: Stage, name: str) -> list[str]:
    """Restart until a request falls into the moment: on a busy machine it may pass unasked."""
    for _ in range(TRIES):
        (lost,), ends = await restarted(on, name, UNMESHED)
        assert ends == ["eof"]
        if lost:
            return lost
    return []


@pytest.mark.parametrize("mesh", ["container", "native"])
@scene
async def test_restart_loses_nothing_of_a_meshed_client_but_ends_its_long_connections(
    mesh: str,
) -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 2}, mesh=mesh, linger=2.0)

        (failures,), ends = await restarted(on, "web", MESHED)

        assert failures == []
        assert ends == ["eof"]


@scene
async def test_restart_refuses_an_unmeshed_client_near_the_ends_of_pods() -> None:
    async with stage(speed=SLOW) as on:
        await on.serve("web", {"replicas": 2}, mesh="container")

        failures = await lost_at_last(on, "web")

        assert set(failures) == {"refused"}


@scene
async def test_a_native_sidecar_ends_last_so_a_lingering_program_loses_nothing() -> None:
    """In container mode the proxy refuses from SIGTERM on, whatever the program does."""

    async with stage(speed=SLOW) as on:
        await on.serve("last", {"replicas": 2}, mesh="native", linger=2.0)
        await on.serve("together", {"replicas": 2}, mesh="container", linger=2.0)

        (kept,), _ = await restarted(on, "last", UNMESHED)
        lost = await lost_at_last(on, "together")

        assert kept == []
        assert set(lost) == {"refused"}


def restarted_under_its_clients(
    tmp_path: Path, *, wait: int, linger: float
) -> tuple[dict[str, list[str]], list[str]]:
    """Outcomes per kind, and how streams ended: unmeshed clients of pods with a proxy."""
    kinds = ("sse", "websocket", "tcp", "http-reused", "http-new")

    async def scene() -> None:
        async with stage(speed=SLOW) as on:
            await on.serve("web", {"replicas": 2}, mesh="container", linger=linger, wait=wait)
            specs = [prober_path(kind, kind, on.path(UNMESHED)) for kind in kinds]
            async with probed(specs, tmp_path / "samples.bin"):
                await asyncio.sleep(0.2)
                await on.restart("web")
                await asyncio.sleep(0.2)

    run(scene())
    seen, ends = results(tmp_path / "samples.bin")
    return seen, [how for _, how in ends]


def test_a_proxy_that_drains_before_its_program_ends_loses_nothing(tmp_path: Path) -> None:
    """As the probes' echo has it: kept connections and long streams of unmeshed clients."""
    seen, ends = restarted_under_its_clients(tmp_path, wait=4, linger=8.0)

    for kind, found in seen.items():
        assert set(found) <= {"ok", "late", "held"}, kind
    assert set(ends) == {"graceful"}


def test_a_program_that_ends_before_its_proxy_drains_gives_502_on_kept_connections(
    tmp_path: Path,
) -> None:
    """What a proxy hides from its client: the program's wish to close the connection."""
    seen, _ = restarted_under_its_clients(tmp_path, wait=8, linger=4.0)

    assert "5xx" in seen["http-reused"]
    assert set(seen["http-new"]) <= {"ok", "late", "held"}


def test_streams_end_as_their_protocol_has_it(tmp_path: Path) -> None:
    """The suite's own prober: a pod that ends says goodbye, so no sample fails."""
    kinds = ("sse", "websocket", "tcp", "http-reused")

    async def scene() -> None:
        async with stage() as on:
            await on.destination()
            await on.serve("web", {"replicas": 2}, mesh="native", linger=2.0)
            samples = tmp_path / "samples.bin"
            specs = [prober_path(kind, kind, on.path(MESHED)) for kind in kinds]
            async with probed(specs, samples):
                await asyncio.sleep(0.2)
                await on.restart("web")
                await asyncio.sleep(0.2)

    run(scene())
    seen, ends = results(tmp_path / "samples.bin")
    for kind in kinds:
        assert set(seen[kind]) <= {"ok", "late", "held"}, kind
    assert {path for path, how in ends if how == "graceful"} == {"sse", "websocket", "tcp"}
    assert {how for _, how in ends} == {"graceful"}


@scene
async def test_a_program_that_ends_slowly_gives_502_behind_a_native_sidecar() -> None:
    async with stage(speed=SLOW) as on:
        await on.serve("web", {"replicas": 2}, mesh="native", marked=False)

        (failures,), _ = await restarted(on, "web", UNMESHED)

        assert "502" in failures
        assert set(failures) <= {"502", "refused"}


@scene
async def test_programs_that_linger_lose_nothing_without_any_mesh() -> None:
    async with stage() as on:
        await on.serve("web", {"replicas": 2}, linger=2.0)

        (failures,), ends = await restarted(on, "web", UNMESHED)

        assert failures == []
        assert ends == ["eof"]


@scene
async def test_a_reused_connection_through_a_proxy_outlives_the_pods() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 2}, mesh="container")
        reader, writer = await asyncio.open_connection("127.0.0.1", on.path(MESHED))
        before = (await ask(reader, writer)).pod

        await on.restart("web")

        answered = await ask(reader, writer)
        writer.close()
        assert (answered.status, answered.pod != before) == (200, True)


@scene
async def test_a_reused_connection_to_a_pod_is_closed_with_it() -> None:
    async with stage() as on:
        await on.serve("web", {"replicas": 2}, mesh="container")
        reader, writer = await asyncio.open_connection("127.0.0.1", on.path(UNMESHED))
        await ask(reader, writer)

        await on.restart("web")

        assert await reader.read() == b""
        writer.close()


@scene
async def test_a_single_replica_without_surge_is_an_outage_for_everybody() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"strategy": {"type": "Recreate"}}, mesh="container")

        (meshed, plain), ends = await restarted(on, "web", MESHED, UNMESHED)

        assert "503" in meshed
        assert "refused" in plain
        assert ends == ["eof", "eof"]


@scene
async def test_a_restart_of_destination_with_surge_loses_nothing() -> None:
    """The control plane hop: every kind of connection goes on."""

    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 2}, mesh="container")
        ports = [on.path(source) for source in (MESHED, UNMESHED)]
        probes = [Probing(port) for port in ports]
        lines = [await Line.open(port) for port in ports]
        first = [(await line.say(1))["pod"] for line in lines]

        await on.restart(DESTINATION)
        await on.cluster.passes(5)

        assert [await p.stop() for p in probes] == [[], []]
        assert [(await line.say(2))["pod"] for line in lines] == first
        for line in lines:
            line.writer.close()


@scene
async def test_programs_that_cut_their_connections_are_seen() -> None:
    async with stage(speed=SLOW) as on:
        await on.destination()
        await on.serve("web", {"replicas": 2}, linger=2.0)
        on.fault("abrupt-close", selector={"namespace": SPACE, "labels": {"app": "web"}})

        seen = set[str]()
        for _ in range(TRIES):
            (_, plain), ends = await restarted(on, "web", MESHED, UNMESHED)
            assert ends == ["reset", "reset"]
            seen |= set(plain)
            if "refused" in seen:
                break

        assert "refused" in seen


@scene
async def test_readiness_that_lies_is_seen() -> None:
    async with stage(speed=SLOW) as on:
        await on.destination()
        await on.serve("web", {"replicas": 2}, mesh="native", linger=2.0)
        on.fault("slow-start", selector={"labels": {"app": "web"}}, seconds=8)

        (meshed, _), _ = await restarted(on, "web", MESHED, UNMESHED)

        assert Counter(meshed)["502"] > 0
        assert await result_of(on.path(UNMESHED)) == "ok"


GATEWAY: Obj = {"kind": "mirrored", "version": "edge-25.10.7", "gateway": f"{SPACE}/gateway:80"}


@scene
async def test_a_gateway_with_surge_loses_no_request_of_another_cluster() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 2}, mesh="container")
        await on.serve("gateway", mesh="container")

        assert (await get(on.path(GATEWAY))).identity.startswith(f"default.{SPACE}.")
        failures, ends = await restarted(on, "gateway", GATEWAY, target="web")

        assert failures == [[]]
        assert ends == ["eof"]


@scene
async def test_a_gateway_of_one_replica_without_surge_is_an_outage_for_another_cluster() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 2}, mesh="container")
        await on.serve("gateway", {"strategy": {"type": "Recreate"}}, mesh="container")

        (there, here), ends = await restarted(on, "gateway", GATEWAY, MESHED, target="web")

        assert set(there) == {"503"}
        assert here == []
        assert ends[0] == "eof"
