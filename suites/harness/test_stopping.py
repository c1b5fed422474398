"""SIGINT, SIGTERM and SIGHUP: the first interrupts, what follows leaves the end alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.core.signals import LOST, SIGNALS, Stop
from fixtures.core.teardown import Ending
from fixtures.evidence.ledger import LEDGER, Ledger, read
from fixtures.evidence.records import Note


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stop(clock: Clock) -> Generator[Stop]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    yield Stop(clock).hear()
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: signal.Signals(n).name)
def test_each_of_them_interrupts_once(number: int, stop: Stop) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask(number)
    for _ in range(5):
        ask(number)

    assert stop.asked == signal.Signals(number).name


def test_one_that_led_to_nothing_is_said_again(stop: Stop, clock: Clock) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask(signal.SIGTERM)
    clock.now += LOST

    with pytest.raises(KeyboardInterrupt):
        ask(signal.SIGTERM)


def test_the_end_is_left_alone_but_for_a_wait_that_may_be_broken(stop: Stop, clock: Clock) -> None:
    stop.begin_end()
    clock.now += LOST
    ask(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), stop.breakable():
        ask(signal.SIGINT)


def test_once_asked_the_handlers_stay(stop: Stop) -> None:
    stop.begin_end()
    ask(signal.SIGTERM)
    stop.release()

    ask(signal.SIGTERM)  # would end this process otherwise


def test_a_signal_that_was_ignored_from_the_start_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = Stop().hear()
        ask(signal.SIGHUP)
        assert not stop.asked
        stop.release()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("patient", [True, False])
def test_what_is_patient_is_ended_whole(patient: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Stop().hear()
    monkeypatch.setattr("fixtures.core.teardown.STOP", heard)
    heard.begin_end()
    done: list[str] = []

    def end() -> None:
        ask(signal.SIGINT)
        done.append("whole")

    ending = Ending()
    try:
        ending.do("the target", end, patient=patient)
    finally:
        heard.asked = ""
        heard.release()

    assert bool(done) == patient
    assert (ending.interrupted is None) == patient


def test_a_record_that_ctrl_c_broke_off_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(Note(text="one"))
        real = os.write

        def interrupted(descriptor: int, data: bytes) -> int:
            real(descriptor, data)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ledger.write(Note(text="two"))
        ledger.write(Note(text="three"))

    reading = read(tmp_path / LEDGER)

    assert [getattr(r.body, "text", "") for r in reading.records] == ["one", "three"]
    assert not reading.problem
