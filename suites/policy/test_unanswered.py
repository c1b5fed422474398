"""A path that never worked is no outage of the upgrade; one that worked once is judged."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from policies.facts.traffic import PathTraffic, Window
from policies.traffic.downtime import within_budget
from policies.verdicts.findings import Verdict
from suites.policy.traffic_stories import told, traffic, windows

FIRST, LATER = windows(10, 30)
STEPS: tuple[Window, ...] = (replace(FIRST, step="baseline"), LATER)
WORKS = told("." * 40, STEPS)
NEVER = told("5" * 40, STEPS, id="denied")


def judged(*paths: PathTraffic) -> Verdict:
    return within_budget(traffic(*paths, steps=STEPS))


def test_a_path_that_was_never_answered_is_not_assessed_with_what_it_met() -> None:
    verdict = judged(WORKS, NEVER)

    assert verdict.status == "not assessed"
    assert "path denied was not answered once" in verdict.reason
    assert "5xx" in verdict.reason


def test_a_later_source_that_meets_the_same_is_not_assessed_either() -> None:
    later = told("m" * 20 + "5" * 20, STEPS, id="denied too")
    alone = told("m" * 20 + "5" * 20, STEPS, id="broken", kind="http-reused")

    assert judged(WORKS, NEVER, later).status == "not assessed"
    assert judged(WORKS, NEVER, alone).status == "violated"
    assert judged(WORKS, later).status == "violated"


def test_a_path_of_ones_own_that_never_worked_excuses_no_other() -> None:
    mine: dict[str, Any] = {"kind": "own-http", "source": "meshed by old"}
    never = told("5" * 40, STEPS, id="old web", name="web", **mine)
    later = told("m" * 20 + "5" * 20, STEPS, id="new web", name="web", **mine)
    other = told("m" * 20 + "5" * 20, STEPS, id="new cart", name="cart", **mine)

    assert judged(WORKS, never, later).status == "not assessed"
    assert judged(WORKS, never, other).status == "violated"


def test_a_path_that_the_scenario_names_and_nobody_can_ask_is_not_assessed() -> None:
    absent = told("", STEPS, id="web", kind="own-http", name="web", unavailable="no such Service")
    other = told("", STEPS, id="h2", kind="http2", unavailable="no package h2")

    assert judged(WORKS, other).status == "holds"
    assert "no such Service" in judged(WORKS, absent).reason


def test_one_answer_at_the_baseline_makes_the_rest_an_outage() -> None:
    assert judged(WORKS, told("5." + "5" * 38, STEPS, id="broke")).status == "violated"


def test_a_violation_elsewhere_is_still_a_violation() -> None:
    lost = told("." * 20 + "r" * 5 + "." * 15, STEPS, id="lost")

    assert judged(lost, NEVER).status == "violated"
