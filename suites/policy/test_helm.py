"""Who owns the installation, and which way is legal."""

from __future__ import annotations

from typing import Any

import pytest

from policies.controls.helm.ownership import Ownership, deployed, one_way, owner, release_of
from policies.facts.cluster import ClusterFacts, Unreadable
from policies.facts.helm import chart_version, linkerd_release
from suites.policy.builders import SOURCE, TARGET, TO, change, cluster, config
from suites.policy.helm_stage import crds_release, helm_cluster, plane_release

CLI = cluster()
HELM = helm_cluster()
BOTH = change(HELM, config=config(SOURCE))
NEITHER = change(CLI, config=config(SOURCE, overrides=None, overrides_present=False), helm=())
HIDDEN = change(
    CLI,
    config=config(SOURCE, overrides=None, overrides_present=None),
    unreadable=(Unreadable(resource="secrets", reason="forbidden"),),
)


@pytest.mark.parametrize(
    ("facts", "expected", "legal"),
    [
        (CLI, "cli", "cli"),
        (HELM, "helm", "helm"),
        (BOTH, "both", None),
        (NEITHER, "neither", None),
        (HIDDEN, "unknown", None),
        (change(CLI, config=None), "unknown", None),
    ],
    ids=["cli", "helm", "both", "neither", "secrets hidden", "no control plane"],
)
def test_the_owner_is_told_from_the_stored_values(
    facts: ClusterFacts, expected: str, legal: str | None
) -> None:
    found = owner(facts)

    assert (found.owner, found.legal) == (expected, legal)


def test_release_secrets_by_name_alone_are_enough_to_know_the_owner() -> None:
    """Where release Secrets are not read in full, their labels say the name."""
    bare = [
        change(r, chart="", chart_version="", objects=(), values=(), unread="not asked")
        for r in HELM.helm
    ]

    assert owner(change(HELM, helm=tuple(bare))).owner == "helm"
    assert owner(change(HELM, helm=())).owner == "helm"


@pytest.mark.parametrize("way", ["cli", "helm"])
def test_the_owners_way_is_legal_and_the_other_is_refused_with_the_reason(way: Any) -> None:
    facts = {"cli": CLI, "helm": HELM}

    assert one_way(facts[way], way).status == "holds"
    for other, theirs in facts.items():
        if other != way:
            refused = one_way(theirs, way)
            assert refused.status == "violated"
            assert f'installation = "{other}"' in refused.next_command
            assert owner(theirs).refusal(way) in refused.seen


@pytest.mark.parametrize("facts", [BOTH, NEITHER], ids=["both", "neither"])
@pytest.mark.parametrize("way", ["cli", "helm"])
def test_without_one_owner_no_way_is_legal(facts: ClusterFacts, way: Any) -> None:
    assert one_way(facts, way).status == "violated"


def test_an_unknown_owner_is_not_assessed() -> None:
    assert one_way(HIDDEN, "helm").status == "not assessed"


def test_every_owner_has_a_reason_to_refuse_each_other_way() -> None:
    for one in ("cli", "helm", "both", "neither", "unknown"):
        found = Ownership(owner=one, why="seen")
        for way in ("cli", "helm"):
            assert (found.refusal(way) == "") == (found.owner == way)


def marked(facts: ClusterFacts, **fields: object) -> ClusterFacts:
    return change(
        facts, workloads=tuple(change(w, **fields) if w.component else w for w in facts.workloads)
    )


def test_a_gitops_tool_is_named_and_undoes_a_real_upgrade() -> None:
    facts = change(marked(HELM, managed_by="Flux (linkerd)"), simulated=False)

    verdict = one_way(facts, "helm")

    assert owner(facts).gitops == ("Flux (linkerd)",)
    assert verdict.status == "violated"
    assert verdict.next_command.startswith("suspend Flux (linkerd)")


def test_in_a_simulation_a_gitops_tool_is_explained() -> None:
    facts = change(marked(HELM, managed_by="Argo CD (mesh)"), simulated=True)

    verdict = one_way(facts, "helm")

    assert verdict.status == "holds"
    assert [i.subject for i in verdict.explained] == ["Argo CD (mesh)"]


def test_charts_rendered_without_a_release_are_named_as_such() -> None:
    """Argo CD renders charts itself: there is no release Secret."""
    rendered = config(
        SOURCE, overrides=None, overrides_present=False, created_by=f"linkerd/helm {SOURCE}"
    )
    facts = change(NEITHER, config=rendered)

    assert "helm template" in owner(facts).why


@pytest.mark.parametrize(
    ("releases", "seen"),
    [
        ((plane_release(),), "release of linkerd-crds: none"),
        ((crds_release(),), "release of linkerd-control-plane: none"),
        (
            (crds_release(), plane_release(status="pending-upgrade")),
            "Helm refuses while another operation is pending",
        ),
        ((crds_release(status="failed"), plane_release()), "failed"),
    ],
    ids=["crds by the cli", "no control plane", "pending", "failed"],
)
def test_helm_needs_a_settled_release_of_each_chart(releases: Any, seen: str) -> None:
    verdict = one_way(helm_cluster(*releases), "helm")

    assert verdict.status == "violated"
    assert seen in verdict.seen


def test_releases_that_may_not_be_read_are_not_assessed() -> None:
    refused = Unreadable(resource="secrets/helm-releases", reason="forbidden")

    assert one_way(change(HELM, unreadable=(refused,)), "helm").status == "not assessed"


@pytest.mark.parametrize(
    ("releases", "status"),
    [
        ((crds_release(TARGET),), "holds"),
        ((crds_release(SOURCE),), "violated"),
        ((crds_release(TARGET, status="failed"),), "violated"),
        ((crds_release(SOURCE, status="deployed", revision=3),), "violated"),
        ((plane_release(),), "violated"),
        ((crds_release(TARGET, unread="refused"),), "not assessed"),
    ],
    ids=["upgraded", "not upgraded", "failed", "rolled back", "no release", "not read"],
)
def test_a_failed_upgrade_is_seen_in_the_release(releases: Any, status: str) -> None:
    assert deployed(helm_cluster(*releases), "linkerd-crds", TO).status == status


def test_a_release_of_another_name_is_found_by_its_chart() -> None:
    facts = helm_cluster(crds_release(name="mesh-crds"), plane_release(name="mesh"))

    found = release_of(facts, "linkerd-control-plane")

    assert found is not None
    assert found.name == "mesh"


@pytest.mark.parametrize(
    ("version", "app", "expected"),
    [
        ("2025.10.7", "edge-25.10.7", "edge-25.10.7"),
        ("2025.10.7", "", "edge-25.10.7"),
        ("2025.10.7", "edge-XX.X.X", "edge-25.10.7"),
        ("1.16.11", "stable-2.14.10", "stable-2.14.10"),
        ("1.8.0", "", ""),
        ("0.0.0-undefined", "", ""),
        ("2.18.1", "enterprise-2.18.1", "enterprise-2.18.1"),
    ],
)
def test_a_chart_says_its_release(version: str, app: str, expected: str) -> None:
    assert linkerd_release(version, app) == expected


def test_a_release_has_a_chart_version_and_back() -> None:
    assert chart_version("edge-25.4.4") == "2025.4.4"
    assert linkerd_release(chart_version("edge-26.6.3")) == "edge-26.6.3"
    assert chart_version("stable-2.14.10") == ""
