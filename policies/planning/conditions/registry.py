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
_TAKES: dict[str, Arguments] = {}


def condition(name: str, *needs: str, takes: str = "") -> Callable[[Condition], Condition]:
    """Register a condition.

    Args:
        name: What an advisory calls it.
        needs: Resources without which it cannot be decided.
        takes: Its arguments, a word each; `...` behind the last: those before may come again.
    """

    def register(function: Condition) -> Condition:
        _CONDITIONS[name] = function
        _NEEDS[name] = needs
        _TAKES[name] = tuple(takes.split())
        return function

    return register


def names() -> frozenset[str]:
    """Return every condition an advisory may name."""
    return frozenset(_CONDITIONS)


def takes(name: str) -> str:
    """Return what a condition takes, a word per argument."""
    return " ".join(_TAKES[name])


def fits(name: str, arguments: Arguments) -> bool:
    """Return whether a condition can be asked with so many arguments."""
    wanted = [word for word in _TAKES[name] if word != "..."]
    if "..." not in _TAKES[name]:
        return len(arguments) == len(wanted)
    return bool(arguments) and len(arguments) % len(wanted) == 0


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
