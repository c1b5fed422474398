"""Healthy rehearsals raise nothing: the default hop, two hops, high availability, recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.commands.faults import FEW
from fixtures.evidence.walk import WAYS_BACK
from suites.detection.runs import RECORDINGS, rehearse

WALKS = ("edge-25.4.4-to-edge-25.10.7", "edge-25.10.7-to-edge-26.6.3")


def test_the_default_hop_holds(tmp_path: Path) -> None:
    run = rehearse(tmp_path, "--stand-ins", "always")

    assert run.exit_code == 0, run.output
    assert run.violated() == set()


def test_two_planned_hops_hold(tmp_path: Path) -> None:
    run = rehearse(
        tmp_path, "--from", "edge-24.11.8", "--to", "edge-25.10.7", "--stand-ins", "always"
    )

    assert run.exit_code == 0, run.output
    hops = {f.hop for f in run.findings if f.hop}
    assert len(hops) == 2


def test_each_way_back_holds_and_the_rehearsal_goes_on(tmp_path: Path) -> None:
    run = rehearse(
        tmp_path,
        *("--rollback", "all", "--scenario", str(FEW)),
        *("--stand-ins", "always", "--no-probes"),
    )

    assert run.exit_code == 0, run.output
    found = [(f.step, f.status) for f in run.findings if f.control == "RBK-01"]
    assert found == [(step, "holds") for step in WAYS_BACK]
    assert run.violated() == set()


def test_high_availability_holds(tmp_path: Path) -> None:
    run = rehearse(
        tmp_path, "--scenario", "examples/high-availability.toml", "--stand-ins", "always"
    )

    assert run.exit_code == 0, run.output


@pytest.mark.parametrize("walk", WALKS)
def test_a_recorded_hop_holds_on_its_own_baseline(walk: str, tmp_path: Path) -> None:
    baseline = RECORDINGS / walk / "dumps" / "baseline.json.gz"
    if not baseline.is_file():
        pytest.skip(f"the recordings of {walk} are not here")

    run = rehearse(
        tmp_path,
        "--snapshot",
        str(baseline),
        "--to",
        walk.rpartition("-to-")[2],
        "--stand-ins",
        "always",
    )

    assert run.exit_code == 0, run.output
    explained = {f.control for f in run.findings if f.verdict.explained}
    assert "CP-10" in explained, "the injection gap of a real hop is always reported"
    assert explained & {"DP-02", "DP-08", "VER-04"}, "the finished Job keeps its proxy"


@pytest.mark.parametrize("walk", WALKS)
def test_a_recorded_cluster_verifies(walk: str, tmp_path: Path) -> None:
    settled = RECORDINGS / walk / "dumps" / "settled.json.gz"
    if not settled.is_file():
        pytest.skip(f"the recordings of {walk} are not here")

    run = rehearse(tmp_path, "--snapshot", str(settled), suite="verify")

    assert run.exit_code == 0, run.output
