"""Two runs compared: what is worse, what is noise, what cannot be compared, and every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.evidence.bundle import Bundle
from policies.traffic.history import needed
from policies.verdicts.catalogue import catalogue
from policies.verdicts.findings import Item, Verdict, holds, not_assessed, violated
from policies.verdicts.wording import number
from reports.build.compared.figures import FLOORS, RELATIVE, band
from reports.build.compared.places import stable
from reports.build.compared.run_diff import build as compare
from reports.build.report import build
from reports.formats import run_diff
from reports.model.report import Report
from reports.model.run_diff import Measure, Measured, RunDiff
from suites.reports.samples import healthy_sample

ORDINARY = sorted(c.id for c in catalogue().values() if not c.planned and not c.needs)
STATUSES: dict[str, Callable[[], Verdict]] = {
    "holds": lambda: holds("well"),
    "violated": lambda: violated("not well", expected="well", seen="not"),
    "not assessed": lambda: not_assessed("nobody could look"),
    "not applicable": lambda: Verdict(status="not applicable", summary="none", reason="none"),
    "waived": lambda: Verdict(status="waived", summary="accepted", reason="an owner"),
}
verdicts = st.dictionaries(
    st.sampled_from(ORDINARY), st.sampled_from(sorted(STATUSES)).map(lambda s: STATUSES[s]())
)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build(healthy_sample().write(tmp_path_factory.mktemp("healthy")))


def with_verdicts(report: Report, changed: dict[str, Verdict]) -> Report:
    """The same report with other verdicts of some controls."""
    findings = tuple(
        msgspec.structs.replace(
            e, status=v.status, summary=v.summary, items=v.items, reason=v.reason
        )
        if (v := changed.get(e.control))
        else e
        for e in report.findings
    )
    return msgspec.structs.replace(report, findings=findings)


def with_gap(report: Report, seconds: float, run: str = "another") -> Report:
    """The same report with one injection gap of this length."""
    (canaries,) = report.canaries
    (gap,) = canaries.gaps
    longer = msgspec.structs.replace(gap, seconds=seconds)
    header = msgspec.structs.replace(report.header, run=run)
    canaries = msgspec.structs.replace(canaries, gaps=(longer,))
    return msgspec.structs.replace(report, header=header, canaries=(canaries,))


def of(diff: RunDiff, what: str) -> list[Measure]:
    return [m for m in diff.measures if m.what == what and m.direction != "same"]


def test_a_run_against_itself_is_empty(report: Report) -> None:
    diff = compare(report, report)

    assert diff.is_empty
    assert (diff.worse, diff.better, diff.noise) == (0, 0, 0)
    assert run_diff.headline(diff) == "Nothing differs."


@given(changed=verdicts)
def test_whatever_was_found_a_run_against_itself_is_empty(
    healthy: Report, changed: dict[str, Verdict]
) -> None:
    report = with_verdicts(healthy, changed)

    assert compare(report, report).is_empty


@given(one=verdicts, other=verdicts)
def test_a_verdict_that_got_worse_got_better_the_other_way_round(
    healthy: Report, one: dict[str, Verdict], other: dict[str, Verdict]
) -> None:
    first, second = with_verdicts(healthy, one), with_verdicts(healthy, other)

    forth, back = compare(first, second).controls, compare(second, first).controls

    def places(diff: tuple[run_diff.ControlChange, ...], direction: str) -> set[tuple[str, str]]:
        return {(c.control, c.where) for c in diff if c.direction == direction}

    assert places(forth, "worse") == places(back, "better")
    assert places(forth, "better") == places(back, "worse")


def test_each_way_a_verdict_can_go(healthy: Report) -> None:
    order = ("violated", "not assessed", "waived", "holds")
    for place, low in enumerate(order):
        for high in order[place + 1 :]:
            one = with_verdicts(healthy, {"CP-04": STATUSES[low]()})
            other = with_verdicts(healthy, {"CP-04": STATUSES[high]()})

            (change,) = compare(other, one).controls

            assert (change.before, change.after, change.direction) == (high, low, "worse")


def test_what_holds_or_does_not_apply_is_neither_worse_nor_better(healthy: Report) -> None:
    other = with_verdicts(healthy, {"CP-04": STATUSES["not applicable"]()})

    (change,) = compare(healthy, other).controls

    assert change.direction == "changed"


def test_a_control_without_a_finding_is_worse_than_one_that_holds(healthy: Report) -> None:
    lines = tuple(e for e in healthy.findings if e.control != "CP-04")
    other = msgspec.structs.replace(
        healthy, findings=lines, without_finding=_unfound(healthy, "CP-04")
    )

    (change,) = compare(healthy, other).controls

    assert (change.after, change.direction) == (None, "worse")


def test_a_control_that_the_other_catalogue_lacks_is_told_and_no_change(healthy: Report) -> None:
    lines = tuple(e for e in healthy.findings if e.control != "CP-04")
    other = msgspec.structs.replace(healthy, findings=lines)

    diff = compare(healthy, other)

    assert not diff.controls
    assert "only the first run knows CP-04" in diff.not_compared


def _unfound(report: Report, control: str) -> tuple[object, ...]:
    from reports.model.report import Unfound

    return (
        *report.without_finding,
        Unfound(
            control=control,
            title="",
            area="",
            severity="blocker",
            required=True,
            reason="no test of it ran in this run",
        ),
    )


def pods(*names: str) -> Verdict:
    items = tuple(Item(subject=name, expected="ready", seen="not ready") for name in names)
    return violated("some are not", expected="ready", seen="not", items=items)


def test_new_items_are_worse_and_gone_ones_better(healthy: Report) -> None:
    one = with_verdicts(healthy, {"DP-05": pods("Deployment shop/web", "Deployment shop/cart")})
    other = with_verdicts(healthy, {"DP-05": pods("Deployment shop/web", "Deployment bank/api")})

    diff = compare(one, other)

    assert [(i.subject, i.direction) for i in diff.items] == [
        ("Deployment bank/api", "worse"),
        ("Deployment shop/cart", "better"),
    ]
    assert (diff.worse, diff.better) == (1, 1)


def test_a_pod_is_the_same_item_under_its_next_name(healthy: Report) -> None:
    one = with_verdicts(healthy, {"DP-05": pods("pod shop/web-7c9d4f6b8d-x7k2p")})
    other = with_verdicts(healthy, {"DP-05": pods("pod shop/web-5d8f9c7b6c-b4vzq")})

    assert not compare(one, other).items
    two = with_verdicts(
        healthy, {"DP-05": pods("pod shop/web-5d8f9c7b6c-b4vzq", "pod shop/web-5d8f9c7b6c-zz2zz")}
    )
    assert [i.new for i in compare(one, two).items] == [True]


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("pod shop/web-7c9d4f6b8d-x7k2p", "pod shop/web-*"),
        ("pod shop/agent-x7k2p", "pod shop/agent-*"),
        ("pod shop/report-28211040-x7k2p", "pod shop/report-*"),
        ("pod shop/store-0", "pod shop/store-0"),
        ("pod shop/cart-proxy", "pod shop/cart-proxy"),
        ("Deployment shop/web-https", "Deployment shop/web-https"),
    ],
)
def test_only_generated_parts_of_names_are_left_out(subject: str, name: str) -> None:
    assert stable(subject) == name


def test_a_gap_within_the_stated_band_is_noise_and_one_beyond_is_worse(healthy: Report) -> None:
    before = with_gap(healthy, 10.0, "first")
    most = 10.0 * (1 + RELATIVE) + FLOORS["injection gap"]

    (within,) = of(compare(before, with_gap(healthy, most)), "injection gap")
    (beyond,) = of(compare(before, with_gap(healthy, most + 0.1)), "injection gap")
    (back,) = of(compare(with_gap(healthy, most + 0.1), before), "injection gap")

    assert (within.direction, beyond.direction, back.direction) == ("noise", "worse", "better")
    assert "no history" in beyond.band.origin


def test_the_spread_of_enough_earlier_runs_decides(healthy: Report) -> None:
    before, after = with_gap(healthy, 10.0, "first"), with_gap(healthy, 30.0)
    past = [with_gap(healthy, 10.0 + n, f"past {n}") for n in range(needed() + 4)]

    assert of(compare(before, after), "injection gap")[0].direction == "worse"
    explained = compare(before, after, past)
    (measure,) = of(explained, "injection gap")
    assert explained.history == len(past)
    assert (measure.direction, measure.band.high) == ("noise", 32.0)
    (beyond,) = of(compare(before, with_gap(healthy, 32.1), past), "injection gap")
    assert beyond.direction == "worse"


def test_neither_of_the_two_nor_other_runs_make_their_own_history(healthy: Report) -> None:
    before, after = with_gap(healthy, 10.0, "first"), with_gap(healthy, 30.0)
    header = msgspec.structs.replace(after.header, run="elsewhere", kubernetes="v1.20.1")
    elsewhere = msgspec.structs.replace(after, header=header)

    diff = compare(before, after, [before, after, elsewhere] * needed())

    assert diff.history == 0
    assert of(diff, "injection gap")[0].direction == "worse"


@given(
    before=st.floats(0, 1e4),
    after=st.floats(0, 1e4),
    what=st.sampled_from(sorted(FLOORS)),
)
def test_without_a_history_noise_is_noise_both_ways(
    before: float, after: float, what: Measured
) -> None:
    forth, back = band(what, before, ()), band(what, after, ())

    slack = 1e-6 * (1 + before + after)
    if forth.low + slack <= after <= forth.high - slack:
        assert back.low - slack <= before <= back.high + slack


def test_lost_requests_are_worse(bundles: dict[str, Bundle]) -> None:
    diff = compare(build(bundles["healthy"]), build(bundles["lost"]))

    (lost,) = of(diff, "lost requests")
    assert (lost.before, lost.direction) == (0, "worse")
    assert [c.control for c in diff.controls if c.direction == "worse"] == ["TRF-01"]


def test_what_one_violation_keeps_from_being_assessed_is_one_thing(healthy: Report) -> None:
    first, *blocked = ORDINARY[:5]
    before = with_verdicts(healthy, {c: holds("well") for c in ORDINARY})
    after = with_verdicts(
        before,
        {
            first: violated("not well", expected="well", seen="not"),
            **{c: not_assessed(f"blocked by {first}") for c in blocked},
        },
    )
    diff = compare(before, after)

    own, several = run_diff.consequences(diff.controls)
    said = run_diff.text(diff)

    assert {c.control for c in own} == {first}
    assert {c.control for c in several[f"blocked by {first}"]} == set(blocked)
    assert len(own) + sum(map(len, several.values())) == diff.worse
    assert run_diff.headline(diff).startswith(f"{number(diff.worse, 'control')} got worse, ")
    assert all(c in said for c in blocked)


def test_a_longer_duration_is_told_and_no_reason_to_fail(healthy: Report) -> None:
    slow = tuple(
        msgspec.structs.replace(s, cluster_ended=s.cluster_ended + timedelta(seconds=600))
        if s.cluster_ended
        else s
        for s in healthy.sections
    )
    diff = compare(healthy, msgspec.structs.replace(healthy, sections=slow))

    assert {m.direction for m in of(diff, "duration")} == {"changed"}
    assert diff.worse == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"suite": "verify"}, "another suite: upgrade, then verify"),
        ({"target": "kind"}, "another kind of target: embedded, then kind"),
    ],
)
def test_what_makes_figures_incomparable_is_said(
    healthy: Report, changes: dict[str, str], why: str
) -> None:
    header = msgspec.structs.replace(healthy.header, **changes)
    other = with_verdicts(
        msgspec.structs.replace(healthy, header=header), {"PRE-02": STATUSES["violated"]()}
    )

    diff = compare(healthy, other)

    assert not diff.measures
    assert any(why in each for each in diff.not_compared)
    assert [c.control for c in diff.controls] == ["PRE-02"]


def test_another_schema_is_said_and_the_rest_compared(healthy: Report) -> None:
    origin = msgspec.structs.replace(healthy.origin, ledger_schema=1)

    diff = compare(msgspec.structs.replace(healthy, origin=origin), healthy)

    assert any("schema 1, then 2" in each for each in diff.not_compared)
    assert diff.measures


def test_a_hop_that_one_run_lacks_is_told(reports: dict[str, Report]) -> None:
    diff = compare(reports["two-hops"], reports["healthy"])

    assert "hop 2: edge-25.10.7 -> edge-26.6.3: only the first run has it" in diff.not_compared
    assert not [c for c in diff.controls if "hop 2" in c.where]
    assert ("to", "edge-26.6.3", "edge-25.10.7") in {
        (s.key, s.before, s.after) for s in diff.settings
    }


def test_every_format_of_every_pair_renders(reports: dict[str, Report]) -> None:
    for one in reports.values():
        for other in reports.values():
            diff = compare(one, other)

            page, said = run_diff.html(diff), run_diff.text(diff)

            assert "<script" not in page
            assert "\x1b" not in page + said
            counts = json.loads(run_diff.as_json(diff))["counts"]
            assert counts == {"worse": diff.worse, "better": diff.better, "noise": diff.noise}
            assert run_diff.headline(diff) in said
