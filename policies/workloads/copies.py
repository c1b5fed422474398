"""What the copy of a cluster lacks, and what a control may say of it all the same.

A copy has no webhook servers, schedulers, controllers and autoscalers of others, and no values of
their Secrets. What was seen to work when the snapshot was taken is taken to work again, and named;
what would have been decided elsewhere is not assessed, and named.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from policies.facts.cluster import ClusterFacts, Fact
from policies.skew.planes import owner
from policies.verdicts.findings import Item, Verdict


class Lacking(Fact, frozen=True, kw_only=True, tag_field="type", tag="lacking"):
    """One thing that a copy lacks."""

    subject: str
    """The thing itself, or the workload that depends on it: `Deployment shop/web`."""
    what: str
    """What was done about it: left out, supplied, played."""
    why: str
    """What this leaves unknown, for a person."""
    controls: tuple[str, ...] = ()
    """Controls that speak of what it would have decided; none where none does."""


def but_for(verdict: Verdict, lacking: Iterable[Lacking], control: str) -> Verdict:
    """Judge beside what the copy lacks: each thing is an explained item, never a violation.

    A verdict that is not assessed, or not applicable, stays as it is.
    """
    if verdict.status in ("not assessed", "not applicable"):
        return verdict
    items = [
        Item(subject=one.subject, seen=one.what, explained=one.why)
        for one in lacking
        if control in one.controls
    ]
    return msgspec.structs.replace(verdict, items=(*verdict.items, *items)) if items else verdict


def concerning(lacking: Iterable[Lacking], facts: ClusterFacts) -> tuple[Lacking, ...]:
    """Return only what concerns the cluster as a whole, and workloads that run a proxy now."""
    meshed = {owner(p) for p in facts.pods if p.proxy is not None}
    every = {owner(p) for p in facts.pods}
    return tuple(one for one in lacking if one.subject in meshed or one.subject not in every)


def grown(facts: ClusterFacts) -> tuple[Lacking, ...]:
    """Return nodes that the copy added for an autoscaler: each a risk of the real upgrade."""
    return tuple(
        Lacking(
            subject=f"node {node.name}",
            what="added to the copy for pods that found no room",
            why=f"the nodes are full: the upgrade waits until {node.added_by} brings a node; "
            "whether it can (limits, quotas, capacity) is not assessed",
            controls=("CP-02", "DP-05"),
        )
        for node in facts.nodes
        if node.added_by
    )
