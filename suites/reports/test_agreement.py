"""Counts are per finding and agree across formats; equal bundles give equal bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from fixtures.evidence.bundle import Bundle, open_bundle
from fixtures.evidence.records import FindingMade
from policies.verdicts.findings import Status
from reports.build.report import build
from reports.formats import html, json_report, summary, text
from reports.formats.interchange import junit, oscal, sarif
from reports.model.report import Report
from reports.reference import schemas
from reports.write import Format, ReportError, write_all
from suites.reports.documents import page_of
from suites.reports.samples import healthy_sample

Totals = Counter[str]


def _of_ledger(bundle: Bundle) -> Totals:
    findings = [r.body.finding for r in bundle.reading.records if isinstance(r.body, FindingMade)]
    return Counter(f"{f.severity} {f.status}" for f in findings)


def _of_html(report: Report) -> Totals:
    rows = [e for e in page_of(html.render(report)).all("tr") if "data-finding" in e.attributes]
    return Counter(f"{r.attributes['data-severity']} {r.attributes['data-status']}" for r in rows)


def _of_json(report: Report) -> Totals:
    return _counted(json.loads(json_report.render(report))["counts"])


def _counted(counts: dict[str, Any]) -> Totals:
    return Counter(
        {
            f"{severity} {status.replace('_', ' ')}": number
            for severity in ("blocker", "advice")
            for status, number in counts[severity].items()
            if number
        }
    )


def _cases(report: Report) -> tuple[TestSuite, list[TestCase]]:
    (suite,) = JUnitXml.fromstring(junit.render(report).encode())
    assert isinstance(suite, TestSuite)
    return suite, list(suite)


def _of_junit(report: Report) -> Totals:
    totals: Totals = Counter()
    for case in ET.fromstring(junit.render(report)).iter("testcase"):
        found = {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
        if "finding" in found:
            totals[f"{found['severity']} {found['status']}"] += 1
    return totals


def _of_oscal(report: Report) -> Totals:
    (result,) = json.loads(oscal.render(report))["assessment-results"]["results"]
    totals: Totals = Counter()
    for observation in result["observations"]:
        found = {p["name"]: p["value"] for p in observation["props"]}
        totals[f"{found['severity']} {found['status']}"] += 1
    return totals


def _of_sarif(report: Report) -> tuple[Totals, Totals]:
    """Violated findings by its results, and all of them by its properties."""
    (run,) = json.loads(sarif.render(report))["runs"]
    severities = {level: severity for severity, level in sarif.LEVELS.items()}
    results = Counter(f"{severities[r['level']]} violated" for r in run["results"])
    return results, _counted(run["properties"]["counts"])


def _of_summary(report: Report) -> Totals:
    rows = [r.strip("|").split("|") for r in summary.render(report).splitlines() if r[:1] == "|"]
    head, _, *body = [[cell.strip() for cell in row] for row in rows]
    return Counter(
        {
            f"{row[0]} {status}": int(number)
            for row in body
            for status, number in zip(head[1:], row[1:], strict=True)
            if int(number)
        }
    )


def test_counts_agree_across_the_ledger_and_every_format(
    bundles: dict[str, Bundle], recorded: dict[str, Bundle]
) -> None:
    for name, bundle in {**bundles, **recorded}.items():
        expected, report = _of_ledger(bundle), build(bundle)
        assert sum(expected.values()) == report.counts.findings > 0
        assert _of_html(report) == expected, name
        assert _of_json(report) == expected, name
        assert _of_junit(report) == expected, name
        assert _of_oscal(report) == expected, name
        assert _of_summary(report) == expected, name
        violated = Counter({k: n for k, n in expected.items() if k.endswith(" violated")})
        assert _of_sarif(report) == (violated, expected), name


def test_every_format_has_its_counts_compared() -> None:
    """A new format is added to the test above, or shows no counts as the annotations do."""
    compared = {Format.HTML, Format.JSON, Format.JUNIT, Format.OSCAL, Format.SARIF}

    assert set(Format) == compared | {Format.SUMMARY, Format.TEXT, Format.GITHUB}


def test_the_samples_cover_every_status(reports: dict[str, Report]) -> None:
    seen = {(e.severity, e.status) for r in reports.values() for e in r.findings}

    assert {s for _, s in seen} == set(get_args(Status))
    assert {("advice", "violated"), ("blocker", "violated")} <= seen
    assert any(e.explained for r in reports.values() for e in r.findings)


def test_junit_totals_and_results_follow_the_design(report: Report) -> None:
    suite, cases = _cases(report)
    results = Counter(type(r) for c in cases for r in c.result)
    no_verdict = report.verdict.exit_code in junit.NO_VERDICT

    assert suite.tests == len(cases) == report.counts.findings + no_verdict
    assert suite.failures == results[Failure] == report.counts.blocker.violated
    assert suite.skipped == results[Skipped]
    assert suite.skipped == sum(map(report.counts.of, junit.SKIPPED))
    assert suite.errors == results[Error] == no_verdict


def test_junit_cases_carry_hop_and_control(reports: dict[str, Report]) -> None:
    cases = _cases(reports["two-hops"])[1]
    hops = {str(c.classname).partition(".")[0] for c in cases if "hop " in str(c.classname)}

    assert len(hops) == 2
    assert len({(c.classname, c.name) for c in cases}) == len(cases)


def test_the_verdict_is_the_same_everywhere(report: Report) -> None:
    page = page_of(html.render(report))

    assert report.verdict.word.capitalize() in page.one("verdict").text
    assert json.loads(json_report.render(report))["verdict"]["word"] == report.verdict.word
    assert text.render(report).startswith(report.verdict.word.upper())


def test_the_json_report_is_the_model_and_valid(report: Report) -> None:
    document = json_report.render(report)
    schema: dict[str, Any] = json.loads(schemas.REPORT.read_text())
    Draft202012Validator.check_schema(schema)

    Draft202012Validator(schema).validate(json.loads(document))
    assert json_report.parse(document) == report


def test_every_line_of_a_ledger_is_valid(bundles: dict[str, Bundle]) -> None:
    schema: dict[str, Any] = json.loads(schemas.LEDGER.read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    for line in (Path(bundles["violated"].place) / "ledger.jsonl").read_text().splitlines():
        validator.validate(json.loads(line))


def test_a_wrong_ledger_line_is_not_valid() -> None:
    validator = Draft202012Validator(json.loads(schemas.LEDGER.read_text()))

    assert not validator.is_valid({"schema": 1, "seq": 0, "run": "r", "body": {"kind": "end"}})


def test_the_schemas_are_current() -> None:
    advice = "out of date: run python -m reports.reference.schemas"
    assert schemas.LEDGER.read_text() == schemas.ledger_schema(), advice
    assert schemas.REPORT.read_text() == schemas.report_schema(), advice
    assert schemas.RELEASES.read_text() == schemas.releases_schema(), advice
    for path, current in schemas.command_schemas().items():
        assert path.read_text() == current, advice


@pytest.mark.parametrize("wanted", Format)
def test_equal_bundles_give_equal_bytes(wanted: Format, report: Report, tmp_path: Path) -> None:
    assert wanted.render(report) == wanted.render(report)

    one = healthy_sample().write(tmp_path / "one")
    other = healthy_sample().write(tmp_path / "other")
    assert wanted.render(build(one)) == wanted.render(build(other))


def test_another_process_with_another_hash_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    bundle = healthy_sample().write(tmp_path)
    here = {d.path.name: d.path.read_bytes() for d in write_all(bundle, tmp_path / "a").documents}
    program = (
        "import sys; from pathlib import Path; from fixtures.evidence.bundle import open_bundle;"
        "from reports.write import write_all;"
        "write_all(open_bundle(Path(sys.argv[1])), Path(sys.argv[2]))"
    )

    subprocess.run(
        [sys.executable, "-c", program, bundle.place, str(tmp_path / "b")],
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "77", "TZ": "Pacific/Auckland", "PYTHONPATH": "."},
    )

    assert {name: (tmp_path / "b" / name).read_bytes() for name in here} == here


def test_a_report_does_not_depend_on_where_its_bundle_lies(tmp_path: Path) -> None:
    bundle = healthy_sample().write(tmp_path / "here")
    moved = tmp_path / "there"
    Path(bundle.place).rename(moved)

    assert html.render(build(open_bundle(moved))) == html.render(build(bundle))


def test_a_folder_that_cannot_be_written_is_named(
    bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ReportError) as refused:
        write_all(bundles["healthy"], tmp_path / "file" / "docs")

    assert str(tmp_path / "file" / "docs") in str(refused.value)


def test_an_unknown_format_is_told_with_those_there_are() -> None:
    assert Format.named("junit") is Format.JUNIT
    with pytest.raises(ReportError, match="no such report format") as refused:
        Format.named("docx")

    assert "html" in refused.value.expected
