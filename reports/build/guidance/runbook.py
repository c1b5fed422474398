"""From a sealed bundle to the runbook of what was rehearsed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from fixtures.core.as_typed import as_typed
from fixtures.core.errors import BadInput, RehearsalError
from fixtures.evidence.bundle import Bundle
from fixtures.evidence.records import Resumed
from fixtures.evidence.walk import AFTER, WAYS_BACK
from policies.facts.helm import CONTROL_PLANE
from policies.verdicts.wording import number
from reports.build.guidance.commands import Place, Typed, typed
from reports.build.report import build as report_of
from reports.model.report import Report, Section
from reports.model.runbook import Command, Runbook, Step, WayBack

PASSED = ("holds", "incomplete")
"""Verdicts of rehearsals that went through without a violated blocker."""
BACK_FROM: Mapping[str, str] = {of: way for way, of in WAYS_BACK.items()}
LEFT_OUT = frozenset({"baseline", *WAYS_BACK})
"""Steps that are not on the way: what installs the source, and the ways back."""
HARMLESS = frozenset({"preflighted", "cli_upgraded", "settled"})
"""Steps that change nothing in the cluster."""
PURPOSES: Mapping[str, str] = {
    "preflighted": "Look before anything is changed: checks, and what the API would accept.",
    "cli_upgraded": "Have the client of the release that is to be reached.",
    "crds_upgraded": "Upgrade the CRDs, before the control plane that reads them.",
    "control_plane_upgraded": "Upgrade the control plane and wait until it is rolled out.",
    "pruned": "Delete what the new release no longer renders.",
    "extensions_upgraded": "Upgrade the extensions with their own options.",
    "data_plane_upgraded": "Renew the proxies: restart workloads in these batches.",
    "settled": "Look once more, after a while.",
}
OWN = ("probes_namespace", "control_namespace", "canary_namespace")
"""Scenario keys of the rehearsal's own namespaces."""


class NoRunbookError(RehearsalError):
    """What did not get through is no guide for anybody."""

    exit_code = 1


def build(bundle: Bundle) -> Runbook:
    """Build the runbook of a rehearsal that went through.

    Raises:
        BadInput: Nothing was rehearsed in it, or the bundle cannot be trusted.
        NoRunbookError: The rehearsal did not go through.
    """
    report = report_of(bundle)
    _require(report, bundle.place)
    header, scenario = report.header, dict(report.scenario)
    own = frozenset(scenario[k] for k in OWN if scenario.get(k))
    lines = list(typed(bundle.reading.records, own))
    steps = tuple(_steps(report, lines))
    return Runbook(
        run=header.run,
        manifest_digest=report.origin.manifest_digest,
        source=header.source,
        destination=header.destination,
        target=header.target_name or header.target,
        simulated=header.simulated,
        kubernetes=header.kubernetes,
        installation=_installation(scenario),
        word=report.verdict.word,
        headline=report.verdict.headline,
        clusters=tuple(dict.fromkeys(s.cluster for s in steps)),
        steps=steps,
        not_rehearsed=tuple(_not_rehearsed(report, bundle)),
        remaining=tuple(
            f"{r.subject}: {number(r.pods, 'pod')} at {r.version}, renewed by {r.by}: {r.how}"
            for r in report.remaining
        ),
    )


def _require(report: Report, place: str) -> None:
    if report.header.suite != "upgrade":
        raise BadInput(
            "Nothing was rehearsed in this run, so there is no runbook of it",
            where=place,
            expected="a run of suites/upgrade",
            seen=f"a run of suites/{report.header.suite}",
            next_command="pytest suites/upgrade",
        )
    if not report.origin.sealed or report.origin.problems:
        raise BadInput(
            "The bundle cannot be trusted, so nobody should type what it holds",
            where=place,
            seen="; ".join(report.origin.problems) or "it was never sealed",
            next_command=f"rehearse verify-bundle {place}",
        )
    if report.verdict.word not in PASSED:
        raise NoRunbookError(
            "There is no runbook of a rehearsal that did not go through",
            where=place,
            expected=f"the verdict {' or '.join(PASSED)}",
            seen=f"{report.verdict.word}: {report.verdict.headline}",
            next_command=f"rehearse report {place}",
        )


def _installation(scenario: Mapping[str, str]) -> str:
    how = scenario.get("installation", "cli")
    if how != "helm":
        return how
    modes = scenario.get("helm.crds_values", ""), scenario.get("helm.values", "")
    atomic = ", atomic" if scenario.get("helm.atomic") == "True" else ""
    return (
        f"helm; values of linkerd-crds: {modes[0]}, of linkerd-control-plane: {modes[1]}{atomic}"
    )


def _steps(report: Report, lines: Sequence[Typed]) -> Iterator[Step]:
    """Yield steps in the order in which their commands ran; those without any stand by time."""
    sections = {(s.cluster, s.hop, s.step): s for s in report.sections}
    parts = [(place, [t.command for t in found]) for place, found in groupby(lines, _place)]
    begun = {place for place, _ in parts}
    for section in report.sections:
        place = section.cluster, section.hop, section.step
        if place not in begun and section.step in PURPOSES:
            parts.insert(_position(parts, sections, section), (place, []))
    done: set[Place] = set()
    numbered = 0
    for place, commands in parts:
        section = sections.get(place)
        if section is None or place[2] in LEFT_OUT or section.state != "reached":
            continue
        numbered += 1
        yield _step(report, section, commands, lines, numbered, continued=place in done)
        done.add(place)


def _place(line: Typed) -> Place:
    return line.place


def _position(
    parts: Sequence[tuple[Place, list[Command]]], sections: Mapping[Place, Section], one: Section
) -> int:
    """Return where a step without commands stands: before the first that began after it."""
    for index, (place, _) in enumerate(parts):
        other = sections.get(place)
        if other is not None and other.started > one.started:
            return index
    return len(parts)


def _step(
    report: Report,
    section: Section,
    commands: Sequence[Command],
    lines: Sequence[Typed],
    numbered: int,
    *,
    continued: bool,
) -> Step:
    judged = [e for e in report.findings if e.id in section.findings]
    watch = tuple(
        dict.fromkeys(
            f"{e.control} {e.title}"
            for e in judged
            if e.severity == "blocker" and e.status == "holds"
        )
    )
    return Step(
        number=numbered,
        step=section.step,
        hop=section.hop,
        cluster=section.cluster,
        continued=continued,
        purpose=PURPOSES.get(section.step, ""),
        commands=tuple(commands),
        seconds=None if continued else section.cluster_seconds,
        gap=None if continued else _gap(report, section),
        lost=None if continued else _lost(report, section),
        watch=() if continued else watch,
        abort=() if continued else tuple(_abort(report, section, commands, watch)),
        back=None if continued else _back(report, section, lines),
        notes=()
        if continued
        else tuple(n.text for n in report.notes if (n.step, n.hop) == (section.step, section.hop)),
    )


def _gap(report: Report, section: Section) -> float | None:
    for canaries in report.canaries:
        if canaries.cluster == section.cluster:
            place = section.step, section.hop
            return round(sum(g.seconds for g in canaries.gaps if (g.step, g.hop) == place), 3)
    return None


def _lost(report: Report, section: Section) -> int | None:
    for traffic in report.traffic:
        if traffic.cluster == section.cluster and not (traffic.void or traffic.cut_short):
            place = section.step, section.hop
            windows = [w for p in traffic.measured for w in p.windows]
            return sum(w.failed for w in windows if (w.step, w.hop) == place)
    return None


def _abort(
    report: Report, section: Section, commands: Sequence[Command], watch: Sequence[str]
) -> Iterator[str]:
    scenario = dict(report.scenario)
    if commands:
        yield "a command ends otherwise than it did here"
    timeout = scenario.get("rollout_timeout", "")
    if timeout and any(" rollout status " in c.line for c in commands):
        yield f"a rollout is not complete after {float(timeout):g} s"
    budget = scenario.get("injection_gap", "")
    if budget and section.step == AFTER:
        yield f"new pods are not injected {float(budget):g} s after the control plane was applied"
    if watch:
        yield "one of the controls to watch no longer holds"


def _back(report: Report, section: Section, lines: Sequence[Typed]) -> WayBack:
    if section.step in HARMLESS:
        return WayBack(said="Nothing was changed in this step: stop here.")
    place = section.cluster, section.hop, BACK_FROM.get(section.step, "")
    back = _reached(report, place)
    if back is None:
        option = "--rollback" if section.step == AFTER else "--rollback all"
        told = as_typed(f"pytest suites/upgrade {option}", report.header.command or "pytest")
        return WayBack(said=f"The way back from here was not rehearsed. `{told}` rehearses it.")
    judged = [e for e in report.findings if e.id in back.findings and e.control == "RBK-01"]
    if not judged or any(e.status != "holds" for e in judged):
        why = judged[0].summary if judged else "it was not judged"
        return WayBack(said=f"The way back was walked, and is not known to lead back: {why}")
    commands = _until_forth([t.command for t in lines if t.place == place])
    gap = _gap(report, back)
    lasted = f" Injection gaps: {gap:.1f} s, the way forth again included." if gap else ""
    kept = " Nothing need be taken back: the source can be applied again on the new CRDs."
    stays = kept if section.step == "crds_upgraded" else ""
    return WayBack(said=f"Rehearsed: RBK-01 held.{stays}{lasted}", commands=commands)


def _reached(report: Report, place: Place) -> Section | None:
    for section in report.sections:
        if (section.cluster, section.hop, section.step) == place and section.state == "reached":
            return section
    return None


def _until_forth(commands: Sequence[Command]) -> tuple[Command, ...]:
    """Return commands before the newer release is rendered again."""
    renders = [n for n, c in enumerate(commands) if c.line.startswith("linkerd upgrade")]
    upgrades = [
        n
        for n, c in enumerate(commands)
        if c.line.startswith("helm upgrade") and CONTROL_PLANE in c.line
    ]
    return tuple(commands[: min([*renders[1:], *upgrades], default=len(commands))])


def _not_rehearsed(report: Report, bundle: Bundle) -> Iterator[str]:
    if report.header.simulated:
        yield (
            "real proxies, mutual TLS, image pulls and latencies: the cluster was simulated;"
            " durations and gaps are its own"
        )
    if any(key.startswith("faults") for key, _ in report.scenario):
        yield "the upgrade without a fault: one was injected on purpose"
    if any(isinstance(r.body, Resumed) for r in bundle.reading.records):
        yield "one walk without a break: it died and was resumed; a command may stand here twice"
    if dict(report.scenario).get("data_plane") == "lazy":
        yield "restarts of workloads: the data plane was to follow by itself (lazy)"
    for section in report.sections:
        if section.state != "reached":
            yield f"{section.step.replace('_', ' ')}, {section.hop}: it was not reached"
    yield from _unassessed(report)


def _unassessed(report: Report) -> Iterable[str]:
    by_reason: dict[str, list[str]] = {}
    for entry in report.unassessed:
        if entry.severity == "blocker":
            by_reason.setdefault(entry.reason, []).append(entry.control)
    for missing in report.without_finding:
        if missing.required:
            by_reason.setdefault(missing.reason, []).append(missing.control)
    for reason, controls in by_reason.items():
        yield f"{', '.join(dict.fromkeys(controls))}: {reason}"
