"""A fault that finds nothing to strike proves nothing: the rehearsal gives no verdict."""

from __future__ import annotations

from pathlib import Path

from suites.detection.runs import FEW, rehearse

IDLE = """
id = "idle"
title = "A pod that there is not is never ready"
source = "here"
step = "preflighted"
catches = ["PRE-06"]
[scenario]
window = 1e8
[[behave]]
name = "never-ready"
arguments = { namespace = "nowhere" }
"""


def test_a_fault_without_effect_gives_no_verdict(tmp_path: Path) -> None:
    file = tmp_path / "idle.toml"
    file.write_text(IDLE, encoding="utf-8")

    run = rehearse(tmp_path, "--fault", str(file), "--no-probes", "--scenario", FEW)

    assert "PRE-06" in run.violated(), run.output
    assert run.exit_code == 3, run.output
    assert "never-ready had no effect: it selected nothing" in run.output
