"""What to do next: a rehearsal's commands in order, what each step took, and its way back.

Nothing stands in it that was not rehearsed; what was not is said. Seconds are of the cluster's
clock.
"""

from __future__ import annotations

from reports.model.part import Part

SCHEMA = 1


class Command(Part, frozen=True, kw_only=True):
    """One line to type, as it was run: pipes put together again, words quoted for a shell."""

    line: str
    client: str
    """Program and release that ran it."""
    exit_code: int
    """As it ended in the rehearsal."""
    note: str
    """What a person must know of it; empty otherwise."""
    typed: bool
    """False: its input was made by the rehearsal and is in no bundle, so it cannot be repeated."""


class WayBack(Part, frozen=True, kw_only=True):
    """How to leave a step again."""

    said: str
    commands: tuple[Command, ...] = ()
    """Empty where nothing has to be done, or nothing was rehearsed."""


class Step(Part, frozen=True, kw_only=True):
    """One step of one hop on one cluster, or a later part of it."""

    number: int
    step: str
    hop: str
    cluster: str
    continued: bool
    """Another cluster's step came between; figures and criteria stand at the first part."""
    purpose: str
    commands: tuple[Command, ...]
    seconds: float | None
    gap: float | None
    """Injection gaps in it; None: no canary was asked for."""
    lost: int | None
    """Requests lost in it; None: not known."""
    watch: tuple[str, ...]
    """Blockers that held there."""
    abort: tuple[str, ...]
    back: WayBack | None
    notes: tuple[str, ...]


class Runbook(Part, frozen=True, kw_only=True):
    """The upgrade of one cluster, or of linked ones, as it was rehearsed."""

    schema: int = SCHEMA
    run: str
    manifest_digest: str
    source: str
    destination: str
    target: str
    simulated: bool
    kubernetes: str
    installation: str
    """`cli`, or `helm` with how values are treated."""
    word: str
    headline: str
    clusters: tuple[str, ...]
    """In the order of their first step."""
    steps: tuple[Step, ...]
    not_rehearsed: tuple[str, ...]
    remaining: tuple[str, ...]
    """Proxies that these commands do not renew, and who does."""

    @property
    def seconds(self) -> float:
        return sum(s.seconds or 0.0 for s in self.steps)
