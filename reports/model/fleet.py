"""Many clusters, one report: each cluster a row, each control a column, each cause once."""

from __future__ import annotations

from datetime import datetime

from policies.verdicts.findings import Severity, Status
from reports.model.part import Part

SCHEMA = 1


class Cell(Part, frozen=True, kw_only=True):
    """A control's verdict on one cluster: the worst of its places."""

    control: str
    status: Status
    severity: Severity


class ClusterRow(Part, frozen=True, kw_only=True):
    """One cluster of the fleet."""

    name: str
    group: str = ""
    word: str
    """Of its verdict; `missing`: it was not rehearsed, `unreadable`: its bundle cannot be used."""
    exit_code: int
    headline: str
    source: str = ""
    destination: str = ""
    kubernetes: str = ""
    simulated: bool = False
    started: datetime | None = None
    seconds: float = 0.0
    """Wall seconds."""
    lost: int | None = None
    """Requests; None: traffic was not probed, or says nothing."""
    remaining: int = 0
    """Proxies that are not at the destination at the end."""
    manifest: str = ""
    """Digest of the sealed bundle's manifest; empty: never sealed."""
    cells: tuple[Cell, ...] = ()

    @property
    def ready(self) -> bool:
        """Everything that is required holds."""
        return self.exit_code == 0

    def count(self, status: Status, *, blockers: bool = False) -> int:
        """Count its controls of one status."""
        return sum(
            1
            for c in self.cells
            if c.status == status and (not blockers or c.severity == "blocker")
        )


class Cause(Part, frozen=True, kw_only=True):
    """One violation, said once with every cluster that has it."""

    control: str
    title: str
    severity: Severity
    summary: str
    cause: str
    next_command: str
    clusters: tuple[str, ...]


class GroupSum(Part, frozen=True, kw_only=True):
    """One group, in the order in which they are upgraded."""

    name: str
    clusters: int
    ready: int
    versions: tuple[tuple[str, int], ...]
    """(release that its clusters come from, how many), most first."""
    destinations: tuple[str, ...]


class FleetReport(Part, frozen=True, kw_only=True):
    """The fleet; rows worst first."""

    schema: int = SCHEMA
    name: str
    exit_code: int
    """The worst of its clusters'."""
    counts: tuple[tuple[str, int], ...]
    """(word of a verdict, clusters), worst first."""
    groups: tuple[GroupSum, ...]
    controls: tuple[str, ...]
    """With a finding on some cluster, in the order of the catalogue."""
    rows: tuple[ClusterRow, ...]
    causes: tuple[Cause, ...]
    """Blockers first, then by how many clusters have it."""

    @property
    def ready(self) -> tuple[str, ...]:
        return tuple(r.name for r in self.rows if r.ready)
