"""Stored manifests against what lives, and what Helm took away."""

from __future__ import annotations

import pytest

from policies.controls.helm.manifests import (
    dropped,
    nothing_dropped_left,
    removed_by_helm,
    stored_as_live,
)
from policies.facts.base import ObjectKey
from policies.facts.cluster import ClusterFacts, Unreadable
from policies.facts.helm import HelmObject
from suites.policy.builders import SOURCE, TARGET, change
from suites.policy.helm_stage import (
    GATEWAY,
    crd_object,
    crds_release,
    deployment,
    helm_cluster,
    live_crds,
    plane_release,
)

IDENTITY = "linkerd-identity"


def living(*, image: str = f"controller:{SOURCE}") -> ClusterFacts:
    """CRDs and identity as stored, and nothing else of the releases."""
    facts = helm_cluster(crds=live_crds())
    workloads = tuple(
        change(w, images=(("main", image),)) if w.name == IDENTITY else w for w in facts.workloads
    )
    return change(facts, workloads=workloads)


def without_identity(facts: ClusterFacts) -> ClusterFacts:
    return change(
        facts,
        workloads=tuple(w for w in facts.workloads if w.name != IDENTITY),
        objects=tuple(
            o for o in facts.objects if (o.key.kind, o.key.name) != ("Deployment", IDENTITY)
        ),
    )


def test_a_cluster_as_stored_holds() -> None:
    assert stored_as_live(living()).status == "holds"


def test_an_image_that_somebody_set_is_named() -> None:
    verdict = stored_as_live(living(image="controller:debug"))

    assert verdict.status == "violated"
    assert f"{IDENTITY} of linkerd-control-plane, container main: controller:debug" in verdict.seen


def test_an_object_that_is_gone_is_named() -> None:
    assert "does not live" in stored_as_live(without_identity(living())).seen


def test_crds_of_the_cli_over_helms_are_named() -> None:
    facts = change(living(), crds=live_crds(created_by=f"linkerd/cli {TARGET}"))

    assert f"linkerd/cli {TARGET} applied over it" in stored_as_live(facts).seen


def test_a_crd_of_another_release_is_named() -> None:
    facts = change(living(), crds=live_crds(helm_release="mesh/other"))

    assert "mesh/other" in stored_as_live(facts).seen


def test_a_crd_that_is_gone_is_named() -> None:
    facts = change(living(), crds=live_crds()[1:])

    assert f"{GATEWAY[0]} of linkerd-crds: does not live" in stored_as_live(facts).seen


@pytest.mark.parametrize(
    "facts",
    [
        change(living(), helm=()),
        helm_cluster(plane_release(unread="refused")),
        change(
            living(), unreadable=(Unreadable(resource="deployments.apps", reason="forbidden"),)
        ),
    ],
    ids=["no release", "not read", "workloads hidden"],
)
def test_what_was_not_read_is_not_assessed(facts: ClusterFacts) -> None:
    assert stored_as_live(facts).status == "not assessed"


OLD = ObjectKey(group="apps", kind="Deployment", namespace="linkerd", name="linkerd-old")


def upgraded(*objects: HelmObject, crds: tuple[HelmObject, ...] | None = None) -> ClusterFacts:
    """After an upgrade whose manifests hold these objects."""
    held = crds_release().objects if crds is None else crds
    return change(
        living(),
        helm=(crds_release(objects=held), plane_release(objects=objects or BEFORE_OBJECTS[:1])),
    )


BEFORE_OBJECTS = (deployment(IDENTITY, SOURCE), HelmObject(key=OLD, control_plane="linkerd"))


def before() -> ClusterFacts:
    """The release still has an object that its successor drops."""
    facts = living()
    old = change(facts.workloads[0], kind="Deployment", namespace="linkerd", name="linkerd-old")
    return change(
        facts,
        workloads=(*facts.workloads, old),
        helm=(crds_release(), plane_release(objects=BEFORE_OBJECTS)),
    )


def test_helm_removes_what_its_manifests_drop() -> None:
    assert dropped(before(), upgraded()) == {OLD}
    assert removed_by_helm(before(), upgraded()).status == "holds"
    assert nothing_dropped_left(before(), upgraded()).status == "holds"


def test_what_was_dropped_and_lives_is_a_violation() -> None:
    left = change(upgraded(), workloads=before().workloads)

    for verdict in (removed_by_helm(before(), left), nothing_dropped_left(before(), left)):
        assert verdict.status == "violated"
        assert "Deployment linkerd/linkerd-old" in verdict.seen


def test_what_the_release_still_has_must_live() -> None:
    assert removed_by_helm(before(), without_identity(upgraded())).status == "violated"


def test_a_dropped_crd_with_keep_is_explained() -> None:
    after = upgraded(crds=(crd_object("servers.policy.linkerd.io"),))

    verdict = removed_by_helm(before(), after)

    assert {i.subject for i in verdict.explained} == {
        f"CustomResourceDefinition {name}" for name in GATEWAY
    }
    assert verdict.status == "violated"  # the other CRD carries no `keep`
    assert "serviceprofiles" in verdict.seen


def test_without_releases_nothing_can_be_said() -> None:
    assert removed_by_helm(change(before(), helm=()), upgraded()).status == "not assessed"
    hidden = helm_cluster(plane_release(unread="refused"))
    assert removed_by_helm(before(), hidden).status == "not assessed"
    assert nothing_dropped_left(before(), hidden).status == "not assessed"
