"""The base of everything in a report's model."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything in a report; every field is written, also when it is empty."""
