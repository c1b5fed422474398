"""Samples joined into runs: the definition, one sample at a time.

Whoever reads millions of samples does the same faster; both must agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from policies.facts.cluster import Fact
from policies.facts.traffic import FAILURES, Outcome, SampleRun, Window


class Sample(Fact, frozen=True, kw_only=True, gc=False):
    """What became of one due request."""

    due: datetime
    start: datetime
    """When it was sent; when it was due, if it was not."""
    end: datetime
    outcome: Outcome
    status: int = 0
    detail: str = ""
    server: str = ""


def window_of(at: datetime, windows: Sequence[Window]) -> int:
    """Return the place of the window that this moment is in; -1 outside of all."""
    return next((i for i, w in enumerate(windows) if w.start <= at < w.end), -1)


def runs(samples: Iterable[Sample], windows: Sequence[Window] = ()) -> tuple[SampleRun, ...]:
    """Join neighbours that agree in outcome and window; failures also in status and detail."""
    groups: list[list[Sample]] = []
    keys: list[tuple[object, ...]] = []
    for sample in samples:
        key: tuple[object, ...] = (sample.outcome, window_of(sample.due, windows))
        if sample.outcome in FAILURES or sample.outcome == "wrong identity":
            key += (sample.status, sample.detail)
        if keys and keys[-1] == key:
            groups[-1].append(sample)
        else:
            keys.append(key)
            groups.append([sample])
    return tuple(_run(g, windows) for g in groups)


def _run(group: Sequence[Sample], windows: Sequence[Window]) -> SampleRun:
    first, last = group[0], group[-1]
    return SampleRun(
        outcome=first.outcome,
        count=len(group),
        window=window_of(first.due, windows),
        first=first.start,
        first_end=first.end,
        last=last.start,
        last_end=last.end,
        status=first.status,
        detail=first.detail,
        server=first.server,
    )
