"""The prober: how punctual it is, what it misses or invents, and how long its analysis takes.

`python -m benchmarks.prober` prints the figures of this module alone; `--seconds` and `--gaps`
make it shorter or longer.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.harness import Measure, run_child
from fixtures.traffic import prober
from fixtures.traffic.samples import Timebase, read_traffic
from policies.outages import availability, cells, episodes, outages
from policies.traffic import PathTraffic, Window

PLAIN = ("http-new",) * 4 + ("http-reused",) * 4
MIXED = ("http-new", "http-reused", "http-sparse", "sse", "websocket", "tcp", "http-new", "tcp")
HOUR = 360_000
"""Samples of one path in an hour, 10 ms apart."""


@contextmanager
def program(*argv: str) -> Generator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The prober's file as a process; it is told to end, and waited for."""
    command = [sys.executable, prober.__file__, *argv]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
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
    """A healthy echo at 100 ms, both cores busy: outages found, and the worst lateness (ms)."""
    stop = threading.Event()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
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


def write_hours(file: Path, paths: int, samples: int) -> None:
    """A sample file as a prober leaves it: one in ten thousand fails, some are out of order."""
    import numpy as np

    from fixtures.traffic.samplefile import DTYPE

    specs = [
        {"id": f"p{n}", "kind": "http-new", "host": "h", "port": 1, "interval": 0.01, "limit": 1}
        for n in range(paths)
    ]
    start = 1_000_000_000_000
    log = prober.Log(
        str(file), {"format": 1, "paths": specs, "mono_ns": start, "wall_ns": start + 10**18}
    )
    servers = [log.text(f"web-{n}") for n in range(6)]
    weights = np.array(prober.WEIGHTS, dtype=np.uint32)
    chance = np.random.default_rng(5)
    part = 20_000
    with file.open("ab") as out:
        for first in range(0, samples, part):
            rows = np.zeros(part * paths, DTYPE)
            rows["kind"] = prober.SAMPLE
            rows["path"] = np.tile(np.arange(paths), part)
            rows["sequence"] = np.repeat(np.arange(first, first + part), paths)
            rows["due"] = start + rows["sequence"].astype(np.int64) * 10_000_000
            rows["late"] = chance.integers(50, 2000, len(rows))
            rows["total"] = chance.integers(300, 9000, len(rows))
            rows["server"] = chance.choice(servers, len(rows))
            failed = chance.random(len(rows)) < 1e-4
            rows["result"][failed] = 1
            rows["server"][failed] = 0
            for at in np.flatnonzero(chance.random(len(rows)) < 0.2)[::2]:
                rows[at : at + 2] = rows[at : at + 2][::-1]
            words = rows.view("<u4").reshape(-1, 12)
            rows["check"] = (words[:, :-1] * weights).sum(axis=1, dtype=np.uint32)
            out.write(rows.tobytes())
    log.mark(prober.STOP)
    log.close()


class Analysed(msgspec.Struct, frozen=True):
    """What reading and judging cost; in a process of its own."""

    samples: int
    seconds: float
    megabytes: float
    outages: int


def analyse(file: Path) -> Analysed:
    """From the file to windows, outages, episodes and availability."""
    begun = time.perf_counter()
    zero = datetime.fromtimestamp(10**9 + 1000, UTC)
    windows = [
        Window(
            step=f"step {n}",
            start=zero + timedelta(minutes=6 * n),
            end=zero + timedelta(minutes=6 * (n + 1)),
        )
        for n in range(10)
    ]
    traffic = read_traffic([file], windows)
    found = 0
    for seen in traffic.paths:
        apart = outages(seen)
        episodes(apart)
        availability(cells(seen).values())
        found += len(apart)
    seconds = time.perf_counter() - begun
    samples = sum(s.sent for p in traffic.paths for s in p.sight)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Analysed(samples, seconds, peak, found)


def analysis(paths: int, samples: int) -> Analysed:
    """Write a file, and read it in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "samples.bin"
        write_hours(file, paths, samples)
        argv = [sys.executable, "-m", "benchmarks.prober", "--analyse", str(file)]
        child = run_child(argv, Path(__file__).parents[1])
    if child.exit_code:
        raise RuntimeError(f"the benchmark's process failed: {child.output}")
    return msgspec.json.decode(child.output, type=Analysed)


def measure(seconds: float = 20.0, gaps: int = 50) -> list[Measure]:
    """All figures of the prober; the runs are shorter than the goals' own, and say so."""
    plain, mixed = punctual(PLAIN, seconds), punctual(MIXED, seconds)
    made = injected(gaps, 0.1, 1.0)
    short = injected(gaps, 0.02, 0.1)
    invented, worst = healthy_under_load(seconds)
    hour, ten = analysis(10, HOUR), analysis(10, 1_000_000)
    length = f"{seconds:g} s"
    return [
        _m(f"prober, 8 plain paths, 10 ms, {length}: lateness p99", plain.lateness_ms, "ms", 5),
        _m("prober, 8 plain paths: processor", plain.processor, "%", 30),
        _m("prober, 8 plain paths: peak memory", plain.megabytes, "MB", 40),
        _m("prober, 8 plain paths: false failures", plain.failed, "", 0),
        _m(f"prober, all kinds, 10 ms, {length}: lateness p99", mixed.lateness_ms, "ms", 5),
        _m("prober, all kinds: processor", mixed.processor, "%", None),
        _m(f"prober, {made.made} outages of 0.1-1 s: missed", made.missed, "", 0),
        _m("prober, outages: untrue bounds", made.untrue + short.untrue, "", 0),
        _m("prober, outages: error beyond interval + lateness", made.worst_ms, "ms", 0),
        _m("prober, outages: invented between them", made.invented + short.invented, "", 0),
        _m(f"prober, {short.made} outages of 20-100 ms: missed", short.missed, "", 0),
        _m(f"prober, busy cores, {length}: invented outages", invented, "", 0),
        _m("prober, busy cores: worst lateness", worst, "ms", None),
        _m("analysis, an hour of 10 paths at 10 ms", hour.seconds, "s", None),
        _m(f"analysis, {ten.samples / 1e6:.0f} million samples", ten.seconds, "s", 10),
        _m("analysis, 10 million samples: memory", ten.megabytes, "MB", 300),
    ]


def _m(name: str, value: float, unit: str, goal: float | None) -> Measure:
    return Measure(name=name, value=round(value, 3), unit=unit, goal=goal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analyse", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--gaps", type=int, default=50)
    args = parser.parse_args()
    if args.analyse:
        sys.stdout.buffer.write(msgspec.json.encode(analyse(args.analyse)))
        return
    for m in measure(args.seconds, args.gaps):
        met = {True: "met", False: "MISSED", None: ""}[m.met]
        print(f"{m.name:<58} {m.value:>10g} {m.unit:<4} {met}")


if __name__ == "__main__":
    main()
