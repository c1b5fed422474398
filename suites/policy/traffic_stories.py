"""Samples of a path written as text, one letter each, 100 ms apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.facts.traffic import (
    BUCKETS,
    Latency,
    Outcome,
    PathTraffic,
    ProbePath,
    SelfTest,
    Sight,
    StreamEnd,
    Traffic,
    Window,
)
from policies.traffic.runs import Sample, runs

ZERO = datetime(2026, 8, 21, 12, 0, tzinfo=UTC)
INTERVAL = timedelta(milliseconds=100)
ANSWER = timedelta(milliseconds=5)
LETTERS: dict[str, Outcome] = {
    ".": "ok",
    "r": "refused",
    "R": "reset",
    "t": "timeout",
    "5": "5xx",
    "w": "wrong answer",
    "i": "wrong identity",
    "h": "held",
    "l": "late",
    "m": "missing",
    "s": "starved",
}


def at(samples: float) -> datetime:
    """The moment so many intervals after the beginning."""
    return ZERO + INTERVAL * samples


def story(text: str) -> list[Sample]:
    return [
        Sample(
            due=at(place),
            start=at(place),
            end=at(place) if letter in "hlm" else at(place) + ANSWER,
            outcome=LETTERS[letter],
        )
        for place, letter in enumerate(text)
    ]


def windows(*lengths: int) -> tuple[Window, ...]:
    """Steps named `step 0`, `step 1`... of so many samples each."""
    found: list[Window] = []
    start = 0
    for number, length in enumerate(lengths):
        found.append(Window(step=f"step {number}", start=at(start), end=at(start + length)))
        start += length
    return tuple(found)


def told(
    text: str,
    steps: Sequence[Window] = (),
    *,
    id: str = "web",  # noqa: A002 - the field's name
    ends: Sequence[StreamEnd] = (),
    latency: Sequence[Latency] = (),
    **path: Any,
) -> PathTraffic:
    spec: dict[str, Any] = {"kind": "http-new", "interval": 0.1, "limit": 1.0, **path}
    return PathTraffic(
        path=ProbePath(id=id, **spec),
        runs=runs(story(text), steps),
        ends=tuple(ends),
        latency=tuple(latency),
        sight=tuple(
            Sight(window=w, sent=10, longest_gap=0.1, lateness_max=0.002)
            for w in range(len(steps))
        ),
    )


PROOF = "." * 5 + "rrrrr" + "." * 5
SELF_TEST = SelfTest(path="self-test", start=at(4.5), end=at(9.5))


def traffic(*paths: PathTraffic, steps: Sequence[Window] = ()) -> Traffic:
    """With a self-test that was seen."""
    proof = told(PROOF, id="self-test", role="control", kind="tcp")
    # The self-test comes before all steps, here as on a cluster.
    early = [(r, r.first - timedelta(hours=1)) for r in proof.runs]
    moved = PathTraffic(
        path=proof.path,
        runs=tuple(
            type(r)(
                outcome=r.outcome,
                count=r.count,
                first=first,
                first_end=r.first_end - timedelta(hours=1),
                last=r.last - timedelta(hours=1),
                last_end=r.last_end - timedelta(hours=1),
            )
            for r, first in early
        ),
    )
    test = SelfTest(
        path="self-test",
        start=SELF_TEST.start - timedelta(hours=1),
        end=SELF_TEST.end - timedelta(hours=1),
    )
    return Traffic(windows=tuple(steps), paths=(moved, *paths), self_tests=(test,))


def answers(window: int, server: str, seconds: float, count: int = 100) -> Latency:
    """So many answers that took as long."""
    place = next(i for i, bound in enumerate(BUCKETS) if seconds <= bound)
    counts = [0] * (len(BUCKETS) + 1)
    counts[place] = count
    return Latency(window=window, server=server, counts=tuple(counts))
