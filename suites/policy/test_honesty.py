"""What was not observed is never fine: policies on empty, partial and strange facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from policies.controls.control_plane import availability, certificates, crds, webhooks
from policies.controls.data_plane import injection, versions
from policies.controls.preflight import configuration, images, left_behind, way_back
from policies.controls.prune import orphans, pruning
from policies.controls.whole_run import checks
from policies.facts.cluster import ClusterFacts, Unreadable
from policies.facts.observations import VersionReport
from policies.planning.path import Hop
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged
from suites.policy.builders import (
    FROM,
    NOW,
    SOURCE,
    TARGET,
    TO,
    canaries,
    change,
    check_run,
    cluster,
)

HOP = Hop(number=1, source_tag=TARGET, destination_tag=TARGET)
CHECK = check_run("check", checks.expected_categories("check"))
PROXY = check_run("check --proxy", checks.expected_categories("check --proxy"))
SEEN = canaries(["injected"] * 4)
REPORT = VersionReport(client=TARGET, server=TARGET, proxies=((TARGET, 7),))
SOON = NOW + timedelta(hours=1)

POLICIES: dict[str, Callable[[ClusterFacts], Verdict]] = {
    "PRE-01": lambda f: checks.baseline_healthy(CHECK, PROXY, f),
    "PRE-02": lambda f: left_behind.data_plane_current(f, TO),
    "PRE-05": lambda f: crds.gateway_api(f, HOP),
    "PRE-06": lambda f: certificates.outlast(f, until=SOON),
    "PRE-07": configuration.one_owner,
    "PRE-11": availability.schedulable_ha,
    "PRE-12": lambda f: way_back.way_back(f, HOP),
    "CRD-01": lambda f: crds.ready_before_control_plane(
        change(f, config=f.config and change(f.config, version=SOURCE)), TO
    ),
    "CRD-02": lambda f: crds.served_as_before(f, f, TO),
    "CRD-03": lambda f: crds.resources_decode(f, f),
    "CP-01": lambda f: images.control_plane_images(f, TO),
    "CP-02": availability.control_plane_rollouts,
    "CP-03": lambda f: configuration.retained(f, f, TO),
    "CP-04": lambda f: certificates.anchors_retained(f, f),
    "CP-05": lambda f: webhooks.answer_and_inject(f, SEEN, TO),
    "CP-07": lambda f: checks.reports_match(REPORT, f, TO),
    "PRN-02": lambda f: pruning.protected_kept(f, f),
    "PRN-03": lambda f: orphans.no_orphans(f, TO),
    "DP-01": injection.meshed_as_declared,
    "DP-02": lambda f: versions.data_plane_at_destination(f, TO),
    "DP-05": availability.data_plane_rollouts,
    "DP-06": versions.identities_valid,
    "DP-07": lambda f: availability.no_new_restarts(f, f),
    "DP-08": availability.jobs_complete,
    "VER-01": lambda f: checks.check_agrees_with_facts(CHECK, PROXY, f),
    "VER-02": lambda f: availability.stable(f, f),
    "VER-04": lambda f: versions.nothing_old_left(f, FROM, TO),
}
EMPTY = ClusterFacts(taken_at=NOW)
ABSENT = {"PRE-11", "CRD-03", "DP-08"}
"""Without a subject on the healthy cluster: one replica, no custom resource, no Job."""
FIELDS = tuple(
    f.name
    for f in msgspec.structs.fields(ClusterFacts)
    if f.name not in ("cluster", "taken_at", "simulated", "kubernetes", "control_plane_namespace")
)
RESOURCES = (
    "pods", "namespaces", "nodes", "configmaps", "secrets", "deployments.apps", "jobs.batch",
    "poddisruptionbudgets.policy", "endpointslices.discovery.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
)  # fmt: skip
NEEDS = {
    "PRE-01": {"pods", "deployments.apps"},
    "PRE-02": {"pods"},
    "PRE-05": {"customresourcedefinitions.apiextensions.k8s.io"},
    "PRE-06": {"secrets", "configmaps"},
    "PRE-07": {"configmaps", "secrets"},
    "PRE-11": {"nodes"},
    "CRD-02": {"customresourcedefinitions.apiextensions.k8s.io"},
    "CP-01": {"pods", "deployments.apps"},
    "CP-02": {"pods", "deployments.apps"},
    "CP-05": {"secrets"},
    "DP-01": {"pods", "namespaces"},
    "DP-02": {"pods"},
    "DP-05": {"pods", "deployments.apps", "poddisruptionbudgets.policy"},
    "DP-06": {"pods"},
    "DP-07": {"pods"},
    "DP-08": {"pods", "jobs.batch"},
    "VER-02": {"pods"},
    "VER-04": {"pods", "deployments.apps"},
}
"""Resources without which a control must not hold."""
HIDES = {
    "pods": {"pods": ()},
    "configmaps": {"trust_roots": None, "config": None},
    "secrets": {"issuer": None, "webhook_certificates": (), "secrets": ()},
    "nodes": {"nodes": ()},
    "deployments.apps": {"workloads": ()},
    "namespaces": {"namespaces": ()},
}
"""What a reader leaves out when it has no right to read a resource."""


@pytest.mark.parametrize("control", POLICIES)
def test_a_finished_upgrade_holds(control: str) -> None:
    verdict = POLICIES[control](cluster(TARGET))

    wanted = "not applicable" if control in ABSENT else "holds"
    assert (verdict.status, verdict.seen if verdict.violations else "") == (wanted, "")


@pytest.mark.parametrize("control", POLICIES)
def test_nothing_observed_never_holds(control: str) -> None:
    verdict = POLICIES[control](EMPTY)

    assert verdict.status in ("not assessed", "violated"), verdict.summary


@pytest.mark.parametrize("control", POLICIES)
@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_part_never_breaks_a_policy(control: str, field: str) -> None:
    default = next(f.default for f in msgspec.structs.fields(ClusterFacts) if f.name == field)
    verdict = POLICIES[control](change(cluster(TARGET), **{field: default}))

    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
    assert bool(verdict.reason) == (verdict.status in ("not assessed", "not applicable"))


@pytest.mark.parametrize(
    ("control", "resource"), [(c, r) for c, needed in NEEDS.items() for r in sorted(needed)]
)
def test_without_the_right_to_read_a_control_does_not_hold(control: str, resource: str) -> None:
    hidden = (Unreadable(resource=resource, reason="forbidden"),)
    facts = change(cluster(TARGET), unreadable=hidden, **HIDES.get(resource, {}))
    if resource == "secrets" and facts.config:
        facts = change(facts, config=change(facts.config, overrides=None, overrides_present=None))
    verdict = POLICIES[control](facts)

    assert verdict.status == "not assessed", verdict.summary
    assert "forbidden" in verdict.reason


@pytest.mark.parametrize("control", POLICIES)
@pytest.mark.parametrize("resource", RESOURCES)
def test_a_policy_never_breaks_for_want_of_rights(control: str, resource: str) -> None:
    hidden = (Unreadable(resource=resource, reason="forbidden"),)
    facts = change(cluster(TARGET), unreadable=hidden, **HIDES.get(resource, {}))

    assert POLICIES[control](facts).summary


@pytest.mark.parametrize("control", POLICIES)
def test_a_verdict_is_a_function_of_its_facts(control: str) -> None:
    facts = cluster(TARGET)
    again = msgspec.json.decode(msgspec.json.encode(facts), type=ClusterFacts)

    assert POLICIES[control](facts) == POLICIES[control](again)


def test_a_sentence_that_holds_excepts_what_is_explained() -> None:
    items = [Item(subject="pod a", seen="old", explained="it has ended")]

    def told(sentence: str, items: list[Item], *, includes: bool = False) -> str:
        return judged(
            items, holds_as=sentence, violated_as="", expected="", includes=includes
        ).summary

    assert told("All are new.", items) == "All are new, but for 1 explained."
    assert told("All are new", []) == "All are new"
    assert told("Renewed or kept", items, includes=True) == "Renewed or kept"
    assert told("One new, the others explained", items) == "One new, the others explained"
    part = judged(items, holds_as="Part", violated_as="", expected="")
    assert combined([part], holds_as="Whole").summary == "Whole, but for 1 explained"
