"""A plan as a page for a change board and as JSON; where a command writes what it made."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

import rehearse
from fixtures.commands.catalogued import OneRelease, ReleaseList
from policies.planning.advisories import unjudged
from policies.planning.path import plan
from policies.releases import catalogue
from policies.releases.grammar import parse
from reports.formats import plan_document
from reports.model.plan import PlanDocument
from reports.reference import schemas
from suites.reports.documents import page_of
from suites.reports.samples import HOSTILE


def document(source: str = "edge-24.11.8", destination: str = "edge-26.6.3") -> PlanDocument:
    found = plan(parse(source), parse(destination), kubernetes="1.29")
    return PlanDocument(
        plan=found,
        advisories=tuple(r for h in found.hops for r in unjudged(h)),
        knowledge=catalogue().provenance,
    )


def test_the_page_has_every_hop_and_every_advisory_once() -> None:
    made = document()
    page = page_of(plan_document.html(made))
    shown = " ".join(page.all("main")[0].text.split())
    ids = [r.advisory.id for r in made.advisories]

    assert len(made.plan.hops) > 1
    assert all(f"{h.source_tag} →" in shown for h in made.plan.hops)
    rows = [
        e.text.split()[0] for e in page.all("th") if e.inside("main") and e.text.split()[0] in ids
    ]
    assert sorted(rows) == sorted(set(ids))
    assert page.unbalanced == []
    assert len(page.all("caption")) == len(page.all("table"))
    assert "default-src 'none'" in plan_document.html(made)


def test_an_advisory_of_two_hops_is_one_with_both_and_its_gravest_state() -> None:
    (first, *_) = document().advisories
    (found,) = plan_document.noted(
        [
            replace(first, hop="hop 1: a -> b", state="does not apply", seen="none"),
            replace(first, hop="hop 2: b -> c", state="applies", seen="3 pods"),
        ]
    )

    assert found.state == "applies"
    assert found.hops == ("hop 1: a -> b", "hop 2: b -> c")
    assert found.seen == ("none", "3 pods")


def test_what_blocks_stands_first_and_says_how_to_go_on() -> None:
    page = page_of(plan_document.html(document("edge-25.4.4", "edge-25.10.5")))

    assert "Blocked" in page.all("header")[0].text
    assert "Use edge-25.10.7 instead." in page.all("main")[0].text


def test_hostile_text_of_a_cluster_stays_text() -> None:
    made = document()
    results = tuple(replace(r, state="applies", seen=HOSTILE) for r in made.advisories)
    text = plan_document.html(replace(made, advisories=results, cluster=HOSTILE, said=(HOSTILE,)))

    assert "<img" not in text
    assert "<script" not in text.lower()
    assert "\x1b" not in text
    assert text.count("</title>") == 1


def test_the_json_is_valid_and_reads_back() -> None:
    made = document()
    text = plan_document.as_json(made)

    _validator("plan").validate(json.loads(text))
    assert msgspec.json.decode(text, type=PlanDocument) == made


@pytest.mark.parametrize(
    ("line", "schema"),
    [
        ("plan --from edge-25.4.4 --to edge-25.10.7", "plan"),
        ("faults list", "faults"),
        ("faults show decoy-to-prune", "faults"),
        ("releases list", "releases"),
        ("releases show edge-25.10.7", "release"),
        ("releases show edge-26.11.2", "release"),
    ],
)
def test_commands_print_json_that_their_schema_describes(
    line: str, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse.main([*line.split(), "-o", "json"]) == 0

    _validator(schema).validate(json.loads(capsys.readouterr().out))


def test_json_of_releases_says_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    rehearse.main(["releases", "list", "-o", "json"])
    known = msgspec.json.decode(capsys.readouterr().out, type=ReleaseList)
    rehearse.main(["releases", "show", "2.18", "-o", "json"])
    one = msgspec.json.decode(capsys.readouterr().out, type=OneRelease)

    assert one.release in known.releases
    assert (one.tag, one.logical, one.known) == ("edge-25.4.4", "2.18", True)


@pytest.mark.parametrize(
    "line", ["plan --from edge-25.4.4 --to edge-25.10.7", "faults list", "releases list"]
)
def test_a_file_is_written_by_its_ending_and_a_wrong_one_is_exit_4(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "made.json"

    assert rehearse.main([*line.split(), "-o", str(file)]) == 0
    assert capsys.readouterr().out.strip() == str(file)
    assert json.loads(file.read_text())["schema"] == 1
    for output in (str(tmp_path / "made.pdf"), str(tmp_path / "none" / "made.json")):
        assert rehearse.main([*line.split(), "-o", output]) == 4
        assert "-o" in capsys.readouterr().err


def _validator(name: str) -> Draft202012Validator:
    path = schemas.REPORT.with_name(f"{name}.schema.json")
    return Draft202012Validator(json.loads(path.read_text()))
