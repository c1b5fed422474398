"""The embedded cluster: how soon it answers."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness import Measure, timed
from fixtures.embedded.process import EmbeddedProcess


def embedded_ready() -> list[Measure]:
    """From the start of the process to its ready line."""
    processes: list[EmbeddedProcess] = []

    def start() -> None:
        folder = tempfile.mkdtemp()
        processes.append(EmbeddedProcess.start(Path(folder), kubernetes="1.31", speed=20, nodes=1))

    try:
        seconds, noise = timed(start, runs=5)
    finally:
        for process in processes:
            process.stop()
    return [
        Measure(
            name="embedded cluster ready", value=round(seconds, 3), unit="s", goal=0.7, noise=noise
        )
    ]
