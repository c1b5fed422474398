"""The registry of conditions: questions that facts answer with yes, no, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policies.facts.cluster import ClusterFacts
    from policies.skew.hops import Hop

    Arguments = tuple[str, ...]
    Condition = Callable[["ClusterFacts", "Hop", tuple[str, ...]], "Answer"]

NAMED = 5
"""Objects named in one answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes, no, or None when the facts cannot decide; with what was seen."""

    applies: bool | None
    seen: str


_CONDITIONS: dict[str, Condition] = {}
_NEEDS: dict[str, Arguments] = {}


def condition(name: str, *needs: str) -> Callable[[Condition], Condition]:
    """Register a condition; `needs` are the resources without which it cannot be decided."""

    def register(function: Condition) -> Condition:
        _CONDITIONS[name] = function
        _NEEDS[name] = needs
        return function

    return register


def names() -> frozenset[str]:
    """Return every condition an advisory may name."""
    return frozenset(_CONDITIONS)


def ask(name: str, arguments: Arguments, hop: Hop, facts: ClusterFacts) -> Answer:
    """Answer one condition for one cluster on one hop."""
    if missing := facts.cannot_read(*_NEEDS[name]):
        return Answer(None, f"cannot be read: {missing}")
    return _CONDITIONS[name](facts, hop, arguments)


def listed(found: Iterable[str]) -> str:
    """Name the first few, and how many more there are."""
    every = list(found)
    more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + more


def any_of(found: Iterable[str], otherwise: str) -> Answer:
    """Answer that it applies when anything was found."""
    text = listed(found)
    return Answer(True, text) if text else Answer(False, otherwise)
