"""What a reader must not miss: a fault made on purpose, no probes, where a walk stopped."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from fixtures.evidence.records import RunEnded
from fixtures.evidence.walk import length
from policies.verdicts.findings import Item
from reports.build.verdict import verdict_of
from reports.formats import html, text
from reports.formats.axis import scales, zeros
from reports.formats.wording import faults, words
from reports.model.report import Report


@pytest.fixture
def healthy(reports: dict[str, Report]) -> Report:
    return reports["healthy"]


def test_a_fault_made_on_purpose_stands_in_header_and_summary(healthy: Report) -> None:
    path = "suites/detection/faults/decoy-to-prune.toml"
    struck = replace(healthy, scenario=(*healthy.scenario, ("faults[0]", path)))

    told = "A fault was injected on purpose: decoy-to-prune."
    assert told in html.render(struck).partition("<nav")[0]
    assert told in text.render(struck).splitlines()[1]
    assert faults(healthy) == ""


def test_a_pass_without_probes_says_so_in_its_headline() -> None:
    probed, _ = verdict_of(None, (), ())
    assert "Traffic" not in probed.headline

    for code in (0, 6):
        ended = RunEnded(exit_code=code, verdict="holds", seconds=1.0)
        silent, _ = verdict_of(ended, (), (), unprobed=True)
        heard, _ = verdict_of(ended, (), ())
        assert silent.headline == heard.headline + (
            " Traffic was not probed: nothing is said of outages."
        )


def test_where_a_walk_stopped_is_told_of_the_whole_walk(healthy: Report) -> None:
    *reached, last = healthy.sections[:7]
    stopped = replace(healthy, sections=(*reached, replace(last, state="blocked")))

    assert "It stopped after step 6 of 9" in html.render(stopped)
    assert length(1, rollback=False) == 9
    assert length(2, rollback=True) == 18


def test_explained_items_are_folded_by_control(healthy: Report) -> None:
    entry = healthy.findings[0]
    items = tuple(
        Item(subject=f"pod {n}", seen="old", explained="rare" if n == 0 else "expected")
        for n in range(4)
    )
    page = html.render(replace(healthy, findings=(replace(entry, items=items),)))

    told = page.partition('id="explained"')[2].partition("</section>")[0]
    summaries = re.findall("<summary>(.*?)</summary>", told)
    assert summaries == ["Expected: 3 items", "Rare: 1 item"]


def test_steps_of_a_drawing_have_a_legend(healthy: Report) -> None:
    page = html.render(healthy)
    _, _, figure = page.partition("<figure")

    for section in healthy.sections:
        name = words(section.step)
        assert f"<li><b>{section.number}</b> {name}" in figure


def test_clusters_share_one_axis_laid_by_the_walls_clock(healthy: Report) -> None:
    ahead = timedelta(seconds=57)
    other = tuple(
        replace(
            s,
            cluster="west",
            cluster_started=s.cluster_started + ahead if s.cluster_started else None,
            cluster_ended=s.cluster_ended + ahead if s.cluster_ended else None,
        )
        for s in healthy.sections
    )
    both = replace(healthy, sections=(*healthy.sections, *other))
    main, west = scales(both)["main"], scales(both)["west"]

    assert main.seconds == pytest.approx(west.seconds)
    first, second = healthy.sections[3], other[3]
    assert first.cluster_started is not None
    assert second.cluster_started is not None
    assert main.share(first.cluster_started) == pytest.approx(west.share(second.cluster_started))
    assert zeros(both)["west"] - zeros(both)["main"] == pytest.approx(57)


def test_paper_has_no_output_of_commands(healthy: Report) -> None:
    page = html.render(healthy)
    _, _, paper = page.partition("@media print")

    assert ".bulk" in paper.partition("{display:none!important}")[0]
    outputs = page.count("<summary>Output</summary>")
    assert outputs
    assert page.count('<details class="bulk"><summary>Output</summary>') == outputs
    assert page.count('<details class="bulk"><summary>Evidence</summary>') == len(healthy.findings)
    assert '<p class="paper">On paper this is short.' in page
