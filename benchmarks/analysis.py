"""How long the analysis of hours of samples takes, from the file to outages and availability."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.harness import Measure, measured, run_child
from fixtures.prober.outputs import File
from fixtures.prober.records import SAMPLE, STOP, WEIGHTS, Log
from fixtures.traffic.samples import read_traffic
from policies.facts.traffic import Window
from policies.traffic.outages import availability, cells, episodes, outages

HOUR = 360_000
"""Samples of one path in an hour, 10 ms apart."""


def write_hours(file: Path, paths: int, samples: int) -> None:
    """A sample file as a prober leaves it: one in ten thousand fails, some are out of order."""
    import numpy as np

    from fixtures.traffic.samplefile import DTYPE

    specs = [
        {"id": f"p{n}", "kind": "http-new", "host": "h", "port": 1, "interval": 0.01, "limit": 1}
        for n in range(paths)
    ]
    start = 1_000_000_000_000
    log = Log(
        File(str(file)), {"format": 1, "paths": specs, "mono_ns": start, "wall_ns": start + 10**18}
    )
    servers = [log.text(f"web-{n}") for n in range(6)]
    weights = np.array(WEIGHTS, dtype=np.uint32)
    chance = np.random.default_rng(5)
    part = 20_000
    with file.open("ab") as out:
        for first in range(0, samples, part):
            rows = np.zeros(part * paths, DTYPE)
            rows["kind"] = SAMPLE
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
    log.mark(STOP)
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
        argv = [sys.executable, "-m", "benchmarks.analysis", str(file)]
        child = run_child(argv, Path(__file__).parents[1])
    if child.exit_code:
        raise RuntimeError(f"the benchmark's process failed: {child.output}")
    return msgspec.json.decode(child.output, type=Analysed)


def measure() -> list[Measure]:
    """An hour, and ten million samples."""
    hour, ten = analysis(10, HOUR), analysis(10, 1_000_000)
    return [
        measured("analysis, an hour of 10 paths at 10 ms", hour.seconds, "s", None),
        measured(f"analysis, {ten.samples / 1e6:.0f} million samples", ten.seconds, "s", 10),
        measured("analysis, 10 million samples: memory", ten.megabytes, "MB", 300),
    ]


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(analyse(Path(sys.argv[1]))))
