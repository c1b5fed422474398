"""A fleet's report: worst first, each cause once, equal counts in every format, hostile names."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from fixtures.core.errors import BadInput
from fixtures.evidence.fleet_mark import MARK, Mark, Place, write
from rehearse import main
from reports.build.fleet import taken
from reports.build.report import build
from reports.formats import fleet as formats
from reports.model.fleet import FleetReport
from reports.model.report import Report, Unfound
from reports.several_runs import fleet
from suites.reports.samples import (
    Sample,
    healthy_sample,
    hostile_sample,
    incomplete_sample,
    violated_sample,
)

RUNS = {
    "calm": healthy_sample,
    "red-1": violated_sample,
    "red-2": violated_sample,
    "blind": incomplete_sample,
    "odd": hostile_sample,
}


def put(folder: Path, name: str, sample: Sample) -> None:
    sample.write(folder)
    (folder / sample.name).rename(folder / name)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    for name, sample in RUNS.items():
        put(folder, name, sample())
    put(folder, "torn", healthy_sample())
    (folder / "torn" / "ledger.jsonl").write_text("altered")
    places = [Place(name=n, group="wave-2") for n in (*RUNS, "torn")]
    mark = Mark(
        name="all",
        groups=("wave-1", "wave-2"),
        clusters=(*places, Place(name="gone", group="wave-1")),
    )
    write(mark, folder)
    return folder


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build(healthy_sample().write(tmp_path_factory.mktemp("healthy")))


@pytest.fixture(scope="module")
def report(runs: Path) -> FleetReport:
    return fleet(str(runs))


def test_the_worst_is_first_and_decides(report: FleetReport) -> None:
    words = [(r.name, r.word) for r in report.rows]

    assert {name for name, _ in words[:2]} <= {"red-1", "red-2", "odd"}
    assert words[-1] == ("calm", "holds")
    assert dict(words)["gone"] == "missing"
    assert dict(words)["torn"] == "unreadable"
    assert report.exit_code == 1
    assert sum(n for _, n in report.counts) == len(RUNS) + 2


def test_the_same_cause_is_said_once_with_its_clusters(report: FleetReport) -> None:
    shared = [c for c in report.causes if {"red-1", "red-2"} <= set(c.clusters)]

    assert shared
    assert len({(c.control, c.summary) for c in report.causes}) == len(report.causes)
    blockers = [c.severity == "blocker" for c in report.causes]
    assert blockers == sorted(blockers, reverse=True)


def test_groups_come_in_their_order_and_count_what_is_ready(report: FleetReport) -> None:
    assert [(g.name, g.clusters, g.ready) for g in report.groups] == [
        ("wave-1", 1, 0),
        ("wave-2", len(RUNS) + 1, len(report.ready)),
    ]
    assert report.ready == ("calm",)


def test_counts_agree_in_every_format(report: FleetReport) -> None:
    root = ET.fromstring(formats.junit(report))
    suites = {s.get("name"): s for s in root}
    told = json.loads(formats.as_json(report))

    assert len(suites) == len(told["rows"]) == len(report.rows)
    for row in report.rows:
        suite = suites[row.name]
        assert len(suite.findall("testcase")) == int(suite.get("tests", "0"))
        failed = len(suite.findall("testcase/failure"))
        assert failed == row.count("violated", blockers=True) == int(suite.get("failures", "0"))
        without_verdict = row.word in ("missing", "unreadable")
        assert bool(suite.findall("testcase/error")) == without_verdict
    page, text = formats.html(report), formats.text(report)
    for row in report.rows:
        assert row.name in page
        assert row.name in text
    assert formats.headline(report) in text


def test_nothing_of_a_cluster_acts_on_the_page(report: FleetReport) -> None:
    page = formats.html(report)

    assert "<script" not in page.lower()
    assert "javascript:" not in page.lower().replace("&#", "")
    assert "http-equiv" in page, "the policy of the page stands in it"


def test_equal_runs_give_equal_bytes(runs: Path, report: FleetReport) -> None:
    again = fleet(str(runs))

    for render in (formats.text, formats.html, formats.as_json, formats.junit):
        assert render(again) == render(report)


def test_the_command_ends_with_the_worst(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fleet.html"

    assert main(["fleet", "report", str(runs), "-o", str(out)]) == 1
    assert "red-1" in out.read_text()
    assert main(["fleet", "report", str(runs), "-o", "junit"]) == 1
    assert "<testsuites" in capsys.readouterr().out


def test_a_folder_of_runs_without_a_mark_is_a_fleet_too(tmp_path: Path) -> None:
    put(tmp_path, "x", healthy_sample())

    report = fleet(str(tmp_path))

    assert [r.name for r in report.rows] == ["x"]
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("content", "said"), [("{", "cannot be read"), ('{"name": 3}', "cannot be read")]
)
def test_a_mark_that_cannot_be_read_is_one_message(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / MARK).write_text(content)

    with pytest.raises(BadInput, match=said):
        fleet(str(tmp_path))
    with pytest.raises(BadInput, match="no folder"):
        fleet(str(tmp_path / "absent"))


def test_a_part_of_a_rehearsal_makes_no_cluster_ready(healthy: Report) -> None:
    """What `-k` chose may hold: what it left out was not asked."""
    some = tuple(f for f in healthy.findings if f.control == "PRE-01")
    left_out = Unfound(
        control="CP-01",
        title="t",
        area="a",
        severity="blocker",
        required=True,
        reason="not chosen",
    )
    part = msgspec.structs.replace(healthy, findings=some, without_finding=(left_out,))

    assert taken("a", healthy).row.ready
    assert (taken("a", part).row.word, taken("a", part).row.exit_code) == ("incomplete", 6)
