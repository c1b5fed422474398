"""Paths that were not probed at all: what a verdict on the others must say of them.

A path is not probed where its prober does not speak its kind. It lost nothing because it asked
nothing, so it never counts among those that lost nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from policies.facts.traffic import Budget, PathTraffic, Traffic


def probed(traffic: Traffic) -> tuple[PathTraffic, ...]:
    """Return the measured paths that were asked."""
    return tuple(p for p in traffic.measured if not p.path.unavailable)


def rest(traffic: Traffic) -> str:
    """Return what follows the number of probed paths: `; 4 not probed: WHY`; empty without any."""
    reasons = Counter(p.path.unavailable for p in traffic.measured if p.path.unavailable)
    return "".join(f"; {count} not probed: {why}" for why, count in reasons.items())


def promised(traffic: Traffic, budgets: Iterable[Budget]) -> list[str]:
    """Return paths that were not probed though the scenario asks for them, and why.

    It asks for those that it names, and for a kind that a budget names itself. A pattern (`*`,
    `g*`) promises nothing of a kind: it says what those that are probed may lose.
    """
    kinds = {b.kind for b in budgets}
    own = [
        f"path {p.path.id}, which the scenario names: {p.path.unavailable}"
        for p in traffic.measured
        if p.path.unavailable and p.path.name
    ]
    return own + [
        f"path {p.path.id}, whose kind {p.path.kind} a budget names: {p.path.unavailable}"
        for p in traffic.measured
        if p.path.unavailable and not p.path.name and p.path.kind in kinds
    ]
