"""Many runs as one page: groups of runs that are alike, flaky controls, what was left out."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

import rehearse
from policies.verdicts.findings import Verdict, holds, not_assessed, violated
from reports.build.compared.run_history import build as history_of
from reports.build.report import build
from reports.formats import run_history
from reports.model.report import Report
from suites.reports.samples import START, Sample, hostile_sample, two_hops_sample

BAD = violated("not well", expected="well", seen="not")
GOOD = holds("well")
UNKNOWN = not_assessed("nobody could look")


def at(report: Report, hours: int) -> Report:
    header = msgspec.structs.replace(
        report.header, run=f"run-{hours}", started=START + timedelta(hours=hours)
    )
    return msgspec.structs.replace(report, header=header)


def runs(tmp_path: Path, *verdicts: Verdict) -> list[Report]:
    """Runs that are alike, with these verdicts of CP-05 one after the other."""
    reports: list[Report] = []
    for n, verdict in enumerate(verdicts):
        code = 1 if verdict.status == "violated" else 0
        sample = Sample(verdicts={"CP-05": verdict}, exit_code=code, traffic="healthy")
        reports.append(at(build(sample.write(tmp_path / str(n))), n))
    return reports


def test_a_verdict_that_came_back_is_flaky(tmp_path: Path) -> None:
    (group,) = history_of(runs(tmp_path, GOOD, BAD, GOOD, GOOD)).groups

    (trend,) = group.controls
    assert (trend.control, trend.turns, trend.flaky) == ("CP-05", 2, True)
    assert trend.statuses == ("holds", "violated", "holds", "holds")
    assert group.steady > 40


def test_a_verdict_that_changed_once_is_no_flake(tmp_path: Path) -> None:
    (group,) = history_of(runs(tmp_path, GOOD, BAD, BAD)).groups

    (trend,) = group.controls
    assert (trend.turns, trend.flaky) == (1, False)
    assert "no control is flaky" in run_history.headline(
        history_of(runs(tmp_path / "again", GOOD, BAD, BAD))
    )


def test_what_could_not_be_assessed_in_between_counts_as_a_turn(tmp_path: Path) -> None:
    history = history_of(runs(tmp_path, GOOD, UNKNOWN, GOOD))

    assert [c.control for c in history.flaky] == ["CP-05"]
    assert run_history.headline(history).endswith("flaky: CP-05.")


def test_an_interrupted_run_is_shown_and_turns_nothing(tmp_path: Path) -> None:
    reports = runs(tmp_path, GOOD, BAD, GOOD)
    broken = msgspec.structs.replace(reports[1].verdict, word="interrupted", exit_code=2)
    reports[1] = msgspec.structs.replace(reports[1], verdict=broken)

    (group,) = history_of(reports).groups

    assert not group.controls
    assert [r.word for r in group.runs] == ["holds", "interrupted", "holds"]


def test_runs_that_are_not_alike_do_not_make_a_trend(tmp_path: Path) -> None:
    reports = runs(tmp_path, GOOD, BAD, GOOD)
    scenario = (*reports[1].scenario, ("faults[0]", "gone.toml"))
    reports[1] = msgspec.structs.replace(reports[1], scenario=scenario)
    reports.append(at(build(two_hops_sample().write(tmp_path / "two")), 9))

    history = history_of(reports)

    assert [len(g.runs) for g in history.groups] == [1, 2, 1]
    assert not history.flaky
    assert history.groups[2].apart == ("faults[0]",)


def test_figures_of_a_run_are_those_of_its_report(tmp_path: Path) -> None:
    (report,) = runs(tmp_path, GOOD)
    (run,) = history_of([report]).groups[0].runs

    assert run.lost == report.traffic[0].failed
    assert run.gap == pytest.approx(sum(g.seconds for g in report.canaries[0].gaps))
    assert run.seconds == pytest.approx(sum(s.cluster_seconds or 0 for s in report.sections))


def test_every_format_renders_whatever_is_in_it(tmp_path: Path) -> None:
    reports = runs(tmp_path, GOOD, BAD, UNKNOWN, GOOD)
    reports.append(build(hostile_sample().write(tmp_path / "hostile")))

    history = history_of(reports, "<b>", [("broken", "<script>")])

    page, said = run_history.html(history), run_history.text(history)
    assert "<script" not in page
    assert "<b>" not in page
    assert "\x1b" not in page + said
    assert "flaky    CP-05   +X?+" in said
    assert json.loads(run_history.as_json(history))["left_out"] == ["broken: <script>"]
    assert page.count("<rect") >= 3 * len(reports) - 3


def test_the_command_writes_one_page_and_names_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Sample(name="one").write(tmp_path)
    Sample(name="two").write(tmp_path)
    (tmp_path / "latest").symlink_to("two")
    damaged = tmp_path / "three"
    damaged.mkdir()
    (damaged / "ledger.jsonl").write_text("no ledger\n")

    assert rehearse.main(["history", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "history.html")
    assert "three: This is no ledger of a rehearsal" in (tmp_path / "history.html").read_text()
    assert rehearse.main(["history", str(tmp_path), "-o", "json"]) == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert [len(g["runs"]) for g in groups] == [2]


def test_a_folder_without_a_run_is_exit_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse.main(["history", str(tmp_path)]) == 4
    assert rehearse.main(["history", str(tmp_path / "nowhere")]) == 4
    damaged = tmp_path / "three"
    damaged.mkdir()
    (damaged / "ledger.jsonl").write_text("no ledger\n")
    assert rehearse.main(["history", str(tmp_path)]) == 4
    assert "None of the runs" in capsys.readouterr().err
    assert not (tmp_path / "history.html").exists()
