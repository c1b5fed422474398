"""Run a rehearsal as a user does, and read what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from fixtures.ledger import LEDGER, read
from fixtures.records import FindingMade
from policies.findings import Finding

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
    out = folder / "run"
    argv = [sys.executable, "-m", "pytest", f"suites/{suite}", "-q", "--out", str(out), *options]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, env=environment, check=False
    )
    return Run(done.returncode, done.stdout + done.stderr, out)
