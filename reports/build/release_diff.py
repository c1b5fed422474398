"""Build the difference of two learnt releases, asked of a cluster where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.planning.advisories import applicable, unjudged
from policies.releases import catalogue, learn
from policies.releases.comparison import compare, not_compared
from policies.releases.versions import logical_text, parse
from policies.skew.hops import Hop
from reports.model.release_diff import ReleaseDiff

if TYPE_CHECKING:
    from policies.facts.cluster import ClusterFacts
    from policies.releases import Learnt


def build(
    before: Learnt, after: Learnt, facts: ClusterFacts | None, *, cluster: str = ""
) -> ReleaseDiff:
    """Compare two releases; advisories are asked of the facts, or left to be read."""
    learn((before, after))
    hop = Hop(number=1, source_tag=before.tag, destination_tag=after.tag)
    results = unjudged(hop) if facts is None else applicable(hop, facts)
    return ReleaseDiff(
        source=before.tag,
        destination=after.tag,
        source_logical=logical_text(parse(before.tag)),
        destination_logical=logical_text(parse(after.tag)),
        cluster=cluster if facts is not None else "",
        changes=compare(before, after),
        advisories=results,
        not_compared=not_compared(before, after),
        knowledge=catalogue().provenance,
    )
