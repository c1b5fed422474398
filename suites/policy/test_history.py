from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts.traffic import Traffic
from policies.traffic import downtime
from policies.traffic.history import Derived, Lost, derive, lost, needed
from suites.policy.traffic_stories import told, traffic, windows

STEPS = windows(20, 20)
PLAIN = "." * 40
OUTAGE = "." * 25 + "rrr" + "." * 12


def run(text: str, path: str = "web") -> Traffic:
    return traffic(told(text, STEPS, id=path), steps=STEPS)


def only(derived: tuple[Derived, ...], step: str) -> Derived:
    return next(d for d in derived if d.step == step)


def test_what_was_lost_is_told_per_step_and_path() -> None:
    first, second = lost(run(OUTAGE))

    assert (first.step, first.failed, first.longest, first.ratio) == ("step 0", 0, 0.0, 0.0)
    assert (second.step, second.failed) == ("step 1", 3)
    assert second.ratio == 3 / 20
    assert second.longest == pytest.approx(0.3, abs=0.05)


def test_a_step_with_too_few_samples_counts_for_nothing() -> None:
    found = windows(38, 2)

    assert [one.step for one in lost(traffic(told(PLAIN, found), steps=found))] == ["step 0"]


@given(st.fractions(Fraction(1, 500), Fraction(9, 10)))
def test_the_runs_needed_are_the_fewest_that_keep_the_risk(risk: Fraction) -> None:
    count = needed(float(risk))

    assert Fraction(1, count + 1) <= risk + Fraction(1, 10**6)
    assert count == 0 or Fraction(1, count) > risk - Fraction(1, 10**6)


def test_a_run_like_the_others_exceeds_the_budget_no_more_often_than_told() -> None:
    """The rule itself, by drawing: whatever the distribution, with heavy tails and ties."""
    chance = Random(3)
    count, trials, exceeded = needed(), 4000, 0
    for _ in range(trials):
        draws = [chance.choice((0.0, chance.paretovariate(0.7))) for _ in range(count + 1)]
        exceeded += draws[-1] > max(draws[:-1])

    assert exceeded / trials < 1 / (count + 1) + 0.015


def history(lossy: int, clean: int) -> tuple[Derived, ...]:
    return derive([lost(run(OUTAGE))] * lossy + [lost(run(PLAIN))] * clean)


def test_enough_runs_allow_the_most_that_any_of_them_lost_and_say_so() -> None:
    derived = history(lossy=2, clean=17)
    budgets = [d.budget for d in derived]

    same = downtime.within_budget(run(OUTAGE), budgets)
    worse = downtime.within_budget(run("." * 25 + "rrrr" + "." * 11), budgets)

    assert same.status == "holds"
    assert "2 of 19 lost anything" in same.items[0].explained
    assert worse.status == "violated"
    assert "1/20 = 5.0%" in worse.items[0].expected


def test_a_history_without_losses_allows_none() -> None:
    found = downtime.within_budget(run(OUTAGE), [d.budget for d in history(0, 19)])

    assert found.status == "violated"
    assert "0 of 19 lost anything" in found.items[0].expected


def test_fewer_runs_than_needed_change_nothing_and_are_said() -> None:
    derived = history(lossy=18, clean=0)
    found = downtime.within_budget(run(OUTAGE), [d.budget for d in derived])

    assert not only(derived, "step 1").is_enough
    assert found.status == "violated"
    assert "18 of 19 runs needed" in found.items[0].expected
    assert "no failed sample" in found.items[0].expected


def test_another_path_gets_nothing_from_it() -> None:
    budgets = [d.budget for d in history(19, 0)]

    assert downtime.within_budget(run(OUTAGE, "other"), budgets).status == "violated"


def test_hops_of_one_run_are_one_run() -> None:
    twice = windows(20, 20)
    renamed = tuple(w.__class__(step="same", start=w.start, end=w.end) for w in twice)
    (one,) = lost(traffic(told(OUTAGE, renamed), steps=renamed))

    assert one == Lost(
        step="same", path=one.path, kind=one.kind, longest=one.longest, ratio=3 / 20, failed=3
    )


@pytest.mark.parametrize("risk", [0.0, 1.0, -0.1])
def test_a_risk_that_is_none_is_refused(risk: float) -> None:
    with pytest.raises(ValueError, match="risk"):
        needed(risk)
