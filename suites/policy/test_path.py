from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.planning.path import Hop, Plan, blockers_of_hop, path_is_legal, plan, way_is_open
from policies.planning.stops import between, stop_of
from policies.releases import catalogue
from policies.releases.versions import logical, parse
from policies.skew.kubernetes import outside, parse_kubernetes
from policies.skew.rule import judge
from suites.policy import strategies as sts


def test_nothing_advised_against_is_ever_offered_as_a_waypoint() -> None:
    offered = {
        stop.version.text
        for stop in between(stop_of(parse("edge-18.9.2")), stop_of(parse("edge-26.8.3")))
    }
    against = {r.tag for r in catalogue().edges if r.advice and r.advice.against}
    assert len(against) == 33
    assert not offered & against
    assert len(offered) == len(catalogue().edges) - len(against)


@given(sts.plans())
def test_every_planned_hop_is_legal(found: Plan) -> None:
    assert found.hops
    assert not found.blockers
    assert found.hops[0].source == found.source
    assert found.hops[-1].destination == found.destination
    for before, after in pairwise(found.hops):
        assert before.destination == after.source
        advice = catalogue().advice(before.destination)
        assert advice is None or not advice.against
    for number, hop in enumerate(found.hops, start=1):
        assert hop.number == number
        assert hop.reasons
        assert blockers_of_hop(hop) == ()
        assert judge(hop.destination, hop.source).safe
        assert hop.kubernetes != "none"
    first, last = logical(found.source), logical(found.destination)
    assert first is not None
    assert last is not None
    assert len(found.hops) == max(1, last.minor - first.minor)


@given(sts.recent_edges, sts.recent_edges, st.integers(20, 37))
def test_every_hop_of_a_plan_has_a_kubernetes_it_runs_on(
    source: str, target: str, minor: int
) -> None:
    found = plan(parse(source), parse(target), kubernetes=f"1.{minor}")
    if any(blocker.kind != "advice" for blocker in found.blockers):
        return
    raised = {
        int(text.split(":")[0].removeprefix("before hop ")): text.split(" -> ")[1].split(":")[0]
        for text in found.kubernetes_upgrades
    }
    running = f"1.{minor}"
    for hop in found.hops:
        running = raised.get(hop.number, running)
        version = parse_kubernetes(running)
        assert version is not None
        for tag in (hop.source, hop.destination):
            assert not outside(version, catalogue().kubernetes_range(tag))


def tags(found: Plan) -> list[str]:
    return [found.source_tag, *(hop.destination_tag for hop in found.hops)]


def test_waypoints_are_anchors() -> None:
    found = plan(parse("edge-24.2.4"), parse("edge-26.6.3"), kubernetes="1.29")
    assert tags(found) == [
        "edge-24.2.4",
        "edge-24.8.2",
        "edge-24.11.8",
        "edge-25.4.4",
        "edge-25.10.7",
        "edge-26.6.3",
    ]
    (text,) = found.kubernetes_upgrades
    assert text.startswith("before hop 5: Kubernetes 1.29 -> 1.31")


def test_a_stable_source_stops_at_stable_releases_while_there_are_any() -> None:
    found = plan(parse("stable-2.12.3"), parse("edge-24.8.2"), kubernetes="1.23")
    assert tags(found)[1:] == [
        "stable-2.13.7",
        "stable-2.14.10",
        "edge-24.2.4",
        "edge-24.8.2",
    ]
    assert any("channel" in note for note in found.notes)


def test_one_hop_within_a_logical_version() -> None:
    found = plan(parse("edge-25.4.4"), parse("edge-25.8.5"), kubernetes="v1.31.14+k3s1")
    assert tags(found) == ["edge-25.4.4", "edge-25.8.5"]
    assert found.hops[0].label == "hop 1: edge-25.4.4 -> edge-25.8.5"


def test_without_a_kubernetes_version_the_plan_says_what_it_assumed() -> None:
    (text,) = plan(parse("stable-2.14.10"), parse("edge-26.8.3")).kubernetes_upgrades
    assert text.startswith("before hop 6: Kubernetes 1.28 -> 1.31")
    assert "not given" in text


@pytest.mark.parametrize(
    ("source", "target", "kind", "told"),
    [
        ("edge-25.4.4", "edge-25.4.4", "direction", "same release"),
        ("edge-25.10.7", "edge-25.4.4", "direction", "older"),
        ("edge-24.8.2", "stable-2.14.10", "direction", "older"),
        ("edge-25.10.7", "edge-25.4.3", "direction", "--rollback"),
        ("2.18", "edge-25.10.7", "release", "name a release of it, as edge-25.4.4"),
        ("stable-2.14.10", "edge-24.1.1", "direction", "no rule orders"),
        ("edge-25.4.5", "edge-25.10.7", "release", "edge-25.4.4, edge-25.5.1"),
        ("edge-25.4.4", "edge-25.10.77x", "release", "Did you mean edge-25.10.7"),
        ("edge-25.4.4", "nonsense", "release", "no known channel"),
        ("", "edge-25.4.4", "release", "empty"),
        ("edge-1.3.5", "edge-25.4.4", "release", "edge-YY.M.N"),
        ("git-1a18ca8f", "edge-25.4.4", "release", "no place in the order"),
        ("edge-24.8.2", "version-2.18", "release", "Use edge-25.4.4"),
        ("edge-25.4.4", "edge-25.10.5", "advice", "Use edge-25.10.7 instead"),
        ("enterprise-2.16.1", "enterprise-2.18.0", "distance", "missing"),
    ],
)
def test_what_cannot_be_walked_is_blocked_with_a_remedy(
    source: str, target: str, kind: str, told: str
) -> None:
    found = plan(parse(source), parse(target))
    (blocker,) = found.blockers
    assert blocker.kind == kind
    assert told in f"{blocker.why} {blocker.remedy}"
    assert blocker.remedy


def test_both_ends_are_told_when_both_are_wrong() -> None:
    assert len(plan(parse("foo"), parse("bar"), kubernetes="x").blockers) == 3


@pytest.mark.parametrize("kubernetes", ["x", "2.0", "latest"])
def test_a_bad_kubernetes_version_blocks(kubernetes: str) -> None:
    (blocker,) = plan(parse("edge-25.4.4"), parse("edge-25.10.7"), kubernetes=kubernetes).blockers
    assert blocker.kind == "kubernetes"


def test_a_kubernetes_that_is_too_new_blocks_by_name_and_still_shows_the_hops() -> None:
    found = plan(parse("edge-24.11.8"), parse("edge-25.10.7"), kubernetes="1.34")
    assert tags(found) == ["edge-24.11.8", "edge-25.4.4", "edge-25.10.7"]
    assert {blocker.kind for blocker in found.blockers} == {"kubernetes"}
    assert any("edge-24.11.8" in blocker.why for blocker in found.blockers)
    assert found.kubernetes_upgrades == ()


def test_a_source_or_conditional_target_advised_against_is_a_note() -> None:
    found = plan(parse("edge-25.3.3"), parse("edge-25.4.4"))
    assert not found.blockers
    assert any("edge-25.3.3 is advised against" in note for note in found.notes)
    found = plan(parse("edge-24.11.8"), parse("edge-25.2.2"))
    assert not found.blockers
    assert any("edge-25.2.2 is conditional" in note for note in found.notes)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("stable-2.12.0-rc2", "stable-2.12.0"),
        ("stable-2.14.9", "stable-2.14.10"),
        ("enterprise-2.18.1-rc1", "enterprise-2.18.1"),
        ("enterprise-2.18.1", "enterprise-2.18.1-1"),
        ("enterprise-2.18.1-9", "enterprise-2.18.1-10"),
    ],
)
def test_patches_of_a_branch_are_one_hop(source: str, target: str) -> None:
    assert tags(plan(parse(source), parse(target))) == [source, target]


def test_a_vendors_hop_is_planned_by_its_logical_versions() -> None:
    found = plan(parse("enterprise-2.17.1"), parse("enterprise-2.18.0"), kubernetes="1.30")
    assert tags(found) == ["enterprise-2.17.1", "enterprise-2.18.0"]
    assert found.hops[0].kubernetes == "1.22 to 1.31"


@given(sts.versions, sts.versions, st.one_of(st.just(""), st.text(max_size=8)))
def test_planning_never_raises(source: str, target: str, kubernetes: str) -> None:
    found = plan(parse(source), parse(target), kubernetes=kubernetes)
    assert found.hops or found.blockers
    assert all(b.what and b.why and b.remedy for b in found.blockers)


def hop(source: str, target: str) -> Hop:
    return Hop(number=1, source_tag=source, destination_tag=target)


@pytest.mark.parametrize(
    ("source", "target", "kubernetes", "kinds"),
    [
        ("edge-25.4.4", "edge-25.10.7", "1.31", []),
        ("edge-25.4.4", "edge-25.10.7", "", []),
        ("edge-24.11.8", "edge-25.10.7", "1.31", ["distance"]),
        ("edge-25.10.7", "edge-25.4.4", "1.31", ["direction"]),
        ("edge-25.4.4", "mine", "1.31", ["release"]),
        ("edge-25.10.7", "edge-26.6.3", "1.30", ["kubernetes"]),
        ("edge-25.4.4", "edge-25.7.1", "1.30", ["advice"]),
    ],
)
def test_one_hop_is_judged_by_itself(
    source: str, target: str, kubernetes: str, kinds: list[str]
) -> None:
    assert [b.kind for b in blockers_of_hop(hop(source, target), kubernetes)] == kinds


def test_a_planned_hop_from_what_runs_is_legal() -> None:
    found = plan(parse("edge-25.4.4"), parse("edge-25.10.7"), kubernetes="1.31")
    verdict = path_is_legal(found, found.hops[0], sts.cluster("edge-25.4.4"))
    assert verdict.status == "holds"


@pytest.mark.parametrize("running", ["edge-24.11.8", "edge-25.8.5", "mine"])
def test_a_hop_from_what_does_not_run_is_violated(running: str) -> None:
    found = plan(parse("edge-25.4.4"), parse("edge-25.10.7"))
    verdict = path_is_legal(found, found.hops[0], sts.cluster(running))
    assert verdict.status == "violated"
    assert running in verdict.seen


@pytest.mark.parametrize(
    ("source", "target"), [("edge-24.11.8", "edge-25.10.7"), ("edge-25.4.4", "edge-25.10.5")]
)
def test_an_unplanned_hop_is_violated(source: str, target: str) -> None:
    whole = Plan(source_tag=source, destination_tag=target)
    assert path_is_legal(whole, hop(source, target), sts.cluster(source)).status == "violated"


def test_a_path_to_a_release_advised_against_is_violated_from_its_first_hop() -> None:
    found = plan(parse("edge-24.8.2"), parse("edge-25.10.5"))
    assert len(found.hops) == 2
    verdict = path_is_legal(found, found.hops[0], sts.cluster("edge-24.8.2"))
    assert verdict.status == "violated"


def test_kubernetes_is_left_to_its_own_control() -> None:
    found = plan(parse("edge-25.4.4"), parse("edge-25.10.7"), kubernetes="1.36")
    assert found.blockers
    verdict = path_is_legal(found, found.hops[0], sts.cluster("edge-25.4.4"))
    assert verdict.status == "holds"


def test_without_a_control_plane_the_start_is_not_known() -> None:
    found = plan(parse("edge-25.4.4"), parse("edge-25.10.7"))
    verdict = path_is_legal(found, found.hops[0], sts.cluster(()))
    assert verdict.status == "not assessed"


def test_a_way_is_open_where_each_of_its_hops_is_legal() -> None:
    found = plan(parse("edge-24.11.8"), parse("edge-25.10.7"), kubernetes="1.30")
    verdict = way_is_open(found, sts.cluster("edge-24.11.8"))
    assert verdict.status == "holds"
    assert "2 hops" in verdict.summary


@pytest.mark.parametrize(
    ("source", "destination", "running"),
    [
        ("edge-25.10.7", "edge-25.4.4", "edge-25.10.7"),
        ("edge-25.4.4", "edge-25.4.9", "edge-25.4.4"),
        ("edge-24.8.2", "edge-25.10.5", "edge-24.8.2"),
        ("edge-25.4.4", "edge-25.10.7", "edge-24.11.8"),
    ],
)
def test_a_way_is_not_open_backward_to_no_release_one_advised_against_or_from_elsewhere(
    source: str, destination: str, running: str
) -> None:
    verdict = way_is_open(plan(parse(source), parse(destination)), sts.cluster(running))
    assert verdict.status == "violated"
    assert verdict.next_command.endswith(f"--from {source} --to {destination}")


@given(sts.plans())
def test_a_way_holds_only_without_a_blocker_and_never_without_a_hop(found: Plan) -> None:
    verdict = way_is_open(found, sts.cluster(found.source.text))
    against = [b for b in found.blockers if b.kind != "kubernetes"]
    assert (verdict.status == "violated") >= bool(against)
    assert verdict.status != "holds" or (found.hops and not against)


def test_kubernetes_alone_closes_no_way() -> None:
    found = plan(parse("edge-25.4.4"), parse("edge-25.10.7"), kubernetes="1.36")
    assert way_is_open(found, sts.cluster("edge-25.4.4")).status == "holds"
