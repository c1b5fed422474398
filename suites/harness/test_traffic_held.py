"""A prober beside a cluster whose clock is held back: rare paths and limits follow it."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.targets.embedded.clock_file import PRESENT, ClockWriter
from fixtures.traffic import prober
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


class Slow(prober.Clock):
    """A cluster's own time that passes ten times as slowly as the wall's."""

    def own(self) -> int:
        return self.mono() // SLOWER


class Told(prober.Clock):
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


def test_a_rare_path_is_as_rare_as_the_cluster_s_clock_is_slow(tmp_path: Path) -> None:
    out = tmp_path / "s"
    with misbehaving(healthy) as server:
        rare = spec(server.port, "http-sparse", id="rare", interval=0.02)
        often = spec(server.port, id="often", interval=0.02)
        with probing(out, rare, often, clock=Slow()):
            more_records(out, 60)
    due: dict[int, list[int]] = {0: [], 1: []}
    for block in SampleFile(out).blocks():
        for row in block:
            due[int(row["path"])].append(int(row["due"]))
    apart = (due[0][-1] - due[0][0]) / max(len(due[0]) - 1, 1) / 1e9

    assert len(due[0]) * SLOWER / 2 < len(due[1])
    assert apart >= 0.02 * SLOWER * 0.5


def test_a_limit_is_over_by_the_cluster_s_clock() -> None:
    clock = Told()
    limit = prober.Limit(clock, cast("Any", SimpleNamespace(total=lambda: 0)), 1.0)

    clock.wall_seconds, clock.own_seconds = 5.0, 0.9
    assert 0 < limit.left() < 0.11
    clock.own_seconds = 1.0
    with pytest.raises(prober.Failed, match="timeout"):
        limit.left()


def test_a_clock_that_stands_for_ever_is_not_waited_for() -> None:
    clock = Told()
    limit = prober.Limit(clock, cast("Any", SimpleNamespace(total=lambda: 0)), 1.0)

    clock.wall_seconds = prober.HELD_MOST - 0.5
    assert 0 < limit.left() <= 0.5
    clock.wall_seconds = prober.HELD_MOST
    with pytest.raises(prober.Failed, match="timeout"):
        limit.left()


def test_the_file_of_a_cluster_s_clock_is_read_as_it_is_written(tmp_path: Path) -> None:
    file, writer = clock_file(tmp_path, 5.0, 5.0)
    stands = prober.HeldClock(str(file))

    assert stands.own() == 5 * 10**9
    writer.show(time.monotonic() - 100, 6.0, 9.0)
    assert stands.own() == 9 * 10**9
    writer.close()


def test_a_program_by_a_clock_that_stands_asks_no_rare_path(tmp_path: Path) -> None:
    file, writer = clock_file(tmp_path, 5.0, 5.0)
    out, targets = tmp_path / "s", tmp_path / "targets.json"
    with echo() as (_, ports):
        paths = [spec(ports["port"], k, id=k) for k in ("http-new", "http-sparse")]
        targets.write_text(json.dumps({"paths": paths}))
        words = ["probe", "--targets", str(targets), "--out", str(out), "--clock", str(file)]
        with process(*words) as (running, _):
            more_records(out, 20)
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0
    writer.close()
    asked = {p.path.id: sum(r.count for r in p.runs) for p in read_traffic([out], []).paths}

    assert records(out) > 20
    assert asked["http-new"] > 10
    assert asked["http-sparse"] == 0


@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_what_is_no_clock_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "clock"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ValueError, match="no clock of a cluster"):
        prober.HeldClock(str(file))
