"""The pytest side of a run: where a test belongs, whose finding it is, and what it may stop."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import FindingMade
from fixtures.run.controls import ControlViolated, cluster_of, control_of, order_of, place_of
from fixtures.run.resuming.begun_run import UpgradeRun, make_run
from fixtures.run.run_plugin import DONE, RunPlugin
from fixtures.scenario.model import Scenario
from policies.planning.path import Hop
from policies.verdicts.findings import Finding, holds, not_assessed, violated
from suites.harness.test_invocation import run as pytest_run
from suites.harness.test_opening import opened

HOP = Hop(number=2, source_tag="edge-25.4.4", destination_tag="edge-25.10.7")
VIOLATED = violated("it broke", expected="a", seen="b")


@pytest.fixture
def run(tmp_path: Path) -> UpgradeRun:
    made = make_run(opened(Scenario(out=str(tmp_path / "run"))))
    assert isinstance(made, UpgradeRun)
    made.start()
    return made


@pytest.fixture
def plugin(run: UpgradeRun, pytestconfig: pytest.Config) -> RunPlugin:
    return RunPlugin(pytestconfig, run, lambda _: "")


@pytest.fixture
def pruned() -> None:
    """Named like a step, so that a test that asks for it belongs there."""


@pytest.fixture
def settled() -> None:
    """Named like the last step."""


@pytest.mark.control("CP-04")
@pytest.mark.parametrize("cluster", ["main", "west"])
@pytest.mark.parametrize("hop", [HOP], ids=["hop"])
@pytest.mark.usefixtures("pruned")
def test_a_test_tells_its_control_step_hop_and_cluster(
    request: pytest.FixtureRequest, hop: Hop, cluster: str
) -> None:
    item = request.node

    assert control_of(item) == "CP-04"
    assert place_of(item) == ("pruned", hop.label)
    assert cluster_of(item) == cluster
    assert order_of(item, cluster)[0] == hop.number
    assert order_of(item, cluster) < order_of(item, "another")


@pytest.mark.parametrize("hop", [HOP], ids=["hop"])
@pytest.mark.usefixtures("settled")
def test_what_is_settled_comes_after_every_hop(request: pytest.FixtureRequest, hop: Hop) -> None:
    item = request.node

    assert place_of(item) == ("settled", ""), "it is of the whole, not of a hop"
    assert order_of(item)[0] > 1000 > hop.number


def test_a_test_without_a_step_belongs_to_a_look(request: pytest.FixtureRequest) -> None:
    assert control_of(request.node) == ""
    assert place_of(request.node) == ("verified", "")
    assert cluster_of(request.node) == "main"


@pytest.mark.control("CP-04")
def test_a_violated_blocker_is_on_record_and_stops_the_walk(
    plugin: RunPlugin, run: UpgradeRun, request: pytest.FixtureRequest
) -> None:
    finding = plugin.record(request.node, VIOLATED)

    assert (finding.control, finding.test) == ("CP-04", request.node.nodeid)
    assert run.main.blocked_by == "CP-04"
    bodies = [r.body for r in read(run.session.folder / LEDGER).records]
    assert [b.finding for b in bodies if isinstance(b, FindingMade)] == [finding]
    assert request.node.stash[DONE]
    assert ("finding", "violated") in request.node.user_properties


@pytest.mark.control("PRE-08")
def test_violated_advice_stops_nothing(
    plugin: RunPlugin, run: UpgradeRun, request: pytest.FixtureRequest
) -> None:
    assert plugin.record(request.node, VIOLATED).severity == "advice"
    assert plugin.record(request.node, not_assessed("no")).status == "not assessed"

    assert run.main.blocked_by == ""


@pytest.mark.control("CP-04")
def test_a_finding_that_stands_is_not_judged_again(
    plugin: RunPlugin, run: UpgradeRun, request: pytest.FixtureRequest
) -> None:
    item = request.node
    assert isinstance(item, pytest.Function)
    assert plugin.pytest_pyfunc_call(item) is None, "none stands: the test is run"

    stands = Finding(control="CP-04", severity="blocker", step="s", verdict=holds("kept"))
    run.session.kept = {item.nodeid: stands}
    assert plugin.pytest_pyfunc_call(item) is True
    run.session.kept = {item.nodeid: replace(stands, verdict=VIOLATED)}
    with pytest.raises(ControlViolated, match="it broke"):
        plugin.pytest_pyfunc_call(item)

    assert run.session.findings == [], "it is in the ledger already"


LISTED = re.compile(r"test_(\d)_.*?::(?:\w+::)?\w+(?:\[(.*)\])?$")


def listed(*options: str) -> list[tuple[int, str]]:
    """Number of the step's file and parameters of every test, in order."""
    done = pytest_run("suites/upgrade", "--collect-only", "-q", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    found = (LISTED.search(line) for line in done.stdout.splitlines())
    return [(int(one[1]), one[2] or "") for one in found if one]


def test_tests_stand_in_the_order_of_the_upgrade(tmp_path: Path) -> None:
    out = tmp_path / "run"

    tests = listed("--from", "edge-24.11.8", "--to", "edge-25.10.7", "--out", str(out))

    hops = [int(found[1]) for _, text in tests if (found := re.search(r"hop (\d)", text))]
    assert hops == sorted(hops)
    assert set(hops) >= {1, 2}
    changing = [step for step, text in tests if "hop 1" in text and step > 2]
    assert changing == sorted(changing)
    assert changing[-1] == 7
    assert tests[-1][0] == 8
    assert not out.exists(), "what is only listed makes no folder"


def test_of_two_clusters_the_one_that_is_upgraded_first_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    file.write_text('extensions = ["multicluster"]\n[linked]\nname = "west"\nfirst = "west"\n')

    tests = listed("--scenario", str(file), "-k", "CP-04")

    assert [text.rpartition("-")[2] for _, text in tests] == ["west", "main"]


def test_where_no_test_is_chosen_no_run_begins(tmp_path: Path) -> None:
    done = pytest_run("suites/upgrade", "-k", "no_such_test", "--out", str(tmp_path / "run"))

    assert done.returncode == 5
    assert not (tmp_path / "run").exists()
