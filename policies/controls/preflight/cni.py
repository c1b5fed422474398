"""linkerd-cni, the plugin that sets up each pod's network where linkerd-init does not.

It is no part of `linkerd upgrade`, and no prune knows it. A newer proxy mode may need a newer
plugin, so it is upgraded before the control plane; while it is replaced on a node, new pods there
do not start. Source: Linkerd's documentation of the plugin; release notes of linkerd2-proxy-init.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from oci.reference import parse as reference
from policies.controls.control_plane.availability import rollouts_complete
from policies.controls.preflight.cni_settings import CniSettings
from policies.facts.cluster import ClusterFacts, Pod, Workload
from policies.facts.observations import NodeCanary
from policies.releases import catalogue
from policies.releases.grammar import Version
from policies.skew.kubernetes import parse_kubernetes
from policies.skew.planes import not_seen
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import number

NAME = "linkerd-cni"
RESOURCE = "linkerd.io/cni-resource"
"""Label of the plugin's namespace and objects."""
ENABLED = "cniEnabled"
NONE = "linkerd-cni is not installed: linkerd-init sets up each pod"


def plugin(facts: ClusterFacts) -> Workload | None:
    """Return the plugin's DaemonSet, by the label of its namespace, else by its name."""
    marked = {n.name for n in facts.namespaces if RESOURCE in dict(n.labels)}
    found = [w for w in facts.workloads if w.kind == "DaemonSet" and _is(w, marked)]
    return found[0] if found else None


def _is(workload: Workload, marked: set[str]) -> bool:
    return workload.name == NAME or workload.namespace in marked


def version_of(workload: Workload) -> str:
    """Return the tag of the plugin's image."""
    images = [image for _, image in workload.images if "cni" in reference(image).name]
    return reference(images[0]).tag if images else ""


def wanted(release: Version) -> str:
    """Return the plugin that a release's `install-cni` renders; empty where that is not known."""
    known = catalogue().images(release)
    return known.cni_plugin if known else ""


def older(workload: Workload, release: Version) -> bool | None:
    """Return whether a plugin is older than a release's own; None when that cannot be told."""
    has, needs = parse_kubernetes(version_of(workload)), parse_kubernetes(wanted(release))
    return None if has is None or needs is None else has < needs


def ready_first(
    facts: ClusterFacts, destination: Version, kept: CniSettings | None = None
) -> Verdict:
    """Judge whether the plugin is new enough and ready before the control plane changes (EXT-06).

    Args:
        facts: When the CRDs are upgraded, the last moment before the control plane.
        destination: Of the hop.
        kept: The plugin's own settings, where it was to be rendered again.
    """
    if why := not_seen(facts, "daemonsets.apps", "namespaces", "nodes"):
        return not_assessed(f"the CNI plugin or nodes could not be read ({why})")
    found = plugin(facts)
    enabled = facts.config is not None and facts.config.value(ENABLED) == "true"
    if found is None and facts.config is None and (why := facts.cannot_read("configmaps")):
        return not_assessed(f"whether the control plane counts on the plugin is not known ({why})")
    if found is None and not enabled:
        return not_applicable(NONE)
    if found is None:
        return _missing()
    if older(found, destination) is None:
        return not_assessed(
            f"the version of {found.key} cannot be compared: {version_of(found) or 'no tag'}, "
            f"{destination} comes with {wanted(destination) or 'an unknown one'}"
        )
    if kept is not None and kept.obstacles and older(found, destination):
        return not_assessed(
            f"{found.key} {version_of(found)} was left as it is, since `linkerd install-cni` "
            f"cannot keep {'; '.join(kept.obstacles)}: upgrade it to {wanted(destination)} by "
            "its own means"
        )
    items = [*_version(found, destination), *_nodes(facts, found)]
    items += _pods(facts, found, destination)
    plugged = judged(
        items,
        holds_as=f"linkerd-cni {version_of(found)} is ready on every node",
        violated_as="linkerd-cni is not ready for the control plane of the destination",
        expected=f"{wanted(destination)} or newer, and a ready pod on every node",
        cause="`linkerd upgrade` does not touch the plugin; a pod that is created on a node "
        "without it never starts",
        next_command=_command(found, destination, kept),
    )
    return combined([plugged, rollouts_complete(facts, [found])], holds_as=plugged.summary)


def _missing() -> Verdict:
    item = Item(
        subject=f"value {ENABLED}", expected="DaemonSet linkerd-cni", seen="true, and no plugin"
    )
    return judged(
        [item],
        holds_as=NONE,
        violated_as="The control plane counts on linkerd-cni, which is not there",
        expected=f"linkerd-cni, or {ENABLED}=false",
        cause="the plugin was deleted, or its namespace was renamed",
        next_command="linkerd install-cni | kubectl apply -f -",
    )


def _command(found: Workload, destination: Version, kept: CniSettings | None) -> str:
    if found.created_by.startswith("linkerd/helm") or found.helm_release:
        name = found.helm_release.rpartition("/")[2] or "linkerd2-cni"
        return f"helm upgrade {name} linkerd-edge/linkerd2-cni  # the chart of {destination}"
    sets = "".join(f" --set {shlex.quote(each)}" for each in (kept.sets if kept else ()))
    return f"linkerd install-cni{sets} | kubectl apply -f -  # with the client of {destination}"


def _version(found: Workload, destination: Version) -> Iterator[Item]:
    if older(found, destination):
        yield Item(
            subject=found.key,
            expected=f"{wanted(destination)} or newer",
            seen=version_of(found),
        )


def _pods(facts: ClusterFacts, found: Workload, destination: Version) -> Iterator[Item]:
    """Yield nodes whose plugin is older than its DaemonSet says, as OnDelete leaves it."""
    needs = parse_kubernetes(wanted(destination))
    for pod in _of_plugin(facts, found):
        tags = [reference(image) for _, image in pod.images]
        tag = next((r.tag for r in tags if "cni" in r.name), "")
        has = parse_kubernetes(tag)
        if has is not None and needs is not None and has < needs and tag != version_of(found):
            yield Item(
                subject=f"node {pod.node or pod.key}",
                expected=f"{wanted(destination)} or newer",
                seen=f"pod {pod.key} runs {tag}, not its DaemonSet's {version_of(found)}"
                + (": update strategy OnDelete" if found.update_strategy == "OnDelete" else ""),
            )


def _of_plugin(facts: ClusterFacts, found: Workload) -> Iterator[Pod]:
    for pod in facts.pods:
        mine = (pod.owner_kind, pod.owner_name) == ("DaemonSet", found.name)
        if mine and pod.namespace == found.namespace and not pod.deleting:
            yield pod


def _nodes(facts: ClusterFacts, found: Workload) -> Iterator[Item]:
    ready = {p.node for p in _of_plugin(facts, found) if p.ready}
    for node in facts.nodes:
        if node.ready and node.schedulable and node.name not in ready:
            yield Item(
                subject=f"node {node.name}",
                expected=f"a ready pod of {found.key}",
                seen="none: pods created there now do not start",
            )


def each_node_meshes(facts: ClusterFacts, canaries: Sequence[NodeCanary]) -> Verdict:
    """Judge whether a new pod on each node gets through the check of its network set-up (EXT-07).

    Args:
        facts: When the canaries were there.
        canaries: One per node; none where no real plugin works.
    """
    if why := not_seen(facts, "daemonsets.apps", "nodes"):
        return not_assessed(f"the CNI plugin or nodes could not be read ({why})")
    if plugin(facts) is None:
        return not_applicable(NONE)
    if facts.simulated:
        return not_assessed("no traffic is redirected here: a simulated node has no iptables")
    asked = {c.node for c in canaries}
    unseen = [n.name for n in facts.nodes if n.ready and n.schedulable and n.name not in asked]
    silent = [c.node for c in canaries if c.outcome == "unobserved"]
    if unseen or silent:
        listed = ", ".join([*unseen, *silent])
        return not_assessed(f"no canary could be asked on {listed}")
    items = [
        Item(
            subject=f"node {c.node}",
            expected="a ready pod with a proxy",
            seen=f"{c.outcome}: {c.reason}" if c.reason else c.outcome,
        )
        for c in canaries
        if c.outcome != "meshed"
    ]
    return judged(
        items,
        holds_as=f"on each of {number(len(canaries), 'node')} a new pod starts with its proxy",
        violated_as="New pods do not start on some nodes",
        expected="linkerd-network-validator succeeds in a pod on every node",
        cause="the plugin's configuration is not in the node's CNI folder, or another plugin "
        "rewrote it",
        next_command="kubectl -n linkerd-cni logs ds/linkerd-cni --all-containers",
    )
