"""Two runs compared: what got worse, what got better, what is noise, and what nobody can compare.

Worse are verdicts that fell, violated items that are new, and requests lost or gaps of injection
and endpoints beyond what `Band` explains. Durations beyond it are told, and are no reason to fail:
they depend on the machine as well. The same two reports give the same bytes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from policies.verdicts.findings import Severity, Status
from reports.model.part import Part

SCHEMA = 1

Direction = Literal["worse", "better", "changed", "noise", "same"]
Measured = Literal["lost requests", "longest outage", "injection gap", "endpoint gap", "duration"]


class Side(Part, frozen=True, kw_only=True):
    """One of the two runs."""

    run: str
    suite: str
    started: datetime
    source: str
    destination: str
    target: str
    simulated: bool
    word: str
    """Of its verdict."""
    exit_code: int
    manifest_digest: str
    """Empty: never sealed."""
    problems: tuple[str, ...]
    """What is wrong with its bundle."""


class ControlChange(Part, frozen=True, kw_only=True):
    """A control whose verdict is another one at the same place."""

    control: str
    title: str
    severity: Severity
    where: str
    before: Status | None
    """None: the run has no finding of it there."""
    after: Status | None
    direction: Direction
    said_before: str
    said_after: str


class ItemChange(Part, frozen=True, kw_only=True):
    """A violated item that only one of the runs has."""

    control: str
    where: str
    subject: str
    seen: str
    new: bool
    """False: it is gone."""

    @property
    def direction(self) -> Direction:
        return "worse" if self.new else "better"


class Band(Part, frozen=True, kw_only=True):
    """What counts as the same figure."""

    low: float
    high: float
    origin: str
    """Where it comes from, for a person."""


class Measure(Part, frozen=True, kw_only=True):
    """One figure of both runs."""

    what: Measured
    where: str
    before: float
    after: float
    """Cluster seconds, or requests; a duration of the whole run is in wall seconds."""
    band: Band
    direction: Direction


class Setting(Part, frozen=True, kw_only=True):
    """Something that was set, heard or run otherwise; it explains more than it accuses."""

    kind: Literal["release", "release knowledge", "scenario", "program", "environment", "versions"]
    key: str
    before: str
    after: str


class RunDiff(Part, frozen=True, kw_only=True):
    """The difference of two runs."""

    schema: int = SCHEMA
    before: Side
    after: Side
    history: int
    """Runs like the second one that the bands come from; 0: none was given."""
    controls: tuple[ControlChange, ...]
    items: tuple[ItemChange, ...]
    measures: tuple[Measure, ...]
    """All that both have, also where they are the same."""
    settings: tuple[Setting, ...]
    not_compared: tuple[str, ...]
    """What was left out, and why."""

    @property
    def worse(self) -> int:
        """Count what got worse, which is what fails a pipeline."""
        return self._count("worse")

    @property
    def better(self) -> int:
        return self._count("better")

    @property
    def noise(self) -> int:
        return self._count("noise")

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs at all."""
        moved = any(m.direction != "same" for m in self.measures)
        return not (self.controls or self.items or self.settings or moved)

    def _count(self, direction: Direction) -> int:
        every = (*self.controls, *self.items, *self.measures)
        return sum(each.direction == direction for each in every)
