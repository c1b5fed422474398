"""Rehearsals in processes of their own that need not import everything first.

A third of a short rehearsal's time goes into imports. They are done once per worker, in a server
from which a process is forked for each rehearsal. `test_interrupted` starts whole processes.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "fixtures.run.plugin",
        "fixtures.standins.kubectl.cli",
        "fixtures.standins.linkerd.cli",
        "fixtures.traffic.samples",
        "reports.finish",
        "suites.detection.imported",
    ]
)


def run_pytest(
    arguments: list[str], *, root: Path, output: Path, environment: dict[str, str], limit: float
) -> int:
    """`pytest ARGUMENTS` in `root`; what it prints goes to a file. Returns its exit code.

    Raises:
        subprocess.TimeoutExpired: It did not end within `limit` wall seconds, and was killed.
    """
    given = (arguments, str(root), str(output), environment)
    process = _CONTEXT.Process(target=_pytest, args=given, name="rehearsal")
    process.start()
    try:
        process.join(limit)
        if process.exitcode is None:
            raise subprocess.TimeoutExpired(arguments, limit)
        return process.exitcode
    finally:
        process.kill()
        process.join()
        process.close()


def _pytest(arguments: list[str], root: str, output: str, environment: dict[str, str]) -> None:
    import pytest

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(root)
    with Path(output).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["pytest", *arguments]
    sys.exit(pytest.console_main())
