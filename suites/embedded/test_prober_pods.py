"""Pods whose container is the suite's prober: their program runs, and their log is followed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.access.patience import NONE
from fixtures.cluster.podlog import PodLog, container_state
from fixtures.cluster.writer import ClusterWriter
from fixtures.embedded.process import EmbeddedProcess
from fixtures.prober.files import shipped
from fixtures.run.opening.connect import Connector
from fixtures.scenario.model import Scenario
from fixtures.steps.context import Cluster
from fixtures.steps.traffic_probes import clear
from fixtures.targets.kind import KindTarget
from fixtures.traffic import workloads
from fixtures.traffic.pods import Mesh, PodRunner, PodSource
from fixtures.traffic.runner import Source
from fixtures.traffic.samples import read_traffic
from fixtures.traffic.timebase import Timebase
from policies.facts.traffic import Traffic
from policies.traffic.downtime import self_test_seen

SPEED = 20.0
IMAGE = "python:3-slim"
CONTROL = "control"
Obj = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedProcess]:
    with EmbeddedProcess.start(
        tmp_path_factory.mktemp("cluster"), kubernetes="1.32", speed=SPEED
    ) as started:
        writer = ClusterWriter(Connection(started.kubeconfig))
        writer.claim_namespace(CONTROL, {})
        writer.apply(workloads.program(CONTROL))
        for obj in workloads.echoes(IMAGE, "measured", CONTROL, native=True):
            if obj["metadata"]["namespace"] == CONTROL:
                writer.apply(obj)
        writer.connection.close()
        yield started


@pytest.fixture
def writer(cluster: EmbeddedProcess) -> Iterator[ClusterWriter]:
    made = ClusterWriter(Connection(cluster.kubeconfig, patience=NONE))
    yield made
    made.connection.close()


def runner(writer: ClusterWriter, folder: Path) -> PodRunner:
    return PodRunner(
        writer,
        writer.connection,
        folder,
        image=IMAGE,
        interval=0.05,
        mesh=lambda: Mesh("serviceaccount.identity.linkerd.cluster.local", native=True),
        control=CONTROL,
    )


def spec(name: str, kind: str = "http-new", **more: Any) -> Obj:
    return {"id": name, "kind": kind, "interval": 0.05, "limit": 1.0, "source": name, **more}


@contextlib.contextmanager
def asking(writer: ClusterWriter, folder: Path, name: str, *kinds: str) -> Generator[PodSource]:
    """An unmeshed source that asks the control echo."""
    running = runner(writer, folder)
    source = Source(name=name, namespace=CONTROL)
    wait_for(lambda: echo_ready(writer), "the echo")
    paths: list[Obj] = []
    for kind in kinds:
        way = running.reach(source, CONTROL, kind)
        paths.append(spec(f"{name} {kind}", kind, host=way.host, port=way.port))
    started = running.start(source, paths)
    assert isinstance(started, PodSource)
    try:
        yield started
    finally:
        started.stop()


def echo_ready(writer: ClusterWriter) -> bool:
    path = f"/apis/apps/v1/namespaces/{CONTROL}/deployments/echo"
    found = json.loads(writer.connection.request("GET", path))
    return (found.get("status") or {}).get("readyReplicas", 0) > 0


def wait_for(holds: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.02)


def read(source: PodSource) -> Traffic:
    recorded = source.recorded()
    return read_traffic([recorded.samples], [])


def probers(cluster: EmbeddedProcess, word: bytes = b"probe") -> set[int]:
    """Processes that the cluster started for prober pods, with a word in their command."""
    found: set[int] = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == cluster.pid and word in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
    return found


def alive(pids: set[int]) -> set[int]:
    return {p for p in pids if Path(f"/proc/{p}").exists()}


def test_its_samples_come_back_whole_through_its_log(
    cluster: EmbeddedProcess, writer: ClusterWriter, tmp_path: Path
) -> None:
    kinds = ("http-new", "http-reused", "sse", "websocket", "tcp")
    with asking(writer, tmp_path, "whole", *kinds) as source:
        wait_for(lambda: source.lines._next > 12, "some lines")  # pyright: ignore[reportPrivateUsage]
        (pid,) = probers(cluster)
        passed_on = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        program = Path(f"/proc/{pid}/cwd").resolve() / "prober"
        files = {p.name: p.read_bytes() for p in program.iterdir()}
    traffic = read(source)

    assert {v.partition(b"=")[0] for v in passed_on if v} <= {b"LD_LIBRARY_PATH"}
    assert files == shipped()
    assert traffic.problems == ()
    assert source.recorded().problems == ()
    assert {p.path.kind for p in traffic.paths} == set(kinds)
    for seen in traffic.paths:
        assert {r.outcome for r in seen.runs} == {"ok"}
        assert sum(r.count for r in seen.runs) > 5
        assert not seen.cut_off
    assert not container_state(writer.connection, CONTROL, "whole", "prober").there


def test_a_pod_that_is_killed_leaves_what_it_had_said(
    cluster: EmbeddedProcess, writer: ClusterWriter, tmp_path: Path
) -> None:
    with asking(writer, tmp_path, "killed", "http-new") as source:
        wait_for(lambda: source.lines._next > 5, "some lines")  # pyright: ignore[reportPrivateUsage]
        (pid,) = probers(cluster)
        os.kill(pid, signal.SIGKILL)
        source.log.join(10)
        state = source.state()
    traffic = read(source)

    assert state.there
    assert sum(r.count for r in traffic.paths[0].runs) > 5
    assert traffic.paths[0].cut_off
    assert "killed" in traffic.problems[0]


def test_the_detector_is_tested_inside_a_pod(writer: ClusterWriter, tmp_path: Path) -> None:
    paths = [spec("new", role="control"), spec("reused", "http-reused", role="control")]
    base = Timebase()

    with taken(9090):  # a container's default port is of no interest on this machine
        tested = runner(writer, tmp_path).rehearse(paths, (0.5, 0.1), 0.2, base)

    traffic = read_traffic([tested.recorded.samples], [], base, tested.tests)
    assert len(tested.tests) == 4
    assert self_test_seen(traffic).status == "holds", self_test_seen(traffic)


@contextlib.contextmanager
def taken(port: int) -> Generator[None]:
    """A port of this machine that somebody listens on: the caller, or whoever came before."""
    with socket.socket() as held:
        with contextlib.suppress(OSError):
            held.bind(("127.0.0.1", port))
            held.listen()
        yield


def test_an_echo_that_ends_is_said_at_once(
    cluster: EmbeddedProcess, writer: ClusterWriter, tmp_path: Path
) -> None:
    def end() -> None:
        wait_for(lambda: bool(probers(cluster, b"\0echo\0")), "the echo")
        os.kill(probers(cluster, b"\0echo\0").pop(), signal.SIGKILL)

    ending = threading.Thread(target=end)
    ending.start()
    with pytest.raises(Exception, match="did not bring") as caught:
        runner(writer, tmp_path).rehearse([spec("new")], (60.0,), 0.0, Timebase())
    ending.join()

    assert "Pod control/self-test" in str(caught.value)
    assert "it ended with 137" in str(caught.value)


def test_a_program_that_cannot_start_is_explained(writer: ClusterWriter, tmp_path: Path) -> None:
    running = runner(writer, tmp_path)
    broken = spec("broken", host=f"echo.{CONTROL}.svc", port=workloads.PORT, interval=0)

    with pytest.raises(Exception, match=r"interval: a number from 0.001") as caught:
        running.start(Source(name="broken", namespace=CONTROL), [broken])

    assert "Pod control/broken" in str(caught.value)
    assert not container_state(writer.connection, CONTROL, "broken", "prober").there


def test_a_wait_ends_when_the_rehearsal_does(writer: ClusterWriter, tmp_path: Path) -> None:
    running = PodRunner(
        writer,
        writer.connection,
        tmp_path,
        image=IMAGE,
        interval=0.05,
        mesh=lambda: Mesh("", native=True),
        control="nobody-schedules-here",
    )
    source = Source(name="waits", namespace=CONTROL)
    running.interrupt()

    with pytest.raises(Exception, match="did not bring the first samples"):
        running.start(source, [spec("waits", host=f"absent.{CONTROL}.svc", port=1)])


def on_kind(cluster: EmbeddedProcess, folder: Path) -> tuple[Cluster, Scenario]:
    """What a kind target is connected to; what runs behind its kubeconfig is its own affair."""
    scenario = Scenario(target="kind", cluster_name="here", probe_interval=0.05)
    target = KindTarget(scenario, folder, print)
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["contexts"][0]["name"] = content["current-context"] = target.context
    target.kubeconfig = folder / "kubeconfig"
    target.kubeconfig.write_text(yaml.safe_dump(content))
    connector = Connector(scenario, print, folder)
    return connector.cluster(target, installed=False, canary_rate=1.0), scenario


def test_on_kind_the_sources_are_pods(cluster: EmbeddedProcess, tmp_path: Path) -> None:
    connected, _ = on_kind(cluster, tmp_path)
    assert connected.make_probes is not None
    probes = connected.make_probes()

    probes.test_detector()
    probes.await_test()
    probes.stop()

    assert self_test_seen(probes.traffic([])).status == "holds"
    connected.close()


def test_what_a_rehearsal_that_died_left_behind_goes(
    cluster: EmbeddedProcess, writer: ClusterWriter, tmp_path: Path
) -> None:
    connected, scenario = on_kind(cluster, tmp_path)
    space = scenario.probes_namespace
    writer.claim_namespace(space, {})
    pod = workloads.source_pod("left", space, IMAGE, meshed=False, native=True)
    body = json.dumps(pod).encode()
    wait_for(lambda: created(writer, space, "left", body), "the namespace's service account")

    clear(connected, scenario)
    wait_for(lambda: not container_state(writer.connection, space, "left", "x").there, "its end")
    connected.close()

    wait_for(lambda: not writer.take_over(space), "the end of its namespace")


def created(writer: ClusterWriter, namespace: str, name: str, body: bytes) -> bool:
    try:
        writer.create_pod(namespace, name, body)
    except ClusterError:
        return False
    return True


def log(writer: ClusterWriter, name: str, **query: str) -> bytes:
    path = f"/api/v1/namespaces/{CONTROL}/pods/{name}/log"
    return writer.connection.request("GET", path, query=query)


def test_a_log_is_read_as_the_api_reads_it(writer: ClusterWriter, tmp_path: Path) -> None:
    with asking(writer, tmp_path, "logged", "http-new") as source:
        wait_for(lambda: source.lines._next > 5, "some lines")  # pyright: ignore[reportPrivateUsage]
        plain = log(writer, "logged").splitlines()
        stamped = log(writer, "logged", timestamps="true").splitlines()
        later = log(writer, "logged", sinceTime="2999-01-01T00:00:00Z")
        earlier = log(writer, "logged", sinceTime="2000-01-01T00:00:00Z").splitlines()
        tail = log(writer, "logged", tailLines="2").splitlines()
        with pytest.raises(ClusterError, match="400"):
            log(writer, "logged", container="other")
        with pytest.raises(ClusterError, match="400"):
            log(writer, "logged", sinceTime="yesterday")
        with pytest.raises(ClusterError, match="404"):
            log(writer, "absent")

    assert plain[0].startswith(b'{"paths"')
    assert plain[1].startswith(b"samples 0 ")
    stamp, _, text = stamped[1].partition(b" ")
    assert text == plain[1]
    assert stamp.endswith(b"Z")
    assert len(stamp) == len(b"2026-01-01T00:00:00.123456789Z")
    assert later == b""
    assert earlier[:5] == plain[:5]
    assert len(tail) == 2


def test_following_ends_with_the_container(writer: ClusterWriter, tmp_path: Path) -> None:
    lines: list[bytes] = []
    with asking(writer, tmp_path, "ends", "http-new") as source:
        second = PodLog(
            writer.connection, CONTROL, "ends", "prober", lambda line, _: lines.append(line)
        )
        second.start()
        wait_for(lambda: len(lines) > 3, "lines")
        assert second.is_alive()
        source.stop()
        second.join(10)
        assert not second.is_alive()

    assert lines[0].startswith(b'{"paths"')
    assert source.lines.ended.is_set()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_cluster(tmp_path: Path, end: signal.Signals) -> None:
    made: set[int] = set()
    with EmbeddedProcess.start(tmp_path / "cluster", speed=SPEED) as started:
        writer = ClusterWriter(Connection(started.kubeconfig, patience=NONE))
        writer.claim_namespace(CONTROL, {})
        for obj in (
            workloads.program(CONTROL),
            *workloads.echoes(IMAGE, "measured", CONTROL, native=True)[3:],
        ):
            writer.apply(obj)
        with asking(writer, tmp_path, "outlived", "http-new"):
            made = probers(started)
            folders = {Path(f"/proc/{pid}/cwd").resolve() for pid in made}
            os.kill(started.pid, end)
            wait_for(lambda: not alive(made), "its end")
            wait_for(lambda: not any(f.exists() for f in folders), "the end of its folder")
        writer.connection.close()

    assert made
