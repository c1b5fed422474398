"""Amounts of resources as Kubernetes writes them: `500m`, `1Gi`, `2e3`."""

from __future__ import annotations

from functools import lru_cache

_FACTORS = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}
_LETTERS = "".join({letter for suffix in _FACTORS for letter in suffix})


def quantity(value: object) -> float | None:
    """Return an amount in base units (cores, bytes, count); None when it is none."""
    return _number(str(value))


def amount(value: object) -> float:
    """Return an amount in base units; 0 for what is none."""
    return _number(str(value)) or 0.0


@lru_cache(maxsize=1024)
def _number(text: str) -> float | None:
    digits = text.rstrip(_LETTERS)
    try:
        return float(digits) * _FACTORS[text[len(digits) :]]
    except (ValueError, KeyError):
        pass
    try:
        return float(text)
    except ValueError:
        return None
