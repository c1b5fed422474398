"""Recorded client logs of real upgrades, as samples: what each line said, and what no line says.

A log names failures, slow answers and changes of the answering pod; every 10 s it says how many
successes each path had. Between two totals the successes without a line are known by number only,
so they are put on the free places of the schedule, provided the numbers agree with it. Files of
one pod repeat each other; between two pods of a client nothing was observed.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from policies.facts.traffic import PathTraffic, ProbePath, Window
from policies.traffic.runs import Sample, runs

DAY = date(2026, 8, 21)
"""The logs say the time of day only."""
INTERVALS = {"http-new": 0.1, "http-reused": 0.1, "http-sparse": 7.0, "tcp-long": 0.1}
WAITS = ("tcp-long",)
"""Paths that wait for an answer before the next: fewer samples than the schedule has."""


@dataclass
class Pod:
    """The log of one client pod: lines of all its files, each once."""

    lines: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    torn: int = 0
    """Lines that were cut off when the log was read."""


def moment(text: str) -> datetime:
    return datetime.combine(DAY, time.fromisoformat(text), UTC)


def pods(files: Iterable[Path]) -> list[Pod]:
    """One per client pod, in order of time; a pod is known by its first line."""
    found: dict[str, Pod] = {}
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as log:
            text = [line.rstrip("\n") for line in log]
        pod = found.setdefault(text[0], Pod())
        for line in text:
            try:
                pod.lines.setdefault(line, msgspec.json.decode(line))
            except msgspec.DecodeError:
                pod.torn += 1
    return sorted(found.values(), key=lambda p: min(e["t"] for e in p.lines.values()))


def outcome(error: str) -> tuple[str, int]:
    """The result and status that a client's error text stands for."""
    if status := re.match(r"status (\d+)", error):
        return "5xx", int(status[1])
    for part, result in (("refused", "refused"), ("deadline", "timeout"), ("Timeout", "timeout")):
        if part in error:
            return result, 0
    return "reset", 0


def explicit(pod: Pod, path: str) -> list[Sample]:
    """Samples that have a line of their own."""
    found: list[Sample] = []
    for entry in pod.lines.values():
        if entry.get("path") != path:
            continue
        start = moment(entry["t"])
        result, status = ("ok", 0) if entry["ok"] else outcome(entry["err"])
        found.append(
            msgspec.convert(
                {
                    "due": start,
                    "start": start,
                    "end": start + timedelta(milliseconds=entry["ms"]),
                    "outcome": result,
                    "status": status,
                    "server": entry.get("pod", ""),
                },
                Sample,
            )
        )
    return sorted(found, key=lambda s: s.start)


def totals(pod: Pod, path: str) -> list[tuple[datetime, int]]:
    return sorted(
        (moment(e["t"]), e["ok"].get(path, 0))
        for e in pod.lines.values()
        if isinstance(e["ok"], dict)
    )


def between_totals(found: Sequence[Pod], at: datetime) -> bool:
    """Whether totals before and after a moment say how many successes were around it."""
    marks = [[t for t, _ in totals(pod, "tcp-long")] for pod in found]
    return any(own and own[0] <= at < own[-1] for own in marks)


def inferred(pod: Pod, path: str, known: Sequence[Sample]) -> Iterator[Sample]:
    """Successes without a line, between two totals that agree with the schedule."""
    step = timedelta(seconds=INTERVALS[path])
    marks = totals(pod, path)
    for (since, before), (until, after) in pairwise(marks):
        here = [s for s in known if since <= s.start < until]
        silent = after - before - sum(s.outcome == "ok" for s in known if since <= s.end < until)
        free = list(_free(since, until, step, here))
        if silent <= 0 or not _agree(path, silent, len(free)):
            continue
        stride = max(1.0, len(free) / silent)
        for place in range(min(silent, len(free))):
            start = free[int(place * stride)]
            yield Sample(due=start, start=start, end=start, outcome="ok")


def _agree(path: str, silent: int, free: int) -> bool:
    return path in WAITS or abs(silent - free) <= 3


def _free(
    since: datetime, until: datetime, step: timedelta, taken: Sequence[Sample]
) -> Iterator[datetime]:
    """Places of the schedule that no line speaks of."""
    place = since
    while place < until:
        if not any(abs(s.start - place) < step / 2 for s in taken):
            yield place
        place += step


def path_traffic(found: Sequence[Pod], path: str, windows: Sequence[Window]) -> PathTraffic:
    """One path over all pods of a client."""
    samples: list[Sample] = []
    for pod in found:
        known = explicit(pod, path)
        own = sorted([*known, *inferred(pod, path, known)], key=lambda s: s.start)
        if samples and own:
            gone = samples[-1].end
            samples.append(Sample(due=gone, start=gone, end=gone, outcome="missing"))
        samples += own
    interval = INTERVALS[path]
    return PathTraffic(
        path=ProbePath(id=path, kind=path, interval=interval, limit=10.0),
        runs=runs(samples, windows),
    )
