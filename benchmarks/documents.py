"""The documents of a rehearsal: how large, how soon."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness import Measure, timed
from benchmarks.rehearsals import run_default
from fixtures.evidence.bundle import open_bundle
from reports.build.report import build
from reports.formats.html import render


def measure() -> list[Measure]:
    """HTML of the default hop, from its sealed bundle."""
    with tempfile.TemporaryDirectory() as folder:
        run_default(Path(folder) / "run")
        bundle = open_bundle(Path(folder) / "run")
        size = len(render(build(bundle)).encode())
        seconds, noise = timed(lambda: render(build(bundle)))
    return [
        Measure(name="HTML of the default hop", value=round(size / 1000, 1), unit="KB", goal=300),
        Measure(name="HTML written", value=round(seconds, 3), unit="s", goal=0.5, noise=noise),
    ]
