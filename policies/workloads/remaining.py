"""What remains to be renewed when the guide's steps are through, and by whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from policies.facts.base import Fact
from policies.facts.cluster import ClusterFacts
from policies.releases.grammar import Version
from policies.skew.planes import data_plane_pods, has_finished, owner
from policies.workloads.renewal import renewals


class Remaining(Fact, frozen=True, kw_only=True):
    """Pods of one workload whose proxies are not the destination's."""

    cluster: str = "main"
    subject: str
    """The workload, or the pod itself where nothing owns it."""
    pods: int
    version: str
    by: str
    """Who renews them."""
    how: str
    command: str
    """For the first of them; empty where none is known."""


def remaining(
    facts: ClusterFacts,
    destination: Version,
    *,
    restarted: bool,
    ignore_namespaces: Collection[str] = (),
) -> tuple[Remaining, ...]:
    """Return what is not of the destination, by workload.

    Args:
        facts: The newest.
        destination: The release that all are to reach.
        restarted: The guide's restart is through: what it should have renewed remains as well.
        ignore_namespaces: Namespaces that are not looked at.
    """
    renewal_of = renewals(facts)
    counts: Counter[tuple[str, str, str, str]] = Counter()
    commands: dict[tuple[str, str, str, str], str] = {}
    for pod in data_plane_pods(facts, ignore_namespaces=ignore_namespaces):
        if pod.proxy is None or pod.proxy.version == destination.text or has_finished(pod):
            continue
        renewal = renewal_of(pod)
        if renewal.by_guide and not restarted:
            continue
        how = "not restarted yet" if renewal.way == "restart" else renewal.how
        key = (owner(pod), pod.proxy.version or "unknown", renewal.by, how)
        counts[key] += 1
        commands.setdefault(key, renewal.command)
    return tuple(
        Remaining(
            cluster=facts.cluster,
            subject=key[0],
            pods=number,
            version=key[1],
            by=key[2],
            how=key[3],
            command=commands[key],
        )
        for key, number in counts.items()
    )
