"""A plan as plain text, for `rehearse plan` and for people who paste it into a ticket."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from policies.planning.advisories import AdvisoryResult, unjudged
from policies.verdicts.wording import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policies.planning.path import Hop, Plan

WIDTH = 96

SEVERITIES = {
    "X": "can break traffic or block the upgrade",
    "M": "needs a migration step",
    "O": "observability only",
    "I": "for information",
}


def render(plan: Plan, advisories: Sequence[AdvisoryResult] = ()) -> str:
    """Render the plan: verdict first, then hops with reasons and advisories, then what blocks.

    Args:
        plan: From `policies.planning.path.plan`.
        advisories: What the advisories mean for a cluster; without them each hop's notes are
            listed as still to be read.
    """
    results = advisories or [result for hop in plan.hops for result in unjudged(hop)]
    lines = [*_head(plan)]
    for hop in plan.hops:
        before = [u for u in plan.kubernetes_upgrades if u.startswith(f"before hop {hop.number}:")]
        for text in before:
            lines += [*_wrapped(text, "! "), ""]
        lines += _hop(hop, [r for r in results if r.hop == hop.label])
    lines += _blockers(plan)
    lines += _notes(plan)
    return "\n".join(lines).rstrip() + "\n"


def _head(plan: Plan) -> Iterator[str]:
    on = f" on Kubernetes {plan.kubernetes}" if plan.kubernetes else ""
    yield f"{plan.source} -> {plan.destination}{on}"
    said = [number(len(plan.hops), "hop") if plan.hops else "no path"]
    if upgrades := len(plan.kubernetes_upgrades):
        said.append(f"{number(upgrades, 'Kubernetes upgrade')} between")
    if blockers := len(plan.blockers):
        said.append(f"BLOCKED by {number(blockers, 'thing')}, see below")
    yield ", ".join(said)
    yield ""


def _hop(hop: Hop, results: Sequence[AdvisoryResult]) -> Iterator[str]:
    yield hop.label
    versions = f"{hop.source_logical or '?'} -> {hop.destination_logical or '?'}"
    yield f"  logical version  {versions}"
    yield f"  Kubernetes       {hop.kubernetes or 'range not known'}"
    for index, reason in enumerate(hop.reasons):
        yield from _wrapped(reason, "  why              " if not index else " " * 19)
    yield from _advisories(results)
    yield ""


def _advisories(results: Sequence[AdvisoryResult]) -> Iterator[str]:
    if not results:
        return
    shown = [r for r in results if r.state != "does not apply"]
    ordered = sorted(shown, key=lambda r: (r.state != "applies", "XMOI".index(_letter(r))))
    hidden = len(results) - len(shown)
    rest = f" ({hidden} more: no concern here)" if hidden else ""
    yield f"  advisories       {len(shown)}{rest}"
    for result in ordered:
        advisory = result.advisory
        state = f"    {result.state:<10} {_letter(result)} "
        label = state + " " * 9
        yield from _wrapped(f"{advisory.id:<8} {advisory.title}", state, label)
        if advisory.severity in "XM" and not advisory.note.startswith("See "):
            yield from _wrapped(advisory.note, " " * len(label))
        if result.state == "applies":
            yield from _wrapped(f"seen: {result.seen}", " " * len(label))
    letters = sorted({_letter(r) for r in shown}, key="XMOI".index)
    if letters:
        yield from _wrapped(", ".join(f"{k} {SEVERITIES[k]}" for k in letters), "    ")


def _letter(result: AdvisoryResult) -> str:
    return result.advisory.severity


def _blockers(plan: Plan) -> Iterator[str]:
    if not plan.blockers:
        return
    yield "what blocks"
    for blocker in plan.blockers:
        yield from _wrapped(blocker.what, "  - ")
        yield from _wrapped(blocker.why, "    ")
        if blocker.remedy:
            yield from _wrapped(blocker.remedy, "    -> ")
    yield ""


def _notes(plan: Plan) -> Iterator[str]:
    if not plan.notes:
        return
    yield "notes"
    for note in plan.notes:
        yield from _wrapped(note, "  - ")
    yield ""


def _wrapped(text: str, label: str, below: str = "") -> Iterable[str]:
    return wrap(
        text,
        width=WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(below or label),
        break_long_words=False,
        break_on_hyphens=False,
    )
