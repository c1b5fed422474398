"""What proxies know while destination is away, and what they have forgotten."""

from __future__ import annotations

import asyncio

import pytest

from fixtures.embedded.kernel import Obj
from fixtures.embedded.network.timing import DNS_TTL, IDLE, next_attempt
from suites.embedded.in_process import scene
from suites.embedded.network_stage import (
    DESTINATION,
    MESHED,
    UNMESHED,
    Line,
    Probing,
    Stage,
    get,
    result_of,
    stage,
)

NEW = {**MESHED, "name": "new"}
SHORT = 0.3
"""Wall seconds that a client waits where no answer is expected: 12 cluster seconds."""


async def without_destination(on: Stage) -> None:
    await on.destination()
    await on.serve("web", {"replicas": 2}, mesh="container")


@scene
async def test_a_running_client_goes_on_while_destination_is_away() -> None:
    async with stage() as on:
        await without_destination(on)
        port = on.path(MESHED)
        probe, line = Probing(port), await Line.open(port)
        await line.say(1)

        await on.scale(DESTINATION, 0)
        await on.cluster.passes(40)

        assert await probe.stop() == []
        await line.say(2)
        line.writer.close()


@scene
async def test_a_new_client_hangs_while_destination_is_away() -> None:
    async with stage() as on:
        await without_destination(on)
        await on.scale(DESTINATION, 0)
        port = on.path(NEW)

        assert await result_of(port, limit=SHORT) == "timeout"
        assert await result_of(on.path(UNMESHED)) == "ok"

        waiting = asyncio.create_task(get(port, limit=20))
        await on.scale(DESTINATION, 1)
        assert (await waiting).status == 200


@scene
async def test_a_service_not_asked_for_is_forgotten() -> None:
    async with stage() as on:
        await without_destination(on)
        sparse = {**MESHED, "name": "sparse"}
        ports = [on.path(sparse), on.path(MESHED)]
        assert [await result_of(p) for p in ports] == ["ok", "ok"]
        line = await Line.open(on.path(MESHED))
        await line.say(1)

        await on.scale(DESTINATION, 0)
        await on.cluster.passes(6)

        assert await result_of(ports[0], limit=SHORT) == "timeout"
        assert await result_of(ports[1]) == "ok", "another path of its source kept it known"
        line.writer.close()


@scene
async def test_an_open_connection_keeps_its_service_known() -> None:
    async with stage() as on:
        await without_destination(on)
        port = on.path(MESHED)
        line = await Line.open(port)
        await line.say(1)

        await on.scale(DESTINATION, 0)
        await on.cluster.passes(12)

        assert await result_of(port) == "ok"
        line.writer.close()


@scene
async def test_running_clients_do_not_learn_of_new_pods_while_destination_is_away() -> None:
    async with stage() as on:
        await without_destination(on)
        old = {p.name for p in on.cluster.pods(app="web")}
        port = on.path(MESHED)
        probe, line = Probing(port), await Line.open(port)
        await line.say(1)
        await on.scale(DESTINATION, 0)

        await on.scale("web", 3)
        await on.cluster.passes(5)
        assert {(await get(port)).pod for _ in range(30)} == old

        await on.scale(DESTINATION, 1)
        await on.cluster.passes(DNS_TTL + 5)
        assert len({(await get(port)).pod for _ in range(60)}) == 3
        assert await probe.stop() == []
        line.writer.close()


@scene
async def test_pods_that_end_while_destination_is_away_are_left_alone() -> None:
    """The proxy cannot connect to them and balances over the others."""

    async with stage(speed=10) as on:  # so that no pause of this machine looks like idleness
        await without_destination(on)
        probe = Probing(on.path(MESHED))
        await on.scale(DESTINATION, 0)

        await on.scale("web", 1)
        await on.cluster.passes(3)

        assert await probe.stop() == []


def corefile(directives: str) -> Obj:
    text = f".:53 {{\n    kubernetes cluster.local {{\n{directives}    }}\n}}\n"
    meta = {"namespace": "kube-system", "name": "coredns"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"Corefile": text}}


GAPS = [
    pytest.param("       ttl 30\n", 0, True, id="as kubeadm has it"),
    pytest.param("       ttl 5\n", 0, False, id="a shorter TTL"),
    pytest.param("", 0, False, id="CoreDNS's own default"),
    pytest.param("       ttl 30\n", 40, False, id="the old pod stays until answers have expired"),
]


@pytest.mark.parametrize(("directives", "stays", "gap"), GAPS)
@scene
async def test_discovery_is_away_until_the_old_address_has_expired(
    directives: str, stays: int, gap: bool
) -> None:
    """A single destination is replaced; who must ask anew dials the old one until DNS says more.

    What remedies it in this model: a shorter TTL, or a Deployment whose old pod stays for longer
    than the TTL after the new one is ready (minReadySeconds).
    """

    async with stage() as on:
        await on.cluster.kernel.create("configmaps", corefile(directives))
        await without_destination(on)
        sparse = on.path({**MESHED, "name": "sparse"})
        busy = Probing(on.path({**MESHED, "name": "busy"}))
        assert await result_of(sparse) == "ok"
        asked = on.cluster.kernel.clock.seconds()

        def edit(obj: Obj) -> None:
            obj["spec"]["minReadySeconds"] = stays

        on.cluster.change("deployments.apps", DESTINATION, edit)
        await on.restart(DESTINATION)
        await on.cluster.passes(IDLE + 1)  # it has forgotten the Service
        known = on.cluster.kernel.clock.seconds() - asked

        hung = await result_of(sparse, limit=SHORT) == "timeout"
        assert hung == (gap and known < DNS_TTL)
        assert await busy.stop() == [], "who goes on asking keeps what it knows"
        assert await result_of(sparse, limit=SHORT * 4) == "ok"


@scene
async def test_one_of_three_that_stays_is_enough() -> None:
    async with stage() as on:
        await without_destination(on)
        await on.scale(DESTINATION, 3)
        sparse = on.path({**MESHED, "name": "sparse"})
        assert await result_of(sparse) == "ok"

        await on.scale(DESTINATION, 1)
        await on.cluster.passes(IDLE + 1)

        assert await result_of(sparse, limit=SHORT) == "ok"


def test_attempts_to_reconnect_become_rarer_up_to_the_measured_wait() -> None:
    waits = [next_attempt(0.0, at / 10) - at / 10 for at in range(1, 1200)]

    assert min(waits) >= 0
    assert 12 < max(waits) <= 13
    assert all(wait <= max(0.1, at / 10) for at, wait in enumerate(waits, 1))
