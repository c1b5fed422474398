"""The prober: how punctual it is, what it misses or invents, and how long its analysis takes.

`python -m benchmarks.prober` prints the figures of this module alone; `--only NAME` one of them,
`--full` at the length of its goal, `--seconds` and `--gaps` shorter or longer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import analysis
from benchmarks.harness import Measure, measured
from fixtures.prober.files import FOLDER, NAME
from fixtures.traffic.samples import read_traffic
from fixtures.traffic.timebase import Timebase
from policies.facts.traffic import PathTraffic
from policies.traffic.outages import cells, outages

PLAIN = ("http-new",) * 4 + ("http-reused",) * 4
MIXED = ("http-new", "http-reused", "http-sparse", "sse", "websocket", "tcp", "http2", "grpc")


@contextmanager
def program(*argv: str) -> Generator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The prober as a process; it is told to end, and waited for."""
    command = [sys.executable, "-m", NAME, *argv]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=FOLDER) as running:
        assert running.stdout is not None
        try:
            yield running, json.loads(running.stdout.readline())
        finally:
            running.terminate()
            running.wait(20)


ECHO = ("echo", "--host", "127.0.0.1", "--port", "0", "--tcp-port", "0", "--linger", "0.1")


def targets(folder: Path, ports: dict[str, Any], kinds: Sequence[str], interval: float) -> str:
    file = folder / "targets.json"
    paths = [
        {
            "id": f"{place}-{kind}",
            "kind": kind,
            "host": "127.0.0.1",
            "port": ports["tcp_port"] if kind == "tcp" else ports["port"],
            "interval": 7.0 if kind == "http-sparse" else interval,
        }
        for place, kind in enumerate(kinds)
    ]
    file.write_text(json.dumps({"paths": paths}))
    return str(file)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _peak_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Punctual(msgspec.Struct, frozen=True):
    """One run at 10 ms."""

    lateness_ms: float
    """99th percentile over all paths."""
    processor: float
    """Percent of one core."""
    megabytes: float
    failed: int


def punctual(kinds: Sequence[str], seconds: float) -> Punctual:
    """Probe eight paths at 10 ms and see how late the samples were sent."""
    with tempfile.TemporaryDirectory() as name, program(*ECHO) as (_, ports):
        folder = Path(name)
        out = folder / "samples.bin"
        asked = targets(folder, ports, kinds, 0.01)
        with program("probe", "--targets", asked, "--out", str(out)) as (running, _):
            time.sleep(0.5)
            before = _processor_seconds(running.pid)
            time.sleep(seconds)
            used = _processor_seconds(running.pid) - before
            megabytes = _peak_megabytes(running.pid)
        traffic = read_traffic([out], [])
    sights = [s for p in traffic.paths for s in p.sight]
    sent = sum(s.sent for s in sights)
    late = sum(s.lateness_p99 * s.sent for s in sights) / sent
    failed = sum(c.failed for p in traffic.paths for c in cells(p).values())
    return Punctual(late * 1000, 100 * used / seconds, megabytes, failed)


class Gaps(msgspec.Struct, frozen=True):
    """Outages made on purpose, at 10 ms."""

    made: int
    missed: int
    untrue: int
    """Bounds that do not hold the truth."""
    worst_ms: float
    """Largest error of a start or an end beyond one interval plus lateness; 0 where none is."""
    invented: int
    """Outages that nobody made."""


def injected(count: int, shortest: float, longest: float) -> Gaps:
    """Close a listener so many times for random lengths; find each in what was recorded."""
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as name, program(*ECHO) as (_, ports):
        folder = Path(name)
        out = folder / "samples.bin"
        asked = targets(folder, ports, ("http-new",), 0.01)
        base = f"http://127.0.0.1:{ports['port']}"
        made: list[list[int]] = []
        with program("probe", "--targets", asked, "--out", str(out)):
            time.sleep(0.3)
            for number in range(count):
                length = chance.uniform(shortest, longest)
                _get(f"{base}/gap?seconds={length}")
                time.sleep(length)
                while len(made := _gaps(base)) <= number:
                    time.sleep(0.02)
                time.sleep(0.15 + chance.random() * 0.02)
        seen = read_traffic([out], []).paths[0]
    return _compared(seen, [[Timebase().at(ns) for ns in gap] for gap in made])


def _compared(seen: PathTraffic, made: Sequence[Sequence[datetime]]) -> Gaps:
    found = outages(seen)
    slack = seen.path.interval + max(s.lateness_max for s in seen.sight)
    missed = untrue = 0
    worst = 0.0
    matched: set[int] = set()
    for start, closed, opening, end in made:
        near = [i for i, o in enumerate(found) if o.start <= end and o.end >= start]
        matched.update(near)
        if not near:
            missed += 1
            continue
        first, last = found[near[0]], found[near[-1]]
        earliest, latest = first.earliest_start, last.latest_end
        true = (earliest is None or earliest <= closed) and start <= first.latest_start
        true &= (latest is None or opening <= latest) and last.earliest_end <= end
        untrue += not true
        off = (
            abs((first.start - start).total_seconds()),
            abs((last.end - end).total_seconds()) - last.answer_seconds,
        )
        worst = max(worst, *(o - slack for o in off))
    invented = len(found) - len(matched)
    return Gaps(len(made), missed, untrue, round(worst * 1000, 3), invented)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def _gaps(base: str) -> list[list[int]]:
    try:
        return json.loads(_get(f"{base}/gaps"))
    except OSError:
        return []


def healthy_under_load(seconds: float) -> tuple[int, float]:
    """A healthy echo at 100 ms, every core busy: outages found, and the worst lateness (ms)."""
    stop = threading.Event()
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 2)
    ]
    try:
        with tempfile.TemporaryDirectory() as name, program(*ECHO) as (_, ports):
            folder = Path(name)
            out = folder / "samples.bin"
            asked = targets(folder, ports, MIXED, 0.1)
            with program("probe", "--targets", asked, "--out", str(out)):
                stop.wait(seconds)
            traffic = read_traffic([out], [])
    finally:
        for one in busy:
            one.kill()
            one.wait()
    found = sum(len(outages(p)) for p in traffic.paths)
    return found, 1000 * max(s.lateness_max for p in traffic.paths for s in p.sight)


class Lengths(msgspec.Struct, frozen=True, kw_only=True):
    """How long each figure is measured; the defaults are those of `make benchmarks`."""

    punctual: float = 20.0
    """Seconds, as the others that are not counts."""
    busy: float = 20.0
    memory: float = 20.0
    gaps: int = 50
    longest_gap: float = 1.0


FULL = Lengths(punctual=60.0, busy=1800.0, memory=3600.0, gaps=200, longest_gap=5.0)
"""The goals' own lengths: about two hours in all."""


def plain_paths(lengths: Lengths) -> list[Measure]:
    plain = punctual(PLAIN, lengths.punctual)
    name = f"prober, 8 plain paths, 10 ms, {lengths.punctual:g} s"
    return [
        measured(f"{name}: lateness p99", plain.lateness_ms, "ms", 5),
        measured("prober, 8 plain paths: processor", plain.processor, "%", 30),
        measured("prober, 8 plain paths: false failures", plain.failed, "", 0),
    ]


def mixed_paths(lengths: Lengths) -> list[Measure]:
    mixed = punctual(MIXED, lengths.punctual)
    name = f"prober, all kinds, {len(MIXED)} paths, 10 ms, {lengths.punctual:g} s"
    return [
        measured(f"{name}: lateness p99", mixed.lateness_ms, "ms", 5),
        measured("prober, all kinds: processor", mixed.processor, "%", None),
        measured("prober, all kinds: false failures", mixed.failed, "", 0),
    ]


def memory(lengths: Lengths) -> list[Measure]:
    name = f"prober, 8 plain paths, 10 ms, {lengths.memory:g} s: peak memory"
    return [measured(name, punctual(PLAIN, lengths.memory).megabytes, "MB", 40)]


def gaps(lengths: Lengths) -> list[Measure]:
    made = injected(lengths.gaps, 0.02, lengths.longest_gap)
    name = f"prober, {made.made} outages of 20 ms to {lengths.longest_gap:g} s"
    return [
        measured(f"{name}: missed", made.missed, "", 0),
        measured("prober, outages: untrue bounds", made.untrue, "", 0),
        measured("prober, outages: error beyond interval + lateness", made.worst_ms, "ms", 0),
        measured("prober, outages: invented between them", made.invented, "", 0),
    ]


def busy(lengths: Lengths) -> list[Measure]:
    invented, worst = healthy_under_load(lengths.busy)
    return [
        measured(f"prober, busy cores, {lengths.busy:g} s: invented outages", invented, "", 0),
        measured("prober, busy cores: worst lateness", worst, "ms", None),
    ]


FIGURES: dict[str, Callable[[Lengths], list[Measure]]] = {
    "plain": plain_paths,
    "mixed": mixed_paths,
    "memory": memory,
    "gaps": gaps,
    "busy": busy,
    "analysis": lambda _: analysis.measure(),
}


def measure(lengths: Lengths | None = None, only: Sequence[str] = ()) -> list[Measure]:
    """The figures of the prober, all of them or those named; shorter runs say how short."""
    return [m for name in only or FIGURES for m in FIGURES[name](lengths or Lengths())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=())
    parser.add_argument("--full", action="store_true", help="at the lengths of the goals")
    parser.add_argument("--seconds", type=float, help="for every figure that takes a time")
    parser.add_argument("--gaps", type=int)
    parser.add_argument("--longest-gap", type=float)
    args = parser.parse_args()
    asked = {"gaps": args.gaps, "longest_gap": args.longest_gap}
    asked |= dict.fromkeys(("punctual", "busy", "memory"), args.seconds)
    given = {name: value for name, value in asked.items() if value is not None}
    lengths = msgspec.structs.replace(FULL if args.full else Lengths(), **given)
    for m in measure(lengths, args.only):
        met = {True: "met", False: "MISSED", None: ""}[m.met]
        print(f"{m.name:<58} {m.value:>10g} {m.unit:<4} {met}")


if __name__ == "__main__":
    main()
