"""What a pod goes through on its node: start, probes, sidecars, faults, end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.embedded.controllers.views import condition
from fixtures.embedded.kernel import Change, Mounts, Obj, Program
from fixtures.embedded.nodes import timing
from suites.embedded.in_process import (
    SPACE,
    InProcess,
    Recorded,
    bare_pod,
    cluster,
    is_ready,
    is_rolled_out,
    run,
    scene,
    statuses,
    waiting_reason,
    workload,
)

PROXY: Obj = {
    "name": "proxy",
    "image": "proxy:1",
    "restartPolicy": "Always",
    "startupProbe": {"httpGet": {"path": "/ready", "port": 4191}},
}
PREPARE: Obj = {"name": "prepare", "image": "prepare:1"}


def test_a_pod_shows_the_states_that_recorded_ones_show() -> None:
    seen: list[tuple[str, bool, str]] = []

    def heard(change: Change) -> None:
        if change.new is not None:
            status = change.new.get("status") or {}
            ready = (condition(change.new, "Ready") or {}).get("status", "")
            seen.append((status.get("phase", ""), bool(status.get("podIP")), ready))

    async def scenario() -> None:
        async with cluster(speed=50) as running:
            running.kernel.subscribe(["pods"], heard)
            await running.kernel.create("pods", bare_pod("web", initContainers=[PREPARE]))
            await running.until(lambda: is_ready(running, "web"))
            pod = running.get("pods", "web")

            order = list(dict.fromkeys(seen))
            assert order[0] == ("Pending", False, "")
            assert ("Pending", False, "False") in order
            assert ("Pending", True, "False") in order
            assert order[-1] == ("Running", True, "True")
            status = pod["status"]
            assert [c["type"] for c in status["conditions"]] == [
                "PodReadyToStartContainers",
                "Initialized",
                "Ready",
                "ContainersReady",
                "PodScheduled",
            ]
            assert {c["status"] for c in status["conditions"]} == {"True"}
            assert status["podIP"].startswith("10.244.")
            assert status["podIPs"] == [{"ip": status["podIP"]}]
            assert status["hostIP"] == "172.18.0.2"
            assert status["qosClass"] == "BestEffort"
            app = statuses(pod)["app"]
            assert app["containerID"].startswith("containerd://")
            assert app["image"] == "docker.io/library/app:1"
            assert "@sha256:" in app["imageID"]
            assert (app["ready"], app["started"], app["restartCount"]) == (True, True, 0)
            prepared = statuses(pod)["prepare"]["state"]["terminated"]
            assert (prepared["exitCode"], prepared["reason"]) == (0, "Completed")

    run(scenario())


def test_init_containers_come_one_by_one_and_a_sidecar_before_the_application() -> None:
    started: list[str] = []

    def heard(change: Change) -> None:
        for name, status in statuses(change.object).items():
            if "waiting" not in status["state"] and name not in started:
                started.append(name)

    async def scenario() -> None:
        async with cluster(speed=50) as running:
            running.kernel.subscribe(["pods"], heard)
            await running.kernel.create("pods", bare_pod("web", initContainers=[PREPARE, PROXY]))
            await running.until(lambda: is_ready(running, "web"))

            assert started == ["prepare", "proxy", "app"]
            assert statuses(running.get("pods", "web"))["proxy"]["ready"]

    run(scenario())


class Gate:
    """A factory whose programs are ready when the test says so."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.made: list[Recorded] = []
        self.ready = False

    def __call__(self, pod: Obj, container: Obj, mounts: Mounts) -> Program | None:
        if container["name"] != self.container:
            return None
        made = Recorded(pod, container, mounts, is_ready=self.ready)
        self.made.append(made)
        return made

    def open(self, is_open: bool = True) -> None:
        self.ready = is_open
        for made in self.made:
            made.is_ready = is_open


def test_the_application_waits_for_a_sidecar_that_is_not_up() -> None:
    gate = Gate("proxy")

    async def scenario() -> None:
        async with cluster(factories=[gate]) as running:
            await running.kernel.create("pods", bare_pod("web", initContainers=[PROXY]))
            await running.until(lambda: gate.made)
            await running.passes(60)
            assert waiting_reason(running.get("pods", "web")) == "PodInitializing"
            initialized = condition(running.get("pods", "web"), "Initialized") or {}
            assert initialized["status"] == "False"

            gate.open()
            await running.until(lambda: is_ready(running, "web"))

    run(scenario())


def test_a_program_lives_as_long_as_its_container_and_decides_readiness() -> None:
    gate = Gate("app")

    async def scenario() -> None:
        async with cluster(factories=[gate]) as running:
            await running.kernel.create("pods", bare_pod("web"))
            await running.until(lambda: gate.made)
            (program,) = gate.made
            assert program.pod["status"]["podIP"]
            await running.passes(30)
            assert not is_ready(running, "web")
            gate.open()
            await running.until(lambda: is_ready(running, "web"))
            gate.open(False)
            await running.until(lambda: not is_ready(running, "web"), "unready again")
            gate.open()
            await running.until(lambda: is_ready(running, "web"), "ready again")

            running.kernel.delete("pods", SPACE, "web")
            await running.until(lambda: running.kernel.get("pods", SPACE, "web") is None)
            assert (program.started, program.stopped) == (1, 1)

    run(scenario())


def test_a_program_that_cannot_start_crashes_its_container() -> None:
    class Broken(Recorded):
        async def start(self) -> None:
            raise OSError("no socket")

    def broken(pod: Obj, container: Obj, mounts: Mounts) -> Program:
        return Broken(pod, container, mounts)

    async def scenario() -> None:
        async with cluster(factories=[broken]) as running:
            await running.kernel.create("pods", bare_pod("web"))
            await running.until(
                lambda: waiting_reason(running.get("pods", "web")) == "CrashLoopBackOff"
            )

    run(scenario())


@pytest.mark.parametrize("grace", [3000, 0])
@scene
async def test_a_pod_ends_within_its_grace_period(grace: int) -> None:
    async with cluster(speed=100) as running:
        await running.kernel.create("pods", bare_pod("web", terminationGracePeriodSeconds=3000))
        await running.until(lambda: is_ready(running, "web"))
        phases: list[str] = []
        running.kernel.subscribe(["pods"], lambda c: phases.append(c.object["status"]["phase"]))
        running.kernel.delete("pods", SPACE, "web", grace=grace)
        begun = running.clock.seconds()
        await running.until(lambda: running.kernel.get("pods", SPACE, "web") is None)

        assert running.clock.seconds() - begun < 3000
        assert phases[-1] == ("Succeeded" if grace else "Running")


def test_a_pre_stop_sleep_holds_the_end() -> None:
    hook = {"preStop": {"exec": {"command": ["/bin/sleep", "15"]}}}
    containers = [{"name": "app", "image": "app:1", "lifecycle": hook}]

    async def scenario() -> None:
        async with cluster(speed=100) as running:
            await running.kernel.create("pods", bare_pod("web", containers=containers))
            await running.until(lambda: is_ready(running, "web"))
            running.kernel.delete("pods", SPACE, "web")
            begun = running.clock.seconds()
            await running.until(lambda: running.kernel.get("pods", SPACE, "web") is None)

            assert running.clock.seconds() - begun >= 15

    run(scenario())


@scene
async def test_addresses_come_back_and_are_never_shared() -> None:
    async with cluster() as running:
        for number in range(8):
            await running.kernel.create("pods", bare_pod(f"web-{number}"))
        await running.settled()
        used = [p.ip for p in running.pods()]
        assert len(set(used)) == len(used) == 8
        assert all(used)


def test_an_image_that_nobody_has_is_backed_off_and_pulled_when_it_is_there() -> None:
    seen: list[str] = []

    async def scenario() -> None:
        async with cluster() as running:
            running.kernel.subscribe(["pods"], lambda c: seen.append(waiting_reason(c.object)))
            running.kernel.faults.enable("image-missing", {"patterns": ["*app:*"]})
            await running.kernel.create("pods", bare_pod("web"))
            await running.until(lambda: "ImagePullBackOff" in seen)
            assert "ErrImagePull" in seen
            assert running.get("pods", "web")["status"]["phase"] == "Pending"
            assert running.events("Failed")

            running.kernel.faults.disable("image-missing")
            await running.until(lambda: is_ready(running, "web"))
            await running.passes(5)
            (node,) = running.kernel.list("nodes")
            names = [n for image in node["status"]["images"] for n in image["names"]]
            assert "docker.io/library/app:1" in names

    run(scenario())


def test_a_missing_image_is_gone_from_the_nodes_that_had_it() -> None:
    def listed(running: InProcess) -> list[str]:
        (node,) = running.kernel.list("nodes")
        return [n for image in node["status"].get("images") or () for n in image["names"]]

    async def scenario() -> None:
        async with cluster() as running:
            await running.kernel.create("pods", bare_pod("web"))
            await running.until(lambda: "docker.io/library/app:1" in listed(running))
            running.kernel.faults.enable("image-missing", {"patterns": ["docker.io/library/app*"]})
            await running.until(lambda: "docker.io/library/app:1" not in listed(running))
            await running.kernel.create("pods", bare_pod("other"))
            await running.until(
                lambda: waiting_reason(running.get("pods", "other")) == "ImagePullBackOff"
            )
            assert is_ready(running, "web")

    run(scenario())


@scene
async def test_a_crash_loop_counts_restarts_and_backs_off() -> None:
    async with cluster() as running:
        fault = {"namespace": SPACE, "name_prefix": "web", "container": "app"}
        running.kernel.faults.enable("crash-loop", fault)
        await running.kernel.create("pods", bare_pod("web"))
        await running.until(
            lambda: statuses(running.get("pods", "web")).get("app", {}).get("restartCount", 0) >= 2
        )
        await running.until(
            lambda: waiting_reason(running.get("pods", "web")) == "CrashLoopBackOff"
        )
        app = statuses(running.get("pods", "web"))["app"]
        assert app["lastState"]["terminated"]["exitCode"] == 1
        assert running.get("pods", "web")["status"]["phase"] == "Running"

        running.kernel.faults.disable("crash-loop")
        await running.until(lambda: is_ready(running, "web"))


@pytest.mark.parametrize(
    ("fault", "arguments"),
    [
        ("image-missing", {}),
        ("image-missing", {"patterns": "app"}),
        ("never-ready", {}),
        ("never-ready", {"name_prefix": 3}),
        ("crash-loop", {"pods": "all"}),
        ("kubelet-lag", {"seconds": "long"}),
        ("scheduler-paused", {"how": "long"}),
    ],
)
@scene
async def test_a_fault_with_wrong_arguments_is_refused(fault: str, arguments: Obj) -> None:
    async with cluster() as running:
        with pytest.raises(Exception, match="refused"):
            running.kernel.faults.enable(fault, arguments)


@pytest.mark.parametrize(
    ("container", "least"),
    [pytest.param("app", 1.0, id="application"), pytest.param("proxy-injector", 4.8, id="slow")],
)
def test_start_up_takes_its_time(container: str, least: float) -> None:
    probe = {"httpGet": {"path": "/ready", "port": 8080}}
    containers = [{"name": container, "image": "app:1", "readinessProbe": probe}]

    async def scenario() -> None:
        async with cluster(speed=50) as running:
            begun = running.clock.seconds()
            await running.kernel.create("pods", bare_pod("web", containers=containers))
            await running.until(lambda: is_ready(running, "web"))

            assert running.clock.seconds() - begun >= least

    run(scenario())


def planned(containers: list[str], *, native: bool) -> float:
    """Seconds that the table gives a meshed pod whose images are there, without jitter."""
    container = timing.PRESENT + timing.CREATE
    total = timing.NOTICE + timing.SANDBOX + (container + timing.INIT) + container
    total += timing.STARTUP if native else 2.0  # the proxy's initialDelaySeconds
    answers = [timing.SLOW.get(name, timing.ANSWER) for name in containers]
    return total + max(container * n + a for n, a in enumerate(answers, start=1))


@pytest.mark.parametrize(
    ("containers", "native", "fastest", "slowest"),
    [
        pytest.param(["web"], False, 3.3, 5.0, id="application-2.19"),
        pytest.param(["web"], True, 3.0, 5.6, id="application-2.20"),
        pytest.param(["proxy-injector"], False, 7.5, 10.0, id="proxy-injector-2.19"),
        pytest.param(["proxy-injector"], True, 7.5, 10.0, id="proxy-injector-2.20"),
        pytest.param(
            ["destination", "sp-validator", "policy"], True, 7.0, 12.2, id="destination-2.20"
        ),
    ],
)
def test_the_table_gives_start_up_times_that_were_recorded(
    containers: list[str], native: bool, fastest: float, slowest: float
) -> None:
    assert fastest <= planned(containers, native=native) <= slowest


@given(st.text())
def test_the_lag_and_the_jitter_stay_in_their_ranges(seed: str) -> None:
    least, most = timing.REFRESH

    assert least <= timing.refresh_lag(seed) <= most
    assert 0.85 <= timing.vary(1.0, seed) <= 1.15
    assert 0.5 <= timing.stop_time(seed) <= 3.0


@scene
async def test_what_came_while_held_is_seen_afterwards() -> None:
    async with cluster() as running:
        running.controllers.hold()
        running.nodes.hold()
        await running.kernel.create(
            "deployments.apps", workload("Deployment", "web", {"replicas": 2})
        )
        await running.kernel.create("pods", bare_pod("alone"))
        await running.passes(30)
        assert running.kernel.list("replicasets.apps") == []
        assert "nodeName" not in running.get("pods", "alone")["spec"]

        running.controllers.resume()
        running.nodes.resume()
        await running.until(lambda: is_rolled_out(running.get("deployments.apps", "web")))
        await running.until(lambda: is_ready(running, "alone"))
