"""Conditions over CRDs, the Gateway API's above all, and how many resources exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.planning.conditions.registry import Answer, any_of, condition, listed
from policies.skew.kubernetes import parse_kubernetes

if TYPE_CHECKING:
    from policies.facts.cluster import ClusterFacts, Crd
    from policies.skew.hops import Hop

    Arguments = tuple[str, ...]

HTTP_ROUTES = "httproutes.gateway.networking.k8s.io"
GRPC_ROUTES = "grpcroutes.gateway.networking.k8s.io"
LINKS = "links.multicluster.linkerd.io"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
OWN_BUNDLES = ("v0.7.1-dev", "v0.7.1", "v1.1.1")
"""Gateway API bundles Linkerd itself ships."""


@condition("resources exist", CRDS, takes="RESOURCE ...")
def _resources_exist(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    counts: list[str] = []
    for name in arguments:
        crd = _crd(facts, name)
        if crd is None:
            continue
        if crd.resources < 0:
            return Answer(None, f"{name}: not counted")
        if crd.resources:
            counts.append(f"{crd.resources} {name}")
    return any_of(counts, f"no {' or '.join(arguments)}")


@condition("read this when resources exist", CRDS, takes="RESOURCE ...")
def _read_when_resources(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    answer = _resources_exist(facts, hop, arguments)
    return Answer(None, answer.seen) if answer.applies else answer


@condition("read this when all exist", CRDS, takes="RESOURCES ...")
def _read_when_all(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    """Answer by resources: each argument names CRDs of which one must have some."""
    answers = [_resources_exist(facts, hop, tuple(each.split())) for each in arguments]
    absent = next((a for a in answers if a.applies is False), None)
    return absent or Answer(None, ", ".join(a.seen for a in answers))


@condition("links made by", CRDS, takes="RELEASE")
def _links_made_by(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    answer = _resources_exist(facts, hop, (LINKS,))
    if not answer.applies:
        return answer
    return Answer(
        True if hop.source.text == arguments[0] else None, f"{answer.seen}, makers not read"
    )


@condition("crd serves", CRDS, takes="RESOURCE VERSION")
def _crd_serves(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    name, version = arguments
    crd = _crd(facts, name)
    if crd is None or version not in crd.served:
        return Answer(False, f"{name} serves {', '.join(crd.served) if crd else 'nothing'}")
    if crd.resources == 0:
        return Answer(False, f"no {name} exists")
    return Answer(True, f"{name} serves {version}")


@condition("gateway api state", CRDS)
def _gateway_state(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    found = _gateway(facts)
    if not found:
        return Answer(True, "no Gateway API CRDs")
    owners = {c.created_by or "somebody else" for c in found}
    bundles = {c.bundle_version or "unmarked" for c in found}
    return Answer(True, f"bundle {listed(sorted(bundles))}, created by {listed(sorted(owners))}")


@condition("gateway api is absent", CRDS)
def _gateway_absent(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    missing = {HTTP_ROUTES, GRPC_ROUTES} - {c.name for c in facts.crds}
    return any_of([f"{name} is absent" for name in sorted(missing)], "the CRDs are present")


@condition("gateway api is foreign", CRDS)
def _gateway_foreign(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    foreign = [f"{c.name} {c.bundle_version}" for c in _gateway(facts) if not c.created_by]
    return any_of(foreign, "no foreign Gateway API CRD")


@condition("foreign gateway api without v1", CRDS)
def _foreign_without_v1(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    bad = [
        f"{c.name} serves {', '.join(c.served)}"
        for c in _gateway(facts)
        if not c.created_by and "v1" not in c.served
    ]
    return any_of(bad, "every foreign Gateway API CRD serves v1, or there is none")


@condition("gateway api newer than", CRDS, takes="VERSION")
def _gateway_newer(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    bound = parse_kubernetes(arguments[0])
    newer = [
        f"{c.name} {c.bundle_version}"
        for c in _gateway(facts)
        if (bundle := parse_kubernetes(c.bundle_version)) and bound and bundle > bound
    ]
    return any_of(newer, f"no bundle newer than {arguments[0]}")


@condition("linkerd owns grpcroutes stored as v1alpha2", CRDS)
def _grpcroutes_stored(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    crd = _crd(facts, GRPC_ROUTES)
    if crd is None or not crd.created_by:
        return Answer(False, "Linkerd does not own grpcroutes")
    return Answer("v1alpha2" in crd.stored, f"stored versions {', '.join(crd.stored) or 'none'}")


@condition("mark of ownership on a foreign bundle", CRDS)
def _foreign_mark(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    marked = [
        f"{c.name} {c.bundle_version} created by {c.created_by}"
        for c in _gateway(facts)
        if c.created_by and c.bundle_version and c.bundle_version not in OWN_BUNDLES
    ]
    return any_of(marked, "no bundle but Linkerd's own carries its mark")


@condition("helm owns gateway api unkept", CRDS)
def _helm_unkept(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    unkept = [c.name for c in _gateway(facts) if c.helm_owned and not c.helm_keep]
    return any_of(unkept, "Helm owns no Gateway API CRD that it would delete")


@condition("webhooks fail closed with gateway api", CRDS)
def _fail_closed(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    closed = [
        w.name
        for w in facts.webhooks
        if w.failure_policy == "Fail" and "policy-validator" in w.configuration
    ]
    if not _crd(facts, HTTP_ROUTES):
        return Answer(False, f"no {HTTP_ROUTES}")
    return any_of(closed, "the policy webhook does not fail closed")


def _crd(facts: ClusterFacts, name: str) -> Crd | None:
    return next((c for c in facts.crds if c.name == name), None)


def _gateway(facts: ClusterFacts) -> list[Crd]:
    return [c for c in facts.crds if c.name in (HTTP_ROUTES, GRPC_ROUTES)]
