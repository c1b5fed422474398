"""The injection canary's story: the gap in which new pods were unmeshed or refused, and its end.

Every upgrade has one: from the moment the webhook's new caBundle is applied until the injector
serves the certificate that goes with it, the API server cannot call it (recorded: 12 s with one
replica). With failurePolicy Ignore the pods of that time have no proxy; with Fail they are
refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from policies.facts.cluster import Fact, Pod
from policies.facts.observations import Canary
from policies.releases.grammar import Version
from policies.verdicts.findings import Item, Verdict, holds, not_assessed, violated
from policies.verdicts.wording import number

SPARSE = 2.0
"""Cluster seconds: canaries follow each other within 0.5 s; who asks more rarely was held up."""


class Gap(Fact, frozen=True, kw_only=True):
    """A run of new pods that were left unmeshed or refused."""

    start: datetime
    """Request of the first such pod."""
    end: datetime
    """Request of the first pod that was injected again; of the last bad one while it is open."""
    closed: bool
    unmeshed: int = 0
    refused: int = 0
    first: str = ""
    """Name of the first canary in it."""
    last: str = ""
    reason: str = ""
    """The API's reason for the last refusal."""
    sure_end: datetime
    """Request of the last bad pod: until then it surely lasted."""

    @property
    def sure_seconds(self) -> float:
        """Cluster seconds that it lasted at least."""
        return (self.sure_end - self.start).total_seconds()

    @property
    def unasked(self) -> float:
        """Cluster seconds before its end in which no pod was asked for."""
        return (self.end - self.sure_end).total_seconds()

    @property
    def seconds(self) -> float:
        """Cluster seconds from the first bad request to the first good one after it."""
        return (self.end - self.start).total_seconds()

    @property
    def count(self) -> int:
        return self.unmeshed + self.refused


def gaps(canaries: Iterable[Canary]) -> tuple[Gap, ...]:
    """Return every injection gap, in order of time.

    A canary the API did not answer for says nothing: it neither opens nor closes a gap.
    """
    found: list[Gap] = []
    run: list[Canary] = []
    for canary in sorted(canaries, key=lambda c: c.at):
        if canary.outcome == "unobserved":
            continue
        if canary.outcome == "injected":
            if run:
                found.append(_gap(run, canary.at))
                run = []
        else:
            run.append(canary)
    if run:
        found.append(_gap(run, None))
    return tuple(found)


def _gap(run: Sequence[Canary], injected_again: datetime | None) -> Gap:
    refused = [c for c in run if c.outcome == "refused"]
    return Gap(
        start=run[0].at,
        end=injected_again or run[-1].at,
        closed=injected_again is not None,
        unmeshed=len(run) - len(refused),
        refused=len(refused),
        first=run[0].name,
        last=run[-1].name,
        reason=refused[-1].reason if refused else "",
        sure_end=run[-1].at,
    )


def gap(canaries: Sequence[Canary], *, budget_seconds: float, pods: Iterable[Pod] = ()) -> Verdict:
    """Judge whether each injection gap is within its budget (CP-10); shorter ones are reported.

    Args:
        canaries: All canaries of the step, in any order.
        budget_seconds: The scenario's `injection_gap`, in cluster seconds.
        pods: Pods to name when they were created in a gap and have no proxy.
    """
    if not any(c.outcome != "unobserved" for c in canaries):
        return not_assessed("no canary was observed, so the injection gap could not be seen")
    found = gaps(canaries)
    unmeshed = [p for p in pods if p.proxy is None] if found else []
    items = [_gap_item(g, budget_seconds, unmeshed) for g in found]
    if not found:
        return holds("No injection gap: every canary was injected")
    told = number(sum(g.count for g in found), "canary", "canaries")
    seen = f"{told} in {sum(g.seconds for g in found):.1f} s"
    if all(g.seconds <= budget_seconds for g in found):
        return holds(
            f"The injection gap stayed within {budget_seconds:g} s", seen=seen, items=items
        )
    longest = max(found, key=lambda g: g.sure_seconds)
    unsure = [g for g in found if g.seconds > budget_seconds and g.unasked > SPARSE]
    if longest.sure_seconds <= budget_seconds and unsure:
        return not_assessed(
            f"the injection gap lasted between {unsure[0].sure_seconds:.1f} s and "
            f"{unsure[0].seconds:.1f} s: no canary was answered for {unsure[0].unasked:.1f} s "
            "before its end, this machine was too slow: try a lower --speed"
        )
    longest = max(found, key=lambda g: g.seconds)
    return violated(
        f"The injection gap lasted {longest.seconds:.1f} s",
        expected=f"no gap longer than {budget_seconds:g} s",
        seen=seen + (f"; last refusal: {longest.reason}" if longest.reason else ""),
        items=items,
        cause="the webhook's new certificate was not served yet, or the new injector did not "
        "start; externally managed webhook certificates avoid the gap",
        next_command="kubectl -n linkerd rollout status deployment/linkerd-proxy-injector",
    )


def _gap_item(gap: Gap, budget: float, unmeshed: Sequence[Pod]) -> Item:
    caught = [p.key for p in unmeshed if gap.start <= p.created <= gap.end]
    named = f"; pods without a proxy since then: {', '.join(caught)}" if caught else ""
    outcome = " and ".join(
        f"{count} {word}"
        for count, word in ((gap.unmeshed, "unmeshed"), (gap.refused, "refused"))
        if count
    )
    until = f"{gap.end:%H:%M:%S.%f}"[:-3] + "Z" if gap.closed else "the end of observation"
    return Item(
        subject=f"injection gap from {gap.start:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"Z to {until}",
        expected=f"at most {budget:g} s",
        seen=f"{gap.seconds:.1f} s: canaries {gap.first} to {gap.last}, {outcome}{named}",
        explained=f"within the injection_gap of {budget:g} s; restart what was created in it"
        if gap.seconds <= budget
        else "",
    )


def canary_settled(canaries: Sequence[Canary], release: Version, count: int) -> bool:
    """Return whether the last `count` canaries were all injected with this release's proxy."""
    last = [c for c in canaries if c.outcome != "unobserved"][-count:]
    return len(last) >= count and all(
        c.outcome == "injected" and c.version == release.text for c in last
    )
