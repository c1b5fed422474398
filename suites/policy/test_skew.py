from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts.cluster import ClusterFacts, Proxy, Unreadable
from policies.facts.observations import Sighting
from policies.releases.versions import Order, compare, logical, newer_than_known, parse
from policies.skew.rule import (
    control_plane_versions,
    judge,
    may_move_to,
    never_more_than_one,
    no_proxy_ahead,
)
from suites.policy import strategies as sts

if TYPE_CHECKING:
    from collections.abc import Iterable


def seen(control_plane: Iterable[str], *proxies: tuple[str, int], second: int = 0) -> Sighting:
    return Sighting(
        at=sts.NOW + timedelta(seconds=second),
        control_plane=tuple(control_plane),
        proxies=proxies,
    )


@given(sts.versions, sts.versions)
def test_within_means_at_most_one_logical_version_and_never_ahead(upper: str, lower: str) -> None:
    control_plane, proxy = parse(upper), parse(lower)
    skew = judge(control_plane, proxy)
    if not skew.safe:
        assert skew.reason
        return
    if control_plane == proxy:
        assert control_plane.known
        return
    above, below = logical(control_plane), logical(proxy)
    assert above is not None
    assert below is not None
    assert above.minor - below.minor in (0, 1)
    assert compare(control_plane, proxy) is not Order.LESS
    assert not newer_than_known(control_plane)


@given(sts.strange, sts.versions)
def test_what_was_never_seen_is_unknown_on_either_side(text: str, other: str) -> None:
    assert judge(parse(text), parse(other)).state == "unknown"
    assert judge(parse(other), parse(text)).state == "unknown"
    assert judge(parse(text), parse(text)).state == "unknown"


@given(sts.edges, sts.edges)
def test_two_edges_are_judged_by_their_order(a: str, b: str) -> None:
    control_plane, proxy = parse(a), parse(b)
    above, below = logical(control_plane), logical(proxy)
    assert above is not None
    assert below is not None
    expected = "within" if above.minor - below.minor <= 1 else "too far"
    if control_plane.numbers < proxy.numbers:
        expected = "ahead"
    assert judge(control_plane, proxy).state == expected


@pytest.mark.parametrize(
    ("control_plane", "proxy", "state"),
    [
        ("edge-25.10.7", "edge-25.4.4", "within"),
        ("edge-25.10.7", "edge-25.4.3", "too far"),
        ("edge-25.4.4", "edge-25.5.1", "ahead"),
        ("edge-25.4.4", "edge-25.10.7", "ahead"),
        ("edge-24.2.4", "stable-2.14.10", "within"),
        ("edge-24.2.4", "stable-2.13.7", "too far"),
        ("edge-24.1.1", "stable-2.14.10", "within"),
        ("stable-2.14.10", "edge-24.1.1", "within"),
        ("enterprise-2.18.1", "enterprise-2.18.2", "ahead"),
        ("enterprise-2.18.1", "enterprise-2.16.0", "too far"),
        ("edge-27.1.1", "edge-26.6.3", "unknown"),
        ("edge-27.1.1", "edge-25.4.4", "too far"),
        ("edge-27.1.1", "edge-27.1.1", "within"),
        ("edge-27.1.1", "edge-27.2.1", "ahead"),
        ("edge-26.8.3", "edge-27.1.1", "ahead"),
        ("enterprise-2.22.0", "edge-27.1.1", "unknown"),
        ("enterprise-3.0.0", "edge-26.6.3", "unknown"),
        ("git-abc", "git-abc", "within"),
        ("git-abc", "git-def", "unknown"),
        ("edge-25.4.4", "", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_pairs_that_are_easy_to_get_wrong(control_plane: str, proxy: str, state: str) -> None:
    assert judge(parse(control_plane), parse(proxy)).state == state


def test_moving_the_control_plane_is_judged_for_every_proxy() -> None:
    proxies = [parse("edge-25.4.4"), parse("edge-24.11.8")]
    assert not may_move_to(parse("edge-25.4.4"), proxies)
    (against,) = may_move_to(parse("edge-25.10.7"), proxies)
    assert against.state == "too far"
    assert [s.state for s in may_move_to(parse("edge-25.10.7"), [parse("mine")])] == ["unknown"]


@given(sts.clusters, sts.histories())
def test_a_verdict_that_holds_has_only_safe_pairs(
    facts: ClusterFacts, history: tuple[Sighting, ...]
) -> None:
    far, ahead = never_more_than_one(history, facts), no_proxy_ahead(facts, history)
    upper = control_plane_versions(facts)
    proxies = [p.proxy.version for p in facts.pods if p.namespace == "shop" and p.proxy]
    now = [judge(c, parse(text)).state for c in upper for text in proxies]
    then = [
        judge(parse(c), parse(proxy)).state
        for s in history
        for proxy, number in s.proxies
        if number
        for c in s.control_plane
    ]
    if far.status == "holds":
        assert not {"too far", "unknown"} & {*now, *then}
    if ahead.status == "holds":
        assert not {"ahead", "unknown"} & set(now)
    if "too far" in (*now, *then):
        assert far.status == "violated"
    if "ahead" in now:
        assert ahead.status == "violated"


@given(st.lists(sts.strange, min_size=1, max_size=4))
def test_an_unknown_proxy_is_never_fine(proxies: list[str]) -> None:
    facts = sts.cluster("edge-25.4.4", proxies)
    for verdict in (never_more_than_one([], facts), no_proxy_ahead(facts)):
        assert verdict.status == "not assessed"
        assert "cannot be placed" in verdict.reason


def test_a_certain_violation_outweighs_an_unknown_version() -> None:
    facts = sts.cluster("edge-25.10.7", ["mine", "edge-24.11.8"])
    assert never_more_than_one([], facts).status == "violated"


def test_only_a_finished_job_is_explained() -> None:
    old = "edge-24.11.8"
    finished = sts.pod(old, name="report-1", job=True, ended=True)
    running = sts.pod(old, name="report-2", job=True)
    pinned = sts.pod(old, name="pinned-1", pinned=old)
    alone = never_more_than_one([], sts.cluster("edge-25.10.7", [finished]))
    assert alone.status == "holds"
    assert len(alone.explained) == 1
    both = never_more_than_one([], sts.cluster("edge-25.10.7", [finished, running, pinned]))
    assert both.status == "violated"
    assert {i.subject for i in both.violations} == {"pod shop/report-2", "pod shop/pinned-1"}


def test_a_moment_too_far_is_violated_though_all_is_well_now() -> None:
    facts = sts.cluster("edge-25.10.7", ["edge-25.10.7"])
    history = [
        seen(["edge-25.4.4"], ("edge-24.11.8", 3)),
        seen(["edge-25.4.4", "edge-25.10.7"], ("edge-24.11.8", 2), second=5),
        seen(["edge-25.10.7"], ("edge-25.10.7", 3), second=9),
    ]
    verdict = never_more_than_one(history, facts)
    assert verdict.status == "violated"
    (item,) = verdict.items
    assert item.subject == "up to 2 pods with proxy edge-24.11.8"
    assert "12:00:05" in item.seen
    assert never_more_than_one(history[:1], facts).status == "holds"


def test_versions_that_nobody_runs_are_not_judged() -> None:
    facts = sts.cluster("edge-25.10.7", ["edge-25.10.7"])
    history = [seen(["edge-25.10.7"], ("edge-24.11.8", 0))]
    verdict = never_more_than_one(history, facts)
    assert (verdict.status, verdict.items) == ("holds", ())


def test_finished_jobs_are_explained_in_the_past_as_long_as_they_are_alone() -> None:
    job = sts.pod("edge-24.11.8", job=True, ended=True)
    facts = sts.cluster("edge-25.10.7", [job])
    one = [seen(["edge-25.10.7"], ("edge-24.11.8", 1))]
    two = [seen(["edge-25.10.7"], ("edge-24.11.8", 2))]
    assert never_more_than_one(one, facts).status == "holds"
    assert never_more_than_one(two, facts).status == "violated"


def test_while_a_control_plane_rolls_the_newest_decides_who_is_ahead() -> None:
    facts = sts.cluster("edge-25.10.7", ["edge-25.10.7"])
    rolling = [seen(["edge-25.4.4", "edge-25.10.7"], ("edge-25.10.7", 1))]
    alone = [seen(["edge-25.4.4"], ("edge-25.10.7", 1))]
    assert no_proxy_ahead(facts, rolling).status == "holds"
    assert no_proxy_ahead(facts, alone).status == "violated"


def test_at_rest_a_proxy_may_be_ahead_of_no_part() -> None:
    facts = sts.cluster(["edge-25.4.4", "edge-25.10.7"], ["edge-25.10.7"])
    assert no_proxy_ahead(facts).status == "violated"


def test_pods_on_their_way_out_do_not_count_beside_others() -> None:
    pods = (
        sts.component("edge-25.4.4", deleting=True),
        sts.component("edge-25.10.7"),
        sts.component("edge-25.4.4", "heartbeat", owner_kind="CronJob"),
        sts.component("edge-25.4.4", "identity", phase="Failed"),
    )
    facts = ClusterFacts(taken_at=sts.NOW, pods=pods)
    assert [v.text for v in control_plane_versions(facts)] == ["edge-25.10.7"]


def test_foreign_containers_of_the_control_plane_say_nothing() -> None:
    images = (("identity", "x/controller:edge-25.4.4"), ("vault", "hashicorp/vault:1.2"))
    facts = ClusterFacts(
        taken_at=sts.NOW, pods=(sts.component("edge-25.4.4", "identity", images=images),)
    )
    assert [v.text for v in control_plane_versions(facts)] == ["edge-25.4.4"]


def test_a_proxy_without_an_annotation_is_known_by_its_image() -> None:
    proxy = Proxy(image="host:5000/proxy:edge-24.11.8", version="")
    facts = sts.cluster("edge-25.10.7", [sts.pod("", proxy=proxy)])
    assert never_more_than_one([], facts).status == "violated"


def test_without_a_control_plane_nothing_is_assessed() -> None:
    facts = ClusterFacts(taken_at=sts.NOW, pods=(sts.pod("edge-25.4.4"),))
    for verdict in (never_more_than_one([], facts), no_proxy_ahead(facts)):
        assert verdict.status == "not assessed"


def test_without_the_right_to_read_pods_nothing_is_assessed() -> None:
    blind = (Unreadable(resource="pods", reason="forbidden"),)
    facts = sts.cluster("edge-25.4.4", ["edge-25.4.4"], unreadable=blind)
    for verdict in (never_more_than_one([], facts), no_proxy_ahead(facts)):
        assert verdict.status == "not assessed"
        assert "forbidden" in verdict.reason
