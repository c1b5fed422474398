"""Conditions of advisories. Importing the modules registers what they hold."""

from __future__ import annotations

from policies.planning.conditions import chosen, general, resources
from policies.planning.conditions.registry import Answer, ask, fits, names, takes

OF_THE_HOP = frozenset({"always", "source is stable", "hop touches"})
"""Conditions that need no cluster."""

__all__ = [
    "OF_THE_HOP",
    "Answer",
    "ask",
    "chosen",
    "fits",
    "general",
    "names",
    "resources",
    "takes",
]
