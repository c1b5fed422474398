"""What a benchmark returns, and how a child process's tree is weighed."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. `noise` is the spread between the fastest and slowest of the runs, in `unit`."""

    name: str
    value: float
    unit: str
    goal: float | None
    direction: Literal["lower", "higher"] = "lower"
    noise: float = 0.0

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.direction == "lower" else self.value >= self.goal


def measured(name: str, value: float, unit: str, goal: float | None) -> Measure:
    """A figure of a single run."""
    return Measure(name=name, value=round(value, 3), unit=unit, goal=goal)


def timed(call: Callable[[], object], runs: int = 3) -> tuple[float, float]:
    """Median seconds of several runs, and their spread."""
    seconds: list[float] = []
    for _ in range(runs):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds), max(seconds) - min(seconds)


class Child(msgspec.Struct, frozen=True):
    """What a child process cost."""

    exit_code: int
    seconds: float
    peak_megabytes: float
    output: str


def run_child(argv: Sequence[str], cwd: Path) -> Child:
    """Run a program; its peak is the proportional set size of its whole process tree (Linux)."""
    begun = time.perf_counter()
    with subprocess.Popen(
        argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        peak = _Peak(process.pid)
        peak.start()
        output, _ = process.communicate()
        peak.stop()
    return Child(process.returncode, time.perf_counter() - begun, peak.kilobytes / 1024, output)


class _Peak(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._done = threading.Event()
        self.kilobytes = 0

    def run(self) -> None:
        while not self._done.wait(0.05):
            self.kilobytes = max(self.kilobytes, sum(_pss(p) for p in _tree(self._pid)))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _tree(pid: int) -> list[int]:
    found, queue = [pid], [pid]
    while queue:
        parent = queue.pop()
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            for task in tasks:
                children = [int(c) for c in (task / "children").read_text().split()]
                found += children
                queue += children
        except OSError:
            continue
    return found


def proportional_megabytes(pid: int) -> float:
    """What one process holds now, shared pages in proportion (Linux)."""
    return _pss(pid) / 1024


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0
