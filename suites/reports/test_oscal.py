"""OSCAL assessment results: valid, whole, and every reference in them leads somewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fixtures.evidence.bundle import Bundle
from reports.build.report import build
from reports.formats.interchange import oscal
from reports.model.report import Report
from suites.reports.published import oscal_validator
from suites.reports.samples import healthy_sample


def document_of(report: Report) -> dict[str, Any]:
    return json.loads(oscal.render(report))["assessment-results"]


def props(thing: dict[str, Any]) -> dict[str, str]:
    return {p["name"]: p["value"] for p in thing["props"]}


def test_every_document_is_valid(report: Report) -> None:
    oscal_validator().validate(json.loads(oscal.render(report)))


def test_every_recorded_rehearsal_is_valid(recorded: dict[str, Bundle]) -> None:
    for bundle in recorded.values():
        oscal_validator().validate(json.loads(oscal.render(build(bundle))))


def test_each_finding_is_an_observation_and_says_what_its_status_means(report: Report) -> None:
    (result,) = document_of(report)["results"]
    observations = {o["uuid"]: o for o in result["observations"]}
    states = {
        "holds": ("satisfied", "pass"),
        "violated": ("not-satisfied", "fail"),
        "not assessed": ("not-satisfied", "other"),
        "waived": ("not-satisfied", "other"),
    }
    found: list[str] = []

    for finding in result["findings"]:
        (related,) = finding["related-observations"]
        observation = observations[related["observation-uuid"]]
        status = finding["target"]["status"]
        assert props(observation) == props(finding)
        assert (status["state"], status["reason"]) == states[props(finding)["status"]]
        assert status["reason"] != "other" or props(finding)["status"] in status["remarks"]
        found.append(props(finding)["finding"])

    assert len(observations) == len(result["observations"]) == report.counts.findings
    assert found == [e.id for e in report.findings if e.status != "not applicable"]


def test_every_standard_of_a_control_is_reviewed_and_has_the_objective(report: Report) -> None:
    document = document_of(report)
    (result,) = document["results"]
    (selection,) = result["reviewed-controls"]["control-selections"]
    reviewed = {c["control-id"] for c in selection["include-controls"]}
    objectives = {
        (o["control-id"], props(part)["control"]): part["id"]
        for o in document["local-definitions"]["objectives-and-methods"]
        for part in o["parts"]
    }

    assert {"cm-3", "cp-10"} <= reviewed == {standard for standard, _ in objectives}
    assert len(set(objectives.values())) == len(objectives)
    for entry in report.findings:
        for standard in entry.standards:
            assert (oscal.control_id(standard), entry.control) in objectives
    targets = {f["target"]["target-id"] for f in result["findings"]}
    assert targets <= set(objectives.values())


def test_evidence_leads_to_the_ledger_with_its_digest(
    reports: dict[str, Report], bundles: dict[str, Bundle]
) -> None:
    document = document_of(reports["healthy"])
    manifest = bundles["healthy"].manifest
    assert manifest
    resources = {f"#{r['uuid']}": r for r in document["back-matter"]["resources"]}
    (ledger,) = [f for f in manifest.files if f.path == "ledger.jsonl"]

    for observation in document["results"][0]["observations"]:
        (evidence,) = observation["relevant-evidence"]
        (link,) = resources[evidence["href"]]["rlinks"]
        assert link["href"] == "ledger.jsonl"
        assert link["hashes"] == [{"algorithm": "SHA-256", "value": ledger.sha256}]
    assert document["import-ap"]["href"] in resources


def test_identifiers_are_of_the_bundle_and_never_twice(
    reports: dict[str, Report], tmp_path: Path
) -> None:
    identifiers = {name: _uuids(document_of(r)) for name, r in reports.items()}
    again = _uuids(document_of(build(healthy_sample().write(tmp_path))))

    assert again == identifiers["healthy"]
    for name, found in identifiers.items():
        assert len(set(found)) == len(found), name
        assert all(UUID(u).version == 5 for u in found)
    assert not set(identifiers["healthy"]) & set(identifiers["violated"])


def _uuids(thing: Any) -> list[str]:
    if isinstance(thing, dict):
        own = [v for k, v in thing.items() if k == "uuid"]
        return own + [u for v in thing.values() for u in _uuids(v)]
    return [u for v in thing for u in _uuids(v)] if isinstance(thing, list) else []


@pytest.mark.parametrize(
    ("said", "expected"),
    [("CM-4", "cm-4"), ("SI-2(3)", "si-2.3"), ("4 x", "_4_x"), ("", "_"), ("a/b\n", "a_b")],
)
def test_a_standard_is_named_as_its_catalogue_has_it(said: str, expected: str) -> None:
    assert oscal.control_id(said) == expected
