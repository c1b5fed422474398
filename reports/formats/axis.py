"""The time axis of the drawings: one per rehearsal, whichever cluster is drawn on it.

Each cluster has a clock of its own. Two that are rehearsed together are laid beside each other by
what the wall's clock said when their first steps began.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from reports.formats.svg import Scale
from reports.model.report import Report, Section


def scales(report: Report) -> dict[str, Scale]:
    """Return cluster -> its scale, all of one length: one place is one moment of the wall."""
    times = {name: found for name in _clusters(report) if (found := _times(report, name))}
    if not times:
        return {}
    ahead = _ahead(report)
    start = min(min(found) - ahead.get(name, timedelta()) for name, found in times.items())
    end = max(max(found) - ahead.get(name, timedelta()) for name, found in times.items())
    if start == end:
        return {}
    return {
        name: Scale(start + ahead.get(name, timedelta()), end + ahead.get(name, timedelta()))
        for name in times
    }


def zeros(report: Report) -> dict[str, float]:
    """Return cluster -> the POSIX time, by its clock, from which its timeline counts."""
    found = {name: scale.start.timestamp() for name, scale in scales(report).items()}
    for name in _clusters(report):
        if name not in found and (times := _times(report, name)):
            found[name] = min(times).timestamp()
    return found


def _clusters(report: Report) -> list[str]:
    names = [s.cluster for s in report.sections] + [v.cluster for v in report.versions]
    names += [c.cluster for c in report.canaries] + [t.cluster for t in report.traffic]
    return list(dict.fromkeys(names))


def _times(report: Report, cluster: str) -> list[datetime]:
    times: list[datetime | None] = []
    for section in report.sections:
        if section.cluster == cluster:
            times += [section.cluster_started, section.cluster_ended]
    for versions in report.versions:
        if versions.cluster == cluster:
            times += [versions.points[0].at, versions.phases[-1].ended]
    for canaries in report.canaries:
        if canaries.cluster == cluster:
            times += [canaries.stretches[0].started, canaries.stretches[-1].ended]
    for summary in report.traffic:
        if summary.cluster == cluster:
            times += [summary.started, summary.ended]
    return [t for t in times if t is not None]


def _ahead(report: Report) -> dict[str, timedelta]:
    """Return cluster -> how far its clock was ahead of the first's as its first step began."""
    first: dict[str, Section] = {}
    for section in report.sections:
        if section.cluster_started is not None:
            first.setdefault(section.cluster, section)
    ahead: dict[str, timedelta] = {}
    reference = next(iter(first.values()), None)
    for name, section in first.items():
        if reference is not None and reference.cluster_started and section.cluster_started:
            passed = (section.started - reference.started) * report.header.speed
            ahead[name] = section.cluster_started - (reference.cluster_started + passed)
    return ahead
