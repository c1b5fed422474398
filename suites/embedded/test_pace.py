"""The cluster's time is held back by a loop that is late, and by nothing else."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.embedded.clock_file import ClockReader, ClockWriter
from fixtures.embedded.kernel import Clock
from fixtures.embedded.pace import GRACE, PATIENCE, TURN, Pace, PacedLoop


@dataclass
class Machine:
    """A machine on which the test says what takes how long."""

    wall: float = 100.0
    cpu: float = 0.0
    delay: float = 0.0
    due: list[str] = field(default_factory=list[str])

    def pace(self) -> Pace:
        return Pace(
            monotonic=lambda: self.wall, worked=lambda: self.cpu, waited=lambda: self.delay
        )

    def works(self, cpu: float, starved: float = 0.0) -> None:
        self.wall += cpu + starved
        self.cpu += cpu
        self.delay += starved

    def rests(self, pace: Pace, timeout: float | None, late: float = 0.0) -> float:
        """One rest that nothing ends before its time; what the pace asked for."""
        rest = pace.rests(timeout)
        assert rest is not None
        self.wall += rest + late
        self.delay += late
        pace.wakes()
        return rest


class Peer:
    def __init__(self) -> None:
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed


def test_time_passes_while_the_loop_rests_and_works() -> None:
    machine = Machine()
    pace = machine.pace()
    machine.rests(pace, 0.5)
    machine.works(0.002)
    machine.rests(pace, 0.1)

    assert pace.seconds() == pytest.approx(100.602)


def test_no_time_passes_while_it_waits_for_a_processor_or_works_long() -> None:
    machine = Machine()
    pace = machine.pace()
    machine.works(0.001, starved=5.0)
    machine.rests(pace, 0.1, late=3.0)
    machine.works(2.0)
    machine.rests(pace, 0.1)

    assert pace.seconds() == pytest.approx(100.2 + 0.001 + TURN)


@given(
    st.lists(
        st.tuples(st.floats(0.0001, 0.004), st.floats(0, 1), st.floats(0.01, 1), st.floats(0, 1)),
        max_size=20,
    )
)
def test_calls_come_at_their_own_times_whatever_the_machine_does(
    turns: list[tuple[float, float, float, float]],
) -> None:
    quiet, busy = Machine(), Machine()
    paces = quiet.pace(), busy.pace()
    for work, starved, timeout, late in turns:
        quiet.works(work)
        quiet.rests(paces[0], timeout)
        busy.works(work, starved)
        busy.rests(paces[1], timeout, late)

    assert paces[0].seconds() == pytest.approx(paces[1].seconds())


def test_the_earliest_call_ends_a_rest_and_calls_come_in_order() -> None:
    machine = Machine()
    pace = machine.pace()
    pace.call_later(0.3, machine.due.append, "second")
    pace.call_later(0.2, machine.due.append, "cancelled").cancel()
    pace.call_later(0.1, machine.due.append, "first")

    assert machine.rests(pace, 60.0) == pytest.approx(0.1)
    for _ in range(2):
        for timer in pace.due():
            timer.call(*timer.arguments)
        machine.rests(pace, 0.2)
    for timer in pace.due():
        timer.call(*timer.arguments)
    assert machine.due == ["first", "second"]
    assert pace.rests(None) is None


def test_a_program_that_writes_holds_time_until_it_asks_again() -> None:
    machine, program = Machine(), Peer()
    pace = machine.pace()
    pace.call_later(10, machine.due.append, "never")
    pace.answered(program, 0.002)
    held = machine.rests(pace, 10.0)
    assert held <= PATIENCE
    assert pace.seconds() <= 100.0 + 0.002 + GRACE

    pace.asks(program)
    machine.rests(pace, 0.2)
    assert pace.seconds() == pytest.approx(100.202)


@pytest.mark.parametrize("ends", ["it closes its connection", "it stays away"])
def test_a_program_that_has_ended_holds_nothing(ends: str) -> None:
    machine, program = Machine(), Peer()
    pace = machine.pace()
    pace.answered(program, 0.002)
    program.closed = ends == "it closes its connection"
    machine.wall += 0 if program.closed else PATIENCE
    machine.rests(pace, 0.2)

    assert pace.seconds() >= 100.2


def test_what_happens_at_once_does_not_depend_on_a_late_loop() -> None:
    """The same model on two loops, one of which is kept busy for longer than all of it takes."""

    def model(late: bool) -> list[tuple[str, float]]:
        spun = 0.0

        def worked() -> float:
            return spun

        loop = PacedLoop(Pace(worked=worked, waited=lambda: 0.0))
        clock = Clock(100.0, pace=loop.pace)
        seen: list[tuple[str, float]] = []

        async def pods(name: str, seconds: float) -> None:
            for _ in range(3):
                await clock.sleep(seconds)
                if late:
                    until = time.monotonic() + 0.15  # 15 cluster seconds
                    while time.monotonic() < until:
                        pass
                seen.append((name, clock.seconds()))

        async def both() -> None:
            await asyncio.gather(pods("a", 7.0), pods("b", 11.0))

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(both())
        return seen

    quiet, busy = model(late=False), model(late=True)

    assert [name for name, _ in quiet] == [name for name, _ in busy] == list("abaabb")
    for (_, at), (_, then) in zip(quiet, busy, strict=True):
        assert math.isclose(at, then, abs_tol=1.5)


def test_files_tell_the_time_and_when_it_was_held(tmp_path: Path) -> None:
    started = datetime(2026, 1, 1, tzinfo=UTC)
    begun = time.monotonic()
    writer = ClockWriter(tmp_path, speed=10, own=begun, started=started)
    reader = ClockReader(tmp_path)
    offset = datetime.now(UTC) - timedelta(seconds=time.monotonic())

    def wall(seconds: float) -> datetime:
        return offset + timedelta(seconds=begun + seconds)

    writer.show(begun + 1, begun + 1, begun + 1)
    writer.show(begun + 3, begun + 1, begun + 1)  # held for two seconds
    writer.show(begun + 4, begun + 2, begun + 2.5)

    near = timedelta(seconds=0.2)
    for real, cluster in ((0.5, 5), (1.0, 10), (2.0, 10), (3.0, 10), (3.5, 15), (9.0, 20)):
        assert abs(reader.at(wall(real)) - started - timedelta(seconds=cluster)) < near
    assert abs(reader.wall(started + timedelta(seconds=15)) - wall(3.5)) < near
    assert abs(reader.wall(started + timedelta(seconds=10)) - wall(3.0)) < near
    walls, owns = reader.line()
    assert walls == sorted(walls)
    assert owns == [begun, begun + 1, begun + 1]
    writer.close()
