"""Discovery away after a destination pod was replaced: explained within bounds, told by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from policies.facts.observations import EndpointMoment, PodMoment
from policies.facts.traffic import Budget
from policies.traffic.away import EXPIRES, FORGOTTEN, known_from
from policies.traffic.beside import AWAY, Beside
from policies.traffic.downtime import within_budget
from policies.verdicts.findings import Verdict
from policies.verdicts.moments import Clock
from suites.policy.traffic_stories import ZERO, at, told, traffic, windows

STEPS = windows(20, 20)
SPARSE: dict[str, Any] = {
    "kind": "http-sparse",
    "interval": FORGOTTEN + 2,
    "identity": "default.shop.serviceaccount.identity.linkerd.cluster.local",
    "source": "meshed by edge-25.4.4",
    "limit": 0.1,
}
LOST = "." * 12 + "t" * 6 + "." * 22
"""Six samples in step 0, and none in step 1."""


def ready(*counts: tuple[float, int]) -> tuple[EndpointMoment, ...]:
    return tuple(EndpointMoment(at=at(n), service="linkerd-dst", ready=r) for n, r in counts)


REPLACED = ready((0, 1), (10, 2), (11, 1))
OLD = PodMoment(
    namespace="linkerd", name="linkerd-destination-1", uid="1", born=ZERO, ended=at(12)
)
BESIDE = Beside(clock=Clock(zero=ZERO), pods=(OLD,), endpoints=REPLACED, discovery_gap=0.7)


def judged(text: str, beside: Beside, *budgets: Budget, **path: Any) -> Verdict:
    seen = told(text, STEPS, **(SPARSE | path))
    return within_budget(traffic(seen, steps=STEPS), budgets, beside)


def test_it_is_explained_named_and_counted() -> None:
    verdict = judged(LOST, BESIDE)

    assert verdict.status == "holds"
    (item,) = verdict.explained
    assert item.explained.startswith(AWAY)
    assert "replaced at 0:01.10" in item.explained
    assert "minReadySeconds" in item.explained
    assert f"{AWAY} for 1 path and step" in verdict.summary


def test_its_end_in_a_later_step_is_explained_too() -> None:
    verdict = judged(
        "." * 16 + "t" * 6 + "." * 18, replace(BESIDE, endpoints=ready((0, 2), (15, 1)))
    )

    assert verdict.status == "holds"
    assert len(verdict.explained) == 2


@pytest.mark.parametrize(
    ("changed", "path", "text"),
    [
        pytest.param({"discovery_gap": 0.0}, {}, LOST, id="nothing is allowed"),
        pytest.param({"discovery_gap": 0.5}, {}, LOST, id="longer than allowed"),
        pytest.param({"endpoints": ()}, {}, LOST, id="nothing was replaced"),
        pytest.param({"endpoints": ready((0, 1), (14, 2))}, {}, LOST, id="a pod came, none went"),
        pytest.param({"endpoints": ready((0, 2), (15, 1))}, {}, LOST, id="it began before"),
        pytest.param(
            {"endpoints": ready((0, 1), (11, 0), (12, 1))}, {}, LOST, id="no destination at all"
        ),
        pytest.param(
            {"endpoints": ready((0, 2), (11, 1), (13, 0), (14, 1))},
            {},
            LOST,
            id="then none at all",
        ),
        pytest.param({}, {"interval": FORGOTTEN}, LOST, id="a Service that is not forgotten"),
        pytest.param({}, {"identity": ""}, LOST, id="an unmeshed client"),
        pytest.param({}, {}, LOST.replace("t", "r"), id="refused: no request for discovery"),
        pytest.param({}, {}, LOST.replace("tt", "tR", 1), id="one that was reset among them"),
        pytest.param({}, {}, LOST[:-4] + "t...", id="another outage later"),
    ],
)
def test_anything_else_is_a_violation(
    changed: dict[str, Any], path: dict[str, Any], text: str
) -> None:
    assert judged(text, replace(BESIDE, **changed), **path).status == "violated"


@pytest.mark.parametrize("every", [0.4, FORGOTTEN, FORGOTTEN + 1])
def test_a_proxy_that_was_asked_too_often_cannot_have_shown_it(every: float) -> None:
    """Samples of a rare path that came more often than meant, since time was held back."""
    seen = told("." * 8, windows(8), **SPARSE)
    last = ZERO + timedelta(seconds=7 * every)
    run = replace(seen.runs[0], count=8, first=ZERO, last=last, last_end=last)
    seen = replace(seen, runs=(run,))

    verdict = within_budget(traffic(seen, steps=windows(8)), (), BESIDE)

    assert verdict.status == "holds"
    said = [i.explained for i in verdict.items if i.subject == AWAY]
    assert bool(said) == (every <= FORGOTTEN)
    assert all(f"asked every {every:.1f} s" in text for text in said)


def test_a_violation_names_step_pods_versions_and_the_table() -> None:
    server = replace(OLD, name="web-1", namespace="shop", proxy_version="edge-25.4.4", uid="2")
    verdict = judged(LOST, replace(BESIDE, pods=(OLD, server), discovery_gap=0.0))

    for text in ("0:01.20 in step 0", "meshed by edge-25.4.4 to", "linkerd-destination-1 ended"):
        assert text in verdict.cause
    assert "linkerd-dst: 2 to 1 ready endpoints at 0:01.10" in verdict.cause
    assert "#episodes" in verdict.next_command
    assert "from 0:01.20 to" in verdict.items[0].seen


def test_proxies_know_the_newest_destination_once_every_answer_has_expired() -> None:
    new = replace(OLD, uid="2", component="destination", ready=at(20), ended=None)
    old = replace(OLD, component="destination")
    other = replace(OLD, uid="3", component="identity", ended=at(99))

    assert known_from([old, new, other]) == at(20) + timedelta(seconds=EXPIRES)
    assert known_from([new], 99.0) == at(20) + timedelta(seconds=99)
    assert known_from([other]) is None


def test_a_quiet_outage_says_that_nothing_was_seen_beside_it() -> None:
    verdict = judged(LOST, Beside(clock=Clock(zero=ZERO)))

    assert "nothing that was watched happened within a second" in verdict.cause
