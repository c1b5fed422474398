"""The model of a report: verdict, injection gaps, versions over time, windows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fixtures.evidence.bundle import Bundle
from fixtures.evidence.records import CanariesSeen, Record, RunEnded, SightingsSeen
from policies.facts.observations import Canary, Sighting
from policies.verdicts.catalogue import catalogue
from policies.verdicts.findings import not_assessed
from reports.build.canary import canaries_of
from reports.build.report import build
from reports.build.versions import age, versions_of
from reports.model.report import Report
from suites.reports.samples import START, Sample, healthy_sample, violated_sample

OUTCOMES = ("injected", "unmeshed", "refused", "unobserved")


def test_a_healthy_rehearsal_holds(reports: dict[str, Report]) -> None:
    verdict = reports["healthy"].verdict

    assert (verdict.word, verdict.exit_code) == ("holds", 0)
    assert verdict.headline == "Every required control that applies here holds."


def test_a_violated_blocker_is_named(reports: dict[str, Report]) -> None:
    verdict = reports["violated"].verdict

    assert (verdict.word, verdict.exit_code) == ("violated", 1)
    assert verdict.headline == "2 blockers are violated: CP-02; CP-05 follows."


def test_required_controls_without_judgement_are_named(reports: dict[str, Report]) -> None:
    verdict = reports["incomplete"].verdict

    assert (verdict.word, verdict.exit_code) == ("incomplete", 6)
    assert "PRE-13, CP-04" in verdict.headline


@pytest.mark.parametrize("claimed", [0, 5, 6])
def test_a_violated_blocker_outweighs_what_the_closing_record_claims(
    claimed: int, tmp_path: Path
) -> None:
    sample = violated_sample()
    sample.exit_code = claimed

    report = build(sample.write(tmp_path))

    assert report.verdict.exit_code == 1
    assert any("the findings count" in p for p in report.origin.problems)


@pytest.mark.parametrize(
    ("code", "word"),
    [(2, "interrupted"), (3, "broken"), (4, "bad input"), (5, "nothing collected")],
)
def test_a_run_without_a_verdict_says_which_kind(code: int, word: str, tmp_path: Path) -> None:
    report = build(Sample(exit_code=code, reason="the target died").write(tmp_path))

    assert (report.verdict.word, report.verdict.exit_code) == (word, code)
    assert report.verdict.reason == "the target died"
    assert report.origin.problems == ()


def test_a_run_without_an_end_is_interrupted(tmp_path: Path) -> None:
    report = build(Sample(closes=False).write(tmp_path))

    assert report.verdict.word == "interrupted"
    assert "no closing record" in report.verdict.reason


def test_a_subset_of_the_controls_is_not_called_all(tmp_path: Path) -> None:
    bundle = healthy_sample().write(tmp_path)
    few = [r for r in bundle.reading.records if not _is_finding(r, "CP-0")]

    report = build(_with(bundle, few))

    assert report.verdict.exit_code == 0
    assert report.verdict.headline.startswith("Every control that was assessed holds.")
    assert "CP-01" in report.verdict.headline
    assert {"CP-01", "CP-02"} <= {u.control for u in report.without_finding}


def test_blocked_steps_are_sections_without_a_window(reports: dict[str, Report]) -> None:
    sections = reports["violated"].sections
    blocked = [s for s in sections if s.state == "blocked"]

    assert [s.step for s in blocked] == [
        "pruned",
        "extensions_upgraded",
        "data_plane_upgraded",
        "settled",
    ]
    assert all(s.reason == "blocked by CP-02" and s.cluster_started is None for s in blocked)


def test_windows_are_in_cluster_time_and_follow_each_other(reports: dict[str, Report]) -> None:
    sections = reports["two-hops"].sections

    assert len(sections) == 16
    assert [s.cluster_seconds for s in sections[:3]] == [20, 6, 2]
    for before, after in pairwise(sections):
        assert before.cluster_ended == after.cluster_started


def test_commands_and_findings_belong_to_their_step(reports: dict[str, Report]) -> None:
    report = reports["healthy"]
    (section,) = [s for s in report.sections if s.step == "control_plane_upgraded"]

    assert [c.line for c in section.commands] == ["linkerd upgrade", "kubectl apply -f -"]
    controls = {e.id: e.control for e in report.findings}
    assert all(controls[f].startswith("CP-") for f in section.findings)
    assert len(section.moments) == 2


def test_unreadable_kinds_are_gathered_over_steps(reports: dict[str, Report]) -> None:
    (missing,) = reports["healthy"].unreadable

    assert missing.resource == "httproutes.policy.linkerd.io"
    assert len(missing.steps) == 9


def test_a_finding_about_an_unlisted_control_is_kept(tmp_path: Path) -> None:
    bundle = Sample(verdicts={"CP-01": not_assessed("x")}).write(tmp_path)
    head = bundle.reading.records[0]
    assert bundle.reading.started is not None
    bare = replace(head, body=replace(bundle.reading.started, controls=()))

    report = build(_with(bundle, [bare, *bundle.reading.records[1:]]))

    assert report.counts.findings == len(report.findings) == len(catalogue())
    assert {e.area for e in report.findings} == {"not in the catalogue"}


def _canaries(outcomes: Sequence[str]) -> list[Record]:
    seen = tuple(
        Canary(
            at=START + timedelta(seconds=n / 4),
            name=f"canary-{n}",
            outcome=outcome,  # pyright: ignore[reportArgumentType] - drawn from OUTCOMES
            version="edge-25.4.4" if outcome == "injected" else "",
        )
        for n, outcome in enumerate(outcomes)
    )
    body = CanariesSeen(step="control_plane_upgraded", canaries=seen)
    return [Record(seq=0, run="r", at=START, mono=0.0, body=body)]


def test_a_gap_lasts_from_its_first_pod_to_the_next_injected_one() -> None:
    outcomes = ["injected", "unmeshed", "unobserved", "refused", "unmeshed", "injected"]

    (summary,) = canaries_of(_canaries(outcomes))

    (gap,) = summary.gaps
    assert (gap.seconds, gap.unmeshed, gap.refused) == (1.0, 2, 1)
    assert [p.name for p in gap.pods] == ["canary-1", "canary-3", "canary-4"]
    assert gap.step == "control_plane_upgraded"


def test_a_gap_that_never_closes_has_no_end() -> None:
    (summary,) = canaries_of(_canaries(["injected", "refused", "refused"]))

    (gap,) = summary.gaps
    assert gap.ended is None
    assert gap.seconds == 0.25


def test_unobserved_canaries_alone_are_no_gap() -> None:
    (summary,) = canaries_of(_canaries(["injected", "unobserved", "injected"]))

    assert summary.gaps == ()
    assert summary.unobserved == 1


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=40))
@settings(deadline=None)
def test_every_caught_canary_is_in_exactly_one_gap(outcomes: list[str]) -> None:
    (summary,) = canaries_of(_canaries(outcomes))

    caught = [f"canary-{n}" for n, o in enumerate(outcomes) if o in ("unmeshed", "refused")]
    assert [p.name for g in summary.gaps for p in g.pods] == caught
    assert sum(s.pods for s in summary.stretches) == summary.total == len(outcomes)
    for gap in summary.gaps:
        inside = outcomes[int(gap.pods[0].name[7:]) : int(gap.pods[-1].name[7:]) + 1]
        assert "injected" not in inside
    for before, after in pairwise(summary.gaps):
        between = outcomes[int(before.pods[-1].name[7:]) : int(after.pods[0].name[7:])]
        assert "injected" in between


VERSIONS = ("edge-25.4.4", "edge-25.10.7", "edge-26.6.3")


@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from(VERSIONS), min_size=1),
            st.dictionaries(st.sampled_from(VERSIONS), st.integers(0, 9)),
        ),
        min_size=1,
        max_size=25,
    )
)
@settings(deadline=None)
def test_phases_cover_the_time_and_lose_no_version(
    states: list[tuple[set[str], dict[str, int]]],
) -> None:
    sightings = tuple(
        Sighting(
            at=START + timedelta(seconds=n),
            control_plane=tuple(control),
            proxies=tuple(proxies.items()),
        )
        for n, (control, proxies) in enumerate(states)
    )
    record = Record(
        seq=0, run="r", at=START, mono=0.0, body=SightingsSeen(step="s", sightings=sightings)
    )

    (found,) = versions_of([record], [])

    assert found.phases[0].started == sightings[0].at
    assert found.phases[-1].ended == sightings[-1].at
    for before, after in pairwise(found.phases):
        assert before.ended == after.started
    together = {v for p in found.phases for v in p.control_plane}
    assert together == {v for control, _ in states for v in control}
    most = {v: max((p.get(v, 0) for _, p in states), default=0) for v in VERSIONS}
    for version in VERSIONS:
        highs = [high for p in found.phases for name, _, high in p.proxies if name == version]
        assert max(highs, default=0) == most[version]


def test_versions_are_ordered_by_age_not_by_text() -> None:
    assert sorted(reversed(VERSIONS), key=age) == list(VERSIONS)
    assert sorted(["edge-25.10.7", "edge-25.4.4"], key=age)[0] == "edge-25.4.4"


def _is_finding(record: Record, prefix: str) -> bool:
    finding = getattr(record.body, "finding", None)
    return finding is not None and finding.control.startswith(prefix)


def _with(bundle: Bundle, records: Sequence[Record]) -> Bundle:
    assert isinstance(records[-1].body, RunEnded)
    return replace(bundle, reading=replace(bundle.reading, records=tuple(records)))
