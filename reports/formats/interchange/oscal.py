"""OSCAL assessment results (JSON): what was observed, and what it says of which control.

Each finding of the rehearsal is an observation with its evidence, and, where the control applies,
a finding about an objective: the control, defined below the control of the standard that it is
evidence for. OSCAL knows `satisfied` and, as NIST SP 800-53A says, *other than satisfied*, which
includes that it could not be determined; the reason and the properties tell these apart.
Identifiers are made from the bundle's digest: equal bundles give equal documents.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from urllib.parse import quote
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from policies.verdicts.findings import Status
from reports.formats.interchange import oscal_model as oscal
from reports.formats.markdown import address, code, told
from reports.formats.wording import one_line, subject, where
from reports.model.report import Entry, Report

NS = "urn:linkerd-upgrade-rehearsal:oscal"
"""Namespace of our properties."""
LEDGER = "ledger.jsonl"
ITEMS = 20
"""Items told per observation; the JSON report has all."""
TEXT = 2000
_NO_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
STATES: dict[Status, tuple[oscal.State, ...]] = {
    "holds": (oscal.State(state="satisfied", reason="pass"),),
    "violated": (oscal.State(state="not-satisfied", reason="fail"),),
    "not assessed": (oscal.State(state="not-satisfied", reason="other"),),
    "waived": (oscal.State(state="not-satisfied", reason="other"),),
    "not applicable": (),
}
"""What a status says of the objective; nothing where the control does not apply."""
Identify = Callable[[str], str]
"""Makes the identifier of a named part of the document."""


def render(report: Report) -> str:
    """Render the document."""
    origin, header = report.origin, report.header
    seed = origin.manifest_digest or f"{header.run} {origin.records} {header.ended.isoformat()}"
    space = uuid5(NAMESPACE_OID, f"{NS}:{seed}")
    document = oscal.Document(assessment_results=_results(report, _identifier(space)))
    encoded = msgspec.json.encode(document, order="deterministic")
    return msgspec.json.format(encoded, indent=1).decode() + "\n"


def token(text: str) -> str:
    """Return text as an OSCAL token: letters, digits, `.`, `_` and `-`, the first a letter."""
    found = _NO_TOKEN.sub("_", text)
    return found if found[:1].isalpha() else f"_{found}"


def control_id(standard: str) -> str:
    """Return a control of NIST SP 800-53 as its catalogue has it: `SI-2(3)` is `si-2.3`."""
    return token(standard.strip().lower().replace("(", ".").replace(")", ""))


def _identifier(space: UUID) -> Identify:
    return lambda name: str(uuid5(space, name.encode(errors="replace").decode()))


def _results(report: Report, identify: Identify) -> oscal.AssessmentResults:
    header = report.header
    return oscal.AssessmentResults(
        uuid=identify("document"),
        metadata=oscal.Metadata(
            title=f"Rehearsal of a Linkerd upgrade: {told(subject(report))}",
            last_modified=header.ended,
            version=_line(header.run),
            oscal_version=oscal.VERSION,
            props=_props(("program-version", header.version)),
        ),
        import_ap=oscal.ImportPlan(
            href=f"#{identify(f'file {LEDGER}')}",
            remarks="The ledger begins with the scenario, the plan and the catalogue of controls.",
        ),
        local_definitions=_definitions(report),
        results=(_result(report, identify),),
        back_matter=oscal.BackMatter(resources=_resources(report, identify)),
    )


def _result(report: Report, identify: Identify) -> oscal.Result:
    header, verdict = report.header, report.verdict
    standards = dict.fromkeys(control_id(s) for e in report.findings for s in e.standards)
    missing = [f"{told(u.control)} ({told(u.reason)})" for u in report.without_finding]
    return oscal.Result(
        uuid=identify("result"),
        title=f"{verdict.word}: {told(verdict.headline)}",
        description=told(f"{verdict.headline} {verdict.reason}", TEXT),
        start=header.started,
        end=header.ended,
        props=_props(
            ("verdict", verdict.word),
            ("exit-code", str(verdict.exit_code)),
            ("simulated", "true" if header.simulated else "false"),
            ("source-release", header.source),
            ("destination-release", header.destination),
            ("target", header.target_name or header.target),
            ("kubernetes", header.kubernetes),
            ("bundle-digest", report.origin.manifest_digest),
        ),
        reviewed_controls=oscal.Reviewed(
            control_selections=(
                oscal.Selection(
                    description="Controls of NIST SP 800-53 revision 5 that this is evidence for.",
                    include_controls=tuple(oscal.ControlId(control_id=s) for s in standards),
                ),
            )
        ),
        observations=tuple(_observation(e, identify) for e in report.findings),
        findings=tuple(f for e in report.findings for f in _finding(e, identify)),
        remarks=f"Without a finding: {', '.join(missing)}" if missing else "",
    )


def _definitions(report: Report) -> oscal.LocalDefinitions | None:
    """Define each control as an objective below each control of a standard."""
    below: dict[str, dict[str, oscal.Objective]] = {}
    for entry in report.findings:
        for standard in entry.standards:
            parts = below.setdefault(control_id(standard), {})
            parts.setdefault(entry.control, _objective(entry, standard))
    if not below:
        return None
    return oscal.LocalDefinitions(
        objectives_and_methods=tuple(
            oscal.LocalObjective(control_id=standard, parts=tuple(parts.values()))
            for standard, parts in below.items()
        )
    )


def _objective(entry: Entry, standard: str) -> oscal.Objective:
    source = address(entry.source)
    return oscal.Objective(
        id=_objective_id(entry, standard),
        name="objective",
        ns=NS,
        title=told(entry.title, TEXT) or told(entry.control),
        props=_props(("control", entry.control), ("area", entry.area)),
        prose=told(entry.why, TEXT) or told(entry.title, TEXT) or told(entry.control),
        links=(oscal.Link(href=source, rel="reference"),) if source else (),
    )


def _objective_id(entry: Entry, standard: str) -> str:
    return f"{control_id(standard)}_obj.{_NO_TOKEN.sub('_', entry.control)}"


def _observation(entry: Entry, identify: Identify) -> oscal.Observation:
    return oscal.Observation(
        uuid=identify(f"observation {entry.id}"),
        title=f"{told(entry.control)} {told(entry.title, TEXT)}",
        description=told(entry.summary, TEXT) or told(entry.title, TEXT) or entry.status,
        props=_of_entry(entry),
        methods=("TEST",),
        types=("control-objective",),
        relevant_evidence=(
            oscal.Evidence(
                href=f"#{identify(f'file {LEDGER}')}",
                description=f"Line {entry.record + 1} of the ledger; {told(entry.test)}.",
            ),
        ),
        collected=entry.at,
        remarks=_remarks(entry),
    )


def _remarks(entry: Entry) -> str:
    """Tell what was expected and seen, and the items, as a list."""
    pairs = (
        ("expected", entry.expected),
        ("seen", entry.seen),
        ("reason", entry.waiver or entry.reason),
        ("likely cause", entry.cause),
    )
    lines = [f"- {name}: {told(text, TEXT)}" for name, text in pairs if text]
    if entry.next_command:
        lines.append(f"- next: {code(entry.next_command, TEXT)}")
    for item in entry.items[:ITEMS]:
        because = f"; explained: {told(item.explained)}" if item.explained else ""
        lines.append(f"- {code(item.subject)}: {told(item.seen)}{because}")
    if len(entry.items) > ITEMS:
        lines.append(f"- and {len(entry.items) - ITEMS} more, in the ledger")
    return "\n".join(lines)


def _finding(entry: Entry, identify: Identify) -> Iterable[oscal.Finding]:
    for state in STATES[entry.status]:
        why = entry.waiver or entry.reason
        remarks = f"{entry.status}: {told(why, TEXT)}" if state.reason == "other" else ""
        yield oscal.Finding(
            uuid=identify(f"finding {entry.id}"),
            title=f"{told(entry.control)} {told(entry.title, TEXT)}",
            description=told(entry.summary, TEXT) or entry.status,
            props=_of_entry(entry),
            target=oscal.Target(
                type="objective-id",
                target_id=_objective_id(entry, entry.standards[0])
                if entry.standards
                else token(entry.control),
                status=msgspec.structs.replace(state, remarks=remarks),
            ),
            related_observations=(
                oscal.Related(observation_uuid=identify(f"observation {entry.id}")),
            ),
        )


def _of_entry(entry: Entry) -> tuple[oscal.Property, ...]:
    return _props(
        ("finding", entry.id),
        ("control", entry.control),
        ("severity", entry.severity),
        ("required", "true" if entry.required else "false"),
        ("status", entry.status),
        ("where", where(entry)),
        *(("standard", s) for s in entry.standards),
    )


def _props(*pairs: tuple[str, str]) -> tuple[oscal.Property, ...]:
    """Return properties, those without a value left out, which OSCAL does not allow."""
    lines = ((name, _line(value)) for name, value in pairs)
    return tuple(oscal.Property(name=n, ns=NS, value=v) for n, v in lines if v)


def _line(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= TEXT else textwrap.shorten(line, TEXT, placeholder=" ...")


def _resources(report: Report, identify: Identify) -> tuple[oscal.Resource, ...]:
    """Return the files of the bundle with their digests; the ledger, even when never sealed."""
    hashes = {
        f.path: (oscal.Hash(algorithm="SHA-256", value=f.sha256),) for f in report.origin.files
    }
    return tuple(
        oscal.Resource(
            uuid=identify(f"file {path}"),
            title=told(path),
            rlinks=(oscal.ResourceLink(href=quote(path), hashes=hashes.get(path, ())),),
        )
        for path in dict.fromkeys((LEDGER, *hashes))
    )
