"""Writes protobuf by hand, number by number, so that tests say what is on the wire."""

from __future__ import annotations

import itertools


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def part(field: int, *content: bytes | str) -> bytes:
    """A text, bytes, or a message made of its parts."""
    joined = b"".join(item.encode() if isinstance(item, str) else item for item in content)
    return varint(field << 3 | 2) + varint(len(joined)) + joined


def entry(field: int, key: str, *value: bytes | str) -> bytes:
    """One entry of a map."""
    return part(field, part(1, key), part(2, *value))


def envelope(api_version: str, kind: str, *content: bytes) -> bytes:
    """A whole request body."""
    typed = part(1, part(1, api_version), part(2, kind))
    return b"k8s\x00" + typed + part(2, *content) + part(3, "") + part(4, "")


def whole_number(field: int, value: int) -> bytes:
    """An IntOrString that is a number."""
    return part(field, number(1, 0), number(2, value), part(3, ""))


def cut_offs(content: bytes) -> itertools.chain[bytes]:
    """All beginnings of a body."""
    return itertools.chain(content[:size] for size in range(len(content)))
