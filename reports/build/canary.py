"""The injection canary of a ledger: outcomes over time, and the injection gaps among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from fixtures.evidence.records import CanariesSeen, Record
from policies.facts.observations import Canary
from reports.model.report import CanaryPod, CanarySummary, Gap, Stretch

Placed = tuple[Canary, str, str]
"""A canary with the step and hop it was seen in."""

CAUGHT = ("unmeshed", "refused")


def canaries_of(records: Iterable[Record]) -> tuple[CanarySummary, ...]:
    """Return one summary per cluster that had a canary."""
    seen: dict[str, list[Placed]] = {}
    for record in records:
        body = record.body
        if isinstance(body, CanariesSeen):
            placed = seen.setdefault(record.cluster, [])
            placed.extend((c, body.step, body.hop) for c in body.canaries)
    return tuple(_summary(cluster, placed) for cluster, placed in seen.items() if placed)


def _summary(cluster: str, placed: list[Placed]) -> CanarySummary:
    placed.sort(key=lambda p: (p[0].at, p[0].name))
    outcomes = [c.outcome for c, _, _ in placed]
    return CanarySummary(
        cluster=cluster,
        total=len(placed),
        injected=outcomes.count("injected"),
        unmeshed=outcomes.count("unmeshed"),
        refused=outcomes.count("refused"),
        unobserved=outcomes.count("unobserved"),
        stretches=_stretches([c for c, _, _ in placed]),
        gaps=_gaps(placed),
    )


def _stretches(canaries: Sequence[Canary]) -> tuple[Stretch, ...]:
    """Return runs of equal outcome and version; each lasts until the next one begins."""
    runs: list[list[Canary]] = []
    for canary in canaries:
        last = runs[-1][-1] if runs else None
        if last and (last.outcome, last.version) == (canary.outcome, canary.version):
            runs[-1].append(canary)
        else:
            runs.append([canary])
    ends = [run[0].at for run in runs[1:]] + [runs[-1][-1].at]
    return tuple(
        Stretch(
            outcome=run[0].outcome,
            version=run[0].version,
            started=run[0].at,
            ended=end,
            pods=len(run),
        )
        for run, end in zip(runs, ends, strict=True)
    )


def _gaps(placed: Sequence[Placed]) -> tuple[Gap, ...]:
    """Return the longest runs without an injected pod; an unobserved canary ends none."""
    gaps: list[Gap] = []
    caught: list[Placed] = []
    for one in placed:
        if one[0].outcome in CAUGHT:
            caught.append(one)
        elif one[0].outcome == "injected" and caught:
            gaps.append(_gap(len(gaps) + 1, caught, one[0].at))
            caught = []
    if caught:
        gaps.append(_gap(len(gaps) + 1, caught, None))
    return tuple(gaps)


def _gap(number: int, caught: Sequence[Placed], ended: datetime | None) -> Gap:
    first, step, hop = caught[0]
    until = ended or caught[-1][0].at
    return Gap(
        number=number,
        started=first.at,
        ended=ended,
        seconds=round((until - first.at).total_seconds(), 3),
        unmeshed=sum(1 for c, _, _ in caught if c.outcome == "unmeshed"),
        refused=sum(1 for c, _, _ in caught if c.outcome == "refused"),
        step=step,
        hop=hop,
        pods=tuple(
            CanaryPod(name=c.name, at=c.at, outcome=c.outcome, reason=c.reason)
            for c, _, _ in caught
        ),
    )
