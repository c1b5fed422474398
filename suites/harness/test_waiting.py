"""The waiter: successes in a row, the last state in the error, no wall time spent here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.core.waiting import WaitTimeout, until


class Time:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_it_needs_successes_in_a_row() -> None:
    time = Time()
    answers: Iterator[bool] = iter([True, False, True, True])

    waited = until(
        "it",
        lambda: next(answers),
        bool,
        timeout=10,
        every=1,
        successes=2,
        clock=time.clock,
        sleep=time.sleep,
    )

    assert waited.value is True
    assert waited.seconds == 3.0


def test_a_timeout_says_what_was_seen_last() -> None:
    time = Time()

    with pytest.raises(WaitTimeout, match="last seen: 2 of 3") as caught:
        until(
            "replicas",
            lambda: "2 of 3",
            lambda s: s == "3 of 3",
            timeout=5,
            every=2,
            clock=time.clock,
            sleep=time.sleep,
        )

    assert caught.value.seconds == 5.0
    assert time.slept == [2, 2, 1]
