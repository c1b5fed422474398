"""Paths that never worked: not answered once, from the baseline on, so no upgrade broke them."""

from __future__ import annotations

from collections.abc import Mapping

from policies.facts.traffic import ANSWERED, FAILURES, PathTraffic, SampleRun, Traffic
from policies.traffic.outages import error_text

BASELINE = "baseline"


def never_answered(traffic: Traffic) -> Mapping[str, str]:
    """Return path -> why it says nothing of the upgrade: it failed at the baseline and ever after.

    A path of a later source counts where one of the same kind and name, meshed or not as itself,
    never answered at the baseline: it met what the older one had met.
    """
    steps = {n for n, w in enumerate(traffic.windows) if w.step == BASELINE}
    silent = [p for p in traffic.measured if _failed(p) and not _answered(p)]
    first = [p for p in silent if any(r.window in steps for r in _failed(p))]
    known = {_like(p) for p in first}
    return {
        p.path.id: f"path {p.path.id} was not answered once, from the baseline on "
        f"({error_text(_failed(p)[0])}): the upgrade did not break it, and cannot be judged by it"
        for p in silent
        if p in first or _like(p) in known
    }


def _like(seen: PathTraffic) -> tuple[str, bool, str]:
    """Return what two sources' paths have in common where they ask the same in the same way."""
    path = seen.path
    meshed = path.source.startswith("meshed") if path.name else bool(path.identity)
    return path.kind, meshed, path.name


def _failed(seen: PathTraffic) -> list[SampleRun]:
    return [r for r in seen.runs if r.outcome in FAILURES]


def _answered(seen: PathTraffic) -> bool:
    return any(r.outcome in ANSWERED for r in seen.runs)
