"""Messages by their fields: the notation of `messages`, read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from apimachinery.protobuf.messages import MESSAGES

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
"""First bytes of every body in protobuf; JSON begins otherwise."""
_NOTATION = re.compile(r"(\+?)([\w]+)(\*|%?)([#!@]?)(?::(\w+))?(\??)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    name: str
    inline: bool = False
    many: str = ""
    """`*` for a list, `%` for a map, else empty."""
    scalar: str = ""
    """`#` integer, `!` boolean, `@` bytes, else a string or a message."""
    message: str = ""
    keeps_empty: bool = False


@cache
def fields_of(message: str) -> dict[int, Field]:
    """Return number -> field of a message of the table; fields to skip are not in it."""
    number, fields = 1, dict[int, Field]()
    for mark in MESSAGES[message].split():
        if mark.endswith("="):
            number = int(mark[:-1])
            continue
        if mark != "-":
            fields[number] = _field(mark)
        number += 1
    return fields


def _field(mark: str) -> Field:
    match = _NOTATION.fullmatch(mark)
    assert match is not None, mark
    inline, name, many, scalar, message, empty = match.groups()
    if inline:
        return Field(name, inline=True, message=name)
    return Field(name, False, many, scalar, message or "", bool(empty))
