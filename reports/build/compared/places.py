"""Which place of one run is which of the other: hops by their releases, else by their order."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reports.model.report import Report

_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
_GENERATED = re.compile(rf"(?:-{_SAFE}{{8,10}}|-\d{{8,10}})?-{_SAFE}{{5}}(?![\w-])")
"""What controllers add to the names of pods, in the alphabet of Kubernetes (`rand.String`)."""


@dataclass(frozen=True, slots=True)
class Places:
    """The hops and clusters that both runs have."""

    pairs: tuple[tuple[str, str], ...]
    """(hop of the first run, hop of the second); steps without a hop are always there."""
    clusters: frozenset[str]
    left_out: tuple[str, ...]

    def first(self, hop: str) -> str | None:
        """Return the name under which a hop of the first run is compared; None: it is not."""
        return next((second for first, second in self.pairs if first == hop), None)

    def second(self, hop: str) -> str | None:
        return next((second for _, second in self.pairs if second == hop), None)


def places_of(before: Report, after: Report) -> Places:
    """Pair the hops of two runs; tell those that stay alone, and clusters that do."""
    one, other = _hops(before), _hops(after)
    pairs = [("", ""), *((h, h) for h in one if h in other)]
    rest = zip(
        [h for h in one if h not in other], [h for h in other if h not in one], strict=False
    )
    pairs += list(rest)
    alone = [h for h in one if h not in {a for a, _ in pairs}]
    added = [h for h in other if h not in {b for _, b in pairs}]
    clusters = _clusters(before), _clusters(after)
    both = clusters[0] & clusters[1]
    left_out = [
        *(f"{h}: only the first run has it" for h in alone),
        *(f"{h}: only the second run has it" for h in added),
        *(f"cluster {c}: only the first run has it" for c in sorted(clusters[0] - both)),
        *(f"cluster {c}: only the second run has it" for c in sorted(clusters[1] - both)),
    ]
    return Places(tuple(pairs), frozenset(both), tuple(left_out))


def told(step: str, hop: str, cluster: str) -> str:
    """Return a place in words."""
    parts = (step.replace("_", " "), hop, "" if cluster == "main" else f"cluster {cluster}")
    return ", ".join(p for p in parts if p) or "whole run"


def stable(subject: str) -> str:
    """Return a subject without the part of a pod's name that is another in each run."""
    return _GENERATED.sub("-*", subject) if subject.startswith("pod ") else subject


def _hops(report: Report) -> list[str]:
    named = [s.hop for s in report.sections] + [e.hop for e in report.findings]
    return [h for h in dict.fromkeys(named) if h]


def _clusters(report: Report) -> set[str]:
    return {s.cluster for s in report.sections} | {e.cluster for e in report.findings}
