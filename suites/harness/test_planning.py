"""From a scenario to a plan: what a snapshot, a cluster or a node image decides, and what not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.core.errors import BadInput
from fixtures.run.opening.planning import NEWEST_EMBEDDED, minor_of, plan_for, releases_of
from fixtures.scenario.model import DEFAULT_SOURCE, Scenario
from fixtures.targets.existing import Look
from policies.facts.cluster import ClusterFacts, Workload
from policies.releases import catalogue
from policies.releases.versions import logical
from policies.skew.kubernetes import parse_kubernetes
from suites.reports.test_resumed_ledger import AT

OLD, NEW = "edge-25.4.4", "edge-25.10.7"
EXISTING = Scenario(target="existing", destination_tag=NEW)


def test_nothing_said_plans_one_logical_version_on() -> None:
    scenario, plan = plan_for(Scenario(), None)

    assert scenario.source_tag == plan.source_tag == DEFAULT_SOURCE
    assert scenario.destination == plan.destination
    assert releases_of(plan)[0].text == DEFAULT_SOURCE
    assert releases_of(plan)[-1] == plan.destination
    start, end = logical(plan.source), logical(plan.destination)
    assert start is not None
    assert end is not None
    assert start < end


def test_from_the_newest_logical_version_the_newest_edge_is_the_end() -> None:
    newest = catalogue().logical_versions[-1].anchor

    scenario, _ = plan_for(Scenario(source_tag=newest), None)

    assert scenario.destination == catalogue().edges[-1].version


def test_the_embedded_kubernetes_suits_every_release_of_the_path() -> None:
    scenario, plan = plan_for(
        Scenario(source_tag="edge-24.11.8", destination_tag="edge-26.6.3"), None
    )

    assert len(plan.hops) > 1
    running = parse_kubernetes(scenario.kubernetes)
    assert running is not None
    assert (running.major, running.minor) <= NEWEST_EMBEDDED
    for release in releases_of(plan):
        highest = parse_kubernetes(catalogue().kubernetes_range(release).maximum)
        assert highest is None or running <= highest


def test_a_node_image_says_which_kubernetes_kind_runs() -> None:
    image = "kindest/node:v1.30.4"

    _, plan = plan_for(Scenario(target="kind", node_image=image), None)
    asked, _ = plan_for(Scenario(target="kind", kubernetes="1.29"), None)
    silent, _ = plan_for(Scenario(target="kind"), None)

    assert plan.kubernetes == "1.30"
    assert (asked.kubernetes, silent.kubernetes) == ("1.29", "")


def seen(release: str = OLD, kubernetes: str = "v1.31.4+k3s1") -> Look:
    """A cluster whose control plane runs a release; empty for none."""
    parts: tuple[Any, ...] = tuple(
        Workload(
            kind="Deployment",
            uid=name,
            namespace="linkerd",
            name=f"linkerd-{name}",
            component=name,
            images=((name, f"cr.l5d.io/linkerd/controller:{release}"),),
        )
        for name in (("destination", "identity", "proxy-injector") if release else ())
    )
    facts = ClusterFacts(taken_at=AT, workloads=parts)
    return Look(context="here", uid="u", kubernetes=kubernetes, clock=None, facts=facts)


def test_a_cluster_that_is_there_says_where_the_path_starts() -> None:
    scenario, plan = plan_for(EXISTING, None, seen())

    assert (scenario.source_tag, scenario.kubernetes) == (OLD, "1.31")
    assert plan.kubernetes == "1.31"


@pytest.mark.parametrize(
    ("scenario", "look", "expected"),
    [
        (replace(EXISTING, source_tag=NEW), seen(), f"--from {OLD}, or no --from"),
        (replace(EXISTING, kubernetes="1.30"), seen(), "--kubernetes 1.31, or no --kubernetes"),
        (EXISTING, seen(""), "the ConfigMap linkerd/linkerd-config and its Deployments"),
    ],
    ids=["release", "kubernetes", "none"],
)
def test_what_is_said_of_a_cluster_must_be_so(
    scenario: Scenario, look: Look, expected: str
) -> None:
    with pytest.raises(BadInput) as told:
        plan_for(scenario, None, look)

    assert (told.value.where, told.value.expected) == ("context here", expected)


@pytest.mark.parametrize(
    ("source", "destination"), [(NEW, OLD), (NEW, NEW)], ids=["backward", "equal"]
)
def test_a_path_that_leads_nowhere_is_refused(source: str, destination: str) -> None:
    with pytest.raises(BadInput) as told:
        plan_for(Scenario(source_tag=source, destination_tag=destination), None)

    assert told.value.where == f"--from {source} --to {destination}"
    assert told.value.next_command


@pytest.mark.parametrize(
    ("version", "minor"),
    [("v1.31.14+k3s1", "1.31"), ("1.29", "1.29"), ("31", ""), ("", ""), ("latest", "")],
)
def test_the_minor_of_what_a_server_says(version: str, minor: str) -> None:
    assert minor_of(version) == minor
