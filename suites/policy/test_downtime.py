from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from policies.facts.observations import PodMoment
from policies.facts.traffic import Budget, SelfTest, StreamEnd, Traffic
from policies.traffic import downtime
from policies.verdicts.findings import Verdict
from suites.policy.traffic_stories import answers, at, told, traffic, windows

STEPS = windows(20, 20)
HEALTHY = told("." * 40, STEPS)


def within(text: str, *budgets: Budget, steps: int = 20) -> Verdict:
    found = windows(steps, 40 - steps)
    return downtime.within_budget(traffic(told(text, found), steps=found), budgets)


def test_a_path_that_answers_holds_and_says_what_it_would_have_shown() -> None:
    found = downtime.within_budget(traffic(HEALTHY, steps=STEPS))

    assert found.status == "holds"
    assert "0.100 s" in found.seen


@pytest.mark.parametrize("letter", "rRt5w")
def test_one_failed_sample_is_beyond_a_budget_of_nothing(letter: str) -> None:
    found = within("." * 25 + letter + "." * 14)

    assert found.status == "violated"
    assert "step 1" in found.items[0].subject
    assert "1 of 20" in found.items[0].seen


@pytest.mark.parametrize(
    ("budget", "wanted"),
    [
        (Budget(longest_outage=0.35), "holds"),
        (Budget(longest_outage=0.25), "violated"),
        (Budget(failed_samples=3), "holds"),
        (Budget(failed_samples=2), "violated"),
        (Budget(failed_ratio=0.15), "holds"),
        (Budget(failed_ratio=0.14), "violated"),
        (Budget(failed_samples=3, longest_outage=0.1), "violated"),
        (Budget(step="step 0", failed_samples=9), "violated"),
        (Budget(step="step ?", kind="http-*", path="w*", failed_samples=9), "holds"),
        (Budget(), "violated"),
    ],
)
def test_budgets_allow_what_they_say(budget: Budget, wanted: str) -> None:
    assert within("." * 25 + "rrr" + "." * 12, budget).status == wanted


def test_the_first_budget_that_fits_counts() -> None:
    strict, loose = Budget(path="web"), Budget(failed_samples=9)

    assert within("." * 25 + "r" + "." * 14, strict, loose).status == "violated"
    assert within("." * 25 + "r" + "." * 14, loose, strict).status == "holds"


def test_a_budget_that_fits_nothing_is_named() -> None:
    found = downtime.unknown_budgets(
        [Budget(step="control_plane"), Budget(path="web*"), Budget(kind="grpc")],
        steps=["control_plane_upgraded"],
        paths=["web-new"],
        kinds=["tcp"],
    )

    assert [text.split(":")[0] for text in found] == ["step control_plane", "kind grpc"]


def test_fewer_than_three_samples_are_not_assessed_there() -> None:
    found = within("." * 40, steps=38)

    assert found.status == "holds"
    assert [(i.seen, i.explained) for i in found.items] == [
        ("2 samples", "not assessed there: too few samples")
    ]
    assert within("..").status == "not assessed"


def test_a_step_that_nobody_watched_is_not_a_pass() -> None:
    found = within("." * 20)

    assert found.status == "not assessed"
    assert "step 1" in found.reason


def test_what_follows_the_end_of_a_killed_prober_is_not_a_pass() -> None:
    killed = msgspec.structs.replace(told("." * 30, STEPS), cut_off=True)

    found = downtime.within_budget(traffic(HEALTHY, killed, steps=STEPS))

    assert found.status == "not assessed"
    assert "killed" in found.reason


def test_what_was_lost_counts_however_few_were_asked_in_that_step() -> None:
    found = within("." * 38 + "r.", steps=38)

    assert found.status == "violated"
    assert "1 of 2 samples failed" in found.items[0].seen


def test_a_sparse_path_is_judged_over_all_steps_together() -> None:
    short = windows(2, 2, 2)

    whole = downtime.within_budget(traffic(told("." * 6, short), steps=short))
    lost = downtime.within_budget(traffic(told("...r..", short), steps=short))
    once = downtime.within_budget(traffic(told("..", short), steps=short))

    assert whole.status == "holds"
    assert lost.status == "violated"
    assert once.status == "not assessed"


def test_an_excused_stretch_is_never_a_pass() -> None:
    control = told("." * 25 + "rrr" + "." * 12, STEPS, id="control", role="control")
    excused = told("." * 26 + "r" + "." * 13, STEPS)
    blamed = told("." * 5 + "r" + "." * 34, STEPS, id="other")

    only = downtime.within_budget(traffic(control, excused, steps=STEPS))
    both = downtime.within_budget(traffic(control, excused, blamed, steps=STEPS))

    assert only.status == "not assessed"
    assert "step 1" in only.reason
    assert both.status == "violated"


def test_a_path_that_could_not_be_probed_is_not_assessed_and_hides_no_other() -> None:
    http2 = told("", STEPS, id="h2", kind="http2", unavailable="h2 is not here")

    beside = downtime.within_budget(traffic(HEALTHY, http2, steps=STEPS))
    alone = downtime.within_budget(traffic(http2, steps=STEPS))

    assert beside.status == "holds"
    assert [i.explained for i in beside.items] == ["not assessed: h2 is not here"]
    assert alone.status == "not assessed"
    assert "h2 is not here" in alone.reason


UNPROBED = [
    told("", STEPS, id=kind, kind=kind, unavailable="h2 is not here") for kind in ("http2", "grpc")
]


def test_paths_that_were_not_probed_are_not_counted_as_paths_that_lost_nothing() -> None:
    found = downtime.within_budget(traffic(HEALTHY, *UNPROBED, steps=STEPS))

    assert found.summary == (
        "No path lost more than its budget (1 path; 2 not probed: h2 is not here)"
    )
    assert "http2" not in found.seen, "it would have shown nothing, since it was not asked"


@pytest.mark.parametrize(
    ("budget", "wanted"),
    [
        (Budget(kind="grpc", failed_samples=1), "not assessed"),
        (Budget(kind="g*", failed_samples=1), "holds"),
        (Budget(kind="http-new", failed_samples=1), "holds"),
    ],
)
def test_a_budget_that_names_a_kind_which_was_not_probed_is_not_kept(
    budget: Budget, wanted: str
) -> None:
    seen = traffic(HEALTHY, *UNPROBED, steps=STEPS)
    lost = traffic(told("." * 25 + "rr" + "." * 13, STEPS), *UNPROBED, steps=STEPS)

    found = downtime.within_budget(seen, [budget])

    assert found.status == wanted
    assert wanted == "holds" or "path grpc" in found.reason
    assert downtime.within_budget(lost, [budget]).status == ("violated"), (
        "what was lost elsewhere is said all the same"
    )


def test_a_latency_budget_of_a_kind_that_was_not_probed_is_not_kept() -> None:
    latency = [answers(0, "web-1", 0.01), answers(1, "web-1", 0.01)]
    seen = traffic(told("." * 40, STEPS, latency=latency), *UNPROBED, steps=STEPS)

    found = downtime.latency_within_budget(seen, [Budget(kind="grpc", latency_p99=0.5)])

    assert found.status == "not assessed"
    assert downtime.latency_within_budget(seen, [Budget(kind="grpc")]).status == "holds"


def test_the_detector_must_have_seen_an_outage_made_on_purpose() -> None:
    seen = traffic(HEALTHY, steps=STEPS)

    assert downtime.self_test_seen(seen).status == "holds"


@pytest.mark.parametrize(
    ("start", "end"),
    [(20, 25), (3, 9.5), (4.5, 12)],
    ids=["none there", "starts too late", "ends too early"],
)
def test_a_detector_that_is_blind_or_inexact_voids_the_run(start: float, end: float) -> None:
    hour = timedelta(hours=1)
    test = SelfTest(path="self-test", start=at(start) - hour, end=at(end) - hour)
    seen = msgspec.structs.replace(traffic(HEALTHY, steps=STEPS), self_tests=(test,))

    assert downtime.self_test_seen(seen).status == "violated"
    for control in (
        downtime.within_budget,
        downtime.streams_end_gracefully,
        downtime.identity_on_every_sample,
        downtime.latency_within_budget,
    ):
        assert control(seen).status == "not assessed"


def test_without_a_self_test_nothing_is_assessed() -> None:
    seen = msgspec.structs.replace(traffic(HEALTHY, steps=STEPS), self_tests=())

    assert downtime.self_test_seen(seen).status == "not assessed"
    assert downtime.within_budget(seen).status == "not assessed"
    assert downtime.within_budget(Traffic()).status == "not assessed"


def stream(*ends: StreamEnd) -> Traffic:
    return traffic(told("." * 40, STEPS, kind="sse", ends=ends), steps=STEPS)


def pod(ended: float | None) -> PodMoment:
    gone = None if ended is None else at(ended)
    return PodMoment(namespace="shop", name="web-1", uid="1", born=at(0), ended=gone)


def test_streams_that_end_gracefully_with_their_pod_hold() -> None:
    seen = stream(StreamEnd(at=at(10), server="web-1", how="graceful"))

    assert downtime.streams_end_gracefully(seen).status == "holds"
    assert downtime.streams_end_gracefully(seen, [pod(50)]).status == "holds"


def test_a_stream_that_ends_while_its_pod_goes_on_is_cut() -> None:
    seen = stream(StreamEnd(at=at(10), server="web-1", how="graceful"))

    assert downtime.streams_end_gracefully(seen, [pod(None)]).status == "violated"


@pytest.mark.parametrize("how", ["reset", "timeout"])
def test_a_stream_that_is_reset_is_cut(how: str) -> None:
    seen = stream(msgspec.convert({"at": at(10), "how": how, "server": "web-1"}, StreamEnd))

    assert downtime.streams_end_gracefully(seen, [pod(10)]).status == "violated"


def test_a_stream_cut_while_the_control_path_failed_is_not_assessed() -> None:
    cut = told("." * 40, STEPS, kind="tcp", ends=[StreamEnd(at=at(10), how="reset")])
    control = told("." * 10 + "r" + "." * 29, STEPS, id="control", role="control")

    found = downtime.streams_end_gracefully(traffic(cut, control, steps=STEPS))

    assert found.status == "not assessed"


def test_what_a_slow_machine_gave_up_is_not_assessed_and_hides_no_other() -> None:
    assert "lower --speed" in within("....ss....").reason
    assert within("....ss..rr").status == "violated"


def test_a_stream_that_a_slow_machine_gave_up_is_not_assessed_and_hides_no_other() -> None:
    given_up = StreamEnd(at=at(5), server="web-1", how="timeout", starved=True)
    cut = StreamEnd(at=at(7), server="web-1", how="reset")

    alone = downtime.streams_end_gracefully(stream(given_up), [pod(None)])
    assert (alone.status, "lower --speed" in alone.reason) == ("not assessed", True)
    both = downtime.streams_end_gracefully(stream(given_up, cut), [pod(None)])
    assert both.status == "violated"


def test_without_a_stream_nothing_is_said_of_streams() -> None:
    assert downtime.streams_end_gracefully(traffic(HEALTHY)).status == "not assessed"


def test_identity_is_judged_on_every_answer_of_meshed_paths() -> None:
    good = told("." * 40, STEPS, identity="web.shop")
    bad = told("." * 10 + "ii" + "." * 28, STEPS, identity="web.shop")

    assert downtime.identity_on_every_sample(traffic(good)).status == "holds"
    found = downtime.identity_on_every_sample(traffic(bad))
    assert found.status == "violated"
    assert "2 answers" in found.items[0].seen
    assert downtime.identity_on_every_sample(traffic(HEALTHY)).status == "not assessed"


@pytest.mark.parametrize(
    ("slow", "budget", "wanted"),
    [
        (0.09, Budget(), "holds"),
        (0.6, Budget(), "violated"),
        (0.6, Budget(latency_p99=0.7), "holds"),
        (0.02, Budget(latency_p99=0.005), "violated"),
    ],
)
def test_latency_is_judged_against_its_budget(slow: float, budget: Budget, wanted: str) -> None:
    latency = [answers(0, "web-1", 0.01), answers(1, "web-1", 0.01), answers(1, "web-2", slow)]
    seen = traffic(told("." * 40, STEPS, latency=latency), steps=STEPS)

    found = downtime.latency_within_budget(seen, [budget], {"web-1": "old", "web-2": "new"})

    assert found.status == wanted
    if slow == 0.6 and wanted == "violated":
        assert [i.subject for i in found.items] == ["path web in step 1, server proxy new"]


def test_what_answers_take_on_a_simulated_network_is_no_latency() -> None:
    latency = [answers(0, "web-1", 0.01), answers(1, "web-1", 9.0)]
    seen = traffic(told("." * 40, STEPS, latency=latency), steps=STEPS)

    found = downtime.latency_within_budget(seen, simulated=True)

    assert found.status == "not assessed"
    assert "simulated network" in found.reason
    assert downtime.latency_within_budget(seen).status == "violated"


def test_a_handful_of_answers_makes_no_percentile() -> None:
    few = [answers(0, "web-1", 5.0, count=3)]
    seen = traffic(told("." * 40, STEPS, latency=few), steps=STEPS)

    assert downtime.latency_within_budget(seen).status == "not assessed"
