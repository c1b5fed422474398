"""JSON pointers (RFC 6901)."""

from __future__ import annotations


def escape(name: str) -> str:
    """Return a key as one token of a pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def keys(pointer: str) -> list[str]:
    """Return the keys that a pointer leads through; it begins with a `/`, or is empty."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
