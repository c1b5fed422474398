"""What the findings of a run amount to: exit codes, waivers, required controls, its folder."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from fixtures.evidence.ledger import LEDGER, Ledger, read
from fixtures.evidence.records import FindingMade, RunEnded
from fixtures.run.console import Console
from fixtures.run.session import Place, RunSession, new_folder, point_latest
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import Waiver
from fixtures.targets.base import Capabilities
from policies.verdicts.catalogue import catalogue
from policies.verdicts.findings import holds, not_assessed, violated

TODAY = date(2026, 1, 31)
EMBEDDED = Capabilities(
    mutable=True, simulated=True, real_data_plane=False, stand_ins=True, behaviours=True
)


@pytest.fixture
def lines() -> list[str]:
    return []


def session(folder: Path, lines: list[str], scenario: Scenario | None = None) -> RunSession:
    return RunSession(
        suite="upgrade",
        scenario=scenario or Scenario(),
        folder=folder,
        ledger=Ledger.create(folder, "run"),
        console=Console(lines.append, live=False, colour=False),
        capabilities=EMBEDDED,
        today=TODAY,
    )


def test_nothing_violated_is_0(tmp_path: Path, lines: list[str]) -> None:
    run = session(tmp_path, lines)

    run.record("CP-04", holds("kept"), Place("control_plane_upgraded"))

    assert run.exit_code() == 0


def test_a_violated_blocker_is_1_and_violated_advice_is_not(
    tmp_path: Path, lines: list[str]
) -> None:
    run = session(tmp_path, lines)

    run.record("PRE-08", violated("x", expected="a", seen="b"), Place("preflighted"))
    assert run.exit_code() == 0
    run.record("CP-04", violated("x", expected="a", seen="b"), Place("control_plane_upgraded"))

    assert run.exit_code() == 1


def test_a_required_control_that_is_not_assessed_is_6(tmp_path: Path, lines: list[str]) -> None:
    run = session(tmp_path, lines)

    run.record("CP-04", not_assessed("no right to read Secrets"), Place("control_plane_upgraded"))

    assert run.exit_code() == 6


def test_what_this_target_cannot_show_is_not_required(tmp_path: Path, lines: list[str]) -> None:
    run = session(tmp_path, lines)

    run.record("CLI-02", not_assessed("a stand-in"), Place("cli_upgraded"))

    assert catalogue()["CLI-02"].needs
    assert run.exit_code() == 0


def test_the_scenario_may_require_it_all_the_same(tmp_path: Path, lines: list[str]) -> None:
    run = session(tmp_path, lines, Scenario(required=("CLI-02",)))

    run.record("CLI-02", not_assessed("a stand-in"), Place("cli_upgraded"))

    assert run.exit_code() == 6


@pytest.mark.parametrize(("expires", "code"), [(TODAY, 0), (date(2026, 1, 30), 1)])
def test_a_waiver_counts_until_its_day(
    expires: date, code: int, tmp_path: Path, lines: list[str]
) -> None:
    waiver = Waiver(control="CP-04", owner="platform", reason="known", expires=expires)
    run = session(tmp_path, lines, Scenario(waivers=(waiver,)))

    finding = run.record(
        "CP-04", violated("x", expected="a", seen="b"), Place("control_plane_upgraded")
    )

    assert run.exit_code() == code
    assert bool(finding.waiver) == (code == 0)


def test_a_broken_run_has_no_verdict_and_an_interrupted_one_says_so(
    tmp_path: Path, lines: list[str]
) -> None:
    run = session(tmp_path, lines)
    run.record("CP-04", violated("x", expected="a", seen="b"), Place("control_plane_upgraded"))

    run.broken = "the target went away"
    assert run.exit_code() == 3
    run.interrupted = True

    assert run.exit_code() == 2


def test_nothing_found_is_5(tmp_path: Path, lines: list[str]) -> None:
    assert session(tmp_path, lines).exit_code() == 5


def test_everything_is_in_the_ledger_and_its_end_is_written_once(
    tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = msgspec.structs.replace(catalogue()["CP-09"], planned=True, policies=())
    monkeypatch.setattr(
        "fixtures.run.session.catalogue", lambda: {**catalogue(), "CP-09": planned}
    )
    run = session(tmp_path, lines)
    finding = run.record("CP-04", holds("kept"), Place("control_plane_upgraded", "hop 1", "t"))
    run.record_planned()

    run.end(0)
    run.end(3)

    bodies = [r.body for r in read(tmp_path / LEDGER).records]
    found = [b.finding for b in bodies if isinstance(b, FindingMade)]
    assert found[0] == finding
    assert [(f.control, f.verdict.reason) for f in found[1:]] == [("CP-09", "not built yet")]
    assert [b.exit_code for b in bodies if isinstance(b, RunEnded)] == [0]


def test_the_console_shows_a_violation_at_once_and_counts_the_rest(
    tmp_path: Path, lines: list[str]
) -> None:
    run = session(tmp_path, lines)

    run.record("CP-04", holds("kept"), Place("control_plane_upgraded"))
    run.record("CP-02", violated("stuck", expected="a", seen="b"), Place("control_plane_upgraded"))
    run.console.end()

    assert any("CP-02 blocker: stuck" in line for line in lines)
    assert any("1 VIOLATED" in line and "1 ok" in line for line in lines)


def test_two_runs_in_one_second_have_two_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    now = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)

    first = new_folder("", ("edge-25.4.4", "edge-25.10.7"), now)
    first.mkdir(parents=True)
    second = new_folder("", ("edge-25.4.4", "edge-25.10.7"), now)

    assert first.name == "20260131T120000Z-edge-25.4.4-edge-25.10.7"
    assert second.name == first.name + "-2"


def test_latest_is_the_newest_run_and_never_lies_beside_a_folder_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".rehearsals/one", ".rehearsals/two", "mine"):
        Path(name).mkdir(parents=True)
        point_latest(Path(name))

    assert Path(".rehearsals/latest").resolve().name == "two"
    assert not Path("latest").is_symlink()
