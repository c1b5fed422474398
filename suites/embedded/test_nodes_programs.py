"""Containers whose image does not hold the program that they are told to run."""

from __future__ import annotations

import pytest

from fixtures.linkerd.sidecar import PROXY_INIT, lacks
from suites.embedded.in_process import bare_pod, cluster, is_ready, scene, statuses, waiting_reason


@scene
async def test_an_init_container_whose_image_lacks_its_program_never_starts() -> None:
    """What a pod with a proxy pinned to before edge-25.11.3 comes to under a newer injector."""

    async with cluster(speed=50) as running:
        for name, tag in (("old", "edge-25.10.7"), ("new", "edge-26.6.3")):
            image = f"cr.l5d.io/linkerd/proxy:{tag}"
            init = {"name": "linkerd-init", "image": image, "command": [PROXY_INIT]}
            await running.kernel.create("pods", bare_pod(name, initContainers=[init]))
        await running.until(lambda: is_ready(running, "new"))
        await running.until(
            lambda: (
                waiting_reason(running.get("pods", "old"), "linkerd-init") == "CrashLoopBackOff"
            )
        )

        pod = running.get("pods", "old")
        assert pod["status"]["phase"] == "Pending"
        ended = statuses(pod)["linkerd-init"]["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
        assert PROXY_INIT in ended["message"]


@pytest.mark.parametrize(
    ("image", "known_not_to"),
    [
        ("cr.l5d.io/linkerd/proxy:edge-25.10.7", True),
        ("registry.corp.example:5000/mesh/proxy:stable-2.14.10@sha256:" + "1" * 64, True),
        ("cr.l5d.io/linkerd/proxy:edge-26.6.3", False),
        ("ghcr.io/acme-mesh/proxy:edge-25.10.7-fips.2", False),
        ("cr.l5d.io/linkerd/proxy:v2.322.0", False),
        ("cr.l5d.io/linkerd/proxy@sha256:" + "1" * 64, False),
        ("ghcr.io/acme/my-proxy:edge-25.10.7", False),
    ],
)
def test_only_of_a_released_image_is_it_known_what_it_lacks(
    image: str, known_not_to: bool
) -> None:
    assert lacks(image, PROXY_INIT) == known_not_to
    assert not lacks(image, "/usr/lib/linkerd/linkerd2-proxy")
