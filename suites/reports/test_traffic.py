"""Traffic in reports: the same numbers as the policies, in a drawing, tables, text and JSON."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fixtures.evidence.bundle import Bundle
from fixtures.evidence.records import Resumed, TrafficSeen
from policies.facts.traffic import PathTraffic, SampleRun, Traffic
from policies.traffic import outages
from policies.verdicts.findings import not_assessed
from reports.build.report import build
from reports.formats import html, json_report, text
from reports.formats.timeline import timelines
from reports.formats.traffic_drawing import NARROWEST, drawings, joined
from reports.formats.wording import fine, share, surely
from reports.model.report import Report
from reports.model.traffic import PathEpisode, ProbedPath, TrafficSummary
from suites.reports.documents import page_of
from suites.reports.samples import START, Sample
from suites.reports.traffic_samples import lost_sample
from suites.reports.traffic_scenery import INTERVAL, OUTAGE, TOOK

MEASURED = "meshed http-reused"
LARGEST = 60_000


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _summary(report: Report) -> TrafficSummary:
    (found,) = report.traffic
    return found


def _path(report: Report, name: str) -> ProbedPath:
    (found,) = [p for p in _summary(report).paths if p.id == name]
    return found


def _episode(report: Report) -> PathEpisode:
    (found,) = _summary(report).episodes
    return found


def _with_traffic(bundle: Bundle, traffic: Traffic) -> Report:
    records = tuple(
        replace(r, body=TrafficSeen(traffic=traffic)) if isinstance(r.body, TrafficSeen) else r
        for r in bundle.reading.records
    )
    return build(replace(bundle, reading=replace(bundle.reading, records=records)))


def _traffic(bundle: Bundle) -> Traffic:
    (found,) = [r.body.traffic for r in bundle.reading.records if isinstance(r.body, TrafficSeen)]
    return found


def test_a_healthy_run_lost_nothing_and_says_what_it_would_have_seen(
    reports: dict[str, Report],
) -> None:
    summary = _summary(reports["healthy"])

    assert summary.void == ""
    assert (summary.failed, summary.excused, summary.episodes) == (0, 0, ())
    assert summary.visible == pytest.approx(INTERVAL + 0.0041)
    assert "an outage of 110 ms would have been seen on any path" in text.render(
        reports["healthy"]
    )


def _resumed(bundle: Bundle, step: str) -> Report:
    """The bundle, gone on with after a step."""
    records = bundle.reading.records
    body = Resumed(step=step, unobserved_from=START, compared_at=START)
    reading = replace(bundle.reading, records=(*records, replace(records[-1], body=body)))
    return build(replace(bundle, reading=reading))


def test_traffic_of_a_run_that_died_is_not_shown_as_the_whole_runs(
    bundles: dict[str, Bundle],
) -> None:
    report = _resumed(bundles["lost"], "crds_upgraded")
    ended = _summary(report).ended
    assert ended is not None
    told = f"until the run died at {ended:%Y-%m-%d %H:%M:%S} UTC, not probed again"

    assert f"traffic {told}: " in text.render(report)
    assert f"Seen {told}: what follows is not" in page_of(html.render(report)).one("traffic").text
    assert _summary(report).cut_short
    for whole in (build(bundles["lost"]), _resumed(bundles["lost"], "settled")):
        assert "died" not in text.render(whole) + page_of(html.render(whole)).one("traffic").text


def test_an_outage_is_one_episode_with_its_bounds(reports: dict[str, Report]) -> None:
    episode = _episode(reports["lost"])
    first, last = OUTAGE[0], OUTAGE[1] - INTERVAL

    assert (episode.number, episode.path, episode.failed, episode.total) == (1, MEASURED, 8, 8)
    assert episode.step == "control_plane_upgraded"
    assert episode.earliest_start == _at(first - INTERVAL)
    assert (episode.started, episode.latest_start) == (_at(first), _at(first + TOOK))
    assert episode.earliest_end == _at(last)
    assert episode.ended == episode.latest_end == _at(last + INTERVAL + TOOK)
    assert (episode.rate, episode.first_error, episode.last_error) == (1.0, "refused", "refused")
    assert episode.longest_outage == pytest.approx(0.82)


def test_an_episode_is_told_with_what_happened_within_a_second(
    reports: dict[str, Report],
) -> None:
    episode = _episode(reports["lost"])
    told = [b.text for b in episode.beside]

    assert told[0].startswith("injection gap 1 began")
    assert "linkerd-identity: 1 to 0 ready endpoints" in told
    assert "linkerd-identity: 0 to 1 ready endpoints" in told
    assert len(told) == 3
    for one in episode.beside:
        assert _at(OUTAGE[0] - INTERVAL - 1) <= one.at <= _at(OUTAGE[1] + TOOK + 1)


def test_the_numbers_are_those_of_the_policies(
    bundles: dict[str, Bundle], reports: dict[str, Report]
) -> None:
    for name in ("healthy", "lost", "excused"):
        traffic = _traffic(bundles[name])
        spans = outages.excuses(traffic)
        for seen in traffic.measured:
            shown = _path(reports[name], seen.path.id)
            whole = outages.availability(outages.cells(seen, spans).values())
            assert (shown.availability, shown.low, shown.high) == (
                whole.value,
                whole.low,
                whole.high,
            )
            assert (shown.answered, shown.observed) == (whole.answered, whole.observed)


def test_what_the_control_path_excuses_is_counted_apart(reports: dict[str, Report]) -> None:
    report = reports["excused"]
    summary = _summary(report)
    shown = page_of(html.render(report)).one("traffic")

    assert (summary.failed, summary.excused) == (0, 20)
    assert len(summary.excuses) == 1, "what the self-test breaks on purpose excuses nothing"
    assert all(p.availability == 1.0 for p in summary.measured if not p.unavailable)
    assert "the control path failed too" in [b.text for b in summary.episodes[0].beside]
    assert "Excused from 1:39.90 to 1:41.02" in shown.text
    assert 'class="refused"' in drawings(report)["main"]
    assert "20 more excused" in text.render(report)


def test_samples_that_were_not_sent_are_not_availability(reports: dict[str, Report]) -> None:
    path = _path(reports["healthy"], "unmeshed http-new")

    assert path.unobserved == 5
    assert path.availability == 1.0
    assert [(m.state, m.samples) for m in path.marks] == [("late", 5)]
    assert (
        "The prober itself paused 1 time"
        in page_of(html.render(reports["healthy"])).one("traffic").text
    )


def test_the_self_test_is_told_with_its_errors(reports: dict[str, Report]) -> None:
    (test,) = _summary(reports["healthy"]).self_tests

    assert test.seen
    assert test.measured == pytest.approx(0.52)
    assert (test.start_error, test.end_error) == pytest.approx((0.0, 0.02))


def test_an_outage_made_on_purpose_and_not_seen_voids_the_traffic(
    bundles: dict[str, Bundle],
) -> None:
    traffic = _traffic(bundles["healthy"])
    test = traffic.self_tests[0]
    blind = replace(test, start=test.start + timedelta(60), end=test.end + timedelta(60))

    report = _with_traffic(bundles["healthy"], replace(traffic, self_tests=(blind,)))

    assert "did not see an outage" in _summary(report).void
    shown = page_of(html.render(report)).one("traffic").text
    assert "it was not seen" in shown
    assert "Nothing below was judged" in shown
    assert "TRF-02" in text.render(report)


def test_a_component_without_an_endpoint_is_dated(reports: dict[str, Report]) -> None:
    components = {c.component: c.gaps for c in _summary(reports["lost"]).components}

    assert list(components) == ["destination", "identity", "policy", "proxy-injector"]
    (gap,) = components.pop("identity")
    assert (gap.started, gap.ended) == (_at(42.5), _at(42.9))
    assert not any(components.values())
    shown = page_of(html.render(reports["lost"])).one("traffic").text
    assert "none from 0:42.50 to 0:42.90" in shown


def test_without_traffic_the_reason_of_the_findings_is_told(tmp_path: Path) -> None:
    reason = "traffic was switched off in the scenario"
    sample = Sample(verdicts={"TRF-01": not_assessed(reason), "TRF-02": not_assessed(reason)})
    report = build(sample.write(tmp_path))

    assert report.traffic == ()
    assert report.without_traffic[0] == reason
    assert reason.capitalize() in page_of(html.render(report)).one("traffic").text


def test_the_drawing_has_a_lane_for_each_path_component_and_version(
    reports: dict[str, Report],
) -> None:
    report = reports["lost"]
    drawing = page_of(drawings(report)["main"])
    labels = [t.text for t in drawing.all("text") if t.attributes.get("class") == "version"]

    assert labels == [
        "http-new",
        "http2",
        "http-reused",
        "http-new",
        *("destination", "identity", "policy", "proxy-injector"),
        *reversed(report.versions[0].order),
    ]


def test_what_the_drawing_says_stands_in_the_tables_too(reports: dict[str, Report]) -> None:
    report = reports["lost"]
    page = page_of(html.render(report))
    section = page.one("traffic")
    tables = [t.text for t in page.all("table") if t.parent and _inside(t, section)]
    path = _path(report, MEASURED)
    lost = f"{path.failed} of {path.observed}"

    assert f"{lost} lost" in drawings(report)["main"]
    assert lost in tables[1]
    for told in (
        "0:42.30",
        "0:43.12",
        "820 ms",
        "8 of 8 (100\u00a0%)",
        "refused",
        "injection gap 1",
    ):
        assert told in tables[0]


def _inside(element: object, section: object) -> bool:
    parent = getattr(element, "parent", None)
    return parent is section or (parent is not None and _inside(parent, section))


def test_both_drawings_have_the_same_axis(reports: dict[str, Report]) -> None:
    report = reports["lost"]
    ((_, timeline),) = timelines(report)
    steps = re.compile(r'<rect x="[^"]*" y="[^"]*" width="[^"]*" height="22"[^>]*>')

    assert steps.findall(timeline) == steps.findall(drawings(report)["main"])
    assert len(steps.findall(timeline)) == len(report.sections)


def test_a_hundred_thousand_samples_are_drawn_small(bundles: dict[str, Bundle]) -> None:
    traffic = _traffic(bundles["healthy"])
    worst = [replace(p, runs=_alternating(p)) for p in traffic.paths[:2]]
    many = tuple(
        replace(worst[n % 2], path=replace(worst[n % 2].path, id=f"path {n}")) for n in range(20)
    )

    report = _with_traffic(bundles["healthy"], replace(traffic, paths=(*many, traffic.paths[3])))

    summary = _summary(report)
    drawing = drawings(report)["main"]
    assert summary.observed + summary.excused == 100_000
    assert len(summary.episodes) > 9_000
    assert len(drawing.encode()) <= LARGEST
    assert len(html.render(report).encode()) < 400_000


def _alternating(seen: PathTraffic) -> tuple[SampleRun, ...]:
    """5,000 samples in which ten answers follow each failure: as many episodes as there can be."""
    runs: list[SampleRun] = []
    for number in range(0, 5000, 11):
        due = _at(number * 0.036)
        runs.append(_run(due, 1, failed=True))
        runs.append(_run(due + timedelta(seconds=0.036), min(10, 4999 - number), failed=False))
    return tuple(runs)


def _run(due: datetime, count: int, *, failed: bool) -> SampleRun:
    last = due + timedelta(seconds=0.036 * (count - 1))
    took = timedelta(seconds=0.01)
    return SampleRun(
        outcome="reset" if failed else "ok",
        count=count,
        window=0,
        first=due,
        first_end=due + took,
        last=last,
        last_end=last + took,
    )


PAIRS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 300)), max_size=200)


@given(PAIRS, st.integers(1, 40))
def test_no_interval_is_lost_when_they_are_joined(drawn: list[tuple[int, int]], most: int) -> None:
    pairs = [(left, left + length) for left, length in drawn]

    whole = joined(pairs, most)

    assert len(whole) <= most
    for left, right in pairs:
        assert any(a <= left and right <= b for a, b in whole)
    for before, after in pairwise(whole):
        assert before[1] < after[0]
    assert all(b - a >= NARROWEST for a, b in whole)


@given(st.floats(0.001, 59))
def test_a_visible_outage_is_never_told_smaller_than_it_is(seconds: float) -> None:
    value, unit = surely(seconds).split()

    assert float(value) * (0.001 if unit == "ms" else 1) >= seconds - 1e-6


def test_nothing_short_of_all_is_called_a_hundred_percent() -> None:
    assert (share(1.0), share(0.0)) == ("100\u00a0%", "0\u00a0%")
    assert (share(0.9999999), share(0.0000001)) == ("99.999\u00a0%", "0.001\u00a0%")
    assert (fine(0.0084), fine(1.25), fine(12.3)) == ("8 ms", "1.25 s", "12.3 s")


def test_the_json_report_has_the_same_numbers(reports: dict[str, Report]) -> None:
    parsed = json_report.parse(json_report.render(reports["lost"]))

    assert parsed.traffic == reports["lost"].traffic
    assert _episode(parsed).failed == 8


def test_a_path_that_was_not_probed_says_why(reports: dict[str, Report]) -> None:
    shown = page_of(html.render(reports["healthy"])).one("traffic").text

    assert "not probed: the package h2 is not there" in shown


def test_equal_traffic_gives_equal_bytes(tmp_path: Path) -> None:
    one = build(lost_sample().write(tmp_path / "one"))
    other = build(lost_sample().write(tmp_path / "other"))

    assert html.render(one) == html.render(other)
    assert json_report.render(one) == json_report.render(other)
