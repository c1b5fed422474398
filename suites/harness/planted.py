"""Look for a planted text in bytes: plain, hex, base64 of any alignment, gzip, one in another."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator

_PACKED = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")
_DEEPEST = 3


def found_in(data: bytes, text: str) -> bool:
    """Whether the text is in the data in any of these forms."""
    wanted = text.encode()
    forms = {wanted, wanted.hex().encode()}
    for skipped in range(3):
        packed = base64.b64encode(b"\0" * skipped + wanted)[(0, 2, 3)[skipped] :].rstrip(b"=")[:-2]
        forms |= {packed} if len(packed) >= 8 else set()
    return any(form in layer for layer in _layers(data, 0) for form in forms)


def _layers(data: bytes, depth: int) -> Iterator[bytes]:
    yield data
    if depth > _DEEPEST:
        return
    if data[:2] == b"\x1f\x8b":
        try:
            yield from _layers(zlib.decompress(data, 31), depth + 1)
        except zlib.error:
            return
    for packed in set(_PACKED.findall(data)):
        try:
            inner = base64.b64decode(packed + b"=" * (-len(packed) % 4))
        except binascii.Error:
            continue
        if inner[:2] == b"\x1f\x8b" or inner[:24].isascii():
            yield from _layers(inner, depth + 1)
