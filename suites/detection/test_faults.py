"""The catalogue of faults: each turns its own control red, and stops the rehearsal there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.faults import load_fault
from policies.catalogue import catalogue
from suites.detection.runs import rehearse

FAULTS = sorted((Path(__file__).parent / "faults").glob("*.toml"))


@pytest.mark.parametrize("file", FAULTS, ids=lambda p: p.stem)
def test_a_fault_is_caught_by_the_control_that_names_it(file: Path, tmp_path: Path) -> None:
    fault = load_fault(file)

    traffic = any(c.startswith("TRF") for c in fault.catches)
    probed = () if traffic else ("--no-probes",)

    run = rehearse(tmp_path, "--fault", str(file), "--stand-ins", "always", *probed)

    assert run.exit_code == 1, run.output
    assert set(fault.catches) <= run.violated(), run.output
    steps = {f.step for f in run.findings if f.status == "violated" and f.severity == "blocker"}
    judged_at = {catalogue()[control].step for control in fault.catches}
    assert steps == judged_at, "nothing after the control's own step may be judged"


@pytest.mark.parametrize("file", FAULTS, ids=lambda p: p.stem)
def test_a_fault_is_complete(file: Path) -> None:
    fault = load_fault(file)

    assert fault.id == file.stem
    assert fault.catches
    assert set(fault.catches) <= set(catalogue())
    assert fault.create or fault.patch or fault.delete or fault.behave or fault.scenario
