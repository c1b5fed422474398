"""Rehearsals that several tests read, each run once per session by whichever worker is first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from fixtures.commands.faults import options_for
from fixtures.scenario.faults import load_fault
from suites.detection.runs import Run, rehearse
from suites.interrupts import hear_ctrl_c

hear_ctrl_c()

OfFault = Callable[[Path], Run]


class Done(msgspec.Struct, frozen=True):
    """What is kept of a run beside its folder."""

    exit_code: int
    output: str


@pytest.fixture(scope="session")
def of_fault(tmp_path_factory: pytest.TempPathFactory) -> OfFault:
    """The rehearsal with one fault file."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "faults"

    def run(file: Path) -> Run:
        folder = shared / file.stem
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be running it
            kept = folder / "done.json"
            if kept.is_file():
                done = msgspec.json.decode(kept.read_bytes(), type=Done)
                return Run(done.exit_code, done.output, folder / "run")
            made = rehearse(folder, *options_for(file, load_fault(file)))
            kept.write_bytes(msgspec.json.encode(Done(made.exit_code, made.output)))
            return made

    return run
