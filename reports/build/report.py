"""From a bundle to the model of a report: the only way in."""

from __future__ import annotations

from collections.abc import Iterable

from fixtures.evidence.bundle import Bundle
from fixtures.evidence.records import (
    FactsTaken,
    Note,
    Planned,
    Record,
    RunStarted,
    Tools,
    ToolUsed,
)
from policies.planning.path import Plan
from reports.build.canary import canaries_of
from reports.build.contradictions import contradictions
from reports.build.entries import counts_of, entries_of, without_finding
from reports.build.left_over import remaining_of
from reports.build.sections import sections_of
from reports.build.traffic import reasons_of, traffic_of
from reports.build.verdict import verdict_of
from reports.build.versions import versions_of
from reports.model.report import Digest, Header, Missing, Origin, Remark, Report


def build(bundle: Bundle) -> Report:
    """Build the report of a bundle; a bundle that was cut off gives a report that says so."""
    records = bundle.reading.records
    started = _started(bundle)
    entries = entries_of(records, started.controls, started.command)
    without = without_finding(entries, started.controls)
    sections = sections_of(records, entries)
    canaries = canaries_of(records)
    traffic = traffic_of(records, sections, canaries)
    verdict, contradiction = verdict_of(
        bundle.reading.ended,
        entries,
        without,
        unprobed=started.suite == "upgrade" and not traffic,
    )
    return Report(
        header=_header(started, bundle),
        verdict=verdict,
        counts=counts_of(entries),
        findings=entries,
        without_finding=without,
        plan=_plan(records),
        sections=sections,
        versions=versions_of(records, sections),
        canaries=canaries,
        traffic=traffic,
        without_traffic=reasons_of(entries, without),
        tools=_tools(records),
        scenario=tuple(sorted(started.scenario.items())),
        environment=tuple(sorted(started.environment.items())),
        remaining=remaining_of(records, started),
        unreadable=_unreadable(records),
        notes=_notes(records),
        origin=_origin(bundle, contradiction),
    )


def _started(bundle: Bundle) -> RunStarted:
    return bundle.reading.started or RunStarted(
        suite="upgrade",
        title="A rehearsal whose ledger has no header",
        version="",
        target="embedded",
        simulated=True,
    )


def _header(started: RunStarted, bundle: Bundle) -> Header:
    records = bundle.reading.records
    ended = bundle.reading.ended
    last = records[-1]
    return Header(
        run=bundle.run,
        suite=started.suite,
        title=started.title,
        source=started.source,
        destination=started.destination,
        target=started.target,
        target_name=started.target_name,
        simulated=started.simulated,
        kubernetes=started.kubernetes or _kubernetes(records),
        version=started.version,
        command=started.command,
        started=records[0].at,
        ended=last.at,
        seconds=round(ended.seconds if ended else last.mono, 3),
        speed=started.speed,
        canary_rate=started.canary_rate,
        knowledge=started.knowledge,
    )


def _kubernetes(records: Iterable[Record]) -> str:
    for record in records:
        if isinstance(record.body, FactsTaken) and record.body.facts.kubernetes:
            return record.body.facts.kubernetes
    return ""


def _plan(records: Iterable[Record]) -> Plan | None:
    plans = [r.body.plan for r in records if isinstance(r.body, Planned)]
    return plans[-1] if plans else None


def _tools(records: Iterable[Record]) -> tuple[ToolUsed, ...]:
    used = [t for r in records if isinstance(r.body, Tools) for t in r.body.tools]
    return tuple(dict.fromkeys(used))


def _unreadable(records: Iterable[Record]) -> tuple[Missing, ...]:
    steps: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        body = record.body
        if isinstance(body, FactsTaken):
            for one in body.facts.unreadable:
                key = (record.cluster, one.resource, one.reason)
                steps.setdefault(key, []).append(body.step)
    return tuple(
        Missing(
            cluster=cluster, resource=resource, reason=reason, steps=tuple(dict.fromkeys(where))
        )
        for (cluster, resource, reason), where in sorted(steps.items())
    )


def _notes(records: Iterable[Record]) -> tuple[Remark, ...]:
    return tuple(
        Remark(step=r.body.step, hop=r.body.hop, text=r.body.text)
        for r in records
        if isinstance(r.body, Note)
    )


def _origin(bundle: Bundle, contradiction: str) -> Origin:
    manifest = bundle.manifest
    problems = (*contradictions(bundle), contradiction)
    return Origin(
        sealed=manifest is not None,
        manifest_digest=manifest.digest if manifest else "",
        files=tuple(
            Digest(path=f.path, sha256=f.sha256, size=f.size)
            for f in (manifest.files if manifest else ())
        ),
        records=len(bundle.reading.records),
        ledger_schema=bundle.reading.records[0].schema,
        problems=tuple(p for p in problems if p),
    )
