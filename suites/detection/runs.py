"""Run a rehearsal as a user does, and read what it left."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import FindingMade
from policies.verdicts.findings import Finding
from suites.detection.warm import run_pytest

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT.parent / "shared" / "recordings"
FEW = str(Path(__file__).with_name("few-workloads.toml"))
"""A scenario with one workload of each kind: quicker than the default twenty."""
LIMIT = 300
"""Wall seconds after which a rehearsal counts as hung."""


class Run(msgspec.Struct, frozen=True):
    """A finished rehearsal."""

    exit_code: int
    output: str
    folder: Path

    @property
    def findings(self) -> tuple[Finding, ...]:
        records = read(self.folder / LEDGER).records
        return tuple(r.body.finding for r in records if isinstance(r.body, FindingMade))

    def violated(self, severity: str = "blocker") -> set[str]:
        """Controls with a violation of this severity."""
        return {
            f.control for f in self.findings if f.status == "violated" and f.severity == severity
        }


def rehearse(folder: Path, *options: str, suite: str = "upgrade") -> Run:
    """`pytest suites/SUITE OPTIONS` in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    out, output = folder / "run", folder / "output.txt"
    arguments = [f"suites/{suite}", "-q", "--out", str(out), *options]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    # A process that was forked runs no exit handlers: its temporary files go with the folder.
    environment["TMPDIR"] = str(folder)
    code = run_pytest(arguments, root=ROOT, output=output, environment=environment, limit=LIMIT)
    return Run(code, output.read_text(encoding="utf-8", errors="replace"), out)
