from __future__ import annotations

from typing import Any, Literal

import pytest

from policies.controls.preflight.images import control_plane_images, images_available
from policies.facts.cluster import ClusterFacts, Unreadable
from policies.facts.observations import ImageEvidence
from policies.releases.grammar import parse
from suites.policy.builders import (
    OLDER,
    SOURCE,
    TARGET,
    TO,
    change,
    cluster,
    control_plane_pods,
    overrides,
    pod,
    proxy,
    values,
    with_pods,
)


@pytest.mark.parametrize("version", [OLDER, SOURCE, TARGET, "edge-24.11.8"])
def test_a_healthy_control_plane_holds(version: str) -> None:
    verdict = control_plane_images(cluster(version), parse(version))

    assert verdict.status == "holds"
    assert not verdict.items


def test_a_mirror_holds() -> None:
    facts = cluster(TARGET)
    moved = tuple(
        change(w, images=tuple((c, i.replace("cr.l5d.io", "mirror:5000/x")) for c, i in w.images))
        for w in facts.workloads
    )

    assert control_plane_images(change(facts, workloads=moved), TO).status == "holds"


def replaced(facts: ClusterFacts, container: str, image: str) -> ClusterFacts:
    """The same cluster with one container's image changed in pods, not in templates."""
    pods = tuple(
        change(p, images=tuple((c, image if c == container else i) for c, i in p.images))
        for p in facts.pods
    )
    return change(facts, pods=pods)


@pytest.mark.parametrize(
    ("container", "image"),
    [
        ("identity", f"cr.l5d.io/linkerd/controller:{SOURCE}"),
        ("proxy-injector", "cr.l5d.io/linkerd/controller:not-there"),
        ("destination", "cr.l5d.io/linkerd/controller"),
        ("destination", f"cr.l5d.io/linkerd/controller:{SOURCE}@sha256:{'a' * 64}"),
        ("policy", f"cr.l5d.io/linkerd/policy-controller:{TARGET}"),
        ("linkerd-init", "cr.l5d.io/linkerd/proxy-init:v2.4.3"),
        ("sp-validator", f"localhost:5000/controller:{SOURCE}"),
    ],
)
def test_an_image_that_is_not_the_targets_is_a_violation(container: str, image: str) -> None:
    verdict = control_plane_images(replaced(cluster(TARGET), container, image), TO)

    assert verdict.status == "violated"
    assert all(image in i.seen for i in verdict.violations)


@pytest.mark.parametrize("registry", ["cr.l5d.io/linkerd", "registry.corp.example:5000/mesh"])
def test_a_digest_beside_the_tag_holds(registry: str) -> None:
    """As policy engines that verify signatures leave them."""
    image = f"{registry}/controller:{TARGET}@sha256:{'a' * 64}"

    assert control_plane_images(replaced(cluster(TARGET), "destination", image), TO).status == (
        "holds"
    )


def test_a_digest_alone_is_not_assessed() -> None:
    facts = replaced(cluster(TARGET), "destination", f"cr.l5d.io/x/controller@sha256:{'a' * 64}")
    verdict = control_plane_images(facts, TO)

    assert verdict.status == "not assessed"
    assert "digest alone" in verdict.summary
    assert "container destination" in verdict.summary


def test_a_proxy_by_digest_is_what_its_pod_says() -> None:
    def named(version: str) -> ClusterFacts:
        facts = cluster(TARGET)
        own = change(proxy(version), image=f"cr.l5d.io/linkerd/proxy@sha256:{'a' * 64}")
        return change(
            facts, pods=tuple(change(p, proxy=own) if p.component else p for p in facts.pods)
        )

    assert control_plane_images(named(TARGET), TO).status == "holds"
    assert control_plane_images(named(SOURCE), TO).status == "violated"


def test_every_old_container_is_named() -> None:
    verdict = control_plane_images(cluster(SOURCE), TO)
    containers = {i.subject.rpartition(" ")[2] for i in verdict.violations}

    assert containers == {
        "destination", "sp-validator", "policy", "identity", "proxy-injector", "linkerd-init",
        "linkerd-proxy",
    }  # fmt: skip


def test_an_old_proxy_in_a_control_plane_pod_is_a_violation() -> None:
    facts = cluster(TARGET)
    pods = tuple(change(p, proxy=proxy(SOURCE)) if p.component else p for p in facts.pods)
    verdict = control_plane_images(change(facts, pods=pods), TO)

    assert len(verdict.violations) == 3


@pytest.mark.parametrize("state", [{"deleting": True}, {"phase": "Succeeded"}])
def test_an_old_pod_on_its_way_out_is_explained(state: dict[str, Any]) -> None:
    old = tuple(change(p, name=f"{p.name}-old", **state) for p in control_plane_pods(SOURCE))
    verdict = control_plane_images(with_pods(cluster(TARGET), *old), TO)

    assert verdict.status == "holds"
    assert len(verdict.explained) == 3


def test_a_tag_set_by_the_stored_values_is_explained() -> None:
    facts = cluster(TARGET)
    pinned = f"proxy:{SOURCE}"
    pods = tuple(change(p, proxy=proxy(SOURCE)) if p.component else p for p in facts.pods)
    works = tuple(
        change(w, images=tuple((c, i.replace(f"proxy:{TARGET}", pinned)) for c, i in w.images))
        for w in facts.workloads
    )
    assert facts.config
    told = change(
        facts.config,
        values=values(TARGET, proxy__image__version=f'"{SOURCE}"'),
        overrides=overrides(proxy__image__version=f'"{SOURCE}"'),
    )
    verdict = control_plane_images(change(facts, pods=pods, workloads=works, config=told), TO)

    # linkerd-init runs from the proxy image in 2.20, so it follows the pin.
    assert verdict.status == "holds"
    assert verdict.explained


def test_a_missing_component_is_a_violation() -> None:
    facts = cluster(TARGET)
    left = tuple(w for w in facts.workloads if w.component != "identity")
    verdict = control_plane_images(change(facts, workloads=left), TO)

    assert [i.subject for i in verdict.violations] == ["component identity"]


def test_user_pods_in_the_namespace_do_not_count() -> None:
    facts = with_pods(cluster(TARGET), pod("mine", within="linkerd", version=None))

    assert control_plane_images(facts, TO).status == "holds"


def test_without_pods_it_is_not_assessed() -> None:
    hidden = (Unreadable(resource="pods", reason="forbidden"),)

    assert control_plane_images(change(cluster(), unreadable=hidden), TO).status == (
        "not assessed"
    )


def evidence(
    image: str, outcome: Literal["present", "pulled", "failed", "unknown"]
) -> ImageEvidence:
    return ImageEvidence(image=image, outcome=outcome, evidence="on node-1")


def test_images_that_were_had_hold() -> None:
    seen = [evidence("a:1", "present"), evidence("b:1", "pulled")]

    assert images_available(seen, {"a:1", "b:1"}).status == "holds"


def test_a_failed_pull_is_a_violation_even_beside_a_good_one() -> None:
    seen = [evidence("a:1", "present"), evidence("a:1", "failed")]

    assert images_available(seen, {"a:1"}).status == "violated"


def test_a_failed_pull_of_another_image_does_not_matter() -> None:
    seen = [evidence("a:1", "present"), evidence("c:1", "failed")]

    assert images_available(seen, {"a:1"}).status == "holds"


@pytest.mark.parametrize("seen", [[], [evidence("a:1", "unknown")]], ids=["none", "unknown"])
def test_no_evidence_is_not_assessed(seen: list[ImageEvidence]) -> None:
    assert ": a:1" in images_available(seen, {"a:1"}).reason
    assert images_available(seen, ()).status == "not assessed"


def test_a_probe_pod_that_was_refused_tells_nothing_of_its_image_but_is_told() -> None:
    refused = ImageEvidence(image="a:1", outcome="unknown", evidence="its pod is refused: no pods")
    verdict = images_available([refused, evidence("b:1", "pulled")], {"a:1", "b:1"})

    assert verdict.status == "not assessed"
    assert "a:1 (its pod is refused: no pods)" in verdict.reason
