"""A report tells causes first, and of what follows, from what."""

from __future__ import annotations

from reports.formats import html, summary, text
from reports.formats.interchange import github, junit
from reports.model.report import Report


def test_the_headline_names_the_cause_and_what_follows(reports: dict[str, Report]) -> None:
    assert reports["violated"].verdict.headline == (
        "2 blockers are violated: CP-02; CP-05 follows."
    )


def test_failures_stand_behind_their_cause(reports: dict[str, Report]) -> None:
    found = [(e.control, e.follows) for e in reports["violated"].failures]

    assert found == [("CP-02", ""), ("CP-05", "CP-02")]


def test_every_format_says_what_follows_from_what(reports: dict[str, Report]) -> None:
    report = reports["violated"]

    assert "follows from  CP-02" in text.render(report)
    assert "- follows from: CP-02" in summary.render(report)
    assert "follows from: CP-02" in github.render(report)
    assert "follows from: CP-02" in junit.render(report)
    assert "<dt>Follows from</dt>" in html.render(report)


def test_a_ledger_whose_catalogue_says_nothing_has_causes_alone(
    reports: dict[str, Report],
) -> None:
    assert {e.follows for e in reports["healthy"].findings} == {""}
