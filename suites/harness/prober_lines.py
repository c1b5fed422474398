"""What a prober writes to its standard output, line by line, and what is read of it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

from fixtures.prober.outputs import LINE
from fixtures.prober.records import (
    NONE,
    RECORD,
    RESULTS,
    SAMPLE,
    STOP,
    TEXT,
    TEXT_RECORD,
    sealed,
)
from fixtures.traffic.loglines import LogLines
from fixtures.traffic.samples import read_traffic
from fixtures.traffic.timebase import Timebase
from policies.facts.traffic import Traffic, Window
from suites.harness.misbehaving import spec

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
INTERVAL = 0.1
EACH = 3
"""Samples in a line."""


def text(number: int, value: str) -> list[bytes]:
    data = value.encode()
    parts = [data[i : i + 36] for i in range(0, len(data), 36)]
    last = len(parts) - 1
    return [TEXT_RECORD.pack(TEXT, i == last, number, i, p) for i, p in enumerate(parts)]


def sample(sequence: int, result: str = "ok") -> bytes:
    due = 10**9 + sequence * int(INTERVAL * 1e9)
    times = (50, 100, NONE, 200, 300)
    found = RESULTS.index(result)
    return RECORD.pack(SAMPLE, found, 0, sequence, due, *times, 200, 2, 0, 0)


def line(number: int, bodies: list[bytes], mono: int = 10**9) -> bytes:
    data = base64.b64encode(b"".join(sealed(b) for b in bodies))
    return b"%s %d %d %s" % (LINE, number, mono, data)


def written(count: int, *, stop: bool = True, wall: int = 0) -> list[bytes]:
    """Lines of a prober with one path: what it is, then samples, then its last word."""
    path = {**spec(8080), "id": "web", "interval": INTERVAL}
    wall = wall or int(BEGUN.timestamp() * 1e9)
    about = {"format": 1, "paths": [path], "mono_ns": 10**9, "wall_ns": wall}
    lines = [line(0, [*text(1, json.dumps(about)), *text(2, "echo-1")])]
    for number in range(1, count + 1):
        bodies = [sample((number - 1) * EACH + i) for i in range(EACH)]
        lines.append(line(number, bodies, 10**9 + number * EACH * int(INTERVAL * 1e9)))
    if stop:
        last = RECORD.pack(STOP, 0, 0, 0, 10**9, *([0] * 9))
        lines.append(line(count + 1, [last]))
    return lines


def read(lines: LogLines, *, put_right: bool = False) -> Traffic:
    """What was seen, by the node's clock; or by ours."""
    window = Window(step="baseline", start=BEGUN, end=BEGUN + timedelta(minutes=1))
    recorded = lines.recorded()
    ahead = {recorded.samples: recorded.ahead} if put_right else {}
    return read_traffic([recorded.samples], [window], Timebase(), (), ahead)


def answered(traffic: Traffic) -> int:
    return sum(r.count for r in traffic.paths[0].runs if r.outcome == "ok")
