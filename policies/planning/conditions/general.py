"""Conditions over the hop, Kubernetes, nodes, extensions, Jobs and the CNI plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.planning.conditions.registry import Answer, any_of, condition, listed
from policies.releases.versions import Order, compare, from_image, parse
from policies.skew import settings
from policies.skew.kubernetes import parse_kubernetes
from policies.skew.planes import JOB_KINDS, is_of_job

if TYPE_CHECKING:
    from policies.facts.cluster import ClusterFacts, Workload
    from policies.skew.hops import Hop

    Arguments = tuple[str, ...]


@condition("always")
def _always(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    return Answer(True, "every cluster on this hop")


@condition("read this")
def _read_this(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    return Answer(None, "objects of the cluster do not tell")


@condition("source is stable")
def _source_is_stable(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    return Answer(hop.source.channel == "stable", f"source {hop.source}")


@condition("hop touches", takes="FIRST LAST ...")
def _hop_touches(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    """Answer whether the hop touches a range; arguments: pairs of edges, first and last."""
    ranges = list(zip(arguments[::2], arguments[1::2], strict=True))
    touched = [
        tag.text
        for tag in (hop.source, hop.destination)
        if any(
            compare(parse(low), tag) in (Order.LESS, Order.EQUAL)
            and compare(tag, parse(high)) in (Order.LESS, Order.EQUAL)
            for low, high in ranges
        )
    ]
    return any_of(touched, f"neither {hop.source} nor {hop.destination} is one of them")


@condition("kubernetes below", takes="VERSION")
def _kubernetes_below(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    version, bound = parse_kubernetes(facts.kubernetes), parse_kubernetes(arguments[0])
    if version is None or bound is None:
        return Answer(None, "the API server's version is not known")
    return Answer(version < bound, f"Kubernetes {version}")


@condition("kubernetes from", takes="VERSION")
def _kubernetes_from(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    below = _kubernetes_below(facts, hop, arguments)
    return below if below.applies is None else Answer(not below.applies, below.seen)


@condition("extension", "namespaces", takes="NAME")
def extension(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    """Answer whether an extension is installed: a namespace that says so."""
    found = [f"namespace {n.name}" for n in facts.namespaces if n.extension == arguments[0]]
    return any_of(found, f"no namespace of extension {arguments[0]}")


def _architecture(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    unknown = [n.name for n in facts.nodes if not n.architecture]
    found = [f"node {n.name}" for n in facts.nodes if n.architecture in arguments]
    if (unknown or not facts.nodes) and not found:
        return Answer(None, "the nodes' architecture is not known")
    return any_of(found, f"no node is {' or '.join(arguments)}")


@condition("meshed pods on architecture", "nodes", "pods", takes="ARCHITECTURE ...")
def _meshed_on(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    """Answer whether a meshed pod runs on such a node; without one, whether any could is open."""
    nodes = _architecture(facts, hop, arguments)
    if not nodes.applies:
        return nodes
    names = {n.name for n in facts.nodes if n.architecture in arguments}
    on = [f"pod {p.key} on node {p.node}" for p in facts.pods if p.proxy and p.node in names]
    return any_of(on, "") if on else Answer(None, f"{nodes.seen}; no meshed pod runs there now")


@condition("meshed jobs", "pods")
def _meshed_jobs(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    pods = [f"pod {p.key}" for p in facts.pods if p.proxy and is_of_job(p)]
    templates = [w.key for w in facts.workloads if w.kind in JOB_KINDS and w.inject == "enabled"]
    return any_of(dict.fromkeys([*templates, *pods]), "no meshed Job")


@condition("native sidecars run", "pods")
def _native_run(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    return any_of(native_pods(facts), "no native sidecar runs")


@condition("cni is used", "workloads")
def _cni_used(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    found = [w.key for w in _cni(facts)]
    if not found and settings.value(facts, "cniEnabled") == "true":
        found = ["value cniEnabled true"]
    return any_of(found, "no linkerd-cni")


@condition("cni older than", "workloads", takes="VERSION")
def _cni_older(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    bound = parse_kubernetes(arguments[0])
    used = _cni_used(facts, hop, ())
    if not used.applies:
        return used
    images = [image for w in _cni(facts) for name, image in w.images if "cni" in name]
    tags = [from_image(image).text for image in images]
    versions = [v for tag in tags if (v := parse_kubernetes(tag)) is not None]
    if bound is None or not versions or len(versions) < len(images):
        return Answer(None, f"the plugin's version is not readable: {listed(tags) or used.seen}")
    return Answer(min(versions) < bound, f"linkerd-cni {min(versions)}")


def _cni(facts: ClusterFacts) -> list[Workload]:
    return [w for w in facts.workloads if w.kind == "DaemonSet" and w.name == "linkerd-cni"]


def native_pods(facts: ClusterFacts) -> list[str]:
    """Return pods whose proxy is a native sidecar."""
    return [f"pod {p.key}" for p in facts.pods if p.proxy and p.proxy.native]
