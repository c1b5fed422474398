"""Budgets from earlier runs: what a path lost before is what it may lose again, and no more.

The rule, per step and path. A run *counts* there when it observed that path in that step. With n
runs that count, the budget is the longest outage and the highest failed ratio among them. If the
new run is as good as its predecessors, any of the n + 1 is equally likely to be the worst, so it
exceeds either figure with a probability of at most 1 / (n + 1): exact, whatever the distribution,
and without assuming that samples are independent, which those of one outage are not. With fewer
runs than keep that below `RISK`, nothing may be lost, as without a history. Beside it stands how
many of the n lost anything, with the exact interval of the true share (Clopper and Pearson).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from policies.facts.cluster import Fact
from policies.facts.traffic import Budget, Traffic
from policies.traffic.binomial import exact_interval
from policies.traffic.outages import Cell, Outage, assessed, cells, excuses, outages

RISK = 0.05
"""Probability with which a run like its predecessors may exceed a budget made of them."""


class Lost(Fact, frozen=True, kw_only=True):
    """What one path lost in one step of one earlier run."""

    step: str
    path: str
    kind: str
    longest: float = 0.0
    """Cluster seconds of its longest outage."""
    ratio: float = 0.0
    """Failed among observed samples."""
    failed: int = 0


class Derived(Fact, frozen=True, kw_only=True):
    """What all runs that count say of one path in one step."""

    step: str
    path: str
    kind: str
    runs: int
    lossy: int
    """Runs that lost anything here."""
    longest: float
    ratio: float
    needed: int

    @property
    def is_enough(self) -> bool:
        return self.runs >= self.needed

    @property
    def told(self) -> str:
        """The derivation, for a person."""
        if not self.is_enough:
            return (
                f"history: {self.runs} of {self.needed} runs needed for a risk of {RISK:.0%}, "
                "so nothing may be lost"
            )
        low, high = exact_interval(self.lossy, self.runs)
        return (
            f"history: the most of {self.runs} runs; the next exceeds it with a probability of "
            f"at most 1/{self.runs + 1} = {1 / (self.runs + 1):.1%}; {self.lossy} of {self.runs} "
            f"lost anything (95 %: {low:.1%} to {high:.1%})"
        )

    @property
    def budget(self) -> Budget:
        """As a budget that says where it comes from; nothing may be lost where runs are few."""
        known = self.is_enough
        return Budget(
            step=self.step,
            path=self.path,
            kind=self.kind,
            longest_outage=self.longest if known else None,
            failed_ratio=self.ratio if known else None,
            origin=self.told,
        )


def needed(risk: float = RISK) -> int:
    """Return the fewest runs with 1 / (n + 1) no more than `risk`.

    Raises:
        ValueError: the risk is not between 0 and 1.
    """
    if not 0 < risk < 1:
        raise ValueError(f"risk {risk} is not between 0 and 1")
    return math.ceil(round(1 / risk, 9)) - 1


def lost(traffic: Traffic) -> tuple[Lost, ...]:
    """Return what every measured path lost in each step of a run, where enough was observed.

    Steps in which the control path failed too are left out: what was lost there is not known.
    """
    spans = excuses(traffic)
    found: dict[tuple[str, str], Lost] = {}
    for seen in traffic.measured:
        counted = cells(seen, spans)
        telling = assessed(counted)
        apart = outages(seen, spans)
        for place, window in enumerate(traffic.windows):
            cell = counted.get(place)
            if cell is None or cell.excused or place not in telling:
                continue
            one = _lost(window.step, seen.path.kind, cell, apart)
            key = window.step, seen.path.id
            found[key] = _worse(found[key], one) if key in found else one
    return tuple(found.values())


def _lost(step: str, kind: str, cell: Cell, apart: Iterable[Outage]) -> Lost:
    here = [o.counted_seconds for o in apart if o.window == cell.window]
    return Lost(
        step=step,
        path=cell.path,
        kind=kind,
        longest=max(here, default=0.0),
        ratio=cell.ratio,
        failed=cell.failed,
    )


def _worse(one: Lost, other: Lost) -> Lost:
    """Join what a run lost in a step that it had more than once, hop by hop."""
    return Lost(
        step=one.step,
        path=one.path,
        kind=one.kind,
        longest=max(one.longest, other.longest),
        ratio=max(one.ratio, other.ratio),
        failed=one.failed + other.failed,
    )


def derive(runs: Iterable[Iterable[Lost]], risk: float = RISK) -> tuple[Derived, ...]:
    """Derive what the runs say of each step and path, in the order first seen."""
    grouped: dict[tuple[str, str, str], list[Lost]] = {}
    for run in runs:
        for one in run:
            grouped.setdefault((one.step, one.path, one.kind), []).append(one)
    return tuple(
        Derived(
            step=step,
            path=path,
            kind=kind,
            runs=len(seen),
            lossy=sum(bool(one.failed) for one in seen),
            longest=max(one.longest for one in seen),
            ratio=max(one.ratio for one in seen),
            needed=needed(risk),
        )
        for (step, path, kind), seen in grouped.items()
    )
