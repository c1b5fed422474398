"""What ends a rehearsal early: Ctrl-C, a target that dies, a disk that is full."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.core.waiting import pause, until
from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import RunEnded, StepChanged
from suites.detection.runs import FEW, LIMIT, ROOT

ENDS: dict[str, tuple[signal.Signals, ...]] = {
    "baseline": (signal.SIGINT,),
    "preflighted": (signal.SIGTERM,),
    "crds_upgraded": (signal.SIGHUP,),
    "control_plane_upgraded": (signal.SIGINT,) * 6,
    "data_plane_upgraded": (signal.SIGINT, signal.SIGTERM),
    "settled": (signal.SIGTERM, signal.SIGTERM),
}
"""Step -> the signals that come while it runs: Ctrl-C, CI's cancelling, an eviction."""


@contextmanager
def started(folder: Path, limit: int = 0) -> Generator[subprocess.Popen[str]]:
    """A rehearsal under way; `limit` is the largest file it may write, in bytes."""
    argv = [sys.executable, "-m", "pytest", "suites/upgrade", "-q", "--out", str(folder)]

    def confine() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    with subprocess.Popen(
        [*argv, "--stand-ins", "always", "--scenario", FEW],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=confine,
    ) as process:
        yield process


def steps_of(folder: Path) -> set[tuple[str, str]]:
    """(step, state) of what the ledger holds so far."""
    path = folder / LEDGER
    if not path.is_file() or not path.stat().st_size:
        return set()
    bodies = (r.body for r in read(path).records)
    return {(b.step, b.state) for b in bodies if isinstance(b, StepChanged)}


def wait_for(folder: Path, step: str) -> None:
    seen = until(
        f"{step} started",
        lambda: steps_of(folder),
        lambda seen: (step, "started") in seen or any(state == "failed" for _, state in seen),
        timeout=LIMIT,
        every=0.02,
    )
    assert (step, "started") in seen.value, seen.value


def clusters_of(folder: Path) -> list[int]:
    """Processes of the embedded cluster whose state is in this folder."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "fixtures.embedded" in line and str(folder) in line:
                found.append(int(entry.name))
    return found


def end_of(folder: Path) -> RunEnded:
    last = read(folder / LEDGER).records[-1].body
    assert isinstance(last, RunEnded)
    return last


@pytest.mark.parametrize("step", ENDS)
def test_a_wish_to_end_keeps_what_was_observed_and_leaves_no_process(
    step: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"

    with started(folder) as process:
        wait_for(folder, step)
        for number in ENDS[step]:
            process.send_signal(number)
            pause(0.1)
        output, _ = process.communicate(timeout=LIMIT)

    assert process.returncode == 2, output
    assert end_of(folder).verdict == "interrupted"
    assert (folder / "report.html").is_file()
    assert "Traceback" not in output
    assert clusters_of(folder) == []


def test_a_target_that_dies_midway_is_no_verdict(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    with started(folder) as process:
        wait_for(folder, "control_plane_upgraded")
        for pid in clusters_of(folder):
            os.kill(pid, signal.SIGKILL)
        output, _ = process.communicate(timeout=LIMIT)

    assert process.returncode == 3, output
    assert end_of(folder).verdict == "broken"
    assert ("control_plane_upgraded", "failed") in steps_of(folder)
    assert "Traceback" not in output


def test_a_full_disk_ends_with_one_message(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    with started(folder, limit=150_000) as process:
        output, _ = process.communicate(timeout=LIMIT)

    assert process.returncode == 3, output
    assert LEDGER in output
    assert "Traceback" not in output
    assert read(folder / LEDGER).records, "what was written before stays readable"
    assert clusters_of(folder) == []
