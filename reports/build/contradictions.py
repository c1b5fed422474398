"""What a bundle contradicts itself in: each is a reason not to trust what it says."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fixtures.evidence.bundle import Bundle, Manifest
from fixtures.evidence.chain import CHAINED
from fixtures.evidence.records import VERDICTS, Record, Resumed, RunEnded, RunStarted

LONGEST = 1e9
"""Seconds that no run takes: thirty years."""
UNSEALED = "The bundle was never sealed: there are no digests to verify."


def contradictions(bundle: Bundle) -> tuple[str, ...]:
    """Return what is wrong with the bundle as a whole, for a person; empty when nothing is.

    Digests are not looked at here: a bundle whose digests differ does not open.
    """
    records = bundle.reading.records
    sealed = _of_the_seal(bundle.manifest, bundle) if bundle.manifest else (UNSEALED,)
    problems = (bundle.reading.problem, *sealed, *_of_the_frame(records))
    return tuple(p for p in problems if p)


def _of_the_seal(manifest: Manifest, bundle: Bundle) -> tuple[str, ...]:
    """Return what the manifest says otherwise than the ledger that it vouches for."""
    records = bundle.reading.records
    found: list[str] = []
    if manifest.records != len(records):
        found.append(
            f"The manifest counts {manifest.records} records, the ledger has {len(records)}."
        )
    if manifest.run != records[0].run:
        found.append(f"The manifest is of run {manifest.run}, the ledger of {records[0].run}.")
    if manifest.ledger_schema != records[0].schema:
        found.append(
            f"The manifest names ledger schema {manifest.ledger_schema},"
            f" the records are of schema {records[0].schema}."
        )
    if bundle.reading.ended is None:
        found.append("The bundle is sealed, yet its ledger has no closing record.")
    if records[0].schema < CHAINED:
        found.append("The records are not chained: one that was removed would not be noticed.")
    return tuple(found)


def _of_the_frame(records: Sequence[Record]) -> tuple[str, ...]:
    """Return what is wrong with the place of header and closing record."""
    found: list[str] = []
    if not isinstance(records[0].body, RunStarted):
        found.append("The ledger does not begin with its header.")
    if any(isinstance(r.body, RunStarted) for r in records[1:]):
        found.append("The ledger has more than one header.")
    if any(
        isinstance(r.body, RunEnded) and not isinstance(after.body, Resumed)
        for r, after in pairwise(records)
    ):
        found.append("There are records after the closing record.")
    ends = [r.body for r in records if isinstance(r.body, RunEnded)]
    if any(VERDICTS.get(e.exit_code) != e.verdict for e in ends):
        found.append("The closing record's exit code and verdict do not belong together.")
    if any(not 0 <= e.seconds <= LONGEST for e in ends):
        found.append("The closing record's duration cannot be.")
    if any(later.mono < earlier.mono for earlier, later in pairwise(records)):
        found.append("The ledger's time runs backwards.")
    return tuple(found)
