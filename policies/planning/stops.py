"""Release knowledge as stops for the route search."""

from __future__ import annotations

import re
from dataclasses import replace

from policies.planning.route import OPEN, Stop
from policies.releases import catalogue
from policies.releases.versions import (
    LogicalVersion,
    Version,
    logical,
    newer_than_known,
    parse,
)
from policies.skew.kubernetes import parse_kubernetes


def stop_of(version: Version) -> Stop:
    """Return the stop of a release whose logical version is known.

    Raises:
        ValueError: nothing places it; callers have refused it before.
    """
    belongs = logical(version)
    if belongs is None:
        raise ValueError(f"{version}: no logical version is known")
    if newer_than_known(version):
        return _beyond(version, belongs)
    row = catalogue().logical(str(belongs))
    edges, stables = (row.edges, _plain(row.stables)) if row else ((), ())
    favourite = stables[-1:] if version.channel == "stable" else edges[:1]
    wanted = catalogue().kubernetes_range(version)
    low, high = parse_kubernetes(wanted.minimum), parse_kubernetes(wanted.maximum)
    return Stop(
        version=version,
        logical=belongs.major * 1000 + belongs.minor,
        order=_place(version, edges) if version.channel == "edge" else _order(version),
        low=low.minor if low else 0,
        high=high.minor if high else OPEN,
        preferred=version.text in favourite,
        channel=version.channel,
    )


def _beyond(version: Version, newest: LogicalVersion) -> Stop:
    """Return the stop of a release newer than any known: behind the newest logical version.

    It is of that one or of a later one. Seen as the next one's, its path stops in the newest known
    first, and is legal in both cases. Its Kubernetes range is open.
    """
    year, month, number = version.numbers
    return Stop(
        version=version,
        logical=newest.major * 1000 + newest.minor + 1,
        order=(year * 100 + month) * 1000 + number,
        preferred=True,
        channel="edge",
    )


def between(source: Stop, destination: Stop) -> list[Stop]:
    """Return every release a plan may stop at on the way; those advised against are left out.

    From a stable source the stable releases are taken as long as there are any, edges after.
    Between two releases of a vendor nothing is known.
    """
    if source.channel == destination.channel == "enterprise":
        return []
    stops: list[Stop] = []
    known = catalogue()
    for row in known.logical_versions:
        major, _, minor = row.version.partition(".")
        place = int(major) * 1000 + int(minor)
        if not source.logical <= place <= destination.logical:
            continue
        stable = source.channel == "stable" and row.stables
        tags = _plain(row.stables) if stable else row.edges
        stops += [stop_of(parse(tag)) for tag in tags if not _against(parse(tag))]
    return stops


def bounds(stop: Stop, low: int, high: int) -> Stop:
    """Return the same stop with another Kubernetes range."""
    return replace(stop, low=low, high=high)


def _place(version: Version, edges: tuple[str, ...]) -> int:
    """Return the place of an edge among those of its logical version, listed there or not."""
    older = sum(parse(tag).numbers < version.numbers for tag in edges)
    return 2 * older - (version.text not in edges)


def _order(version: Version) -> int:
    """Return the place of a stable or vendor release among those of its logical version."""
    match = re.fullmatch(r"([a-z]*)[.-]?([0-9]*)", version.suffix)
    extra = min(int(match[2] or 0), 400) if match else 0
    before = 500 if match and match[1] else 0
    return version.numbers[-1] * 1000 + extra - before


def _plain(stables: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(tag for tag in stables if not parse(tag).suffix)


def _against(version: Version) -> bool:
    advice = catalogue().advice(version)
    return advice is not None and advice.against
