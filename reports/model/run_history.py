"""Many runs over time: those that are alike in one group, and the controls that flicker in it."""

from __future__ import annotations

from datetime import datetime

from policies.verdicts.findings import Severity, Status
from reports.model.part import Part

SCHEMA = 1


class RunPoint(Part, frozen=True, kw_only=True):
    """One run on the line of time; seconds are of the cluster's clock."""

    run: str
    started: datetime
    word: str
    """Of its verdict."""
    exit_code: int
    version: str
    """Of this project."""
    violated: int
    not_assessed: int
    lost: int | None
    """Requests; None: traffic was not probed, or says nothing."""
    gap: float | None
    """The injection gaps of all its steps; None: no canary was asked for."""
    seconds: float | None
    """All steps that were reached; None: none was."""
    sealed: bool


class ControlTrend(Part, frozen=True, kw_only=True):
    """A control that had several verdicts among runs that are alike."""

    control: str
    title: str
    severity: Severity
    statuses: tuple[Status | None, ...]
    """By run, the worst of its places; None: no finding."""
    turns: int
    """How often the verdict changed from one run that has one to the next."""
    flaky: bool
    """It came back: it changed twice or more, with nothing else set otherwise."""


class Group(Part, frozen=True, kw_only=True):
    """Runs that are alike: same suite, releases, target, Kubernetes, speed and scenario."""

    suite: str
    source: str
    destination: str
    target: str
    simulated: bool
    kubernetes: str
    apart: tuple[str, ...]
    """Scenario keys by which it differs from the group before, of the same suite and releases."""
    runs: tuple[RunPoint, ...]
    """Oldest first."""
    controls: tuple[ControlTrend, ...]
    """Flaky ones first; those with one and the same verdict in every run are only counted."""
    steady: int

    @property
    def flaky(self) -> tuple[ControlTrend, ...]:
        return tuple(c for c in self.controls if c.flaky)


class RunHistory(Part, frozen=True, kw_only=True):
    """The runs of a folder."""

    schema: int = SCHEMA
    folder: str
    """Its name, without where it is."""
    groups: tuple[Group, ...]
    """The one with the newest run first."""
    left_out: tuple[str, ...]
    """Runs that could not be read or trusted, and why."""

    @property
    def runs(self) -> int:
        return sum(len(g.runs) for g in self.groups)

    @property
    def flaky(self) -> tuple[ControlTrend, ...]:
        return tuple(c for g in self.groups for c in g.flaky)
