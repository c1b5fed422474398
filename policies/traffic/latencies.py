"""Latency from fixed buckets, per window and version pair.

Buckets can be added up and stored for ever; a percentile read from them is the upper bound of the
bucket it falls into, never less than the true one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from policies.facts.cluster import Fact
from policies.facts.traffic import BUCKETS, Traffic

LEAST = 20
"""Fewer answers make no percentile worth judging."""


class LatencyRow(Fact, frozen=True, kw_only=True):
    """One path in one window, answered by servers with one proxy version."""

    window: int
    path: str
    kind: str
    source: str = ""
    """The client's side of the version pair."""
    version: str = ""
    """Proxy version of the servers; empty where it is not known."""
    answers: int
    p50: float
    """Wall seconds, as the other two: upper bound of the bucket; infinite above all buckets."""
    p99: float
    slowest: float


def percentile(counts: Sequence[int], share: float) -> float:
    """Return the upper bound, in wall seconds, of the bucket that holds this share of answers.

    Raises:
        ValueError: there are no answers.
    """
    total = sum(counts)
    if not total:
        raise ValueError("no answers, so no percentile")
    wanted = max(1, math.ceil(share * total))
    seen = 0
    for count, bound in zip(counts, (*BUCKETS, math.inf), strict=True):
        seen += count
        if seen >= wanted:
            return bound
    raise AssertionError("counts were summed above")


def table(traffic: Traffic, versions: Mapping[str, str]) -> tuple[LatencyRow, ...]:
    """Return every combination with enough answers, per path in order of windows."""
    rows: list[LatencyRow] = []
    for seen in traffic.measured:
        merged: dict[tuple[int, str], list[int]] = {}
        for part in seen.latency:
            if not 0 <= part.window < len(traffic.windows):
                continue
            key = part.window, versions.get(part.server, "")
            sums = merged.setdefault(key, [0] * (len(BUCKETS) + 1))
            for place, count in enumerate(part.counts):
                sums[place] += count
        rows += [
            LatencyRow(
                window=window,
                path=seen.path.id,
                kind=seen.path.kind,
                source=seen.path.source,
                version=version,
                answers=sum(counts),
                p50=percentile(counts, 0.5),
                p99=percentile(counts, 0.99),
                slowest=percentile(counts, 1.0),
            )
            for (window, version), counts in sorted(merged.items())
            if sum(counts) >= LEAST
        ]
    return tuple(rows)
