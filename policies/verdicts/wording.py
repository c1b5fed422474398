"""Numbers with their nouns, as every sentence writes them."""

from __future__ import annotations


def number(count: int, singular: str, plural: str = "") -> str:
    """Return `1 pod`, `12 pods`, `2 advisories` where the plural is given."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def verb(count: int, singular: str, plural: str) -> str:
    """Return the form of a verb that agrees with a number: `is` of one, `are` of others."""
    return singular if count == 1 else plural


def every(count: int, singular: str, plural: str = "") -> str:
    """Return `The only proxy is`, `All 12 proxies are`."""
    told = number(count, singular, plural)
    return f"The only {singular} is" if count == 1 else f"All {told} are"
