"""The catalogue of faults: each turns its own control red, and stops the rehearsal there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.commands.faults import causes_of
from fixtures.scenario.faults import load_fault
from policies.verdicts.catalogue import catalogue
from suites.detection.conftest import OfFault

FAULTS = sorted((Path(__file__).parent / "faults").glob("*.toml"))


def first_of_each_control() -> set[Path]:
    """Return the faults that are the first to prove a control; the others prove it once more."""
    proved: set[str] = set()
    first: set[Path] = set()
    for file in FAULTS:
        catches = set(load_fault(file).catches)
        if catches - proved:
            first.add(file)
        proved |= catches
    return first


FIRST = first_of_each_control()
EACH = [
    pytest.param(file, id=file.stem, marks=[] if file in FIRST else [pytest.mark.again])
    for file in FAULTS
]


@pytest.mark.parametrize("file", EACH)
def test_a_fault_is_caught_by_the_control_that_names_it(file: Path, of_fault: OfFault) -> None:
    fault = load_fault(file)

    run = of_fault(file)

    assert run.exit_code == 1, run.output
    assert set(fault.catches) <= run.violated() | run.violated("advice"), run.output
    assert causes_of(run.findings) == (fault.cause,), "one cause, one finding"
    steps = {f.step for f in run.findings if f.status == "violated" and f.severity == "blocker"}
    judged_at = {catalogue()[control].step for control in fault.catches}
    assert steps in (judged_at, {fault.step}), "nothing after the control's step may be judged"


@pytest.mark.parametrize("file", FAULTS, ids=lambda p: p.stem)
def test_a_fault_is_complete(file: Path) -> None:
    fault = load_fault(file)

    assert fault.id == file.stem
    assert fault.catches
    assert set(fault.catches) <= set(catalogue())
    assert fault.create or fault.patch or fault.delete or fault.behave or fault.scenario
