"""What a pod mounts: waited for, kept as it was, and refreshed late."""

from __future__ import annotations

import pytest

from fixtures.embedded.kernel import Mounts, Obj, Program
from fixtures.embedded.nodes import timing
from suites.embedded.in_process import (
    SPACE,
    InProcess,
    Recorded,
    bare_pod,
    cluster,
    is_ready,
    run,
    scene,
    waiting_reason,
)


@pytest.mark.parametrize(
    "volume",
    [
        {"name": "v", "secret": {"secretName": "late"}},
        {"name": "v", "projected": {"sources": [{"secret": {"name": "late"}}]}},
    ],
)
@scene
async def test_a_pod_waits_for_the_secret_that_it_mounts(volume: Obj) -> None:
    async with cluster() as running:
        await running.kernel.create("pods", bare_pod("web", volumes=[volume]))
        await running.until(lambda: running.events("FailedMount"))
        assert waiting_reason(running.get("pods", "web")) == "ContainerCreating"
        await running.kernel.create(
            "secrets", {"metadata": {"name": "late", "namespace": SPACE}, "data": {}}
        )
        await running.until(lambda: is_ready(running, "web"))


def test_a_container_waits_for_the_values_of_its_environment() -> None:
    key = {"name": "settings", "key": "mode"}
    env = [{"name": "MODE", "valueFrom": {"configMapKeyRef": key}}]

    async def scenario() -> None:
        async with cluster() as running:
            containers = [{"name": "app", "image": "app:1", "env": env}]
            await running.kernel.create("pods", bare_pod("web", containers=containers))
            await running.until(
                lambda: waiting_reason(running.get("pods", "web")) == "CreateContainerConfigError"
            )
            await running.kernel.create(
                "configmaps",
                {"metadata": {"name": "settings", "namespace": SPACE}, "data": {"mode": "on"}},
            )
            await running.until(lambda: is_ready(running, "web"))

    run(scenario())


class MountsSeen:
    """Remembers the mounts that a container was given."""

    def __init__(self) -> None:
        self.mounts: list[Mounts] = []

    def __call__(self, pod: Obj, container: Obj, mounts: Mounts) -> Program:
        self.mounts.append(mounts)
        return Recorded(pod, container, mounts)


VOLUMES: list[Obj] = [
    {"name": "tls", "secret": {"secretName": "tls"}},
    {"name": "settings", "configMap": {"name": "settings"}},
    {
        "name": "all",
        "projected": {
            "sources": [
                {"configMap": {"name": "settings", "items": [{"key": "mode", "path": "m"}]}},
                {"serviceAccountToken": {"path": "token", "audience": "identity.l5d.io"}},
                {
                    "downwardAPI": {
                        "items": [
                            {"path": "where", "fieldRef": {"fieldPath": "metadata.namespace"}}
                        ]
                    }
                },
            ]
        },
    },
]


async def mounted(running: InProcess, seen: MountsSeen) -> Mounts:
    space = {"namespace": SPACE}
    await running.kernel.create(
        "secrets", {"metadata": {"name": "tls", **space}, "data": {"tls.crt": "b2xk"}}
    )
    await running.kernel.create(
        "configmaps", {"metadata": {"name": "settings", **space}, "data": {"mode": "old"}}
    )
    await running.kernel.create("pods", bare_pod("web", volumes=VOLUMES))
    await running.until(lambda: seen.mounts)
    return seen.mounts[0]


def test_mounted_files_follow_the_api_late_and_together() -> None:
    seen = MountsSeen()

    async def scenario() -> None:
        async with cluster(speed=100, factories=[seen]) as running:
            mounts = await mounted(running, seen)
            first = mounts.read("tls")
            assert first == {"tls.crt": b"old"}
            assert mounts.read("tls") is first
            assert mounts.read("all")["m"] == b"old"
            assert mounts.read("all")["where"] == SPACE.encode()
            assert mounts.read("all")["token"].count(b".") == 2

            changed = running.clock.seconds()
            running.change("secrets", "tls", lambda s: s.update(data={"tls.crt": "bmV3"}))
            running.change("configmaps", "settings", lambda c: c.update(data={"mode": "new"}))
            await running.passes(30)
            assert mounts.read("tls") is first
            await running.until(lambda: mounts.read("tls") == {"tls.crt": b"new"})
            assert running.clock.seconds() - changed >= timing.REFRESH[0]
            assert mounts.read("settings") == {"mode": b"new"}
            assert mounts.read("all")["m"] == b"new"

    run(scenario())


def test_the_lag_of_mounted_files_can_be_set() -> None:
    seen = MountsSeen()

    async def scenario() -> None:
        async with cluster(factories=[seen]) as running:
            mounts = await mounted(running, seen)
            running.kernel.faults.enable("kubelet-lag", {"seconds": 0})
            running.change("secrets", "tls", lambda s: s.update(data={"tls.crt": "bmV3"}))
            assert mounts.read("tls") == {"tls.crt": b"new"}

            running.kernel.faults.enable("kubelet-lag", {"seconds": 600})
            running.change("secrets", "tls", lambda s: s.update(data={"tls.crt": "b2xk"}))
            await running.passes(120)
            assert mounts.read("tls") == {"tls.crt": b"new"}

    run(scenario())
