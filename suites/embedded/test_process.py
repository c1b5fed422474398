"""The cluster as a process: how it starts, what it leaves, how it loads objects and ends."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixtures.embedded.process import EmbeddedProcess, EmbeddedProcessError
from suites.embedded.client import Client, Obj

FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "fixtures.embedded", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_keys_and_kubeconfig_are_private(process: EmbeddedProcess) -> None:
    folder = process.kubeconfig.parent

    for name in ("kubeconfig", "server.key", "server.crt"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_token_is_in_no_log(process: EmbeddedProcess, api: Client) -> None:
    token = json.dumps(api._token)  # pyright: ignore[reportPrivateUsage]
    folder = process.kubeconfig.parent

    for name in ("server.log", "stderr.log"):
        assert token.strip('"') not in (folder / name).read_text()


def test_clock_runs_at_its_speed(process: EmbeddedProcess) -> None:
    clock = process.get("/_embedded/clock")

    assert clock["speed"] == process.speed == 20.0
    before = process.now()
    said = datetime.strptime(process.get("/_embedded/clock")["now"], FORMAT).replace(tzinfo=UTC)
    assert process.started <= before <= said <= process.now()
    now = datetime.now(UTC)
    assert process.clock.at(now) <= process.now()
    assert process.clock.at(process.started) - process.started < timedelta(seconds=1)


def test_state_counts_objects(process: EmbeddedProcess, api: Client) -> None:
    before = process.get("/_embedded/state")
    api.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "counted"}})

    after = process.get("/_embedded/state")

    assert after["objects"] == before["objects"] + 1
    assert after["resourceVersion"] > before["resourceVersion"]


def test_unknown_fault_is_not_found(process: EmbeddedProcess) -> None:
    with pytest.raises(EmbeddedProcessError, match="no part offers the fault 'absent'"):
        process.post("/_embedded/faults", {"name": "absent", "arguments": {}})


def snapshot() -> Obj:
    kept = {
        "uid": "0b5c4b5e-0000-4000-8000-000000000001",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    crd: Obj = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "loads.example.com", **kept},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "loads", "kind": "Load"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    load: Obj = {
        "apiVersion": "example.com/v1",
        "kind": "Load",
        "metadata": {"name": "a", "namespace": "loaded", **kept},
    }
    space: Obj = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "loaded", "resourceVersion": "7", **kept},
        "status": {"phase": "Active"},
    }
    return {"apiVersion": "v1", "kind": "List", "items": [load, space, crd]}


def test_loaded_objects_stay_as_they_were(process: EmbeddedProcess, api: Client) -> None:
    packed = gzip.compress(json.dumps(snapshot()).encode())

    assert process.post("/_embedded/load", packed) == {"loaded": 3}

    space = api.get("/api/v1/namespaces/loaded").body
    assert space["metadata"]["uid"] == "0b5c4b5e-0000-4000-8000-000000000001"
    assert space["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert space["metadata"]["resourceVersion"] != "7"
    assert api.get("/apis/example.com/v1/namespaces/loaded/loads/a").code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "not a List"),
        (b"[]", "not a List"),
        (b'{"items": [1]}', r"items\[0\]"),
        (b'{"items": [{"apiVersion":"x/v1","kind":"X","metadata":{"name":"a"}}]}', "not served"),
        (b'{"items": [{"apiVersion":"v1","kind":"Pod","metadata":{}}]}', "no metadata.name"),
        (gzip.compress(b'{"items": []}' * 50)[:-12], "cut off"),
        (b"\x1f\x8bjunk", "damaged"),
        (b"junk", "unrecognized"),
    ],
    ids=["object", "array", "number", "kind", "name", "cut-off", "damaged", "junk"],
)
def test_bad_loads_are_refused(process: EmbeddedProcess, body: bytes, words: str) -> None:
    with pytest.raises(EmbeddedProcessError, match=words):
        process.post("/_embedded/load", body)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_taken_port_is_one_clear_message(tmp_path: Path, taken_port: int) -> None:
    result = run("--state", str(tmp_path), "--port", str(taken_port))

    assert result.returncode == 4
    assert f"port {taken_port} on 127.0.0.1 cannot be used" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    with pytest.raises(EmbeddedProcessError, match=f"port {taken_port}"):
        EmbeddedProcess.start(tmp_path, port=taken_port)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--kubernetes", "1.12"),
        ("--kubernetes", "latest"),
        ("--speed", "0"),
        ("--speed", "fast"),
        ("--load", "/absent/file.json"),
    ],
)
def test_bad_arguments_are_told(tmp_path: Path, arguments: tuple[str, str]) -> None:
    result = run("--state", str(tmp_path), *arguments)

    assert result.returncode == 4
    assert arguments[1] in result.stderr
    assert "Traceback" not in result.stderr


def test_stopped_cluster_is_gone(tmp_path: Path) -> None:
    with EmbeddedProcess.start(tmp_path, kubernetes="1.29", speed=5.0, nodes=1) as started:
        client = Client(started.kubeconfig)
        assert client.get("/version").body["minor"] == "29"
        assert started.alive
        pid = started.pid
        with client.watch("/api/v1/pods"):
            started.stop()

    assert not started.alive
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(EmbeddedProcessError, match="ended with 0"):
        started.get("/_embedded/clock")


def test_cluster_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from fixtures.embedded.process import EmbeddedProcess\n"
        f"p = EmbeddedProcess.start(pathlib.Path({str(tmp_path)!r}), nodes=0)\n"
        "print(p.pid, flush=True)\n"
        "import os; os._exit(0)\n"
    )
    started = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    log = tmp_path / "server.log"

    pid = int(started.stdout)

    deadline = 100
    while deadline and Path(f"/proc/{pid}").exists():
        deadline -= 1
        select_seconds(0.1)
    assert deadline, log.read_text()


def select_seconds(seconds: float) -> None:
    """Wait for another process to notice something."""
    import select

    select.select([], [], [], seconds)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc tells that it stopped")
def test_a_process_that_stands_still_for_long_counts_as_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedProcess.start(tmp_path, nodes=0) as started:
        assert started.alive
        os.kill(started.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, started.pid, os.WSTOPPED | os.WNOWAIT)
        assert started.alive, "it may go on at once"

        monkeypatch.setattr("fixtures.embedded.process.STOPPED_SECONDS", 0.0)
        assert not started.alive

        os.kill(started.pid, signal.SIGCONT)
        os.waitid(os.P_PID, started.pid, os.WCONTINUED | os.WNOWAIT)
        assert started.alive
