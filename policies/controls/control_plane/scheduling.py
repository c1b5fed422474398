"""Whether a highly available control plane finds a place for each replica."""

from __future__ import annotations

from policies.facts.cluster import ClusterFacts
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import number


def schedulable_ha(facts: ClusterFacts, *, replicas: int | None = None) -> Verdict:
    """Judge whether anti-affinity finds a place for every control plane replica (PRE-11).

    Args:
        facts: Nodes, workloads and configuration.
        replicas: How many the target wants; by default what the Deployments and values say.
    """
    if facts.cannot_read("nodes") or not facts.nodes:
        why = facts.cannot_read("nodes") or "none were listed"
        return not_assessed(f"nodes could not be read ({why})")
    spread = [
        w
        for w in facts.workloads
        if w.component
        and w.namespace == facts.control_plane_namespace
        and w.required_anti_affinity
    ]
    if not spread and (why := facts.cannot_read("deployments.apps")):
        return not_assessed(f"Deployments could not be read ({why})")
    if not spread and facts.config is None and (why := facts.cannot_read("configmaps")):
        return not_assessed(f"whether high availability is asked for is not known ({why})")
    if not spread and not _highly_available(facts):
        return not_applicable("the control plane is not highly available: one node is enough")
    keys = {w.required_anti_affinity for w in spread} or {"kubernetes.io/hostname"}
    wanted = replicas or max((w.desired for w in spread), default=0) or _replicas(facts)
    items = [_places(facts, key, wanted) for key in sorted(keys)]
    return judged(
        [i for i in items if i is not None],
        holds_as=f"{number(wanted, 'replica')} of each component can be scheduled",
        violated_as="The replicas of the control plane cannot all be scheduled",
        expected=f"{number(wanted, 'node')} for pods, one for each replica",
        cause="required anti-affinity on fewer nodes than replicas",
        next_command="kubectl get nodes",
    )


def _highly_available(facts: ClusterFacts) -> bool:
    return facts.config is not None and facts.config.value("highAvailability") == "true"


def _replicas(facts: ClusterFacts) -> int:
    text = (facts.config.value("controllerReplicas") if facts.config else None) or ""
    return int(text) if text.isdecimal() else 3


def _places(facts: ClusterFacts, key: str, wanted: int) -> Item | None:
    zone = key.endswith("/zone")
    places = {
        (n.zone if zone else n.hostname or n.name)
        for n in facts.nodes
        if n.ready and n.schedulable
    }
    places.discard("")
    subject = f"anti-affinity by {key}"
    if len(places) < wanted:
        return Item(subject=subject, expected=number(wanted, "place"), seen=f"{len(places)}")
    if len(places) == wanted:
        return Item(
            subject=subject,
            expected="a place to spare for the surge pod",
            seen=f"exactly {wanted}",
            explained="the surge pod stays Pending and the rollout goes on by one pod at a time",
        )
    return None
