"""What remains to be renewed, from the newest facts of each cluster."""

from __future__ import annotations

from collections.abc import Iterable

from fixtures.core.version import FIELD_MANAGER, OWNER_LABEL
from fixtures.evidence.records import FactsTaken, Record, RunStarted
from policies.releases.grammar import parse
from policies.workloads.remaining import Remaining, remaining

RESTARTED = ("data_plane_upgraded", "settled")
"""Steps after which the guide's restart is through."""


def remaining_of(records: Iterable[Record], started: RunStarted) -> tuple[Remaining, ...]:
    """Return what remains, per cluster; nothing where nothing was to be reached, or was seen."""
    newest = {
        r.cluster: r.body
        for r in records
        if isinstance(r.body, FactsTaken) and r.body.when != "before"
    }
    if not started.destination:
        return ()
    return tuple(
        one
        for body in newest.values()
        for one in remaining(
            body.facts,
            parse(started.destination),
            restarted=body.step in RESTARTED,
            ignore_namespaces=_own(body),
        )
    )


def _own(body: FactsTaken) -> frozenset[str]:
    """Return namespaces of the rehearsal itself."""
    mark = (OWNER_LABEL, FIELD_MANAGER)
    return frozenset(n.name for n in body.facts.namespaces if mark in n.labels)
