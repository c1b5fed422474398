"""One cause, one finding: which violation came first, and which only follow from it.

What can follow from what is said in the catalogue (`follows`): images before pods, pods before
rollouts, rollouts before checks, canaries and traffic. Two more facts decide: a cause is never of
a later step than its consequence, and of two that may follow from each other the one that speaks
of workloads is the cause where the other speaks of their pods alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from policies.verdicts.findings import Item

Follows = Mapping[str, Collection[str]]
"""Control -> controls whose violation may be its cause, the likeliest first."""


class Violated(Protocol):
    """A violation, whoever keeps it."""

    @property
    def control(self) -> str: ...
    @property
    def cluster(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def hop(self) -> str: ...
    @property
    def violations(self) -> tuple[Item, ...]: ...


def roots(found: Sequence[Violated], follows: Follows) -> tuple[str, ...]:
    """Return of each violation the control it follows from; empty for a cause of its own.

    Args:
        found: Violations, in the order of the ledger.
        follows: As the catalogue says it.
    """
    steps = list(dict.fromkeys((v.hop, v.step) for v in found))
    reach = {v.control: _reachable(v.control, follows) for v in found}

    def leads(cause: Violated, other: Violated) -> bool:
        if cause is other or cause.control == other.control or cause.cluster != other.cluster:
            return False
        if cause.control not in reach[other.control]:
            return False
        if steps.index((cause.hop, cause.step)) > steps.index((other.hop, other.step)):
            return False
        mutual = other.control in reach[cause.control]
        return not mutual or _deeper(cause, other)

    def causes(other: Violated) -> list[Violated]:
        return [v for v in found if leads(v, other)]

    def root(one: Violated) -> str:
        known = causes(one)
        first = [v for v in known if not causes(v)]
        order = list(reach[one.control])
        return min((v.control for v in first), key=order.index, default="")

    return tuple(root(one) for one in found)


def _reachable(control: str, follows: Follows) -> tuple[str, ...]:
    """Return everything that a control may follow from, the nearest first."""
    found: dict[str, None] = {}
    waiting = list(follows.get(control, ()))
    while waiting:
        one = waiting.pop(0)
        if one not in found and one != control:
            found[one] = None
            waiting += follows.get(one, ())
    return tuple(found)


def _deeper(cause: Violated, other: Violated) -> bool:
    """Decide between two that may follow from each other."""
    mine, its = _of_pods_alone(cause), _of_pods_alone(other)
    return its if mine != its else cause.control < other.control


def _of_pods_alone(one: Violated) -> bool:
    return bool(one.violations) and all(i.subject.startswith("pod ") for i in one.violations)
