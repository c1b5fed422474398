"""From two reports to their difference: pure, the same two give the same difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from policies.verdicts.wording import number
from reports.build.compared import figures, verdicts
from reports.build.compared.places import Places, places_of
from reports.model.report import Report
from reports.model.run_diff import RunDiff, Setting, Side

Kind = Literal["release", "release knowledge", "scenario", "program", "environment", "versions"]
NO_SETTING = frozenset({"out"})
"""Scenario keys that say where a run writes, and nothing of it."""


def build(before: Report, after: Report, earlier: Iterable[Report] = ()) -> RunDiff:
    """Compare two runs; `earlier` runs that are like the second one tell what is noise."""
    places = places_of(before, after)
    past = _alike(before, after, earlier)
    controls, items = verdicts.changes(before, after, places)
    apart = _figures_apart(before, after)
    return RunDiff(
        before=_side(before),
        after=_side(after),
        history=len(past),
        controls=controls,
        items=items,
        measures=() if apart else figures.measures(before, after, places, past),
        settings=tuple(_settings(before, after)),
        not_compared=tuple(_not_compared(before, after, places, apart)),
    )


def _side(report: Report) -> Side:
    header, verdict = report.header, report.verdict
    return Side(
        run=header.run,
        suite=header.suite,
        started=header.started,
        source=header.source,
        destination=header.destination,
        target=header.target_name or header.target,
        simulated=header.simulated,
        word=verdict.word,
        exit_code=verdict.exit_code,
        manifest_digest=report.origin.manifest_digest,
        problems=report.origin.problems,
    )


def _alike(before: Report, after: Report, earlier: Iterable[Report]) -> Sequence[Report]:
    """Return finished runs like the second one, each once, and neither of the two."""
    seen = {_identity(before), _identity(after)}
    past: list[Report] = []
    for report in earlier:
        same = figures.alike(report) == figures.alike(after)
        if same and report.verdict.word in figures.FINISHED and _identity(report) not in seen:
            seen.add(_identity(report))
            past.append(report)
    return past


def _identity(report: Report) -> tuple[object, ...]:
    return report.header.run, report.header.started


def _figures_apart(before: Report, after: Report) -> str:
    """Tell why no figure of one run says anything of the other's; empty when they do."""
    one, other = before.header, after.header
    if one.suite != other.suite:
        return f"another suite: {one.suite}, then {other.suite}"
    if one.target != other.target:
        return f"another kind of target: {one.target}, then {other.target}"
    keys = ("probe_interval", "probe_limit", "speed")
    scenarios = dict(before.scenario), dict(after.scenario)
    changed = [k for k in keys if scenarios[0].get(k) != scenarios[1].get(k)]
    if changed:
        return f"measured otherwise: another {' and '.join(changed)}"
    return ""


def _not_compared(before: Report, after: Report, places: Places, apart: str) -> Iterator[str]:
    if apart:
        yield f"requests, gaps and durations: {apart}"
    if before.header.suite != after.header.suite:
        yield "controls that only one of the suites judges; steps and hops"
    else:
        yield from places.left_out
        yield from verdicts.alone(before, after)
    one, other = before.origin.ledger_schema, after.origin.ledger_schema
    if one != other:
        yield f"what only one schema of the ledger has: schema {one}, then {other}"
    for which, report in (("first", before), ("second", after)):
        if not report.origin.sealed:
            yield f"whether the {which} run is as it was written: it was never sealed"
        yield from (f"the {which} run contradicts itself: {p}" for p in report.origin.problems)
    for which, report in (("first", before), ("second", after)):
        blocked = [s for s in report.sections if s.state != "reached"]
        if blocked:
            steps = number(len(blocked), "step")
            yield f"figures of {steps} that the {which} run did not reach"
        if not report.traffic and (before.traffic or after.traffic):
            yield f"lost requests: the {which} run probed no traffic"
        for traffic in report.traffic:
            if traffic.void or traffic.cut_short:
                why = traffic.void or "it died and was resumed"
                yield f"lost requests, since the {which} run's are not known: {why}"


def _settings(before: Report, after: Report) -> Iterator[Setting]:
    for kind, one, other in (
        ("release", _releases(before), _releases(after)),
        ("release knowledge", _knowledge(before), _knowledge(after)),
        ("versions", _left(before), _left(after)),
        ("scenario", dict(before.scenario), dict(after.scenario)),
        ("program", _programs(before), _programs(after)),
        ("environment", dict(before.environment), dict(after.environment)),
    ):
        yield from _changed(kind, one, other)  # type: ignore[arg-type]


def _changed(kind: Kind, one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[Setting]:
    for key in dict.fromkeys((*one, *other)):
        before, after = one.get(key, ""), other.get(key, "")
        if before != after and key not in NO_SETTING:
            yield Setting(kind=kind, key=key, before=before, after=after)


def _releases(report: Report) -> dict[str, str]:
    header = report.header
    return {
        "suite": header.suite,
        "from": header.source,
        "to": header.destination,
        "target": header.target_name or header.target,
        "Kubernetes": header.kubernetes,
        "this project": header.version,
        "path": " | ".join(h.label for h in report.plan.hops) if report.plan else "",
    }


def _knowledge(report: Report) -> dict[str, str]:
    return {p.name: f"of {p.date}, {p.digest[:12]}" for p in report.header.knowledge}


def _left(report: Report) -> dict[str, str]:
    """Return the versions that ran at the end of each cluster's run."""
    left: dict[str, str] = {}
    for section in report.sections:
        for moment in section.moments:
            of = "" if section.cluster == "main" else f" of cluster {section.cluster}"
            left[f"control plane{of}"] = ", ".join(v for v, _ in moment.control_plane)
            left[f"proxies{of}"] = ", ".join(v for v, _ in moment.proxies)
    return left


def _programs(report: Report) -> dict[str, str]:
    programs: dict[str, list[str]] = {}
    for tool in report.tools:
        programs.setdefault(tool.name, []).append(f"{tool.version} ({tool.program})")
    return {name: ", ".join(dict.fromkeys(used)) for name, used in programs.items()}
