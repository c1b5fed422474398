"""The shape of an answer: names and types, recursively, and how two of them differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MAPS = frozenset(
    {"annotations", "binaryData", "data", "labels", "matchLabels", "nodeSelector", "stringData"}
)
"""Maps whose names are data: only what they hold has a shape."""
OPAQUE = frozenset({"fieldsV1"})
EVERY = "*"


@dataclass
class Shape:
    """What was seen at one place of one or several values."""

    types: set[str] = field(default_factory=set[str])
    names: dict[str, Shape] = field(default_factory=dict[str, "Shape"])
    items: Shape | None = None

    def add(self, value: Any, name: str = "") -> None:
        """See one more value."""
        self.types.add(_type(value))
        if name in OPAQUE:
            return
        if isinstance(value, dict):
            for key, inner in value.items():
                known = self.names.setdefault(EVERY if name in MAPS else key, Shape())
                known.add(inner, key)
        elif isinstance(value, list) and value:
            self.items = self.items or Shape()
            for inner in value:
                self.items.add(inner)


def shape_of(value: Any) -> Shape:
    shape = Shape()
    shape.add(value)
    return shape


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    names = {str: "string", dict: "object", list: "list", type(None): "null"}
    return names[type(value)]


@dataclass(frozen=True)
class Unlike:
    """One place where two shapes differ."""

    what: str
    """`missing`, `extra`, `type`, `empty` (no items here), `filled` (items only here)."""
    where: str


def differences(recorded: Shape, answered: Shape, where: str = "") -> Iterator[Unlike]:
    """Where an answer is not of the recorded shape."""
    if recorded.types and answered.types and not recorded.types & answered.types:
        yield Unlike("type", where or ".")
        return
    for name in sorted(recorded.names.keys() | answered.names.keys()):
        inner = f"{where}.{name}" if where else name
        if name not in answered.names:
            if name != EVERY:
                yield Unlike("missing", inner)
        elif name not in recorded.names:
            if name != EVERY:
                yield Unlike("extra", inner)
        else:
            yield from differences(recorded.names[name], answered.names[name], inner)
    if recorded.items is not None and answered.items is not None:
        yield from differences(recorded.items, answered.items, f"{where}[]")
    elif recorded.items is not None:
        yield Unlike("empty", f"{where}[]")
    elif answered.items is not None:
        yield Unlike("filled", f"{where}[]")


def decoded(content: bytes) -> Any:
    """A body as JSON; the text itself where it is none."""
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
