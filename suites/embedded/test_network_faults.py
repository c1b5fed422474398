"""The network's faults, each seen by a client that would see it in a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.embedded.kernel import ApiError, Obj
from suites.embedded.in_process import SPACE, scene
from suites.embedded.network_stage import (
    MESHED,
    OLD,
    UNMESHED,
    Probing,
    Stage,
    get,
    result_of,
    stage,
)


@scene
async def test_a_stale_endpoint_refuses_as_long_as_it_is_told() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 2}, linger=2.0)
        on.fault("endpoint-stale", service=f"{SPACE}/web", seconds=30)
        plain, meshed = (Probing(on.path(source)) for source in (UNMESHED, MESHED))

        await on.scale("web", 1)
        await on.cluster.passes(5)

        assert set(await plain.stop()) == {"refused"}
        assert await meshed.stop() == []
        await on.cluster.passes(30)
        assert {await result_of(on.path(UNMESHED)) for _ in range(20)} == {"ok"}


@scene
async def test_a_share_of_requests_fails_for_as_long_as_it_is_told() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", {"replicas": 2})
        ports = [on.path(MESHED), on.path(UNMESHED)]
        on.fault("errors", service=f"{SPACE}/web", ratio=0.1, seconds=1000, status=502)

        seen = [await result_of(port) for port in ports for _ in range(50)]

        assert seen.count("502") == 10
        assert seen.count("ok") == 90
        on.fault("errors", service=f"{SPACE}/web", ratio=1, seconds=0)
        assert await result_of(ports[0]) == "ok"


@scene
async def test_the_proxy_beside_a_program_counts_what_it_answered() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", mesh="container")
        await on.serve("plain")
        on.fault("errors", service=f"{SPACE}/web", ratio=0.2, seconds=1000, status=503)
        for source in (MESHED, UNMESHED):
            port = on.path(source)
            for _ in range(10):
                await result_of(port)
            await result_of(on.path(source, "plain:80"))

        (web,), (plain,) = on.cluster.pods(app="web"), on.cluster.pods(app="plain")

        counted = dict(on.links.counted(web.uid))
        assert counted == {200: 16, 503: 4}
        assert on.links.counted(plain.uid) == {}  # it has no proxy
        assert on.links.counted("no such pod") == {}


@scene
async def test_a_policy_denies_what_a_meshed_server_is_asked() -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", mesh="container")
        on.fault("policy-deny", service=f"{SPACE}/web")

        for source in (MESHED, UNMESHED):
            answered = await get(on.path(source))
            assert answered.status == 403
            assert "unauthorized" in answered.error
        on.cluster.kernel.faults.disable("policy-deny")
        assert await result_of(on.path(MESHED)) == "ok"


@pytest.mark.parametrize(
    ("policy", "source", "result"),
    [
        ("deny", MESHED, "403"),
        ("all-authenticated", MESHED, "ok"),
        ("all-authenticated", UNMESHED, "403"),
        ("all-unauthenticated", UNMESHED, "ok"),
    ],
)
@scene
async def test_default_policies_of_the_server_hold(policy: str, source: Obj, result: str) -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", mesh="container", policy=policy)

        assert await result_of(on.path(source)) == result


async def block_by_fault(on: Stage) -> None:
    on.fault("block-port", port=4143)


async def block_by_policy(on: Stage) -> None:
    """What a user writes who thinks of the application's port only."""
    rule = {"ports": [{"port": "http"}, {"port": 9000, "endPort": 9100}]}
    await on.cluster.kernel.create(
        "networkpolicies.networking.k8s.io",
        {
            "metadata": {"name": "app-only", "namespace": SPACE},
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [rule]},
        },
    )


@pytest.mark.parametrize("block", [block_by_fault, block_by_policy], ids=["fault", "policy"])
@scene
async def test_a_blocked_proxy_port_cuts_off_new_proxies_only(block: Any) -> None:
    async with stage() as on:
        await on.destination()
        await on.serve("web", mesh="container")
        await block(on)

        seen = {
            source["kind"] + source.get("version", ""): await result_of(on.path(source))
            for source in (UNMESHED, OLD, MESHED)
        }

        assert list(seen.values()) == ["ok", "ok", "503"]


@scene
async def test_a_blocked_port_of_the_application_drops_packets() -> None:
    async with stage() as on:
        await on.serve("web")
        port = on.path(UNMESHED)
        on.fault("block-port", port=8080, selector={"namespace": SPACE})

        assert await result_of(port, limit=0.1) == "timeout"

        on.cluster.kernel.faults.disable("block-port")
        assert await result_of(port) == "ok"


@scene
async def test_a_gap_that_was_asked_for_is_one() -> None:
    """What the suite's self-test of its detector does: listeners closed, connections reset."""

    async with stage() as on:
        await on.serve("web")
        port = on.path(UNMESHED)
        probe = Probing(port)
        await on.cluster.passes(2)

        await get(port, "/gap?seconds=0.1&seq=7")
        await on.cluster.passes(12)

        assert set(await probe.stop()) == {"refused"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("endpoint-stale", {"service": "web", "seconds": 3}),
        ("endpoint-stale", {"service": "shop/web"}),
        ("endpoint-stale", {"service": "shop/web", "seconds": -1}),
        ("errors", {"service": "shop/web", "ratio": 2, "seconds": 3}),
        ("errors", {"service": "shop/web", "ratio": 0.5, "seconds": 3, "status": 200}),
        ("errors", {"service": "shop/web", "ratio": True, "seconds": 3}),
        ("abrupt-close", {"selector": {}}),
        ("abrupt-close", {"selector": "web"}),
        ("abrupt-close", {"selector": {"namespace": 1}}),
        ("slow-start", {"selector": {"namespace": "shop"}}),
        ("block-port", {"port": "4143"}),
        ("block-port", {"port": 4143, "host": "x"}),
        ("policy-deny", {}),
    ],
)
@scene
async def test_bad_arguments_are_refused_by_name(name: str, arguments: Obj) -> None:
    async with stage() as on:
        with pytest.raises(ApiError) as caught:
            on.cluster.kernel.faults.enable(name, arguments)
        assert caught.value.code == 422
        assert name in caught.value.message
        assert on.cluster.kernel.faults.active == {}
