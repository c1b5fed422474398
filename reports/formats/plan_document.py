"""A plan as one HTML page for a change board, and as JSON for programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

import msgspec

from fixtures.core.as_typed import as_typed
from policies.planning.advisories import AdvisoryResult
from policies.releases import Advisory
from policies.verdicts.wording import number
from reports.build.guidance.runbook import PURPOSES
from reports.formats.html import environment
from reports.formats.plan import SEVERITIES
from reports.formats.wording import words
from reports.model.plan import PlanDocument

STATES = ("applies", "read this", "does not apply")
TONES = {"applies": "violated", "read this": "advice", "does not apply": "not-assessed"}
GRAVITY = "XMOI"


class Noted(msgspec.Struct, frozen=True):
    """One advisory over all hops that pass it."""

    advisory: Advisory
    state: str
    """The gravest of its hops."""
    hops: tuple[str, ...]
    seen: tuple[str, ...]

    @property
    def tone(self) -> str:
        return TONES[self.state]

    @property
    def gravity(self) -> str:
        return SEVERITIES[self.advisory.severity]


def html(document: PlanDocument) -> str:
    """Render one HTML file without scripts or remote assets."""
    notes = noted(document.advisories)
    return (
        environment()
        .get_template("plan.html.j2")
        .render(
            document=document,
            plan=document.plan,
            word="Blocked" if document.plan.blockers else "Open",
            headline=headline(document, notes),
            facts=list(_facts(document)),
            concerning=[n for n in notes if n.state != "does not apply"],
            others=[n for n in notes if n.state == "does not apply"],
            steps=[(words(step), purpose) for step, purpose in PURPOSES.items()],
            next_command=next_command(document),
        )
    )


def as_json(document: PlanDocument) -> str:
    """Render the document itself, for programs."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def noted(results: Sequence[AdvisoryResult]) -> tuple[Noted, ...]:
    """Return each advisory once, with its hops: what applies first, then by its gravity."""
    groups: dict[Advisory, list[AdvisoryResult]] = {}
    for result in results:
        groups.setdefault(result.advisory, []).append(result)
    found = [
        Noted(
            advisory,
            min((r.state for r in same), key=STATES.index),
            tuple(dict.fromkeys(r.hop for r in same)),
            tuple(dict.fromkeys(r.seen for r in same if r.seen)),
        )
        for advisory, same in groups.items()
    ]
    found.sort(key=lambda n: (STATES.index(n.state), GRAVITY.index(n.advisory.severity)))
    return tuple(found)


def headline(document: PlanDocument, notes: Sequence[Noted]) -> str:
    """Return what is to be decided, in one sentence."""
    plan = document.plan
    if plan.blockers:
        return f"{number(len(plan.blockers), 'thing')} must change before this can be done."
    upgrades = len(plan.kubernetes_upgrades)
    between = f", {number(upgrades, 'Kubernetes upgrade')} between" if upgrades else ""
    states = [n.state for n in notes]
    advisories = number(len(notes), "advisory", "advisories")
    return (
        f"{number(len(plan.hops), 'hop')}{between}; {advisories}:"
        f" {states.count('applies')} apply, {states.count('read this')} to be read,"
        f" {states.count('does not apply')} of no concern."
    )


def next_command(document: PlanDocument) -> str:
    """Return the rehearsal of this plan."""
    plan = document.plan
    argv = ["rehearse", "upgrade", "--from", plan.source_tag, "--to", plan.destination_tag]
    argv += ["--snapshot", document.cluster] if document.cluster else []
    return as_typed(shlex.join(argv), "rehearse")


def _facts(document: PlanDocument) -> Iterator[tuple[str, str]]:
    plan = document.plan
    yield "Kubernetes", plan.kubernetes or "not said"
    yield "Cluster", document.cluster or "none was asked: advisories are to be read"
    logical = [h.source_logical for h in plan.hops[:1]] + [
        h.destination_logical for h in plan.hops
    ]
    yield "Logical versions", ", ".join(v or "?" for v in logical) or "no path"
