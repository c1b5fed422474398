"""What a control speaks of is not there: not applicable where that was seen, else not assessed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.control_plane import availability, crds, scheduling
from policies.controls.data_plane import injection, jobs, versions
from policies.controls.extensions import installed, leftovers, multicluster, owner
from policies.controls.preflight import cni, dry_runs, left_behind
from policies.facts.cluster import ClusterFacts, Unreadable
from policies.planning.path import Hop
from policies.skew import rule
from policies.verdicts.combining import combined
from policies.verdicts.findings import (
    Status,
    Verdict,
    holds,
    not_applicable,
    not_assessed,
    violated,
)
from suites.policy.builders import TARGET, TO, change, cluster, namespace, pod, with_pods, workload

CRDS = "customresourcedefinitions.apiextensions.k8s.io"
LINKS = "links.multicluster.linkerd.io"
EARLY = Hop(number=1, source_tag="edge-24.8.2", destination_tag="edge-24.11.8")
"""A hop whose target brings the Gateway API's CRDs itself."""


def unmeshed() -> ClusterFacts:
    """A control plane, and nothing that asks for a proxy or has one."""
    facts = cluster(TARGET, workloads=0)
    spaces = tuple(change(n, inject="") for n in facts.namespaces)
    own = [p for p in facts.pods if p.component]
    return change(facts, namespaces=spaces, pods=(*own, pod("plain", version=None)))


BARE, NOTHING = cluster(TARGET), unmeshed()
NO_ROUTES = change(BARE, crds=tuple(c for c in BARE.crds if "gateway" not in c.name))

POLICIES: dict[
    str, tuple[Callable[[ClusterFacts], Verdict], ClusterFacts, tuple[str, ...]]
] = {
    "EXT-01": (
        lambda f: installed.images_at_destination(f, {}, TO),
        BARE,
        ("namespaces", "deployments.apps"),
    ),
    "EXT-02": (installed.ready, BARE, ("namespaces", "apiservices.apiregistration.k8s.io")),
    "EXT-03": (lambda f: leftovers.nothing_left(f, {}, TO), BARE, ("namespaces",)),
    "EXT-04": (
        lambda f: multicluster.consistent(f, f, TO), BARE, (LINKS, "services", "endpoints"),
    ),
    "EXT-05": (
        lambda f: leftovers.retired_handled(f, TO),
        BARE,
        ("namespaces", CRDS, "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
    ),
    "EXT-06": (lambda f: cni.ready_first(f, TO), BARE, ("daemonsets.apps", "configmaps")),
    "EXT-07": (lambda f: cni.each_node_meshes(f, ()), BARE, ("daemonsets.apps", "nodes")),
    "PRE-05": (lambda f: crds.gateway_api(f, EARLY), NO_ROUTES, (CRDS,)),
    "PRE-07": (
        lambda f: owner.ways_are_open(f, (), {}, TO, "reuse"), BARE, ("namespaces",),
    ),
    "PRE-10": (
        lambda f: dry_runs.pods_admissible((), f),
        NOTHING,
        ("pods", "namespaces", "daemonsets.apps"),
    ),
    "PRE-11": (
        scheduling.schedulable_ha, BARE, ("nodes", "deployments.apps", "configmaps"),
    ),
    "CRD-03": (lambda f: crds.resources_decode(f, f), BARE, (CRDS,)),
    "DP-01": (injection.meshed_as_declared, NOTHING, ("pods", "namespaces")),
    "DP-02": (lambda f: versions.data_plane_at_destination(f, TO), NOTHING, ("pods",)),
    "PRE-02": (lambda f: left_behind.data_plane_current(f, TO), NOTHING, ("pods",)),
    "DP-03": (lambda f: rule.never_more_than_one((), f), NOTHING, ("pods",)),
    "DP-04": (rule.no_proxy_ahead, NOTHING, ("pods",)),
    "DP-05": (
        availability.data_plane_rollouts, NOTHING, ("pods", "deployments.apps"),
    ),
    "DP-06": (versions.identities_valid, NOTHING, ("pods",)),
    "DP-08": (jobs.jobs_complete, BARE, ("pods", "jobs.batch")),
}  # fmt: skip
"""Control -> its policy, facts without its subject, and what must be readable to know that."""
HIDES = {
    "pods": {"pods": ()},
    "configmaps": {"config": None, "trust_roots": None},
    "nodes": {"nodes": ()},
    "namespaces": {"namespaces": ()},
}


@pytest.mark.parametrize("control", POLICIES)
def test_without_its_subject_a_control_is_not_applicable_and_says_why(control: str) -> None:
    policy, facts, _ = POLICIES[control]
    verdict = policy(facts)

    assert verdict.status == "not applicable", verdict.summary
    assert verdict.reason == verdict.summary != ""


@pytest.mark.parametrize(
    ("control", "resource"), [(c, r) for c, (_, _, seen) in POLICIES.items() for r in seen]
)
def test_a_subject_that_may_exist_unseen_is_not_assessed(control: str, resource: str) -> None:
    policy, facts, _ = POLICIES[control]
    hidden = (Unreadable(resource=resource, reason="forbidden"),)
    verdict = policy(change(facts, unreadable=hidden, **HIDES.get(resource, {})))

    assert verdict.status == "not assessed", verdict.summary
    assert "forbidden" in verdict.reason


MESHED = with_pods(NOTHING, pod("web-1"))
AT_BASELINE: dict[str, Callable[[ClusterFacts, ClusterFacts], Verdict]] = {
    "DP-01": lambda f, b: injection.meshed_as_declared(f, baseline=b),
    "DP-02": lambda f, b: versions.data_plane_at_destination(f, TO, baseline=b),
    "DP-06": lambda f, b: versions.identities_valid(f, baseline=b),
}


@pytest.mark.parametrize("control", AT_BASELINE)
def test_a_data_plane_that_was_there_at_the_baseline_is_judged(control: str) -> None:
    assert AT_BASELINE[control](NOTHING, MESHED).status != "not applicable"
    assert AT_BASELINE[control](NOTHING, NOTHING).status == "not applicable"


def test_workloads_and_jobs_that_were_there_at_the_baseline_are_judged() -> None:
    web = workload("web", within="shop", inject="enabled")
    job = workload("report", within="shop", kind="Job", inject="enabled")
    had = change(NOTHING, workloads=(*NOTHING.workloads, web, job))
    had = change(had, namespaces=(*had.namespaces, namespace("more")))

    assert availability.data_plane_rollouts(NOTHING, baseline=had).status != "not applicable"
    assert jobs.jobs_complete(NOTHING, had).status == "holds"


VERDICTS = {
    "holds": holds("it holds"),
    "violated": violated("it does not", expected="a", seen="b"),
    "not assessed": not_assessed("it was not seen"),
    "not applicable": not_applicable("there is none"),
}


@given(st.lists(st.sampled_from(sorted(VERDICTS)), min_size=1))
def test_a_part_that_does_not_apply_changes_nothing(parts: list[Status]) -> None:
    whole = combined([VERDICTS[p] for p in parts], holds_as="all of it").status
    rest = [p for p in parts if p != "not applicable"]
    order = ("violated", "not assessed", "holds")

    assert whole == next((s for s in order if s in rest), "not applicable")
