"""Installations that neither the CLI nor Linkerd's own charts upgrade: recognised, explained."""

from __future__ import annotations

import pytest

from policies.controls.helm.ownership import one_way, owner
from policies.controls.preflight.configuration import one_owner
from policies.controls.preflight.way_back import way_back
from policies.facts.base import ObjectKey, Setting
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import HelmObject, HelmRelease
from policies.skew.hops import Hop
from policies.skew.ownership import keeper, release_secrets
from policies.skew.settings import is_set
from suites.policy.builders import SOURCE, TARGET, change, cluster, config

HOP = Hop(number=1, source_tag=SOURCE, destination_tag=TARGET)
MESH = "sh.helm.release.v1.mesh.v3"
ARGO, FLUX = "Argo CD (mesh)", "Flux (linkerd)"


def rendered(
    by: str = "linkerd/helm", *, secrets: tuple[str, ...] = (), **marks: str
) -> ClusterFacts:
    """No stored values; every object has these marks."""
    facts = cluster()
    created = f"{by} {SOURCE}"
    return change(
        facts,
        config=config(
            SOURCE,
            overrides=None,
            overrides_present=False,
            created_by=created,
            helm_releases=secrets,
        ),
        workloads=tuple(change(w, created_by=created, **marks) for w in facts.workloads),
        crds=tuple(change(c, created_by=created, **marks) for c in facts.crds),
        objects=tuple(change(o, created_by=created) for o in facts.objects if o.created_by),
    )


def umbrella(*, alias: str = "linkerd-control-plane", **fields: object) -> HelmRelease:
    key = ObjectKey(kind="ConfigMap", namespace="linkerd", name="linkerd-config")
    release = HelmRelease(
        name="mesh",
        namespace="linkerd",
        revision=3,
        status="deployed",
        chart="servicemesh",
        chart_version="1.2.3",
        dependencies=(("linkerd-control-plane", alias),),
        values=(Setting(path=f"{alias}.proxy.cores", value="2"),),
        objects=(HelmObject(key=key),),
    )
    return change(release, **fields)


@pytest.mark.parametrize(
    ("facts", "kind", "named"),
    [
        (rendered(managed_by=ARGO), "gitops", ARGO),
        (rendered("linkerd/cli", managed_by=ARGO), "gitops", ARGO),
        (rendered(managed_by=FLUX), "gitops", FLUX),
        (rendered(managed_by=FLUX, helm_release="linkerd/cp"), "gitops", FLUX),
        (rendered(), "rendered", "Whoever rendered"),
        (change(rendered(secrets=(MESH,)), helm=(umbrella(),)), "umbrella", "linkerd/mesh"),
    ],
    ids=[
        "argo",
        "argo with the CLI's manifests",
        "flux",
        "flux's release",
        "template",
        "umbrella",
    ],
)
def test_whoever_keeps_it_is_named_and_explained(
    facts: ClusterFacts, kind: str, named: str
) -> None:
    found = keeper(facts)

    assert found is not None
    assert found.kind == kind
    assert named in found.tool
    assert one_owner(facts).status == "holds"
    assert named in one_owner(facts).summary
    assert owner(facts).legal is None


@pytest.mark.parametrize("facts", [rendered(managed_by=ARGO), rendered()])
def test_a_copy_is_upgraded_as_the_cli_would_and_the_real_one_is_not(facts: ClusterFacts) -> None:
    assert one_way(facts, "cli", twin=True).status == "holds"
    assert one_way(facts, "cli").status == "violated"
    assert one_way(facts, "helm", twin=True).status == "violated"


def test_the_way_back_is_the_keepers() -> None:
    facts = rendered(managed_by=ARGO)

    assert ARGO in way_back(facts, HOP, keeper(facts)).explained[0].explained
    assert way_back(facts, HOP).status == "violated"


def test_a_release_whose_secrets_are_not_seen_is_not_assessed() -> None:
    """Lost, or in another namespace: Helm's own marks are on every object."""
    facts = rendered(helm_release="linkerd/linkerd-control-plane")

    assert one_owner(facts).status == "not assessed"
    assert one_way(facts, "cli").status == "violated"


@pytest.mark.parametrize("facts", [cluster(), rendered("linkerd/cli")])
def test_what_the_cli_installed_has_no_other_keeper(facts: ClusterFacts) -> None:
    assert keeper(facts) is None


def test_lost_overrides_stay_a_violation() -> None:
    assert one_owner(rendered("linkerd/cli")).status == "violated"


def test_two_tools_marks_stay_a_violation() -> None:
    facts = rendered(managed_by=ARGO)
    first = change(facts.workloads[0], created_by=f"linkerd/cli {SOURCE}")
    facts = change(facts, workloads=(first, *facts.workloads[1:]))

    assert one_owner(facts).status == "violated"


@pytest.mark.parametrize("unread", ["", "not asked"])
def test_another_charts_release_beside_the_control_plane_is_no_second_store(unread: str) -> None:
    """trust-manager, say, lives in the namespace linkerd by the guide."""
    other = "sh.helm.release.v1.trust-manager.v1"
    chart = "" if unread else "trust-manager"
    release = HelmRelease(
        name="trust-manager", namespace="linkerd", revision=1, chart=chart, unread=unread
    )
    facts = cluster()
    assert facts.config is not None
    facts = change(facts, config=change(facts.config, helm_releases=(other,)), helm=(release,))

    assert release_secrets(facts) == ()
    assert one_owner(facts).status == "holds"
    assert owner(facts).owner == "cli"


@pytest.mark.parametrize("alias", ["linkerd-control-plane", "mesh"])
def test_values_of_an_umbrella_are_read_below_the_key_of_the_dependency(alias: str) -> None:
    facts = change(rendered(secrets=(MESH,)), helm=(umbrella(alias=alias),))

    assert is_set(facts, "proxy.cores").found
    assert not is_set(facts, "proxy.logLevel").found
    assert is_set(facts, "proxy.logLevel").known
