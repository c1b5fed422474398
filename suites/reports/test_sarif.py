"""SARIF: valid, what code scanning takes, and the same rules and fingerprints from run to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from fixtures.evidence.bundle import Bundle
from reports.build.report import build
from reports.formats.interchange import sarif
from reports.model.report import Report
from suites.reports.published import sarif_validator
from suites.reports.samples import HOSTILE, violated_sample


def run_of(report: Report) -> dict[str, Any]:
    (run,) = json.loads(sarif.render(report))["runs"]
    return run


def test_every_log_is_valid(report: Report) -> None:
    sarif_validator().validate(json.loads(sarif.render(report)))


def test_every_recorded_rehearsal_is_valid(recorded: dict[str, Bundle]) -> None:
    for bundle in recorded.values():
        sarif_validator().validate(json.loads(sarif.render(build(bundle))))


def test_each_violated_finding_is_a_result_and_nothing_else_is(report: Report) -> None:
    run = run_of(report)
    violated = [e for e in report.findings if e.status == "violated"]

    assert [r["properties"]["finding"] for r in run["results"]] == [e.id for e in violated]
    for result, entry in zip(run["results"], violated, strict=True):
        assert result["level"] == ("error" if entry.severity == "blocker" else "warning")
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_code_scanning_takes_it(report: Report) -> None:
    """What GitHub requires, and its limits, beyond the schema."""
    run = run_of(report)

    for result in run["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "ledger.jsonl"
        assert place["region"]["startLine"] > 0
        assert result["partialFingerprints"]["primaryLocationLineHash"]
        assert result["message"]["text"]
    for rule in run["tool"]["driver"]["rules"]:
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert len(rule["properties"]["tags"]) <= 20
    prints = [r["partialFingerprints"]["primaryLocationLineHash"] for r in run["results"]]
    assert len(set(prints)) == len(prints)


def test_the_line_of_a_result_is_its_record(
    reports: dict[str, Report], bundles: dict[str, Bundle]
) -> None:
    lines = (Path(bundles["violated"].place) / "ledger.jsonl").read_text().splitlines()

    for result in run_of(reports["violated"])["results"]:
        line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
        assert json.loads(lines[line - 1])["body"]["finding"]["control"] == result["ruleId"]


def test_another_run_with_the_same_violations_has_the_same_fingerprints(
    reports: dict[str, Report], tmp_path: Path
) -> None:
    later = violated_sample()
    later.name, later.note = "later", "one record more"
    later.verdicts["CP-02"] = replace(later.verdicts["CP-02"], seen="other words", items=())
    results, again = run_of(reports["violated"])["results"], run_of(build(later.write(tmp_path)))

    assert [r["partialFingerprints"] for r in results] == [
        r["partialFingerprints"] for r in again["results"]
    ]


def test_what_was_not_assessed_is_no_success(reports: dict[str, Report]) -> None:
    (invocation,) = run_of(reports["incomplete"])["invocations"]

    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 6
    notes = invocation["toolExecutionNotifications"]
    named = {n.get("associatedRule", {}).get("id") for n in notes}
    assert {"PRE-13", "CP-04"} <= named


def test_text_of_anybody_is_neither_placeholder_nor_link(reports: dict[str, Report]) -> None:
    assert sarif.literal("a {0} [b](1) \\") == "a {{0}} \\[b\\](1) \\\\"

    texts = [r["message"]["text"] for r in run_of(reports["hostile"])["results"]]

    assert all("{{{{7*7}}}}" in t for t in texts if "summary" in t)
    assert all("\x1b" not in t and "\u202e" not in t for t in texts)
    assert HOSTILE not in "".join(texts)
