"""The prober as a program: all kinds against its own echo, signals, disks, bad input."""

from __future__ import annotations

import ast
import json
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fixtures.prober.files import FOLDER, NAME, shipped
from fixtures.traffic.samples import read_traffic
from fixtures.traffic.timebase import Timebase, self_tests
from policies.facts.traffic import Traffic
from policies.traffic.downtime import self_test_seen, streams_end_gracefully
from policies.traffic.outages import cells, outages
from suites.harness.misbehaving import echo, more_records, process, records, spec, wait_for

WITH_H2 = ("http2", "grpc") if find_spec("h2") else ()
KINDS = ("http-new", "http-reused", "http-sparse", "sse", "websocket", "tcp", *WITH_H2)


def targets(folder: Path, ports: dict[str, Any], *kinds: str, **more: Any) -> str:
    file = folder / "targets.json"
    tcp = {"tcp": ports["tcp_port"]}
    paths = [spec(tcp.get(k, ports["port"]), k, **{"limit": 2.0, **more}) for k in kinds]
    file.write_text(json.dumps({"paths": paths}))
    return str(file)


def read(out: Path) -> Traffic:
    return read_traffic([out], [])


def test_every_kind_is_answered_and_nothing_is_lost_at_sigterm(tmp_path: Path) -> None:
    out = tmp_path / "samples.bin"
    with echo() as (_, ports):
        asked = targets(tmp_path, ports, *KINDS)
        with process("probe", "--targets", asked, "--out", str(out)) as (running, _):
            more_records(out, 60)
            running.send_signal(signal.SIGTERM)
            assert running.wait(10) == 0
    traffic = read(out)

    assert traffic.problems == ()
    for seen in traffic.paths:
        outcomes = {r.outcome for r in seen.runs}
        assert "ok" in outcomes
        assert not outcomes - {"ok", "held", "late"}
        assert {r.server for r in seen.runs if r.outcome == "ok"} == {"echo-1"}
        assert seen.sight[0].missing == 0


def test_what_was_observed_survives_sigkill(tmp_path: Path) -> None:
    out = tmp_path / "samples.bin"
    with echo() as (_, ports):
        asked = targets(tmp_path, ports, "http-new", "tcp")
        with process("probe", "--targets", asked, "--out", str(out)) as (running, _):
            more_records(out, 30)
            before = records(out)
            running.kill()
            running.wait(10)
    traffic = read(out)

    assert out.stat().st_size % 48 == 0
    assert records(out) >= before
    assert all(p.cut_off for p in traffic.paths)
    assert sum(c.answered for p in traffic.paths for c in cells(p).values()) >= 20
    assert "killed" in traffic.problems[0]


def test_streams_end_gracefully_when_the_echo_is_told_to_leave(tmp_path: Path) -> None:
    out = tmp_path / "samples.bin"
    with echo() as (server, ports):
        asked = targets(tmp_path, ports, "sse", "websocket", "tcp")
        with process("probe", "--targets", asked, "--out", str(out)) as (running, _):
            more_records(out, 30)
            server.terminate()
            assert server.wait(10) == 0
            more_records(out, 15)
            running.terminate()
            running.wait(10)
    traffic = read(out)

    for seen in traffic.paths:
        # A message that crosses the server's last word is lost, and then it is told so.
        assert seen.ends
        lost = [r for r in seen.runs if r.outcome == "reset"]
        assert bool(lost) == (seen.ends[0].how == "reset")
        assert seen.ends[0].server == "echo-1"
        assert seen.runs[-1].outcome == "refused"


def test_a_gap_made_on_purpose_is_measured(tmp_path: Path) -> None:
    out = tmp_path / "samples.bin"
    with echo() as (_, ports):
        asked = targets(tmp_path, ports, "http-new", "http-reused", "sse", "websocket", "tcp")
        base = f"http://127.0.0.1:{ports['port']}"
        with process("probe", "--targets", asked, "--out", str(out)) as (running, _):
            more_records(out, 40)
            for done, seconds in enumerate((0.5, 0.04), 1):
                get(f"{base}/gap?seconds={seconds}")
                wait_for(lambda done=done: len(gaps(base)) == done, "the listener's return")
                more_records(out, 40)
            made = gaps(base)
            running.terminate()
            running.wait(10)
    traffic = read(out)

    for seen in traffic.paths:
        judged = Traffic(paths=(seen,), self_tests=self_tests([seen.path.id], made, Timebase()))
        assert self_test_seen(judged).status == "holds", self_test_seen(judged).seen
        assert len(outages(seen)) >= 2
    cut = Traffic(paths=traffic.paths, self_tests=self_tests(["http-new"], made, Timebase()))
    assert streams_end_gracefully(cut).status == "violated"


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def gaps(base: str) -> list[list[int]]:
    try:
        return json.loads(get(f"{base}/gaps"))
    except OSError:
        return []


def test_a_stopped_process_sees_its_own_pause_and_no_outage(tmp_path: Path) -> None:
    out = tmp_path / "samples.bin"
    with echo() as (_, ports):
        asked = targets(tmp_path, ports, "http-new", "http-reused", "sse", "websocket", "tcp")
        with process("probe", "--targets", asked, "--out", str(out)) as (running, _):
            more_records(out, 30)
            running.send_signal(signal.SIGSTOP)
            time.sleep(2.5)  # longer than the time limit of a request
            running.send_signal(signal.SIGCONT)
            more_records(out, 700)
            running.terminate()
            running.wait(10)
    traffic = read(out)

    assert any((p.end - p.start).total_seconds() > 2 for p in traffic.pauses)
    for seen in traffic.paths:
        assert outages(seen) == ()
        assert sum(r.count for r in seen.runs if r.outcome == "late") > 50


def test_a_full_disk_loses_samples_and_breaks_none(tmp_path: Path) -> None:
    out = tmp_path / "samples.bin"

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    with echo() as (_, ports):
        asked = targets(tmp_path, ports, "http-new")
        argv = ("probe", "--targets", asked, "--out", str(out))
        with process(*argv, preexec_fn=small) as (running, _):
            wait_for(lambda: records(out) >= 2000 // 48, "a full disk")
            time.sleep(0.1)
            running.terminate()
            assert running.wait(10) == 0
            assert running.stderr is not None
            assert "samples are lost" in running.stderr.read()
    traffic = read(out)

    assert out.stat().st_size % 48 == 0
    assert traffic.paths[0].cut_off
    assert {r.outcome for r in traffic.paths[0].runs} <= {"ok", "late"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "paths"),
        ("[]", "paths"),
        ('{"paths": []}', "paths"),
        ('{"paths": [{"id": "a", "kind": "tcp", "host": "h"}]}', "paths[0].port"),
        ('{"paths": [{"id": "a", "kind": "tcp", "port": 1}]}', "paths[0].host"),
        ('{"paths": [{"id": "a", "kind": 3, "host": "h", "port": 1}]}', "paths[0].kind"),
        (
            '{"paths": [{"id": "a", "kind": "tcp", "host": "h", "port": 1, "interval": 0}]}',
            "paths[0].interval",
        ),
        (
            '{"paths": [{"id": "a", "kind": "tcp", "host": "h", "port": 1, "tls": {"ca": "/"}}]}',
            "directory",
        ),
    ],
)
def test_targets_that_cannot_be_used_end_with_what_is_wrong(
    tmp_path: Path, text: str, named: str
) -> None:
    file = tmp_path / "targets.json"
    file.write_text(text)

    with process("probe", "--targets", str(file), "--out", str(tmp_path / "s")) as (running, _):
        assert running.wait(10) == 4
        assert running.stderr is not None
        said = running.stderr.read()

    assert named in said
    assert "Traceback" not in said


def test_no_prober_outlives_who_started_it() -> None:
    starts = (
        "from fixtures.traffic.process import Program\n"
        "p = Program('echo', '--host', '127.0.0.1', '--port', '0', '--tcp-port', '0')\n"
        "print(p._process.pid, flush=True)\n"
        "input()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starts],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(FOLDER).parent,
    )
    assert parent.stdout is not None
    with parent:
        place = Path("/proc") / parent.stdout.readline().decode().strip()
        assert place.exists()
        parent.kill()

    # A process that ended and that nobody waits for is still there, as a zombie.
    wait_for(
        lambda: not place.exists() or ") Z " in (place / "stat").read_text(), "the prober's end"
    )


def test_it_needs_nothing_but_the_standard_library() -> None:
    imported = {
        name.partition(".")[0]
        for text in shipped().values()
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }

    assert imported - sys.stdlib_module_names == {"h2"}


def test_every_file_can_be_a_key_of_a_configmap() -> None:
    assert {"__init__.py", "__main__.py"} <= set(shipped())
    assert all(re.fullmatch(r"[-._a-zA-Z0-9]+", name) for name in shipped())
    assert sum(len(data) for data in shipped().values()) < 1 << 19


def test_no_folder_beside_it_hides_a_module_of_python() -> None:
    """Its folder comes first on the path of the suite's own probers."""
    assert not {p.stem for p in Path(FOLDER).iterdir()} & sys.stdlib_module_names


def test_the_package_alone_is_enough(tmp_path: Path) -> None:
    """As in a pod: nothing of the project is on the path, only its own folder."""
    (tmp_path / NAME).mkdir()
    for name, data in shipped().items():
        (tmp_path / NAME / name).write_bytes(data)

    for mode in ("probe", "echo"):
        helped = subprocess.run(
            [sys.executable, "-S", "-m", NAME, mode, "--help"],
            cwd=tmp_path,
            env={},
            capture_output=True,
            text=True,
            check=True,
        )
        assert helped.stdout.startswith(f"usage: prober {mode}")
