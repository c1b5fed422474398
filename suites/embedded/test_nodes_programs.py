"""Containers whose image does not hold the program that they are told to run."""

from __future__ import annotations

from fixtures.linkerd.sidecar import PROXY_INIT
from suites.embedded.in_process import bare_pod, cluster, is_ready, run, statuses, waiting_reason


def test_an_init_container_whose_image_lacks_its_program_never_starts() -> None:
    """What a pod with a proxy pinned to before edge-25.11.3 comes to under a newer injector."""

    async def scenario() -> None:
        async with cluster(speed=50) as running:
            for name, tag in (("old", "edge-25.10.7"), ("new", "edge-26.6.3")):
                image = f"cr.l5d.io/linkerd/proxy:{tag}"
                init = {"name": "linkerd-init", "image": image, "command": [PROXY_INIT]}
                await running.kernel.create("pods", bare_pod(name, initContainers=[init]))
            await running.until(lambda: is_ready(running, "new"))
            await running.until(
                lambda: (
                    waiting_reason(running.get("pods", "old"), "linkerd-init")
                    == "CrashLoopBackOff"
                )
            )

            pod = running.get("pods", "old")
            assert pod["status"]["phase"] == "Pending"
            ended = statuses(pod)["linkerd-init"]["lastState"]["terminated"]
            assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
            assert PROXY_INIT in ended["message"]

    run(scenario())
