"""A release whose Secret holds none: who owns the installation is known, what it holds is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from policies.controls.helm.ownership import Tool, one_way
from policies.controls.preflight.configuration import one_owner
from policies.facts.cluster import ClusterFacts, LinkerdConfig
from policies.facts.helm import CONTROL_PLANE, CRDS, HelmRelease

SECRETS = tuple(f"sh.helm.release.v1.{name}.v1" for name in (CRDS, CONTROL_PLANE))


def helms(*, damaged: bool, overrides: bool = False) -> ClusterFacts:
    crds = HelmRelease(name=CRDS, namespace="linkerd", revision=1, status="deployed", chart=CRDS)
    control_plane = HelmRelease(
        name=CONTROL_PLANE,
        namespace="linkerd",
        revision=1,
        status="deployed",
        chart="" if damaged else CONTROL_PLANE,
        unread=f"Secret {SECRETS[1]}: cut off in the middle" if damaged else "",
        damaged=damaged,
    )
    config = LinkerdConfig(
        version="edge-25.10.7",
        uid="u",
        created_by="linkerd/helm edge-25.10.7",
        values=(),
        overrides=(),
        overrides_present=overrides,
        helm_releases=SECRETS,
    )
    at = datetime(2026, 12, 1, tzinfo=UTC)
    helm = (crds, control_plane)
    return ClusterFacts(taken_at=at, config=config, helm=helm, simulated=True)


@pytest.mark.parametrize("way", ["cli", "helm"])
def test_a_damaged_release_is_not_assessed_and_blames_nobody(way: Tool) -> None:
    facts = helms(damaged=True)

    for verdict in (one_owner(facts), one_way(facts, way, twin=True)):
        assert verdict.status == "not assessed"
        assert SECRETS[1] in verdict.reason


def test_whole_releases_hold_for_helm_and_refuse_the_cli() -> None:
    facts = helms(damaged=False)

    assert one_owner(facts).status == "holds"
    assert one_way(facts, "cli", twin=True).status == "violated"


def test_the_clis_own_store_is_judged_whatever_release_lies_beside_it() -> None:
    both = helms(damaged=True, overrides=True)

    assert one_owner(both).status == "violated"
    assert one_owner(replace(both, helm=())).status == "violated"
