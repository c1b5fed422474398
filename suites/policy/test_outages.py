from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts.traffic import ANSWERED, FAILURES, PathTraffic
from policies.traffic.outages import (
    SUCCESSES_BETWEEN,
    Outage,
    availability,
    cells,
    episodes,
    excuses,
    outages,
    smallest_visible,
)
from policies.traffic.runs import runs
from suites.policy.traffic_stories import ANSWER, LETTERS, at, story, told, traffic, windows

texts = st.text(alphabet="".join(LETTERS), max_size=80)
biased = st.text(alphabet="....rrthl", max_size=120)


def failures(text: str) -> int:
    return sum(LETTERS[c] in FAILURES for c in text)


def one(text: str) -> Outage:
    (found,) = outages(told(text))
    return found


def test_it_starts_when_the_first_failed_request_started_and_ends_with_an_answer() -> None:
    found = one("...rr..")

    assert (found.start, found.end) == (at(3), at(5) + ANSWER)
    assert (found.earliest_start, found.latest_start) == (at(2), at(3) + ANSWER)
    assert (found.earliest_end, found.latest_end) == (at(4), at(5) + ANSWER)
    assert (found.failed, found.first_error) == (2, "refused")


def test_without_a_success_before_or_after_its_bounds_are_open() -> None:
    found = one("rr")

    assert found.earliest_start is None
    assert found.latest_end is None
    assert found.end == at(1) + ANSWER


def test_different_errors_are_one_outage_as_long_as_nothing_was_answered() -> None:
    found = one("..rRt5w..")

    assert found.failed == 5
    assert (found.first_error, found.last_error) == ("refused", "wrong answer")


def test_what_a_failing_request_held_belongs_to_its_outage() -> None:
    found = one("..thhhhthhh..")

    assert (found.failed, found.held) == (2, 7)


def test_what_a_slow_success_held_is_no_outage() -> None:
    assert outages(told("...hhhh...")) == ()
    assert cells(told("...hhhh..."))[-1].unobserved == 4


def test_the_probers_own_pause_is_no_outage_but_widens_the_bounds_of_one() -> None:
    assert outages(told("...llllmm...")) == ()

    found = one("..lllrr...")

    assert found.earliest_start == at(1)
    assert found.start == at(5)


def test_a_wrong_identity_is_answered() -> None:
    assert outages(told("..iii..")) == ()
    assert cells(told("..iii.."))[-1].wrong_identity == 3


def test_an_outage_over_the_border_of_two_steps_is_one_and_counted_in_both() -> None:
    steps = windows(5, 5)
    seen = told("...rrrr...", steps)

    (found,) = outages(seen)

    assert (found.window, found.failed) == (0, 4)
    assert [(c.failed, c.answered) for c in cells(seen).values()] == [(2, 3), (2, 3)]


@pytest.mark.parametrize(("between", "wanted"), [(9, 1), (10, 2)])
def test_ten_successes_end_an_episode(between: int, wanted: int) -> None:
    found = episodes(outages(told(".r" + "." * between + "r.")))

    assert len(found) == wanted
    assert sum(e.failed for e in found) == 2
    if wanted == 1:
        assert (found[0].total, found[0].outages) == (2 + between, 2)
        assert found[0].rate == pytest.approx(2 / 11)


def test_only_the_control_path_at_the_same_instant_excuses() -> None:
    control = told("." * 20 + "r" * 3 + "." * 20, id="control", role="control")
    spans = excuses(traffic(control))
    excused, blamed, both = (told("." * n + "rr" + "." * 9) for n in (20, 30, 22))

    assert [o.excused for o in outages(excused, spans)] == [2]
    assert outages(excused, spans)[0].counted_seconds == 0
    assert [o.excused for o in outages(blamed, spans)] == [0]
    assert [o.excused for o in outages(both, spans)] == [2]
    assert cells(excused, spans)[-1].failed == 0


def test_an_outage_longer_than_the_control_paths_is_excused_in_part_only() -> None:
    control = told("." * 20 + "r" + "." * 40, id="control", role="control")
    seen = told("." * 20 + "r" * 30 + "." * 9)

    (found,) = outages(seen, excuses(traffic(control)))

    assert 0 < found.excused < found.failed
    assert found.seconds > found.counted_seconds > 2.5


def test_missing_samples_are_not_availability() -> None:
    none = availability(cells(told("mmmmllll")).values())

    assert none.value is None
    assert (none.low, none.high) == (0.0, 1.0)

    some = availability(cells(told("." * 99 + "r" + "m" * 900)).values())

    assert (some.answered, some.observed) == (99, 100)
    assert some.low < 0.99 < some.high


def test_the_smallest_visible_outage_is_the_longest_stretch_without_a_sample() -> None:
    steps = windows(5)

    assert smallest_visible(told(".....", steps), 0) == 0.1
    assert smallest_visible(told(".....", steps), 1) is None


@given(st.one_of(texts, biased), st.lists(st.integers(1, 30), max_size=4))
def test_every_failed_sample_is_in_exactly_one_outage(text: str, steps: list[int]) -> None:
    seen = told(text, windows(*steps))

    found = outages(seen)

    assert sum(o.failed for o in found) == failures(text)
    moments = [s.start for s in story(text) if s.outcome in FAILURES]
    for moment in moments:
        assert sum(o.start <= moment <= o.earliest_end for o in found) == 1
    for outage in found:
        inside = [s for s in story(text) if outage.start <= s.start <= outage.earliest_end]
        assert not any(s.outcome in ANSWERED for s in inside)


@given(st.one_of(texts, biased))
def test_bounds_are_in_order_and_outages_do_not_overlap(text: str) -> None:
    found = outages(told(text))

    for o in found:
        assert (o.earliest_start or o.start) <= o.start <= o.latest_start
        assert o.start <= o.earliest_end <= o.end <= (o.latest_end or o.end)
        assert o.seconds >= 0
    for before, after in pairwise(found):
        assert before.end <= after.start
        assert after.answered_before >= 1


@given(st.one_of(texts, biased))
def test_episodes_merge_by_the_rule_and_lose_nothing(text: str) -> None:
    apart = outages(told(text))

    found = episodes(apart)

    assert sum(e.failed for e in found) == failures(text)
    assert sum(e.outages for e in found) == len(apart)
    sent = [s for s in story(text) if s.outcome in ANSWERED | FAILURES]
    for e in found:
        assert 0 < e.rate <= 1
        assert e.total == sum(e.start <= s.start <= e.earliest_end for s in sent)
    for before, after in pairwise(found):
        between = [s for s in sent if before.earliest_end < s.start < after.start]
        assert sum(s.outcome in ANSWERED for s in between) >= SUCCESSES_BETWEEN


@given(st.one_of(texts, biased), st.lists(st.integers(1, 30), max_size=4))
def test_every_sample_is_counted_once(text: str, steps: list[int]) -> None:
    counted = cells(told(text, windows(*steps))).values()

    assert sum(c.observed + c.unobserved for c in counted) == len(text)
    assert sum(c.answered for c in counted) == sum(LETTERS[c] in ANSWERED for c in text)


@given(st.one_of(texts, biased), st.lists(st.integers(1, 30), max_size=4))
def test_runs_cut_by_windows_change_no_outage(text: str, steps: list[int]) -> None:
    whole = outages(told(text))
    cut = outages(told(text, windows(*steps)))

    assert [(o.start, o.end, o.failed, o.held) for o in whole] == [
        (o.start, o.end, o.failed, o.held) for o in cut
    ]


@given(st.one_of(texts, biased))
def test_traffic_survives_the_ledger(text: str) -> None:
    seen = told(text, windows(10))

    assert msgspec.json.decode(msgspec.json.encode(seen), type=PathTraffic) == seen
    assert sum(r.count for r in runs(story(text))) == len(text)
