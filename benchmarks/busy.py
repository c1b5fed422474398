"""Default rehearsals beside busy loops: what a slow machine does to a verdict, and to the gap.

    python -m benchmarks.busy --rehearsals 20 --loops 4

First one rehearsal without loops of our own: its injection gap is the quiet value. Then, one after
the other, rehearsals beside endless loops. Each row names the controls that are violated, and the
required ones that are not assessed, with the reason. Exit code 1 where one was red, or its gap was
more than `--within` away from the quiet value. `--keep DIR` keeps the folders of the runs.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from fixtures.evidence.ledger import LEDGER
from policies.controls.control_plane.canaries import gaps
from policies.facts.observations import Canary
from policies.facts.traffic import Traffic
from policies.traffic import away

ROOT = Path(__file__).parents[1]
REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rehearsal."""

    exit_code: int
    wall: float
    """Seconds."""
    cluster: float
    """Cluster seconds from the baseline to the end."""
    gap: float
    """The longest injection gap, in cluster seconds."""
    sparse: float
    """Cluster seconds between two samples of the paths that ask rarely, on average."""
    telling: tuple[str, ...]
    """Controls violated, and required ones not assessed, each with its reason."""


@contextmanager
def busy(loops: int) -> Generator[None]:
    """So many processes that never rest."""
    children = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()


def rehearse(folder: Path, options: list[str]) -> Outcome:
    """One default rehearsal."""
    begun = time.monotonic()
    argv = [sys.executable, "-m", "pytest", "suites/upgrade", "-q", "--out", str(folder), *options]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    wall = time.monotonic() - begun
    ledger = folder / LEDGER
    if not ledger.is_file():
        return Outcome(done.returncode, wall, 0.0, 0.0, 0.0, ("no ledger",))
    return Outcome(done.returncode, wall, *_measured(ledger), _telling(folder / REPORT))


def _measured(ledger: Path) -> tuple[float, float, float]:
    """(cluster seconds, longest gap, seconds between sparse samples) of a run's ledger."""
    canaries: list[Canary] = []
    moments: list[datetime] = []
    rarely: list[float] = []
    for line in ledger.read_text().splitlines():
        record: dict[str, Any] = json.loads(line)
        if record["cluster_time"]:
            moments.append(datetime.fromisoformat(record["cluster_time"]))
        if record["body"]["kind"] == "canaries":
            canaries += msgspec.convert(record["body"]["canaries"], tuple[Canary, ...])
        if record["body"]["kind"] == "traffic":
            traffic = msgspec.convert(record["body"]["traffic"], Traffic)
            every = [away.asked_every(p) for p in traffic.paths if p.path.kind == "http-sparse"]
            rarely += [seconds for seconds in every if seconds is not None]
    passed = (max(moments) - min(moments)).total_seconds() if moments else 0.0
    gap = max((g.seconds for g in gaps(canaries)), default=0.0)
    return passed, gap, min(rarely, default=0.0)


def _telling(report: Path) -> tuple[str, ...]:
    if not report.is_file():
        return ("no report",)
    found: list[dict[str, Any]] = json.loads(report.read_text())["findings"]
    return tuple(
        f"{f['control']} {f['status']}: {f['summary']} {f['reason']}"[:300]
        for f in found
        if (f["status"] == "violated" and f["severity"] == "blocker")
        or (f["status"] == "not assessed" and f["required"])
    )


def _row(name: str, outcome: Outcome) -> str:
    return (
        f"{name:>8}  exit {outcome.exit_code}  {outcome.wall:6.1f} s wall  "
        f"{outcome.cluster:6.1f} s cluster  gap {outcome.gap:5.2f} s  "
        f"sparse every {outcome.sparse:4.1f} s" + "".join(f"\n{'':10}{t}" for t in outcome.telling)
    )


def _ended(number: int, _: object) -> None:
    """The loops end with it."""
    sys.exit(128 + number)


def main(arguments: list[str]) -> int:
    """Print one row a rehearsal, then the verdict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.busy", description=__doc__)
    parser.add_argument("--rehearsals", type=int, default=20)
    parser.add_argument("--loops", type=int, default=4)
    parser.add_argument("--within", type=float, default=0.2, help="share of the quiet gap")
    parser.add_argument("--keep", type=Path, help="a folder for the folders of the runs")
    parser.add_argument("options", nargs="*", help="of pytest, after --")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _ended)
    with tempfile.TemporaryDirectory(prefix="busy-") as passing:
        folder = given.keep.absolute() if given.keep else Path(passing)
        quiet = rehearse(folder / "quiet", given.options)
        print(_row("quiet", quiet), flush=True)
        found: list[Outcome] = []
        with busy(given.loops):
            for number in range(1, given.rehearsals + 1):
                found.append(rehearse(folder / str(number), given.options))
                print(_row(f"busy {number}", found[-1]), flush=True)
    red = sum(o.exit_code == 1 for o in found)
    other = sum(o.exit_code not in (0, 1) for o in found)
    off = max((abs(o.gap - quiet.gap) / max(quiet.gap, 0.01) for o in found), default=0.0)
    print(f"{red} red, {other} without a verdict, gap at most {off:.0%} off the quiet value")
    return 1 if red or off > given.within else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
