"""Figures of two runs, and what counts as the same: the spread of earlier runs, or a stated band.

With n earlier runs that are alike, a run that is as good as they are exceeds the most of them with
a probability of at most 1 / (n + 1) (see `policies.traffic.history`). While that is more than its
`RISK`, the spread is widened by the band that holds without a history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from policies.traffic.history import needed
from policies.verdicts.wording import number
from reports.build.compared.places import Places, told
from reports.model.report import Report
from reports.model.run_diff import Band, Direction, Measure, Measured
from reports.model.traffic import TrafficSummary

RELATIVE = 0.25
"""Part of a figure by which the next run may differ, where no history says better."""
FLOORS: Mapping[Measured, float] = {
    "lost requests": 0.0,
    "longest outage": 1.0,
    "injection gap": 2.0,
    "endpoint gap": 2.0,
    "duration": 10.0,
}
"""Cluster seconds by which it may differ besides; no request may."""
NOT_ALIKE = frozenset({"out", "name", "keep"})
"""Scenario keys that change no figure; waivers and acknowledgements do not, either."""
FINISHED = ("holds", "violated", "incomplete")
Figure = tuple[Measured, str]
Named = Callable[[str], str | None]


def measures(
    before: Report, after: Report, places: Places, earlier: Sequence[Report]
) -> tuple[Measure, ...]:
    """Return each figure that both runs have, with the band that it was held against."""
    one, other = figures(before, places.first), figures(after, places.second)
    past = [figures(e, places.second) for e in earlier]
    return tuple(
        _measure(key, one[key], value, [p[key] for p in past if key in p])
        for key, value in other.items()
        if key in one
    )


def alike(report: Report) -> tuple[object, ...]:
    """Return what two runs must share for the figures of one to tell of the other's."""
    header = report.header
    scenario = tuple(
        (key, value)
        for key, value in report.scenario
        if key not in NOT_ALIKE and not key.startswith(("waivers", "acknowledged"))
    )
    return (
        header.suite,
        header.source,
        header.destination,
        header.target,
        header.kubernetes,
        header.speed,
        scenario,
    )


def figures(report: Report, named: Named = lambda hop: hop) -> dict[Figure, float]:
    """Return the figures of one run: seconds of the cluster's clock, or requests."""
    return {**_lost(report), **_gaps(report, named), **_durations(report, named)}


def band(what: Measured, before: float, past: Sequence[float]) -> Band:
    """Return what counts as the same figure as before."""
    floor, values = FLOORS[what], (before, *past)
    least, most = min(values), max(values)
    if past and len(past) >= needed():
        return Band(low=least, high=most, origin=f"the spread of {len(past)} earlier runs")
    low = max((least - floor) / (1 + RELATIVE), 0.0)
    high = most * (1 + RELATIVE) + floor
    wide = f"{RELATIVE:.0%}" + (f" and {floor:g} s" if floor else "")
    spread = (
        f"the spread of {number(len(past), 'earlier run')}, fewer than the {needed()} needed, and "
        if past
        else "no history: "
    )
    return Band(low=low, high=high, origin=spread + wide)


def _measure(key: Figure, before: float, after: float, past: Sequence[float]) -> Measure:
    what, where = key
    allowed = band(what, before, past)
    return Measure(
        what=what,
        where=where,
        before=before,
        after=after,
        band=allowed,
        direction=_direction(what, before, after, allowed),
    )


def _direction(what: Measured, before: float, after: float, allowed: Band) -> Direction:
    if before == after:
        return "same"
    if allowed.low <= after <= allowed.high:
        return "noise"
    if what == "duration":
        return "changed"
    return "worse" if after > before else "better"


def _lost(report: Report) -> dict[Figure, float]:
    lost: dict[Figure, float] = {}
    for traffic in report.traffic:
        if traffic.void or traffic.cut_short:
            continue
        where = told("", "", traffic.cluster)
        outage = max((p.longest_outage for p in traffic.measured), default=0.0)
        lost["lost requests", where] = float(traffic.failed)
        lost["longest outage", where] = round(outage, 3)
        lost.update(_endpoints(traffic))
    return lost


def _endpoints(traffic: TrafficSummary) -> dict[Figure, float]:
    """Return how long each component of the control plane had no ready endpoint."""
    return {
        ("endpoint gap", told(c.component, "", traffic.cluster)): round(
            sum(((g.ended or c.until) - g.started).total_seconds() for g in c.gaps), 3
        )
        for c in traffic.components
    }


def _gaps(report: Report, named: Named) -> dict[Figure, float]:
    gaps: dict[Figure, float] = {}
    for canaries in report.canaries:
        for section in report.sections:
            hop = named(section.hop)
            if hop is None or section.cluster != canaries.cluster or section.state != "reached":
                continue
            here = [
                g.seconds for g in canaries.gaps if (g.step, g.hop) == (section.step, section.hop)
            ]
            key = told(section.step, hop, section.cluster)
            gaps["injection gap", key] = round(sum(here), 3)
    return gaps


def _durations(report: Report, named: Named) -> dict[Figure, float]:
    durations: dict[Figure, float] = {}
    for section in report.sections:
        hop = named(section.hop)
        if hop is None or section.state != "reached" or section.cluster_seconds is None:
            continue
        key = told(section.step, hop, section.cluster)
        durations["duration", key] = round(section.cluster_seconds, 3)
    return durations
