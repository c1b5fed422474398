"""Findings: a control applied to facts.

A policy returns a `Verdict`: what was judged, expected and seen, and every item behind it. Where
and when (step, hop, cluster) is added by whoever asked, which makes it a `Finding`.
`not assessed` always carries its reason and is never a pass. `not applicable` says that what the
control speaks of does not exist here, which the facts must show: it is neither a pass nor a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from policies.facts.cluster import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

Status = Literal["holds", "violated", "not assessed", "not applicable", "waived"]
Severity = Literal["blocker", "advice"]

SHOWN = 20
"""Items named in one message; the finding itself keeps all."""


class Item(Fact, frozen=True, kw_only=True):
    """One thing a verdict speaks of."""

    subject: str
    """What, e.g. `pod shop/web-1`."""
    expected: str = ""
    seen: str = ""
    explained: str = ""
    """Why this deviation is expected; an explained item never violates."""


class Verdict(Fact, frozen=True, kw_only=True):
    """What a policy says of facts."""

    status: Status
    summary: str
    """One sentence for a person."""
    expected: str = ""
    seen: str = ""
    items: tuple[Item, ...] = ()
    reason: str = ""
    """Why it is `not assessed` or `not applicable`, or who waived it."""
    cause: str = ""
    """The likely cause of a violation."""
    next_command: str = ""
    """What to run next."""

    @property
    def violations(self) -> tuple[Item, ...]:
        return tuple(i for i in self.items if not i.explained)

    @property
    def explained(self) -> tuple[Item, ...]:
        return tuple(i for i in self.items if i.explained)


class Finding(Fact, frozen=True, kw_only=True):
    """A verdict with its control, its place and its time."""

    control: str
    severity: Severity
    step: str
    hop: str = ""
    """`hop 1: edge-24.11.8 -> edge-25.4.4`; empty for steps that exist once."""
    cluster: str = "main"
    test: str = ""
    verdict: Verdict
    waiver: str = ""
    """`owner, until DATE: reason`; set when status is waived."""

    @property
    def status(self) -> Status:
        return self.verdict.status

    @property
    def violations(self) -> tuple[Item, ...]:
        return self.verdict.violations


def holds(summary: str, *, seen: str = "", items: Iterable[Item] = ()) -> Verdict:
    """Return that the control holds; `items` may name explained deviations."""
    return Verdict(status="holds", summary=summary, seen=seen, items=tuple(items))


def violated(
    summary: str,
    *,
    expected: str,
    seen: str,
    items: Iterable[Item] = (),
    cause: str = "",
    next_command: str = "",
) -> Verdict:
    """Return that the control is violated by at least one item, or as a whole."""
    return Verdict(
        status="violated",
        summary=summary,
        expected=expected,
        seen=seen,
        items=tuple(items),
        cause=cause,
        next_command=next_command,
    )


def not_assessed(reason: str) -> Verdict:
    """Return that the control could not be applied; `reason` says why, for a person."""
    return Verdict(status="not assessed", summary=reason, reason=reason)


def not_applicable(reason: str) -> Verdict:
    """Return that what the control speaks of does not exist here; `reason` says what.

    Only where the facts were readable and show it; what may exist unseen is `not_assessed`.
    """
    return Verdict(status="not applicable", summary=reason, reason=reason)


def excepting(sentence: str, items: Iterable[Item]) -> str:
    """Return the sentence, true beside its explained items: `..., but for 2 explained`."""
    count = sum(1 for i in items if i.explained)
    if not count or "explained" in sentence:
        return sentence
    bare = sentence.removesuffix(".")
    return f"{bare}, but for {count} explained{sentence[len(bare) :]}"


def judged(
    items: Iterable[Item],
    *,
    holds_as: str,
    violated_as: str,
    expected: str,
    cause: str = "",
    next_command: str = "",
    includes: bool = False,
    unknown: Iterable[Item] = (),
    unknown_as: str = "",
) -> Verdict:
    """Return violated when any item is not explained, else holds, with the explained ones.

    What holds is said of all but the explained items, unless the sentence `includes` them. Where
    there is something `unknown`, which is neither right nor wrong, and nothing is violated, it is
    not assessed; `unknown_as` says why, and is followed by what it is about.
    """
    found = tuple(items)
    bad = [i for i in found if not i.explained]
    blind = tuple(unknown)
    if not bad and blind:
        named = "; ".join(f"{i.subject}: {i.seen}" for i in blind[:SHOWN])
        more = f"; and {len(blind) - SHOWN} more" if len(blind) > SHOWN else ""
        return not_assessed(f"{unknown_as}: {named}{more}")
    if not bad:
        return holds(holds_as if includes else excepting(holds_as, found), items=found)
    seen = "; ".join(f"{i.subject}: {i.seen}" for i in bad[:SHOWN])
    if len(bad) > SHOWN:
        seen += f"; and {len(bad) - SHOWN} more"
    return violated(
        violated_as,
        expected=expected,
        seen=seen,
        items=found,
        cause=cause,
        next_command=next_command,
    )
