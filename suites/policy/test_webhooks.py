from __future__ import annotations

import pytest

from policies.controls.control_plane.webhooks import answer_and_inject, inject_target
from policies.facts.observations import Canary
from suites.policy.builders import (
    SOURCE,
    TARGET,
    TO,
    bundle,
    canaries,
    certificate,
    change,
    cluster,
)

GOOD = canaries(["injected"] * 4)


def test_healthy_webhooks_answer_and_inject() -> None:
    assert answer_and_inject(cluster(TARGET), GOOD, TO).status == "holds"


def test_an_injector_that_stays_old_is_a_violation() -> None:
    old = canaries(["injected"] * 4, version=SOURCE)
    verdict = answer_and_inject(cluster(TARGET), old, TO)

    assert verdict.status == "violated"
    assert f"proxy {SOURCE}" in verdict.seen


def test_a_new_image_by_an_old_injector_is_a_violation() -> None:
    mixed = tuple(change(c, injected_by=f"linkerd/proxy-injector {SOURCE}") for c in GOOD)

    assert inject_target(mixed, TO).status == "violated"


@pytest.mark.parametrize("outcome", ["unmeshed", "refused"])
def test_only_the_last_canaries_count(outcome: str) -> None:
    bad = canaries([outcome] * 9)
    late = tuple(change(c, at=c.at.replace(hour=13)) for c in GOOD)

    assert inject_target((*late, *bad), TO).status == "holds"
    assert inject_target((*GOOD, *(change(c, at=c.at.replace(hour=14)) for c in bad)), TO).items


@pytest.mark.parametrize("seen", [(), canaries(["unobserved"] * 5)], ids=["none", "unobserved"])
def test_without_an_observed_canary_it_is_not_assessed(seen: tuple[Canary, ...]) -> None:
    assert inject_target(seen, TO).status == "not assessed"
    assert answer_and_inject(cluster(TARGET), seen, TO).status == "not assessed"


def test_a_broken_trust_is_a_violation_even_without_canaries() -> None:
    facts = cluster(TARGET)
    broken = change(facts.webhooks[0], ca_bundle=bundle("x", certificate("stranger")))
    verdict = answer_and_inject(change(facts, webhooks=(broken,)), (), TO)

    assert verdict.status == "violated"


def test_a_webhook_without_a_ready_endpoint_is_a_violation() -> None:
    facts = cluster(TARGET)
    gone = change(facts, endpoints=facts.endpoints[1:])
    verdict = answer_and_inject(gone, GOOD, TO)

    assert "none behind Service linkerd/linkerd-proxy-injector" in verdict.seen
