"""The HTML report is one safe file that reads, prints and is whole without scripts."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from fixtures.evidence.bundle import Bundle
from policies.verdicts.findings import Item, violated
from reports.build.report import build
from reports.formats import html
from reports.model.report import Report
from suites.reports.documents import Page, page_of
from suites.reports.samples import HOSTILE, Sample, two_hops_sample

SCHEMES = re.compile(r"^(https?:|//|data:|javascript:|file:)", re.IGNORECASE)


@pytest.fixture
def page(report: Report) -> Page:
    return page_of(html.render(report))


def test_there_is_no_script_and_nothing_remote(report: Report, page: Page) -> None:
    text = html.render(report)

    assert page.all("script") == []
    for element in page.elements:
        assert not [n for n in element.attributes if n.startswith("on")], element
        for name in ("src", "href", "action", "xlink:href", "srcset"):
            assert not SCHEMES.match(element.attributes.get(name, "")), element
        assert element.tag not in ("iframe", "object", "embed", "img", "link", "form", "base")
    (style,) = page.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert "default-src 'none'" in text


def test_the_markup_is_balanced(page: Page) -> None:
    assert page.unbalanced == []
    assert page.still_open == []


def test_every_inner_link_leads_somewhere(page: Page) -> None:
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    links = [e.attributes["href"] for e in page.all("a")]

    assert len(ids) == len(set(ids))
    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)
    labels = [e.attributes.get("aria-labelledby") for e in page.elements]
    assert {label for label in labels if label} <= set(ids)


def test_lost_requests_lead_to_the_episodes(report: Report, page: Page) -> None:
    lost = any(e.control == "TRF-01" and e.status == "violated" for e in report.findings)
    links = [e.attributes["href"] for e in page.all("a")]

    assert ("#episodes" in links) == lost


def test_headings_are_in_order(page: Page) -> None:
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch(r"h[1-6]", e.tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_name_their_rows_and_columns(page: Page) -> None:
    assert page.all("table")
    for cell in page.all("th"):
        assert cell.attributes.get("scope") in ("row", "col"), cell.text
    assert len(page.all("caption")) == len(page.all("table"))


def test_the_document_has_a_language_a_title_and_landmarks(page: Page) -> None:
    assert page.all("html")[0].attributes["lang"] == "en"
    assert page.all("title")[0].text.strip()
    for landmark in ("header", "main", "nav", "footer"):
        assert len(page.all(landmark)) == 1, landmark


def test_drawings_have_a_text_equivalent(page: Page) -> None:
    charts = [e for e in page.all("svg") if e.attributes.get("role") == "img"]

    assert charts
    assert all(c.attributes["aria-label"] for c in charts)
    assert len(page.all("desc")) == len(charts)
    others = [e for e in page.all("svg") if e not in charts and not e.inside("svg")]
    assert all(e.attributes.get("aria-hidden") == "true" for e in others)


def test_status_is_told_in_words_beside_colour(page: Page) -> None:
    badges = [e for e in page.all("span") if "badge" in e.attributes.get("class", "").split()]

    assert badges
    assert all(re.search("[a-z]", b.text) for b in badges)


def test_hostile_names_stay_text(reports: dict[str, Report]) -> None:
    text = html.render(reports["hostile"])

    assert "onerror=alert(1)" in text
    assert "<img" not in text
    assert "<script" not in text.lower()
    assert text.count("</title>") == text.count("<title>")
    assert text.lower().count("</style>") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "{{7*7}}" in text


def test_simulated_is_said_at_the_top_and_on_every_printed_page(
    reports: dict[str, Report], tmp_path: Path
) -> None:
    simulated = page_of(html.render(reports["healthy"]))
    real = html.render(build(Sample(simulated=False).write(tmp_path)))

    assert "simulated" in simulated.all("header")[0].text.lower()
    assert "simulated" in simulated.all("title")[0].text
    (mark,) = [e for e in simulated.all("div") if e.attributes.get("class") == "sheet-mark"]
    assert "Simulated" in mark.text
    assert re.search(
        r"@media print\{.*\.sheet-mark\{display:block;position:fixed",
        simulated.all("style")[0].text,
        re.DOTALL,
    )
    assert "simulated" not in _without_style(real).lower()


def test_the_order_is_verdict_failures_controls_unassessed_environment(
    reports: dict[str, Report],
) -> None:
    page = page_of(html.render(reports["violated"]))
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    wanted = ["verdict", "failed", "timeline", "controls", "not-assessed", "environment"]

    assert sorted(wanted, key=ids.index) == wanted
    assert ids.index("environment") < ids.index("reproduce")


def test_a_failure_tells_what_where_expected_seen_cause_and_next(
    reports: dict[str, Report],
) -> None:
    report = reports["violated"]
    page = page_of(html.render(report))

    assert len(report.failures) == 2
    for entry in report.failures:
        card = page.one(entry.id).text
        for told in (entry.expected, entry.seen, entry.cause, entry.next_command):
            assert told
            assert told in card
        assert entry.step.replace("_", " ") in card
        assert "hop 1" in card


def test_every_control_of_the_catalogue_is_shown(report: Report, page: Page) -> None:
    shown = page.all("main")[0].text

    assert all(e.control in shown for e in report.findings)
    assert all(u.control in shown for u in report.without_finding)


def test_every_reason_for_not_assessing_is_shown(
    reports: dict[str, Report],
) -> None:
    report = reports["violated"]
    shown = page_of(html.render(report)).one("not-assessed").text.lower()

    assert report.unassessed
    for entry in report.unassessed:
        assert entry.control.lower() in shown
        assert entry.reason.lower() in shown


def test_what_keeps_a_verdict_open_is_told_beside_it(reports: dict[str, Report]) -> None:
    report = reports["incomplete"]
    header = page_of(html.render(report)).all("header")[0].text
    open_ = [e for e in report.unassessed if e.required]

    assert open_
    assert all(e.control in header for e in open_)
    assert all(html.sentence(e.reason)[:60] in header for e in open_)


def test_gaps_and_explained_items_are_shown(reports: dict[str, Report]) -> None:
    report = reports["healthy"]
    page = page_of(html.render(report))

    assert "12.5 s" in page.one("timeline").text
    assert "finished Job" in page.one("explained").text


def test_a_waiver_names_who_answers_for_it(reports: dict[str, Report]) -> None:
    page = page_of(html.render(reports["violated"]))

    assert "mesh team, until 2026-03-31: planned rotation" in page.one("waived").text
    assert 'href="#waived"' in html.render(reports["violated"])
    assert 'href="#waived"' not in html.render(reports["healthy"])


def test_a_cut_off_ledger_is_told_in_the_verdict(reports: dict[str, Report]) -> None:
    page = page_of(html.render(reports["cut-off"]))

    assert "cut off" in page.all("header")[0].text
    assert "never sealed" in page.all("header")[0].text


def test_a_rehearsal_fits_into_300_kilobytes(tmp_path: Path) -> None:
    sample = two_hops_sample()
    sample.scale = 400

    assert len(html.render(build(sample.write(tmp_path))).encode()) < 300_000


def test_many_items_are_counted_and_left_to_the_json_report(tmp_path: Path) -> None:
    items = [
        Item(subject=f"pod shop/web-{n}", expected="x" * 50, seen=HOSTILE) for n in range(5000)
    ]
    many = violated("5000 pods", expected="one", seen="another", items=items)
    sample = Sample(verdicts={"DP-02": many}, exit_code=1)

    text = html.render(build(sample.write(tmp_path)))

    assert "and 4975 more items" in text
    assert len(text.encode()) < 300_000


def test_a_bundle_with_nothing_but_a_header_still_reads(bundles: dict[str, Bundle]) -> None:
    bundle = bundles["healthy"]
    reading = replace(bundle.reading, records=bundle.reading.records[:1])
    report = build(replace(bundle, reading=reading, manifest=None))

    page = page_of(html.render(report))

    assert report.verdict.word == "interrupted"
    assert "No step began" in page.one("steps").text
    assert len(report.without_finding) > 30


def _without_style(text: str) -> str:
    return re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
