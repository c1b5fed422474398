"""Versions, their logical version and their order: the module others import.

`Version`, `LogicalVersion`, `parse`, `from_image` come from `policies.releases.grammar`. What is
added here needs the table of releases: an edge says nothing of its logical version by itself.
"""

from __future__ import annotations

import re
from enum import Enum

from policies.releases.current import catalogue, remembered
from policies.releases.grammar import LogicalVersion, Version, format_version, from_image, parse

__all__ = [
    "LogicalVersion",
    "Order",
    "Version",
    "compare",
    "format_version",
    "from_image",
    "logical",
    "logical_text",
    "newer_than_known",
    "own_build",
    "parse",
]


class Order(Enum):
    """How two versions stand to each other."""

    LESS = "less"
    EQUAL = "equal"
    GREATER = "greater"
    INCOMPARABLE = "incomparable"


@remembered
def logical(version: Version) -> LogicalVersion | None:
    """Return the logical version a release belongs to; None when nothing says.

    An edge belongs to the newest logical version whose anchor is not newer than it. An edge newer
    than every known one gets the newest logical version, which is then a lower bound only: ask
    `newer_than_known`. Stable and enterprise releases and version tags name theirs; what somebody
    states of a release goes before. An open-source release with build information behind it
    (`edge-25.10.7-fips.2`) is somebody's own build: what was built from which sources nobody
    published.
    """
    stated = catalogue().stated(version)
    if stated is not None:
        return stated
    return None if own_build(version) else catalogue().logical_of(version)


def logical_text(version: Version) -> str:
    """Return the logical version as text; empty where only a lower bound of it is known."""
    return "" if newer_than_known(version) else str(logical(version) or "")


def own_build(version: Version) -> bool:
    """Return whether somebody else than Linkerd's makers built it: no such tag was published."""
    return version.channel in ("edge", "stable") and _suffix_rank(version.suffix) is None


def newer_than_known(version: Version) -> bool:
    """Return whether an edge is newer than the newest known: its version is that one at least."""
    return not own_build(version) and catalogue().is_newer_than_known(version)


@remembered
def compare(a: Version, b: Version) -> Order:
    """Compare `a` with `b`; INCOMPARABLE where no rule orders them.

    Within edge, stable, enterprise and version there is a total order by numbers, then suffix:
    pre-releases before, hot patches after the plain release. Two other suffixes on equal numbers
    have no order, nor has an own build any. Across channels only different logical versions
    decide: a stable patch is a branch, its date orders nothing.
    """
    if a == b:
        return Order.EQUAL
    if not (a.known and b.known) or own_build(a) or own_build(b):
        return Order.INCOMPARABLE
    if a.channel == b.channel:
        return _within_channel(a, b)
    return _across_channels(a, b)


def _within_channel(a: Version, b: Version) -> Order:
    if not a.numbers:
        return Order.INCOMPARABLE
    if a.numbers != b.numbers:
        return Order.LESS if a.numbers < b.numbers else Order.GREATER
    left, right = _suffix_rank(a.suffix), _suffix_rank(b.suffix)
    if left is None or right is None or left == right:
        return Order.INCOMPARABLE
    return Order.LESS if left < right else Order.GREATER


def _suffix_rank(suffix: str) -> tuple[int, str, int] | None:
    """Return where a suffix stands around the plain release; None when it is build information."""
    if not suffix:
        return (0, "", 0)
    if re.fullmatch(r"0|[1-9][0-9]*", suffix, re.ASCII):
        return (1, "", int(suffix))
    match = re.fullmatch(r"(alpha|beta|rc)[.-]?([0-9]*)", suffix, re.ASCII)
    return (-1, match[1], int(match[2] or 0)) if match else None


def _across_channels(a: Version, b: Version) -> Order:
    left, right = logical(a), logical(b)
    if left is None or right is None or left == right:
        return Order.INCOMPARABLE
    if left < right:
        return Order.INCOMPARABLE if newer_than_known(a) else Order.LESS
    return Order.INCOMPARABLE if newer_than_known(b) else Order.GREATER
