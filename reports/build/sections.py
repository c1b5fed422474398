"""Steps of a ledger as sections: the window of each, what ran in it and what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fixtures.evidence.records import (
    CommandRan,
    FactsTaken,
    Observed,
    PodsSeen,
    Record,
    StepChanged,
)
from oci.reference import parse as reference
from policies.facts.cluster import Pod
from policies.facts.observations import CommandRun
from reports.build.observed import said_of
from reports.model.report import Entry, Moment, Ran, Said, Section

Key = tuple[str, str, str]
"""Cluster, hop, step."""


@dataclass
class _Open:
    """A section while the ledger is read."""

    key: Key
    state: StepChanged
    started: Record
    ended: Record | None = None
    commands: list[Ran] = field(default_factory=list[Ran])
    said: list[Said] = field(default_factory=list[Said])
    moments: list[Moment] = field(default_factory=list[Moment])
    cluster_times: list[datetime] = field(default_factory=list[datetime])
    timed: bool = False
    """Its start was recorded in cluster time, by the step itself or by facts."""
    born: set[str] = field(default_factory=set[str])
    gone: set[str] = field(default_factory=set[str])


def sections_of(records: Iterable[Record], entries: Sequence[Entry]) -> tuple[Section, ...]:
    """Return one section per step and hop, in the order in which they began."""
    opened: dict[Key, _Open] = {}
    for record in records:
        _take(opened, record)
    found: dict[Key, list[Entry]] = {}
    for entry in entries:
        found.setdefault((entry.cluster, entry.hop, entry.step), []).append(entry)
    ends: dict[str, datetime] = {}
    sections: list[Section] = []
    for number, one in enumerate(opened.values(), 1):
        cluster = one.key[0]
        section = _section(number, one, found.get(one.key, []), ends.get(cluster))
        sections.append(section)
        if section.cluster_ended is not None:
            ends[cluster] = section.cluster_ended
    return tuple(sections)


def _take(opened: dict[Key, _Open], record: Record) -> None:
    body = record.body
    if isinstance(body, StepChanged):
        _change(opened, record, body)
        return
    if not isinstance(body, CommandRan | Observed | FactsTaken | PodsSeen):
        return
    one = opened.get((record.cluster, body.hop, body.step))
    if one is None:
        return
    if isinstance(body, CommandRan):
        one.commands.append(_ran(body.command))
    elif isinstance(body, Observed):
        if body.what is not None:
            one.said.append(said_of(body.what, body.label))
    elif isinstance(body, FactsTaken):
        one.moments.append(_moment(record, body))
        one.cluster_times.append(body.facts.taken_at)
        one.timed = one.timed or body.when == "before"
    else:
        one.born |= {p.uid for p in body.pods}
        one.gone |= {p.uid for p in body.pods if p.ended is not None}


def _change(opened: dict[Key, _Open], record: Record, body: StepChanged) -> None:
    key = (record.cluster, body.hop, body.step)
    one = opened.get(key)
    if one is None:
        one = opened[key] = _Open(key=key, state=body, started=record)
    one.state = body
    if body.state != "started":
        one.ended = record
    if record.cluster_time is not None:
        one.cluster_times.append(record.cluster_time)
        one.timed = one.timed or body.state == "started"


def _section(
    number: int, opening: _Open, entries: Sequence[Entry], before: datetime | None
) -> Section:
    """Make a section; one whose start has no cluster time begins where the last one ended."""
    cluster, hop, step = opening.key
    times = opening.cluster_times
    if times and before is not None and not opening.timed and before < min(times):
        times = [before, *times]
    ended = opening.ended
    return Section(
        number=number,
        step=step,
        hop=hop,
        cluster=cluster,
        state=opening.state.state,
        reason=opening.state.reason,
        started=opening.started.at,
        ended=None if ended is None else ended.at,
        seconds=0.0 if ended is None else round(ended.mono - opening.started.mono, 3),
        cluster_started=min(times) if times else None,
        cluster_ended=max(times) if times and ended is not None else None,
        commands=tuple(opening.commands),
        said=tuple(opening.said),
        moments=tuple(opening.moments),
        pods_born=len(opening.born),
        pods_ended=len(opening.gone),
        findings=tuple(e.id for e in sorted(entries, key=lambda e: e.record)),
    )


def _ran(command: CommandRun) -> Ran:
    return Ran(
        line=command.line,
        program=command.program,
        program_version=command.program_version,
        exit_code=command.exit_code,
        seconds=command.seconds,
        started=command.started,
        stdout_sha256=command.stdout_sha256,
        stdout_bytes=command.stdout_bytes,
        stdout_tail=command.stdout_tail,
        stderr_tail=command.stderr_tail,
    )


def _moment(record: Record, body: FactsTaken) -> Moment:
    facts = body.facts
    running = [p for p in facts.pods if p.phase not in ("Succeeded", "Failed")]
    meshed = [p for p in running if p.proxy is not None and not p.component]
    return Moment(
        when=body.when,
        taken_at=facts.taken_at,
        nodes=len(facts.nodes),
        namespaces=len(facts.namespaces),
        workloads=len(facts.workloads),
        pods=len(running),
        meshed=len(meshed),
        control_plane=_counted(_own_version(p) for p in running if p.component),
        proxies=_counted(p.proxy.version for p in meshed if p.proxy is not None),
        record=record.seq,
    )


def _own_version(pod: Pod) -> str:
    """Return version of the container that is named as the component, else of the proxy."""
    images = dict(pod.images)
    image = images.get(pod.component) or images.get("controller") or ""
    tag = reference(image).tag
    return tag or (pod.proxy.version if pod.proxy is not None else "")


def _counted(versions: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(v or "unknown" for v in versions).items()))
