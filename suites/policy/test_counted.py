"""Workloads that lost requests are named by what their own proxies counted (TRF-06)."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts.proxy_counters import ProxyCount, ProxyCounts
from policies.traffic.counted import MEASURES, Tally, tail, workloads_lost_nothing
from policies.verdicts.findings import Verdict

AT = datetime(2026, 8, 21, 12, 0, tzinfo=UTC)
WEB = "Deployment shop/web"


def count(uid: str = "a", workload: str = WEB, **counted: int) -> ProxyCount:
    return ProxyCount(uid=uid, pod=f"shop/{uid}", workload=workload, **counted)


def reading(step: str, *proxies: ProxyCount, **more: Any) -> ProxyCounts:
    return ProxyCounts(at=AT, step=step, hop="hop 1: a -> b", proxies=proxies, **more)


def judged(*readings: ProxyCounts) -> Verdict:
    return workloads_lost_nothing(readings)


BEFORE = reading("preflighted", count(received=1000, received_5xx=10))


def test_the_same_share_of_failures_holds_and_is_explained() -> None:
    verdict = judged(BEFORE, reading("settled", count(received=2000, received_5xx=21)))

    assert verdict.status == "holds"
    (item,) = verdict.items
    assert item.subject == f"{WEB} in settled, hop 1"
    assert "11 of 1000 requests answered with 5xx; 10 of 1000 requests before" in item.seen
    assert "chance" in item.explained


@pytest.mark.parametrize(
    "lost",
    [
        {"received": 2000, "received_5xx": 110},
        {"received": 2000, "received_5xx": 10, "refused": 100},
        {"received": 2000, "received_5xx": 10, "sent": 500, "sent_5xx": 100},
        {"received": 2000, "received_5xx": 10, "sent": 500, "failfast": 50},
        {"received": 2000, "received_5xx": 10, "sent": 500, "lost": 50},
    ],
)
def test_a_workload_that_lost_more_is_named_with_its_step(lost: dict[str, Any]) -> None:
    before = reading("preflighted", count(received=1000, received_5xx=10, sent=300))

    verdict = judged(before, reading("data_plane_upgraded", count(**lost)))

    assert verdict.status == "violated"
    assert [i.subject for i in verdict.violations] == [f"{WEB} in data_plane_upgraded, hop 1"]
    assert verdict.next_command == "linkerd diagnostics proxy-metrics -n shop deployment/web"


def test_other_workloads_are_not_accused() -> None:
    other = "StatefulSet shop/store"
    verdict = judged(
        reading("preflighted", count(received=500), count("b", other, received=500)),
        reading("settled", count(received=900), count("b", other, received=900, received_5xx=90)),
    )

    assert [i.subject for i in verdict.violations] == [f"{other} in settled, hop 1"]


def test_new_pods_count_from_nothing_and_a_proxy_that_restarted_does_too() -> None:
    verdict = judged(
        reading("preflighted", count(received=1000)),
        reading("data_plane_upgraded", count(received=1000), when="during"),
        reading("data_plane_upgraded", count("new", received=300, received_5xx=40)),
        reading("settled", count("new", received=100, received_5xx=30)),
    )

    assert {i.seen.partition(";")[0] for i in verdict.violations} == {
        "40 of 300 requests answered with 5xx",
        "30 of 100 requests answered with 5xx",
    }


def test_a_failure_of_long_ago_is_no_step_s() -> None:
    old = count(received=5000, received_5xx=400)

    verdict = judged(reading("preflighted", old), reading("settled", old))

    assert verdict.status == "not assessed"
    assert "counted no request" in verdict.reason


def test_a_workload_without_a_past_is_not_accused() -> None:
    verdict = judged(
        reading("preflighted", count(received=10)),
        reading("settled", count(received=50), count("n", "Job shop/new", received=9, lost=3)),
    )

    assert verdict.status == "holds"
    assert "nothing was counted before" in verdict.explained[0].explained


def test_without_a_reading_the_reason_is_told() -> None:
    reason = "proxies cannot be asked: no right to get pods/proxy"

    assert judged().status == "not assessed"
    assert judged(reading("settled", reason=reason)).reason == reason


def test_a_workload_that_was_never_read_is_told() -> None:
    unread = (("DaemonSet shop/agent", "its proxy did not answer"), (WEB, "once"))
    verdict = judged(BEFORE, reading("settled", count(received=1500), unread=unread, left_out=7))

    assert verdict.status == "holds"
    assert [i.subject for i in verdict.explained] == [
        "DaemonSet shop/agent",
        "7 further pods of large workloads",
    ]


def test_many_comparisons_do_not_make_an_alarm_by_chance() -> None:
    workloads = [f"Deployment shop/w{n}" for n in range(200)]
    failures = [4 if n == 0 else 2 for n in range(200)]  # of 100, where 2 of 100 are usual
    before = reading(
        "preflighted", *(count(w, w, received=100, received_5xx=2) for w in workloads)
    )
    after = reading(
        "settled",
        *(
            count(w, w, received=200, received_5xx=2 + n)
            for w, n in zip(workloads, failures, strict=True)
        ),
    )

    assert judged(before, after).status == "holds"


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_the_tail_is_the_hypergeometric_one(
    failed: int, well: int, failed_now: int, well_now: int
) -> None:
    before, now = Tally(failed, failed + well), Tally(failed_now, failed_now + well_now)
    every, lost = before.asked + now.asked, before.failed + now.failed
    exact = sum(
        (
            Fraction(comb(now.asked, k) * comb(before.asked, lost - k), comb(every, lost))
            for k in range(now.failed, min(lost, now.asked) + 1)
            if lost - k <= before.asked
        ),
        Fraction(0),
    )

    found = tail(before, now)

    if now.failed * every > now.asked * lost:
        assert found == pytest.approx(float(exact), rel=1e-9)
    else:
        assert found == 1.0


def test_millions_of_requests_are_compared_in_no_time() -> None:
    assert tail(Tally(50_000, 50_000_000), Tally(60_000, 50_000_000)) < 1e-50
    assert tail(Tally(50_000, 50_000_000), Tally(50_010, 50_000_000)) > 0.1


def test_each_measure_is_a_part_of_what_was_asked() -> None:
    full = count(received=9, received_5xx=3, refused=2, sent=8, sent_5xx=1, failfast=4, lost=5)

    assert all(0 <= m.failed(full) <= m.asked(full) for m in MEASURES)
