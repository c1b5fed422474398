"""A rehearsal that died more than once: every time that nobody watched stays open."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fixtures.evidence.ledger import Ledger
from fixtures.evidence.records import FindingMade, Note, Resumed, RunEnded, TrafficSeen
from fixtures.evidence.walk import order
from fixtures.run.observation_gaps import stretches
from fixtures.run.resuming.interrupted_run import Died, read_died
from fixtures.run.session import Place
from fixtures.targets.base import Capabilities
from policies.facts.traffic import Traffic
from policies.verdicts.findings import Finding, Verdict, holds, not_assessed, violated
from suites.harness.test_session import session
from suites.reports.test_resumed_ledger import AT, HOP, PLAN, began, went

UP = "control_plane_upgraded"
REST = [step for step, _ in order(PLAN)][1:]
"""The steps after the baseline."""
PARTIAL, WHOLE = Traffic(speed=2.0), Traffic(speed=3.0)


def resumed(ledger: Ledger, after: str, *, minute: int, watched: int | None) -> None:
    """A resumption; watching began again at the minute `watched`, or never."""
    since = AT + timedelta(minutes=minute)
    hop = "" if after in ("baseline", "settled") else HOP.label
    ledger.write(Resumed(step=after, hop=hop, unobserved_from=since, compared_at=since))
    ledger.write(Note(text="resumed"))
    if watched is not None:
        ledger.write(Note(text="watched"), cluster_time=AT + timedelta(minutes=watched))


def walk(ledger: Ledger, steps: list[str], *, minute: int) -> None:
    for place, step in enumerate(steps):
        went(ledger, step, "" if step == "settled" else HOP.label, minute=minute + place)


def ctrl_c(ledger: Ledger) -> None:
    """The partial traffic of the end, and the end."""
    ledger.write(TrafficSeen(traffic=PARTIAL))
    ledger.write(RunEnded(exit_code=2, verdict="interrupted", seconds=1))


def settled_in_the_second_life(folder: Path) -> Died:
    with began(folder) as ledger:
        went(ledger, "baseline", minute=0)
        went(ledger, "preflighted", HOP.label, minute=1, reached=False)
        ctrl_c(ledger)
        resumed(ledger, "baseline", minute=1, watched=10)
        walk(ledger, REST, minute=20)
    return read_died(folder)


def test_traffic_from_before_a_death_is_not_that_of_the_whole(tmp_path: Path) -> None:
    found = settled_in_the_second_life(tmp_path / "run")

    assert found.last.step == "settled"
    assert found.last.traffic is None


def test_traffic_to_the_end_is_whole_however_often_its_judgement_dies(tmp_path: Path) -> None:
    with began(tmp_path / "run") as ledger:
        went(ledger, "baseline", minute=0)
        walk(ledger, REST, minute=1)
        ledger.write(TrafficSeen(traffic=WHOLE))
        resumed(ledger, "settled", minute=30, watched=None)

    found = read_died(tmp_path / "run")

    assert found.last.traffic == WHOLE
    assert stretches(found) == ()


def test_the_first_gap_is_known_after_the_last_step(tmp_path: Path) -> None:
    (gap,) = stretches(settled_in_the_second_life(tmp_path / "run"))

    assert (gap.step, gap.hop) == ("preflighted", HOP.label)
    assert (gap.since, gap.until) == (AT + timedelta(minutes=1), AT + timedelta(minutes=10))


def test_each_death_leaves_a_gap_and_two_in_one_step_leave_one(tmp_path: Path) -> None:
    with began(tmp_path / "run") as ledger:
        went(ledger, "baseline", minute=0)
        resumed(ledger, "baseline", minute=1, watched=None)
        resumed(ledger, "baseline", minute=1, watched=10)
        walk(ledger, REST[:2], minute=20)

    first, second = stretches(read_died(tmp_path / "run"))

    assert (first.step, first.until) == ("preflighted", AT + timedelta(minutes=10))
    assert (second.step, second.hop, second.until) == (REST[2], HOP.label, None)


def test_a_completed_step_with_a_gap_is_open_in_the_third_life(tmp_path: Path) -> None:
    with began(tmp_path / "ledger") as ledger:
        went(ledger, "baseline", minute=0)
        place = REST.index(UP)
        walk(ledger, REST[:place], minute=1)
        resumed(ledger, REST[place - 1], minute=10, watched=20)
        walk(ledger, REST[place : place + 2], minute=30)
    run = session(tmp_path / "run", [])
    run.capabilities = Capabilities(
        mutable=True,
        simulated=True,
        real_data_plane=False,
        stand_ins=True,
        behaviours=True,
        traffic=True,
    )
    run.unobserved = stretches(read_died(tmp_path / "ledger"))
    assert len(run.unobserved) == 2
    here = Place(UP, HOP.label, "t")

    kept = run.record("CP-08", holds("always there"), here)
    seen = run.record("CP-10", violated("it was away", expected="a", seen="b"), here)
    traffic = run.record("TRF-01", holds("nothing was lost"), Place("settled", test="t"))
    run.record_unobserved()

    assert kept.status == "not assessed"
    assert "the rehearsal died in between" in kept.verdict.reason
    assert seen.status == "violated"
    assert traffic.verdict.reason.count("the rehearsal died in between") == 2
    assert {f.step for f in run.findings} == {UP, "settled", REST[place + 2]}


def finding(control: str, verdict: Verdict, test: str = "t") -> FindingMade:
    return FindingMade(
        finding=Finding(
            control=control,
            severity="blocker",
            step="baseline",
            test=test,
            verdict=verdict,
        )
    )


def test_what_a_bug_left_unassessed_is_judged_again_and_a_verdict_stands(tmp_path: Path) -> None:
    with began(tmp_path / "run") as ledger:
        went(ledger, "baseline", minute=0)
        bug = ledger.write(finding("PRE-01", not_assessed("the rehearsal broke: KeyError")))
        gap = ledger.write(finding("PRE-02", not_assessed("not observed"), test=""))
        ledger.write(finding("PRE-03", holds("it held")))
        bad = violated("it broke", expected="a", seen="b")
        ledger.write(finding("PRE-04", bad))
        ledger.write(RunEnded(exit_code=3, verdict="broken", seconds=1))

    found = read_died(tmp_path / "run")

    assert [f.control for f in found.findings] == ["PRE-03", "PRE-04"]
    assert found.superseded == (bug.seq, gap.seq)
