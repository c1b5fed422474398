"""What a resumed rehearsal tells of the time that nobody watched: what it touches, no more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from fixtures.run.session import Place, Unobserved
from policies.verdicts.catalogue import catalogue
from policies.verdicts.findings import holds
from suites.harness.test_session import session
from suites.reports.test_resumed_ledger import AT, HOP

UP, DATA = "control_plane_upgraded", "data_plane_upgraded"
WATCHED = {c.id for c in catalogue().values() if c.every_moment and c.area != "traffic"}
JUDGED = {UP: ("CP-08", "CP-10", "DP-03", "DP-04"), DATA: ("DP-03", "DP-04")}
"""What speaks of every moment, by the steps that judge it."""


@pytest.mark.parametrize("step", ["cli_upgraded", UP, DATA])
def test_the_unobserved_time_opens_its_own_step_alone(tmp_path: Path, step: str) -> None:
    """Whatever speaks of every moment speaks of that time, too, whichever step judges it."""
    run = session(tmp_path / "run", [])
    until = AT + timedelta(minutes=5)
    run.unobserved = (Unobserved(AT, step, HOP.label, until),)

    for at, controls in JUDGED.items():
        for control in controls:
            run.record(control, holds("it held"), Place(at, HOP.label, "t"))
    run.record_unobserved()

    open_ = [(f.control, f.step) for f in run.findings if f.status == "not assessed"]
    assert sorted(open_) == sorted((control, step) for control in WATCHED)
    kept = {(f.control, f.step) for f in run.findings if f.status == "holds"}
    assert kept == {(c, s) for s, controls in JUDGED.items() if s != step for c in controls}
