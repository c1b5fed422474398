"""Upgrade notes of Linkerd's releases, asked of a cluster: does this one concern it?

Every note is a row of `releases/advisories.toml`. A hop passes a note when it starts before the
first edge with the change and ends at or after it. Then its condition is asked of the facts; what
facts cannot decide is shown as `read this`, never as fine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Literal

from policies.facts.cluster import ClusterFacts, Fact
from policies.planning import computed, conditions
from policies.releases import Advisory, catalogue, remembered
from policies.releases.versions import Version, logical, parse
from policies.skew.hops import Hop
from policies.verdicts.findings import Item, Verdict, judged, not_applicable

READ_THIS = "read this"

State = Literal["applies", "does not apply", "read this"]


class AdvisoryResult(Fact, frozen=True, kw_only=True):
    """What one note means for one cluster on one hop."""

    advisory: Advisory
    hop: str
    """Label of the hop."""
    state: State
    seen: str
    """What the facts show, or why they cannot decide."""

    @property
    def id(self) -> str:
        """The note's id, which a scenario acknowledges."""
        return self.advisory.id

    @property
    def title(self) -> str:
        """The note in a few words."""
        return self.advisory.title

    @property
    def applies(self) -> bool | None:
        """None where facts cannot decide it: somebody has to read it."""
        return None if self.state == READ_THIS else self.state == "applies"

    @property
    def item(self) -> Item:
        """For a verdict about advisories."""
        return Item(
            subject=f"advisory {self.advisory.id}: {self.advisory.title}",
            expected=self.advisory.note,
            seen=f"{self.state}: {self.seen}",
        )


def relevant(hop: Hop) -> tuple[Advisory, ...]:
    """Return notes whose change lies on this hop; empty when an end of it has no place."""
    start, end = _place(hop.source), _place(hop.destination)
    if not start or not end:
        return ()
    written = (a for a in catalogue().advisories if start < _place(_since(a)) <= end)
    return (*written, *_computed(hop))


@remembered
def _computed(hop: Hop) -> tuple[Advisory, ...]:
    """Return what is computed of a hop whose releases were both learnt."""
    known = catalogue()
    before, after = known.learnt(hop.source), known.learnt(hop.destination)
    return computed.advisories(before, after) if before and after else ()


def unjudged(hop: Hop) -> tuple[AdvisoryResult, ...]:
    """Return the relevant notes when there is no cluster to ask.

    What the hop alone does not decide is to be read.
    """
    nothing = ClusterFacts(taken_at=datetime.fromtimestamp(0, tz=UTC))
    return tuple(
        _ask(a, hop, nothing)
        if a.condition in conditions.OF_THE_HOP
        else AdvisoryResult(advisory=a, hop=hop.label, state=READ_THIS, seen="no cluster to ask")
        for a in relevant(hop)
    )


def applicable(hop: Hop, facts: ClusterFacts) -> tuple[AdvisoryResult, ...]:
    """Return every note on this hop with its state for this cluster and what was seen."""
    return tuple(_ask(advisory, hop, facts) for advisory in relevant(hop))


def nothing_breaks(results: Iterable[AdvisoryResult], acknowledged: Collection[str]) -> Verdict:
    """Judge whether a note of the hop is decided against this cluster by its objects (PRE-14).

    Args:
        results: Advisories of the hop, asked of the facts.
        acknowledged: Ids a person has read and accepted.
    """
    certain = [r for r in results if r.advisory.breaks]
    if not certain:
        return not_applicable("no note of this hop's releases says that an object breaks")
    return judged(
        [
            Item(
                subject=f"advisory {r.id}: {r.title}",
                expected="no object that it concerns",
                seen=f"{r.seen}: {r.advisory.breaks}",
                explained="acknowledged in the scenario" if r.id in acknowledged else "",
            )
            for r in certain
            if r.applies
        ],
        holds_as="No object of the cluster is known to break on this hop",
        violated_as="What is known of the hop's releases breaks objects of this cluster",
        expected="no object of which a release note says for certain that it breaks, or its id "
        "under `acknowledged` in the scenario",
        cause="a setting of another time that the destination's injector obeys as well",
        next_command="kubectl get pods,deployments,statefulsets,daemonsets -A -o yaml | grep -n "
        "config.linkerd.io/",
    )


def _ask(advisory: Advisory, hop: Hop, facts: ClusterFacts) -> AdvisoryResult:
    answer = conditions.ask(advisory.condition, advisory.arguments, hop, facts)
    state: State = READ_THIS
    if answer.applies is not None:
        state = "applies" if answer.applies else "does not apply"
    return AdvisoryResult(advisory=advisory, hop=hop.label, state=state, seen=answer.seen)


def _since(advisory: Advisory) -> Version:
    anchor = catalogue().anchor(advisory.target_logical)
    return parse(advisory.since or (anchor.tag if anchor else ""))


@remembered
def _place(version: Version) -> tuple[int, ...]:
    """Return where a release lies among the edges; one of another channel lies at its anchor."""
    if version.channel == "edge":
        return version.numbers
    anchor = catalogue().anchor(str(logical(version)))
    return anchor.version.numbers if anchor else ()
