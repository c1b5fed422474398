"""HTTP/2 and gRPC on the embedded network, with the suite's own prober."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fixtures.embedded.kernel import Obj
from fixtures.traffic.samples import read_traffic
from policies.facts.traffic import PathTraffic
from suites.embedded.in_process import SPACE, run
from suites.embedded.network_probers import probed, prober_path
from suites.embedded.network_stage import DESTINATION, MESHED, UNMESHED, Stage, stage

pytest.importorskip("h2", reason="HTTP/2 and gRPC need the package h2")

KINDS = ("http2", "grpc")
IDENTITY = f"default.{SPACE}.serviceaccount.identity.linkerd.cluster.local"
Event = Callable[[Stage], Awaitable[object]]


async def nothing(on: Stage) -> None:
    await asyncio.sleep(0.2)


def watched(
    folder: Path, source: Obj, happens: Event, identity: str = "", *, mesh: str = "container"
) -> dict[str, PathTraffic]:
    """What both kinds of path record of an event, from two pods behind a Service."""
    samples = folder / "samples.bin"

    async def scene() -> None:
        async with stage(speed=10) as on:
            await on.destination()
            await on.serve("web", {"replicas": 2}, mesh=mesh, linger=5.0, wait=5)
            specs = [prober_path(kind, kind, on.path(source), identity) for kind in KINDS]
            async with probed(specs, samples):
                await asyncio.sleep(0.3)
                await happens(on)
                await asyncio.sleep(0.3)

    run(scene())
    return {p.path.id: p for p in read_traffic([samples], []).paths}


def outcomes(seen: PathTraffic) -> set[tuple[str, str]]:
    return {(r.outcome, r.detail) for r in seen.runs if r.outcome not in ("late", "held")}


@pytest.mark.parametrize(
    ("source", "mesh", "identity"),
    [(MESHED, "container", IDENTITY), (UNMESHED, "container", ""), (UNMESHED, "", "")],
    ids=["meshed", "unmeshed to meshed", "unmeshed"],
)
def test_both_are_answered_and_told_who_asks(
    tmp_path: Path, source: Obj, mesh: str, identity: str
) -> None:
    found = watched(tmp_path, source, nothing, identity, mesh=mesh)

    for kind in KINDS:
        assert outcomes(found[kind]) == {("ok", "")}, kind


def test_each_stream_is_balanced(tmp_path: Path) -> None:
    found = watched(tmp_path, MESHED, nothing)

    for kind in KINDS:
        assert len({part.server for part in found[kind].latency}) == 2, kind


def test_a_restart_with_time_to_drain_loses_no_stream(tmp_path: Path) -> None:
    found = watched(tmp_path, MESHED, lambda on: on.restart("web"))

    for kind in KINDS:
        assert outcomes(found[kind]) == {("ok", "")}, kind
        assert len({part.server for part in found[kind].latency}) > 2, kind


async def denied(on: Stage) -> None:
    on.fault("policy-deny", service=f"{SPACE}/web")
    await asyncio.sleep(0.3)


async def failing(on: Stage) -> None:
    on.fault("errors", service=f"{SPACE}/web", ratio=1, seconds=100, status=503)
    await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    ("event", "http", "grpc"),
    [
        (
            denied,
            ("wrong answer", "unauthorized request on route"),
            ("wrong answer", "grpc-status 7 unauthorized request on route"),
        ),
        (failing, ("5xx", ""), ("5xx", "grpc-status 14")),
    ],
)
def test_what_a_proxy_refuses_is_told_in_the_protocols_words(
    tmp_path: Path, event: Event, http: tuple[str, str], grpc: tuple[str, str]
) -> None:
    found = watched(tmp_path, MESHED, event)

    assert outcomes(found["http2"]) == {("ok", ""), http}
    assert outcomes(found["grpc"]) == {("ok", ""), grpc}


def test_a_new_client_waits_for_destination(tmp_path: Path) -> None:
    """Its streams hang while destination is away, and are answered in order when it is back."""
    samples = tmp_path / "samples.bin"

    async def scene() -> None:
        async with stage() as on:
            await on.destination()
            await on.serve("web", mesh="container")
            await on.scale(DESTINATION, 0)
            specs = [prober_path(kind, kind, on.path(MESHED)) for kind in KINDS]
            async with probed(specs, samples):
                await asyncio.sleep(1.3)  # longer than a request may take
                await on.scale(DESTINATION, 1)
                await asyncio.sleep(0.8)

    run(scene())
    for seen in read_traffic([samples], []).paths:
        sent = [r.outcome for r in seen.runs if r.outcome not in ("late", "held")]
        assert (sent[0], sent[-1]) == ("timeout", "ok")
