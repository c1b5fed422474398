"""Requests of another cluster through the gateway: nothing is lost, and what is lost is found."""

from __future__ import annotations

import re
from pathlib import Path

from fixtures.evidence.records import PodsSeen
from policies.facts.observations import PodMoment
from suites.detection.conftest import OfFault
from suites.detection.episodes import (
    Story,
    began_within,
    ended_within,
    seconds,
    slack,
    story_of,
    told,
)
from suites.detection.runs import rehearse

FAULT = Path(__file__).parent / "faults" / "gateway-single-replica.toml"
GATEWAY = "Deployment linkerd-multicluster/linkerd-gateway"
FAILFAST = seconds(3)
"""How long a proxy lets requests wait for a gateway before it refuses them."""
HEARD = seconds(2)


def gateways(story: Story) -> tuple[PodMoment, PodMoment]:
    """The gateway's pod that went after the fault, and the one that came for it."""
    pods = {
        p.uid: p
        for r in story.records
        if isinstance(r.body, PodsSeen)
        for p in r.body.pods
        if p.owner == GATEWAY
    }
    struck = story.struck[0]
    (old,) = [p for p in pods.values() if p.ended and p.ended > struck]
    (new,) = [p for p in pods.values() if p.born > struck]
    return old, new


def test_a_gateway_of_one_replica_is_one_episode_with_true_bounds_and_its_cause(
    of_fault: OfFault,
) -> None:
    story = story_of(of_fault(FAULT))
    old, new = gateways(story)
    assert old.ended is not None
    assert new.ready is not None

    mirrored = [p for p in story.paths if p.source == "mirrored"]

    assert {p.kind for p in mirrored} == {"http-new", "http-reused", "http-sparse"}
    for path in mirrored:
        if path.kind == "http-sparse" and not path.episodes:
            continue  # it asks every seven seconds: the outage may lie between two requests
        (episode,) = path.episodes
        assert began_within(episode, (story.struck[0], old.ended + HEARD)), (path.id, episode)
        assert ended_within(episode, (new.born, new.ready + FAILFAST + HEARD)), (path.id, episode)
        if episode.earliest_start is not None:
            assert episode.started - episode.earliest_start <= slack(path)
        assert "service in fail-fast: linkerd-multicluster/linkerd-gateway" in told(episode)
        assert re.search(
            r"pod linkerd-multicluster/linkerd-gateway-\S+ became ready", told(episode)
        )


def test_only_clients_of_another_cluster_lose_requests_to_a_gateway(of_fault: OfFault) -> None:
    story = story_of(of_fault(FAULT))

    others = {p.id: p.episodes for p in story.paths if p.source != "mirrored"}

    assert others
    assert set(others.values()) == {()}


def test_a_gateway_with_surge_loses_no_request_in_the_hop(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('extensions = ["multicluster"]\n[[workloads]]\nname = "web"\n')

    run = rehearse(tmp_path, "--scenario", str(scenario), "--stand-ins", "always")

    assert run.exit_code == 0, run.output
    paths = story_of(run).paths
    assert any(p.source == "mirrored" and p.windows for p in paths)
    # One that asks seldom waits for destination's new address: explained, and no gateway's doing.
    assert {p.id for p in paths if p.episodes and p.kind != "http-sparse"} == set()
