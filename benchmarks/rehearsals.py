"""Whole rehearsals as a user runs them: wall time and memory of all processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Child, Measure, run_child

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT.parent / "shared" / "recordings"
BASELINE = RECORDINGS / "edge-25.4.4-to-edge-25.10.7" / "dumps" / "baseline.json.gz"
RUNS = 3
COLLECT = ("--collect-only", "-q", "suites/upgrade")


def default_hop() -> list[Measure]:
    """`pytest suites/upgrade`, default hop, 20 workloads."""
    return _measured("default hop", [], 10, 250)


def two_hops() -> list[Measure]:
    """edge-25.4.4 to edge-26.6.3 on the recorded baseline of a real cluster."""
    if not BASELINE.is_file():
        print(f"  two hops: left out, there is no {BASELINE.name} of the recordings")
        return []
    options = ["--snapshot", str(BASELINE), "--to", "edge-26.6.3"]
    return _measured("two hops on a recording", options, 20, None)


def _measured(
    name: str, options: list[str], seconds: float, megabytes: float | None
) -> list[Measure]:
    runs = [_run(options) for _ in range(RUNS)]
    times = [r[0] for r in runs]
    return [
        Measure(
            name=name,
            value=round(statistics.median(times), 2),
            unit="s",
            goal=seconds,
            noise=round(max(times) - min(times), 2),
        ),
        Measure(
            name=f"{name}, memory of all processes",
            value=round(max(r[1] for r in runs), 1),
            unit="MB",
            goal=megabytes,
        ),
    ]


def run_default(out: Path, *options: str) -> Child:
    """One rehearsal into a folder.

    Raises:
        SystemExit: it did not end in exit 0, so that its figures mean nothing.
    """
    argv = [sys.executable, "-m", "pytest", "-q", "suites/upgrade", "--stand-ins", "always"]
    child = run_child([*argv, *options, "--out", str(out)], ROOT)
    if child.exit_code:
        ended = f"the rehearsal ended with {child.exit_code}"
        raise SystemExit(f"{ended}:\n{child.output[-3000:]}")
    return child


def _run(options: list[str]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        child = run_default(Path(folder) / "run", *options)
    return child.seconds, child.peak_megabytes


def start() -> list[Measure]:
    """What is spent before a rehearsal does anything: processor time, bytecode there."""
    python = sys.executable
    return [
        _spent("collection of suites/upgrade", [python, "-m", "pytest", *COLLECT], 0.5),
        _spent("rehearse --help", [python, "-m", "rehearse", "--help"], 0.15),
    ]


def _spent(name: str, argv: list[str], goal: float) -> Measure:
    """Return the median of five runs after one that is not counted."""
    with tempfile.TemporaryDirectory() as bytecode:
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = bytecode
        times: list[float] = []
        for _ in range(6):
            before = os.times().children_user
            subprocess.run(argv, cwd=ROOT, env=env, check=True, capture_output=True)
            times.append(os.times().children_user - before)
    return Measure(
        name=f"{name}, processor time",
        value=round(statistics.median(times[1:]), 2),
        unit="s",
        goal=goal,
        noise=round(max(times[1:]) - min(times[1:]), 2),
    )
