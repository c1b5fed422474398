"""The prober and its echo as programs: what they write to standard output, and when it is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures.prober import outputs
from fixtures.prober.clock import Clock
from fixtures.prober.files import FOLDER, NAME
from fixtures.prober.outputs import Lines
from fixtures.prober.records import (
    Log,
)
from fixtures.traffic.loglines import LogLines
from fixtures.traffic.samples import read_traffic
from suites.harness.misbehaving import echo, spec, wait_for
from suites.harness.prober_lines import INTERVAL, answered, read, sample, text


def started(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", NAME, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=FOLDER,
        start_new_session=True,
    )


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_prober_writes_to_its_standard_output(tmp_path: Path, end: signal.Signals) -> None:
    lines = LogLines("web", tmp_path / "web.samples", INTERVAL)
    with echo() as (_, ports):
        targets = tmp_path / "targets.json"
        targets.write_text(json.dumps({"paths": [spec(ports["port"])]}))
        running = started("probe", "--targets", str(targets), "--out", "-")
        assert running.stdout is not None
        with running:
            for _ in range(8):
                lines.take(running.stdout.readline().rstrip(), time.time_ns())
            running.send_signal(end)
            for rest in running.stdout:
                lines.take(rest.rstrip(), time.time_ns())
    lines.close()
    traffic = read(lines)

    assert lines.ended.is_set() == (end == signal.SIGTERM)
    assert traffic.paths[0].cut_off == (end == signal.SIGKILL)
    assert answered(traffic) > 20
    assert not {r.outcome for r in traffic.paths[0].runs} & {"missing", "refused", "reset"}
    assert lines.recorded().problems == ()
    assert abs(lines.ahead()) < 5e9


def test_records_wait_for_a_slow_reader_and_are_counted_when_they_do_not_fit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(outputs, "KEPT", 10)
    monkeypatch.setattr(outputs, "LINE_EVERY", 3600.0)
    file = tmp_path / "out"
    with file.open("wb") as out:
        log = Log(Lines(Clock(), out.fileno()), {"format": 1})
        for number in range(30):
            log.write(sample(number))
        log.close()

    assert log.lost > 15
    assert "samples are lost" in capsys.readouterr().err
    assert 0 < file.read_bytes().count(b"\n") < 5


def test_a_pipe_that_is_closed_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = Log(Lines(Clock(), writing), {"format": 1})
    for number in range(300):
        log.write(sample(number))
    log.close()
    os.close(writing)

    assert log.lost == 300 + len(text(1, '{"format":1}'))
    assert capsys.readouterr().err.count("samples are lost") == 1


def test_texts_are_said_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(outputs, "TEXTS_EVERY", 0.2)
    file = tmp_path / "out"
    with file.open("wb") as out:
        about = {"format": 1, "paths": [], "mono_ns": 0, "wall_ns": 0}
        log = Log(Lines(Clock(), out.fileno()), about)
        wait_for(lambda: file.read_bytes().count(b"\n") >= 2, "texts that are said again")
        log.close()
    every = file.read_bytes().splitlines()
    late = LogLines("web", tmp_path / "late", INTERVAL)
    late.take(every[1], 0)
    late.close()

    assert late.lost == 1
    assert read_traffic([tmp_path / "late"], []).paths == ()


def test_an_echo_makes_gaps_by_itself_once_it_was_asked(tmp_path: Path) -> None:
    argv = ("--host", "127.0.0.1", "--port", "0", "--tcp-port", "0", "--linger", "0")
    running = started("echo", *argv, "--gaps", "0.2,0.1", "--rest", "0.1")
    assert running.stdout is not None
    with running:
        port = json.loads(running.stdout.readline())["port"]
        with socket.create_connection(("127.0.0.1", port)):
            gaps = [json.loads(running.stdout.readline())["gap"] for _ in range(2)]
        running.terminate()

    lengths = [(opened - closed) / 1e9 for _, closed, opened, _ in gaps]
    assert lengths[0] >= 0.19
    assert lengths[1] >= 0.09
    assert gaps[0][3] < gaps[1][0]
