"""The one typed model that every document is made from.

`reports.build.report.build` fills it from a bundle and from nothing else, so that equal bundles
give equal documents and the counts agree across formats. Times are UTC; durations are seconds, of
cluster time where the name says so. `report.schema.json` is generated from these types.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fixtures.evidence.records import ToolUsed
from fixtures.evidence.records import Verdict as Word
from policies.planning.path import Plan
from policies.releases.dataset import Provenance
from policies.verdicts.findings import Item, Severity, Status
from policies.workloads.remaining import Remaining
from reports.model.part import Part
from reports.model.traffic import TrafficSummary

SCHEMA = 1


class Header(Part, frozen=True, kw_only=True):
    """What was rehearsed, where and when."""

    run: str
    suite: Literal["upgrade", "verify"]
    title: str
    source: str
    destination: str
    target: str
    target_name: str
    simulated: bool
    kubernetes: str
    version: str
    """Of this project."""
    command: str
    """How to reproduce."""
    started: datetime
    ended: datetime
    seconds: float
    """Wall seconds."""
    speed: float
    canary_rate: float
    knowledge: tuple[Provenance, ...] = ()
    """Data sets of release knowledge, the first one heard first."""


class VerdictLine(Part, frozen=True, kw_only=True):
    """The verdict, with the exit code of the suite that means the same."""

    word: Word
    exit_code: int
    headline: str
    reason: str
    """Why, when the suite itself gave a reason; empty otherwise."""


class Tally(Part, frozen=True, kw_only=True):
    """Findings per status."""

    holds: int = 0
    violated: int = 0
    not_assessed: int = 0
    not_applicable: int = 0
    waived: int = 0

    @property
    def total(self) -> int:
        judged = self.holds + self.violated + self.waived
        return judged + self.not_assessed + self.not_applicable


class Counts(Part, frozen=True, kw_only=True):
    """Findings per severity and status: the same numbers in every format."""

    findings: int
    blocker: Tally
    advice: Tally
    explained: int
    """Explained items over all findings."""

    def number(self, severity: Severity, status: Status) -> int:
        """Count findings of one severity and status."""
        tally = self.blocker if severity == "blocker" else self.advice
        return int(getattr(tally, status.replace(" ", "_")))

    def of(self, status: Status) -> int:
        """Count findings of one status, whatever their severity."""
        return self.number("blocker", status) + self.number("advice", status)


class Entry(Part, frozen=True, kw_only=True):
    """One finding with what the catalogue says of its control."""

    id: str
    """`F12`: the twelfth finding of the ledger."""
    control: str
    title: str
    why: str
    area: str
    source: str
    standards: tuple[str, ...]
    required: bool
    severity: Severity
    status: Status
    cluster: str
    step: str
    hop: str
    test: str
    summary: str
    expected: str
    seen: str
    reason: str
    cause: str
    next_command: str
    waiver: str
    items: tuple[Item, ...]
    record: int
    """Number of the ledger's record."""
    at: datetime
    cluster_time: datetime | None
    follows: str = ""
    """Of a violated blocker: the control whose violation it follows from; empty for a cause."""

    @property
    def violations(self) -> tuple[Item, ...]:
        return tuple(i for i in self.items if not i.explained)

    @property
    def explained(self) -> tuple[Item, ...]:
        return tuple(i for i in self.items if i.explained)

    @property
    def fails(self) -> bool:
        """A violated blocker, which is what fails a verdict."""
        return self.status == "violated" and self.severity == "blocker"

    @property
    def advises(self) -> bool:
        return self.status == "violated" and self.severity == "advice"


class Unfound(Part, frozen=True, kw_only=True):
    """A control of the catalogue that has no finding in this run; not counted as one."""

    control: str
    title: str
    area: str
    severity: Severity
    required: bool
    reason: str


class Ran(Part, frozen=True, kw_only=True):
    """One command, as it ended."""

    line: str
    program: str
    program_version: str
    exit_code: int
    seconds: float
    started: datetime
    stdout_sha256: str
    stdout_bytes: int
    stdout_tail: str
    stderr_tail: str


class Said(Part, frozen=True, kw_only=True):
    """What a program or probe said in a step, in one line."""

    kind: str
    label: str
    text: str
    details: tuple[str, ...]


class Moment(Part, frozen=True, kw_only=True):
    """The cluster's size and versions at one moment, counted from its facts."""

    when: Literal["before", "after", "left"]
    taken_at: datetime
    nodes: int
    namespaces: int
    workloads: int
    pods: int
    meshed: int
    control_plane: tuple[tuple[str, int], ...]
    """(proxy-independent image version, pods) of control plane pods."""
    proxies: tuple[tuple[str, int], ...]
    """(proxy version, pods) of the data plane."""
    record: int


class Section(Part, frozen=True, kw_only=True):
    """One step of one hop: its window, what ran, what was seen."""

    number: int
    step: str
    hop: str
    cluster: str
    state: Literal["started", "reached", "failed", "blocked"]
    reason: str
    started: datetime
    ended: datetime | None
    seconds: float
    """Wall seconds."""
    cluster_started: datetime | None
    cluster_ended: datetime | None
    commands: tuple[Ran, ...]
    said: tuple[Said, ...]
    moments: tuple[Moment, ...]
    pods_born: int
    pods_ended: int
    findings: tuple[str, ...]
    """Ids of the findings made in it."""

    @property
    def cluster_seconds(self) -> float | None:
        if self.cluster_started is None or self.cluster_ended is None:
            return None
        return (self.cluster_ended - self.cluster_started).total_seconds()


class Point(Part, frozen=True, kw_only=True):
    """The versions that ran from this moment until the next point."""

    at: datetime
    control_plane: tuple[str, ...]
    proxies: tuple[tuple[str, int], ...]
    unmeshed: int


class Phase(Part, frozen=True, kw_only=True):
    """A stretch of time in which the set of running versions did not change."""

    started: datetime
    ended: datetime
    control_plane: tuple[str, ...]
    proxies: tuple[tuple[str, int, int], ...]
    """(version, fewest pods, most pods)."""
    unmeshed: int
    """The most pods without the proxy they should have."""


class Versions(Part, frozen=True, kw_only=True):
    """Versions over time on one cluster."""

    cluster: str
    order: tuple[str, ...]
    """Every version seen, oldest first."""
    points: tuple[Point, ...]
    phases: tuple[Phase, ...]


class CanaryPod(Part, frozen=True, kw_only=True):
    name: str
    at: datetime
    outcome: str
    reason: str


class Gap(Part, frozen=True, kw_only=True):
    """An injection gap: pods created one after the other that were unmeshed or refused."""

    number: int
    started: datetime
    """When the first of its pods was asked for."""
    ended: datetime | None
    """When the next pod was injected; none before the canary stopped when empty."""
    seconds: float
    """Cluster seconds; up to the last pod of the gap when it never ended."""
    unmeshed: int
    refused: int
    step: str
    hop: str
    pods: tuple[CanaryPod, ...]


class Stretch(Part, frozen=True, kw_only=True):
    """Consecutive canaries with one outcome and version."""

    outcome: str
    version: str
    started: datetime
    ended: datetime
    pods: int


class CanarySummary(Part, frozen=True, kw_only=True):
    """The injection canary of one cluster over the whole run."""

    cluster: str
    total: int
    injected: int
    unmeshed: int
    refused: int
    unobserved: int
    stretches: tuple[Stretch, ...]
    gaps: tuple[Gap, ...]


class Missing(Part, frozen=True, kw_only=True):
    """A kind of object that could not be read."""

    cluster: str
    resource: str
    reason: str
    steps: tuple[str, ...]


class Digest(Part, frozen=True, kw_only=True):
    path: str
    sha256: str
    size: int


class Origin(Part, frozen=True, kw_only=True):
    """The bundle this report was made from."""

    sealed: bool
    manifest_digest: str
    files: tuple[Digest, ...]
    records: int
    ledger_schema: int = 0
    """Version of the records' shapes."""
    problems: tuple[str, ...]
    """What is wrong with the bundle, e.g. a ledger that is cut off."""


class Remark(Part, frozen=True, kw_only=True):
    """A note of the ledger."""

    step: str
    hop: str
    text: str


class Report(Part, frozen=True, kw_only=True):
    """Everything a document shows."""

    schema: int = SCHEMA
    header: Header
    verdict: VerdictLine
    counts: Counts
    findings: tuple[Entry, ...]
    """In the order of the catalogue, then of the ledger."""
    without_finding: tuple[Unfound, ...]
    plan: Plan | None
    sections: tuple[Section, ...]
    versions: tuple[Versions, ...]
    canaries: tuple[CanarySummary, ...]
    traffic: tuple[TrafficSummary, ...] = ()
    without_traffic: tuple[str, ...] = ()
    """Why traffic was not assessed, as the findings of its controls say."""
    tools: tuple[ToolUsed, ...]
    scenario: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    remaining: tuple[Remaining, ...] = ()
    """Proxies that are not the destination's at the end, with who renews them."""
    unreadable: tuple[Missing, ...]
    notes: tuple[Remark, ...]
    origin: Origin

    @property
    def failures(self) -> tuple[Entry, ...]:
        """Violated blockers: causes in the order of the ledger, their consequences behind."""
        failing = sorted((e for e in self.findings if e.fails), key=lambda e: e.record)
        causes = list(dict.fromkeys(e.control for e in failing if not e.follows))

        def place(entry: Entry) -> tuple[int, bool]:
            cause = entry.follows or entry.control
            return (causes.index(cause) if cause in causes else len(causes), bool(entry.follows))

        return tuple(sorted(failing, key=place))

    @property
    def advice(self) -> tuple[Entry, ...]:
        """Violated controls that only advise, in the order of the ledger."""
        return tuple(sorted((e for e in self.findings if e.advises), key=lambda e: e.record))

    @property
    def unassessed(self) -> tuple[Entry, ...]:
        return tuple(e for e in self.findings if e.status == "not assessed")

    @property
    def inapplicable(self) -> tuple[Entry, ...]:
        """Findings whose subject does not exist here: neither passes nor gaps."""
        return tuple(e for e in self.findings if e.status == "not applicable")

    @property
    def waived(self) -> tuple[Entry, ...]:
        return tuple(e for e in self.findings if e.status == "waived")

    @property
    def several_clusters(self) -> bool:
        return len({e.cluster for e in self.findings} | {s.cluster for s in self.sections}) > 1
