"""A prober beside a cluster whose clock is held back: rare paths and limits follow it."""

from __future__ import annotations

import json
import signal
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.embedded.clock_file import PRESENT, ClockWriter
from fixtures.prober.clock import HELD_MOST, Clock, HeldClock, Limit
from fixtures.prober.results import Failed
from fixtures.prober.wire import Wire
from fixtures.traffic.samplefile import SampleFile
from fixtures.traffic.samples import read_traffic
from suites.harness.misbehaving import (
    echo,
    healthy,
    misbehaving,
    more_records,
    probing,
    process,
    records,
    spec,
)

SLOWER = 10


class Slow(Clock):
    """A cluster's own time that passes ten times as slowly as the wall's."""

    HELD = True

    def own(self) -> int:
        return self.mono() // SLOWER


class Told(Clock):
    """Clocks that the test sets, in seconds."""

    wall_seconds = own_seconds = 0.0

    def mono(self) -> int:
        return int(self.wall_seconds * 1e9)

    def own(self) -> int:
        return int(self.own_seconds * 1e9)


def clock_file(folder: Path, own: float, until: float) -> tuple[Path, ClockWriter]:
    """The clock of a cluster that shows this now, and stands from `until` on."""
    writer = ClockWriter(folder, speed=20.0, own=own, started=datetime.now(UTC))
    writer.show(time.monotonic(), own, until)
    return folder / PRESENT, writer


def test_paths_are_as_rare_as_the_cluster_s_clock_is_slow(tmp_path: Path) -> None:
    out, least = tmp_path / "s", 0.02 * SLOWER
    with misbehaving(healthy) as server:
        asked = spec(server.port, interval=0.02)
        with probing(out, asked, clock=Slow()):
            more_records(out, 8)
    due = [int(row["due"]) / 1e9 for block in SampleFile(out).blocks() for row in block]

    assert (due[-1] - due[0]) / (len(due) - 1) >= least * 0.7


def test_an_answer_that_was_there_in_time_is_taken_by_a_prober_that_was_not() -> None:
    clock = Told()
    limit = Limit(clock, cast("Any", SimpleNamespace(total=lambda: 0)), 1.0)
    wire = Wire({}, None)
    ours, theirs = socket.socketpair()
    wire.sock = ours
    theirs.sendall(b"here")
    clock.own_seconds = 2.0
    with theirs, ours:
        wire.fill(limit)
        assert wire.buffer == b"here"
        with pytest.raises(Failed, match="timeout"):
            wire.fill(limit)


def test_a_limit_is_over_by_the_cluster_s_clock() -> None:
    clock = Told()
    limit = Limit(clock, cast("Any", SimpleNamespace(total=lambda: 0)), 1.0)

    clock.wall_seconds, clock.own_seconds = 5.0, 0.9
    assert 0 < limit.left() < 0.11
    clock.own_seconds = 1.0
    with pytest.raises(Failed, match="timeout"):
        limit.left()


def test_a_clock_that_stands_for_ever_is_not_waited_for() -> None:
    clock = Told()
    limit = Limit(clock, cast("Any", SimpleNamespace(total=lambda: 0)), 1.0)

    clock.wall_seconds = HELD_MOST - 0.5
    assert 0 < limit.left() <= 0.5
    clock.wall_seconds = HELD_MOST
    with pytest.raises(Failed, match="timeout"):
        limit.left()


def test_the_file_of_a_cluster_s_clock_is_read_as_it_is_written(tmp_path: Path) -> None:
    file, writer = clock_file(tmp_path, 5.0, 5.0)
    stands = HeldClock(str(file))

    assert stands.own() == 5 * 10**9
    writer.show(time.monotonic() - 100, 6.0, 9.0)
    assert stands.own() == 9 * 10**9
    writer.close()


def test_a_program_goes_by_the_clock_that_it_is_given(tmp_path: Path) -> None:
    """One whose cluster stands asks nothing; a clock that runs is asked by."""
    out, targets = tmp_path / "s", tmp_path / "targets.json"
    file, writer = clock_file(tmp_path, 5.0, 5.0)
    with echo() as (_, ports):
        targets.write_text(json.dumps({"paths": [spec(ports["port"])]}))
        words = ["probe", "--targets", str(targets), "--out", str(out), "--clock", str(file)]
        with process(*words) as (running, _):
            said = records(out)
            writer.show(time.monotonic(), 6.0, 1000.0)
            more_records(out, 10)
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0
    writer.close()
    (seen,) = read_traffic([out], []).paths

    assert said <= 10
    assert {r.outcome for r in seen.runs} >= {"ok"}


@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_what_is_no_clock_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "clock"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ValueError, match="no clock of a cluster"):
        HeldClock(str(file))
