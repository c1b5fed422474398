"""The documents of a rehearsal: how large, how soon."""

from __future__ import annotations

import sys
import tempfile
from itertools import count, cycle, islice
from pathlib import Path

from benchmarks.harness import Measure, measured, run_child, timed
from benchmarks.rehearsals import run_default
from fixtures.evidence.bundle import open_bundle, seal
from fixtures.evidence.ledger import Ledger
from fixtures.evidence.records import FindingMade, RunEnded
from reports.build.report import build
from reports.formats.html import render
from suites.reports.samples import Sample

ROOT = Path(__file__).parents[1]
PODS, FINDINGS = 10_000, 1_000


def measure() -> list[Measure]:
    """HTML of the default hop, from its sealed bundle; all documents of a large run."""
    with tempfile.TemporaryDirectory() as folder:
        run_default(Path(folder) / "run")
        bundle = open_bundle(Path(folder) / "run")
        size = len(render(build(bundle)).encode())
        seconds, noise = timed(lambda: render(build(bundle)))
        large = large_run(Path(folder))
        made = run_child(
            [sys.executable, "rehearse.py", "report", str(large), "-o", f"{folder}/documents"],
            ROOT,
        )
    assert made.exit_code == 0, made.output
    what = f"all documents of {FINDINGS} findings, {PODS} pods"
    return [
        Measure(name="HTML of the default hop", value=round(size / 1000, 1), unit="KB", goal=300),
        Measure(name="HTML written", value=round(seconds, 3), unit="s", goal=0.5, noise=noise),
        measured(what, made.seconds, "s", 3),
        measured(f"{what}, memory", made.peak_megabytes, "MB", 300),
    ]


def large_run(folder: Path) -> Path:
    """Write a run of many pods, whose findings are made again for further clusters."""
    small = Sample(scale=PODS).write(folder / "small")
    records = small.reading.records
    found = [r.body for r in records if isinstance(r.body, FindingMade)]
    clusters = (f"cluster-{n}" for n in count(2) for _ in found)
    more = islice(zip(cycle(found), clusters, strict=False), FINDINGS - len(found))
    with Ledger.create(folder / "large", "large") as ledger:
        for record in records:
            if isinstance(record.body, RunEnded):
                for body, cluster in more:
                    ledger.write(body, cluster=cluster)
            ledger.write(record.body, cluster=record.cluster, cluster_time=record.cluster_time)
    seal(folder / "large")
    return folder / "large"
