"""Fold many runs into one report, a run at a time: what is kept of each is one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from policies.verdicts.catalogue import catalogue
from policies.verdicts.findings import Status
from reports.model.fleet import Cause, Cell, ClusterRow, FleetReport, GroupSum
from reports.model.report import Entry, Report

MISSING, UNREADABLE = "missing", "unreadable"
WORST_FIRST = (1, 3, 4, 2, 5, 6, 0)
"""Exit codes: violated, broken, bad input, interrupted, nothing collected, incomplete, holds."""
_RANK: Mapping[Status, int] = {
    "violated": 0,
    "not assessed": 1,
    "waived": 2,
    "holds": 3,
    "not applicable": 4,
}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one run."""

    row: ClusterRow
    causes: tuple[Cause, ...] = ()


def taken(name: str, report: Report) -> Taken:
    """Return what is kept of the run of one cluster."""
    header, verdict = report.header, report.verdict
    lost = [t.failed for t in report.traffic if not t.void]
    # What was not asked for stands in no finding: a part of a rehearsal makes no cluster ready.
    part = verdict.exit_code == 0 and any(u.required for u in report.without_finding)
    row = ClusterRow(
        name=name,
        word="incomplete" if part else verdict.word,
        exit_code=6 if part else verdict.exit_code,
        headline=verdict.headline,
        source=header.source,
        destination=header.destination,
        kubernetes=header.kubernetes,
        simulated=header.simulated,
        started=header.started,
        seconds=header.seconds,
        lost=sum(lost) if lost else None,
        remaining=sum(r.pods for r in report.remaining),
        manifest=report.origin.manifest_digest,
        cells=_cells(report.findings),
    )
    causes = (_cause(name, e) for e in report.findings if e.status == "violated")
    return Taken(row=row, causes=tuple(causes))


def refused(name: str, why: str) -> Taken:
    """Return the row of a run that cannot be used."""
    return Taken(row=ClusterRow(name=name, word=UNREADABLE, exit_code=3, headline=why))


class Fold:
    """Takes runs one after the other; none is kept."""

    def __init__(self, name: str, groups: Mapping[str, str], order: Sequence[str]) -> None:
        """Expect these clusters.

        Args:
            name: Of the fleet.
            groups: Cluster -> its group, for each that belongs to the fleet.
            order: Groups in the order in which they are upgraded.
        """
        self._name = name
        self._groups = dict(groups)
        self._order = list(order)
        self._rows: dict[str, ClusterRow] = {}
        self._causes: dict[tuple[str, str], Cause] = {}

    def take(self, taken: Taken) -> None:
        """Take the run of one cluster."""
        row = taken.row
        group = self._groups.get(row.name, "")
        self._rows[row.name] = msgspec.structs.replace(row, group=group)
        for cause in taken.causes:
            self._cause(cause)

    def finished(self) -> FleetReport:
        """Return the report; a cluster that nothing came from stands in it as missing."""
        for name, group in self._groups.items():
            if name not in self._rows:
                self._rows[name] = ClusterRow(
                    name=name,
                    group=group,
                    word=MISSING,
                    exit_code=3,
                    headline=f"It was not rehearsed, or came to no ledger: see {name}.log.",
                )
        rows = sorted(self._rows.values(), key=lambda r: (_badness(r), r.name))
        known = list(catalogue())
        said = {c.control for r in rows for c in r.cells}
        words = Counter(r.word for r in rows)
        return FleetReport(
            name=self._name,
            exit_code=rows[0].exit_code if rows else 3,
            counts=tuple((w, words[w]) for w in dict.fromkeys(r.word for r in rows)),
            groups=tuple(self._sums(rows)),
            controls=tuple(sorted(said, key=lambda c: (c not in known, _place(known, c), c))),
            rows=tuple(rows),
            causes=tuple(
                sorted(
                    self._causes.values(),
                    key=lambda c: (c.severity != "blocker", -len(c.clusters), c.control),
                )
            ),
        )

    def _cause(self, cause: Cause) -> None:
        key = cause.control, cause.summary
        known = self._causes.get(key, cause)
        clusters = tuple(dict.fromkeys((*known.clusters, *cause.clusters)))
        self._causes[key] = msgspec.structs.replace(known, clusters=clusters)

    def _sums(self, rows: Iterable[ClusterRow]) -> Iterable[GroupSum]:
        by: dict[str, list[ClusterRow]] = {}
        for row in rows:
            by.setdefault(row.group, []).append(row)
        known = [g for g in self._order if g in by]
        for group in (*known, *sorted(by.keys() - set(known))):
            versions = Counter(r.source for r in by[group] if r.source)
            yield GroupSum(
                name=group,
                clusters=len(by[group]),
                ready=sum(r.ready for r in by[group]),
                versions=tuple(versions.most_common()),
                destinations=tuple(
                    dict.fromkeys(r.destination for r in by[group] if r.destination)
                ),
            )


def _cause(name: str, entry: Entry) -> Cause:
    return Cause(
        control=entry.control,
        title=entry.title,
        severity=entry.severity,
        summary=entry.summary,
        cause=entry.cause,
        next_command=entry.next_command,
        clusters=(name,),
    )


def _badness(row: ClusterRow) -> tuple[int, int, int]:
    place = WORST_FIRST.index(row.exit_code) if row.exit_code in WORST_FIRST else 1
    return place, -row.count("violated", blockers=True), -row.count("not assessed", blockers=True)


def _place(known: list[str], control: str) -> int:
    return known.index(control) if control in known else 0


def _cells(entries: Iterable[Entry]) -> tuple[Cell, ...]:
    worst: dict[str, Cell] = {}
    for entry in entries:
        there = worst.get(entry.control)
        if there is None or _RANK[entry.status] < _RANK[there.status]:
            worst[entry.control] = Cell(
                control=entry.control, status=entry.status, severity=entry.severity
            )
    return tuple(worst.values())
