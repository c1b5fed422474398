"""Pins of the proxy that the next pod would obey, and the control that stops a hop for them."""

from __future__ import annotations

import msgspec
import pytest

from policies.controls.preflight.left_behind import data_plane_current
from policies.facts.cluster import ClusterFacts, LinkerdConfig, Namespace, Setting, Workload
from policies.planning import conditions
from policies.planning.advisories import applicable, nothing_breaks
from policies.planning.path import Hop
from policies.releases.grammar import parse
from policies.skew.planes import behind
from suites.policy import strategies as sts

EMPTY = ClusterFacts(taken_at=sts.NOW)
HOP = Hop(number=1, source_tag="edge-25.10.7", destination_tag="edge-26.6.3")


def template(
    pinned: str = "", space: str = "", *, inject: str = "enabled", by_hand: bool = False
) -> ClusterFacts:
    """One Deployment with an old pod of its own that is pinned, which its template decides."""
    workload = Workload(
        kind="Deployment",
        namespace="mine",
        name="web",
        uid="w",
        inject=inject,
        pinned=pinned,
        hand_injected=by_hand,
    )
    old = msgspec.structs.replace(
        sts.pod("edge-25.4.4", pinned="edge-25.4.4"),
        namespace="mine",
        owner_kind="Deployment",
        owner_name="web",
    )
    facts = sts.cluster("edge-25.4.4", (old,), workloads=(workload,))
    return msgspec.structs.replace(
        facts, namespaces=(*facts.namespaces, Namespace(name="mine", uid="m", pinned=space))
    )


def with_cni(facts: ClusterFacts) -> ClusterFacts:
    """Where the plugin sets up each pod there is no linkerd-init."""
    values = (Setting(path="cniEnabled", value="true"),)
    return msgspec.structs.replace(facts, config=LinkerdConfig(uid="u", version="", values=values))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (with_cni(template(pinned="edge-25.4.4")), False),
        (template(pinned="edge-25.4.4"), True),
        (template(space="edge-25.4.4"), True),
        (template("edge-26.6.3", "edge-25.4.4"), False),
        (template("edge-25.4.4", inject="disabled"), False),
        (template("edge-25.4.4", by_hand=True), False),
    ],
)
def test_a_pin_counts_where_the_injector_obeys_it(facts: ClusterFacts, expected: bool) -> None:
    answer = conditions.ask("proxy pinned below", ("edge-25.11.3",), HOP, facts)

    assert answer.applies is expected


def test_a_note_decided_by_objects_stops_the_hop_unless_acknowledged() -> None:
    results = applicable(HOP, template(pinned="edge-25.10.7"))

    verdict = nothing_breaks(results, ())

    assert verdict.status == "violated"
    assert "Deployment mine/web pinned to edge-25.10.7" in verdict.seen
    assert [i.subject.split()[1] for i in verdict.violations] == ["20-5:"]
    assert nothing_breaks(results, ("20-5",)).status == "holds"


@pytest.mark.parametrize("facts", [template(pinned="mine"), template(pinned="edge-26.6.3"), EMPTY])
def test_what_objects_do_not_decide_breaks_nothing(facts: ClusterFacts) -> None:
    results = applicable(HOP, facts)

    assert nothing_breaks(results, ()).status == "holds"


@pytest.mark.parametrize(
    "facts",
    [template("edge-25.4.4"), template(space="edge-25.4.4")],
    ids=["template", "namespace"],
)
@pytest.mark.parametrize("destination", ["edge-25.10.7", "edge-26.6.3"])
def test_a_pin_of_the_next_pods_is_said_before_the_hop(
    facts: ClusterFacts, destination: str
) -> None:
    unpinned = tuple(
        msgspec.structs.replace(p, pinned="") if p.namespace == "mine" else p for p in facts.pods
    )
    before = msgspec.structs.replace(facts, pods=unpinned)
    verdict = data_plane_current(before, parse("edge-25.4.4"), parse(destination))
    item = next(i for i in verdict.items if i.subject == "Deployment mine/web")

    assert "pinned to edge-25.4.4" in item.seen + item.explained
    assert bool(item.explained) is (behind("edge-25.4.4", parse(destination)) == 1)
