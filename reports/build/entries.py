"""Findings of a ledger, joined with what the catalogue says of their controls, and counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from fixtures.core.as_typed import as_typed
from fixtures.evidence.records import ControlEntry, FindingMade, Record, superseded_by
from policies.verdicts.causes import roots
from policies.verdicts.findings import Severity, Status
from reports.model.report import Counts, Entry, Tally, Unfound


def entries_of(
    records: Iterable[Record], controls: Sequence[ControlEntry], command: str = ""
) -> tuple[Entry, ...]:
    """Return every finding that stands, in the order of the catalogue and then of the ledger.

    Args:
        records: Of the ledger.
        controls: The catalogue.
        command: The command line of the run: what is to be done next is told as it was typed.
    """
    known = {c.id: c for c in controls}
    place = {c.id: n for n, c in enumerate(controls)}
    made: list[Entry] = []
    records = tuple(records)
    gone = superseded_by(records)
    for record in records:
        if isinstance(record.body, FindingMade) and record.seq not in gone:
            made.append(_entry(record, record.body, known, len(made) + 1, command or "pytest"))
    return tuple(
        sorted(
            _with_causes(made, controls),
            key=lambda e: (place.get(e.control, len(place)), _unlisted(e, place), e.record),
        )
    )


def _with_causes(made: Sequence[Entry], controls: Sequence[ControlEntry]) -> list[Entry]:
    """Say of each violated blocker which one it follows from."""
    failing = [e for e in made if e.fails]
    follows = dict(
        zip(
            (e.id for e in failing),
            roots(failing, {c.id: c.follows for c in controls}),
            strict=True,
        )
    )
    return [msgspec.structs.replace(e, follows=follows.get(e.id, "")) for e in made]


def _unlisted(entry: Entry, place: dict[str, int]) -> str:
    return "" if entry.control in place else entry.control


def _entry(
    record: Record, body: FindingMade, known: dict[str, ControlEntry], number: int, command: str
) -> Entry:
    finding, verdict = body.finding, body.finding.verdict
    control = known.get(finding.control) or ControlEntry(
        id=finding.control,
        area="not in the catalogue",
        title="",
        why="",
        severity=finding.severity,
    )
    return Entry(
        id=f"F{number}",
        control=finding.control,
        title=control.title or verdict.summary,
        why=control.why,
        area=control.area,
        source=control.source,
        standards=control.standards,
        required=control.required,
        severity=finding.severity,
        status=finding.status,
        cluster=finding.cluster,
        step=finding.step,
        hop=finding.hop,
        test=finding.test,
        summary=verdict.summary,
        expected=verdict.expected,
        seen=verdict.seen,
        reason=as_typed(verdict.reason, command),
        cause=verdict.cause,
        next_command=as_typed(verdict.next_command, command),
        waiver=finding.waiver,
        items=verdict.items,
        record=record.seq,
        at=record.at,
        cluster_time=record.cluster_time,
    )


def without_finding(
    entries: Iterable[Entry], controls: Iterable[ControlEntry]
) -> tuple[Unfound, ...]:
    """Return controls of the catalogue that nothing was found about."""
    found = {e.control for e in entries}
    return tuple(
        Unfound(
            control=c.id,
            title=c.title,
            area=c.area,
            severity=c.severity,
            required=c.required,
            reason="not built yet" if c.planned else "no test of it ran in this run",
        )
        for c in controls
        if c.id not in found
    )


def counts_of(entries: Sequence[Entry]) -> Counts:
    """Count what every format shows."""
    return Counts(
        findings=len(entries),
        blocker=_tally(entries, "blocker"),
        advice=_tally(entries, "advice"),
        explained=sum(len(e.explained) for e in entries),
    )


def _tally(entries: Sequence[Entry], severity: Severity) -> Tally:
    def count(status: Status) -> int:
        return sum(1 for e in entries if e.severity == severity and e.status == status)

    return Tally(
        holds=count("holds"),
        violated=count("violated"),
        not_assessed=count("not assessed"),
        not_applicable=count("not applicable"),
        waived=count("waived"),
    )
