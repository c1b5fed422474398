from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.data_plane.injection import (
    canary_settled,
    expected_meshed,
    expected_set,
    gap,
    gaps,
    meshed_as_declared,
    should_be_meshed,
    why_not_meshed,
)
from policies.facts.cluster import ClusterFacts, Pod, Selector, Unreadable
from policies.facts.observations import Canary
from suites.policy.builders import (
    FROM,
    NOW,
    SOURCE,
    TO,
    canaries,
    change,
    cluster,
    namespace,
    pod,
    proxy,
    values,
    webhook,
    with_pods,
)

INJECTOR = webhook("proxy-injector")
BARE = pod("new", version=None)


def without_proxy(**fields: Any) -> ClusterFacts:
    return with_pods(cluster(), pod("new", version=None, **fields))


@pytest.mark.parametrize(
    ("fields", "inject", "why"),
    [
        ({}, "enabled", ""),
        ({}, "ingress", ""),
        ({"inject": "enabled"}, "", ""),
        ({"inject": "enabled"}, "disabled", ""),
        ({}, "", "neither pod nor namespace"),
        ({}, "disabled", "of the namespace is disabled"),
        ({"inject": "disabled"}, "enabled", "of the pod is disabled"),
        ({"inject": "true"}, "enabled", "'true', which means nothing"),
        ({}, "yes", "of the namespace is 'yes'"),
        ({"host_network": True}, "enabled", "host's network"),
        ({"udp": True}, "enabled", "UDP"),
        ({"static": True}, "enabled", "static pod"),
        ({"component": "destination"}, "enabled", "does not select the pod"),
        ({"mounts_token": False}, "enabled", ""),
    ],
)
def test_the_injector_decides_by_its_rules(fields: dict[str, Any], inject: str, why: str) -> None:
    seen = why_not_meshed(change(BARE, **fields), namespace("shop", inject), INJECTOR)

    assert (why in seen) if why else not seen


def test_without_token_and_projection_a_pod_is_not_injected() -> None:
    tokenless = change(BARE, mounts_token=False)

    assert not expected_meshed(tokenless, namespace("shop"), INJECTOR, token_projection=False)
    assert expected_meshed(tokenless, namespace("shop"), INJECTOR)


@pytest.mark.parametrize("name", ["kube-system", "cert-manager"])
@pytest.mark.parametrize("hook", [INJECTOR, None], ids=["webhook", "webhook absent"])
def test_excluded_namespaces_are_never_injected(name: str, hook: object) -> None:
    given_hook = INJECTOR if hook else None

    assert not expected_meshed(BARE, namespace(name), given_hook)


def test_a_namespace_that_opts_out_of_webhooks_is_never_injected() -> None:
    labels = (("config.linkerd.io/admission-webhooks", "disabled"),)

    assert not expected_meshed(BARE, namespace("shop", labels=labels), INJECTOR)


def test_an_unknown_namespace_says_nothing() -> None:
    assert not should_be_meshed(BARE, None)
    assert should_be_meshed(change(BARE, inject="enabled"), None)
    assert not should_be_meshed(change(BARE, component="identity"), namespace("shop"))


def test_the_expected_set_is_what_is_meshed_on_a_healthy_cluster() -> None:
    facts = cluster()
    meshed = {p.uid for p in facts.pods if p.proxy and not p.component}

    assert expected_set(facts) == meshed


def test_a_healthy_cluster_is_meshed_as_declared() -> None:
    verdict = meshed_as_declared(cluster())

    assert verdict.status == "holds"
    assert not verdict.items


def test_a_pod_without_the_proxy_it_asks_for_is_a_violation() -> None:
    verdict = meshed_as_declared(without_proxy())

    assert [i.subject for i in verdict.violations] == ["pod shop/new"]
    assert verdict.next_command == "kubectl -n shop rollout restart deployment/web"


def test_a_bare_pod_has_to_be_created_again() -> None:
    applied = with_pods(cluster(), pod("lone", kind="", version=None, applied=True))
    other = with_pods(cluster(), pod("lone", kind="", version=None))

    assert meshed_as_declared(applied).next_command.startswith("kubectl -n shop delete pod lone")
    assert meshed_as_declared(other).next_command.startswith("kubectl -n shop get pod lone")


def test_a_proxy_nobody_asked_for_is_a_violation() -> None:
    facts = with_pods(cluster(), pod("sly", within="plain", inject=""))

    assert "neither pod nor namespace" in meshed_as_declared(facts).violations[0].expected


def test_a_proxy_injected_by_hand_is_explained() -> None:
    by_hand = proxy(SOURCE, injected_by=f"linkerd/cli {SOURCE}")
    verdict = meshed_as_declared(
        with_pods(cluster(), pod("sly", within="plain", inject="", proxy=by_hand))
    )

    assert verdict.status == "holds"
    assert verdict.explained


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_ended_without_a_proxy_is_explained(phase: str) -> None:
    verdict = meshed_as_declared(without_proxy(phase=phase))

    assert verdict.status == "holds"
    assert phase in verdict.explained[0].explained


def test_deleted_and_ignored_pods_do_not_count() -> None:
    assert not meshed_as_declared(without_proxy(deleting=True)).items
    assert not meshed_as_declared(without_proxy(), ignore_namespaces=("shop",)).items


def test_unprojected_tokens_are_read_from_the_values() -> None:
    facts = without_proxy(mounts_token=False)
    assert facts.config
    told = values(SOURCE, identity__serviceAccountTokenProjection="false")
    unprojected = change(facts, config=change(facts.config, values=told))

    assert meshed_as_declared(facts).status == "violated"
    assert meshed_as_declared(unprojected).status == "holds"


def test_a_selector_over_labels_not_read_is_not_assessed() -> None:
    facts = cluster()
    picky = change(INJECTOR, object_selector=Selector(match_labels=(("team", "a"),)))

    assert meshed_as_declared(change(facts, webhooks=(picky,))).status == "not assessed"


def test_without_pods_it_is_not_assessed() -> None:
    hidden = (Unreadable(resource="pods", reason="forbidden"),)

    assert meshed_as_declared(change(cluster(), unreadable=hidden)).status == "not assessed"


@st.composite
def pods(draw: st.DrawFn) -> Pod:
    """A pod on which the rules may disagree with each other."""
    flags: dict[str, Any] = {f: draw(st.booleans()) for f in ("host_network", "udp", "static")}
    return pod(
        "p",
        version=draw(st.sampled_from([SOURCE, None])),
        within=draw(st.sampled_from(["shop", "plain", "kube-system", "linkerd", "nowhere"])),
        inject=draw(st.sampled_from(["", "enabled", "ingress", "disabled", "what"])),
        **flags,
    )


@given(pods())
def test_the_fast_loop_agrees_with_the_rule(one: Pod) -> None:
    facts = cluster()
    namespaces = {n.name: n for n in facts.namespaces}
    should = expected_meshed(one, namespaces.get(one.namespace), INJECTOR)
    verdict = meshed_as_declared(with_pods(facts, one))

    assert (verdict.status == "holds") == (should == (one.proxy is not None))


def test_no_gap_holds() -> None:
    assert gap(canaries(["injected"] * 4), budget_seconds=60).status == "holds"


def test_a_gap_lasts_until_the_first_pod_injected_again() -> None:
    (found,) = gaps(canaries(["injected", *["unmeshed"] * 8, "injected"]))

    assert (found.seconds, found.unmeshed, found.closed) == (2.0, 8, True)
    assert (found.first, found.last) == ("canary-1", "canary-8")


def test_a_short_gap_holds_and_is_reported() -> None:
    caught = pod("caught", version=None, created=NOW + timedelta(seconds=1))
    seen = canaries(["injected", *["unmeshed"] * 8, *["refused"] * 2, "injected"])
    verdict = gap(seen, budget_seconds=60, pods=[caught, pod("fine")])

    assert verdict.status == "holds"
    assert "8 unmeshed and 2 refused" in verdict.explained[0].seen
    assert "shop/caught" in verdict.explained[0].seen
    assert "shop/fine" not in verdict.explained[0].seen


def test_a_long_gap_is_a_violation() -> None:
    verdict = gap(canaries(["injected", *["refused"] * 300, "injected"]), budget_seconds=60)

    assert verdict.status == "violated"
    assert "75.0 s" in verdict.summary
    assert "x509" in verdict.seen


@pytest.mark.parametrize(
    ("bad", "silent", "status"),
    [(200, 100, "not assessed"), (300, 100, "violated"), (236, 6, "violated"), (9, 9, "holds")],
)
def test_a_gap_whose_end_nobody_asked_for_is_judged_by_what_is_sure(
    bad: int, silent: int, status: str
) -> None:
    seen = canaries(["injected", *["refused"] * bad, *["unobserved"] * silent, "injected"])
    verdict = gap(seen, budget_seconds=60)

    assert verdict.status == status
    assert ("lower --speed" in verdict.reason) == (status == "not assessed")


def test_an_open_gap_counts_as_far_as_it_was_seen() -> None:
    (found,) = gaps(canaries(["injected", *["unmeshed"] * 5]))

    assert (found.seconds, found.closed) == (1.0, False)


@pytest.mark.parametrize("seen", [(), canaries(["unobserved"] * 9)], ids=["none", "unobserved"])
def test_without_an_observed_canary_the_gap_is_not_assessed(seen: tuple[Canary, ...]) -> None:
    assert gap(seen, budget_seconds=60).status == "not assessed"


OUTCOMES = st.lists(st.sampled_from(["injected", "unmeshed", "refused", "unobserved"]))


@given(OUTCOMES)
def test_unobserved_canaries_neither_open_nor_close_a_gap(outcomes: list[str]) -> None:
    seen = canaries(outcomes)
    observed = tuple(c for c in seen if c.outcome != "unobserved")

    assert gaps(seen) == gaps(observed)


@given(OUTCOMES, st.randoms(use_true_random=False))
def test_gaps_hold_each_bad_canary_once_in_any_order(outcomes: list[str], mix: Random) -> None:
    seen = list(canaries(outcomes))
    bad = sum(1 for c in seen if c.outcome in ("unmeshed", "refused"))
    found = gaps(seen)
    mix.shuffle(seen)

    assert gaps(seen) == found
    assert sum(g.count for g in found) == bad
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_canaries_settle_when_the_last_ones_agree() -> None:
    good = canaries(["injected"] * 3)

    assert canary_settled(good, TO, 3)
    assert not canary_settled(good[:2], TO, 3)
    assert not canary_settled(good, FROM, 3)
    assert not canary_settled((*good, *canaries(["unmeshed"])), TO, 3)
    assert canary_settled((*good, *canaries(["unobserved"])), TO, 3)


def leaving(**fields: Any) -> tuple[ClusterFacts, ClusterFacts]:
    """A workload that was meshed, and whose pod is now without a proxy."""
    before = with_pods(cluster(), pod("a", "leaver"))
    return before, with_pods(cluster(), pod("b", "leaver", version=None, **fields))


@pytest.mark.parametrize("fields", [{"host_network": True}, {"udp": True}])
def test_a_workload_that_left_the_mesh_is_a_violation_though_no_rule_is_broken(
    fields: dict[str, object],
) -> None:
    before, after = leaving(inject="enabled", **fields)

    assert meshed_as_declared(after).status == "holds"
    verdict = meshed_as_declared(after, baseline=before)
    assert [i.subject for i in verdict.violations] == ["Deployment shop/leaver"]


def test_a_workload_that_says_disabled_is_explained() -> None:
    before, after = leaving(inject="disabled")
    verdict = meshed_as_declared(after, baseline=before)

    assert verdict.status == "holds"
    assert "says so itself" in verdict.explained[-1].explained


def test_what_others_would_decide_on_the_real_cluster_is_explained() -> None:
    before, after = leaving(inject="enabled", host_network=True)
    verdict = meshed_as_declared(after, baseline=before, elsewhere=["webhook kyverno"])

    assert verdict.status == "holds"
    assert "webhook kyverno" in verdict.explained[-1].explained


def test_a_workload_that_was_not_meshed_throughout_leaves_nothing() -> None:
    before, after = leaving(inject="enabled", host_network=True)
    partly = with_pods(before, pod("c", "leaver", version=None))

    assert meshed_as_declared(after, baseline=partly).status != "violated"
