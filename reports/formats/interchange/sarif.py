"""SARIF 2.1.0: violated controls as results, for code scanning and whatever reads such logs.

Code scanning makes an alert of every result, passes included, so there is one result per violated
finding and none for another: an error for a blocker, a warning for advice. A required control that
was not assessed is a notification of the run, which then did not end successfully; all counts are
properties of the run. Fingerprints are of what stays the same from run to run.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections import Counter
from collections.abc import Iterable

import msgspec

from reports.formats.interchange.sarif_model import (
    ArtifactLocation,
    Driver,
    Help,
    Invocation,
    Level,
    Location,
    Log,
    LogicalLocation,
    Message,
    Notification,
    PhysicalLocation,
    Properties,
    Reference,
    Region,
    Result,
    Rule,
    Run,
    Tool,
)
from reports.formats.markdown import address, code, told
from reports.formats.wording import one_line, subject, where
from reports.model.report import Entry, Report, Unfound

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEDGER = "ledger.jsonl"
ITEMS = 20
"""Items named per result; the report has all."""
TEXT = 1000
"""Characters of a rule's text; code scanning takes 1024."""
MESSAGE = 4000
LEVELS: dict[str, Level] = {"blocker": "error", "advice": "warning"}


def render(report: Report) -> str:
    """Render the log, one run in it."""
    rules = _rules(report)
    places = {rule.id: number for number, rule in enumerate(rules)}
    violated = [e for e in report.findings if e.status == "violated"]
    header = report.header
    run = Run(
        tool=Tool(
            driver=Driver(
                name="linkerd-upgrade-rehearsal",
                version=header.version or "unknown",
                rules=rules,
            )
        ),
        invocations=(_invocation(report),),
        results=_results(violated, places),
        properties={
            "run": header.run,
            "subject": subject(report),
            "verdict": report.verdict.word,
            "simulated": header.simulated,
            "bundleDigest": report.origin.manifest_digest,
            "counts": report.counts,
        },
    )
    log = Log(version="2.1.0", schema=SCHEMA, runs=(run,))
    encoded = msgspec.json.encode(log, order="deterministic")
    return msgspec.json.format(encoded, indent=1).decode() + "\n"


def literal(text: str, limit: int = MESSAGE) -> str:
    """Return text of anybody as a message: neither placeholder nor link (3.11.5, 3.11.6)."""
    shown = textwrap.shorten(one_line(text), limit, placeholder=" ...") or "-"
    for character in "\\[]":
        shown = shown.replace(character, f"\\{character}")
    return shown.replace("{", "{{").replace("}", "}}")


def _rules(report: Report) -> tuple[Rule, ...]:
    """Return a rule per control of the run, those with a finding first."""
    rules: dict[str, Rule] = {}
    for control in (*report.findings, *report.without_finding):
        if control.control not in rules:
            rules[control.control] = _rule(control)
    return tuple(rules.values())


def _rule(control: Entry | Unfound) -> Rule:
    known = isinstance(control, Entry)
    why = (control.why if known else "") or control.title or control.control
    source = control.source if known else ""
    tags = (control.area, *(control.standards if known else ()))
    return Rule(
        id=control.control,
        short_description=Message(text=one_line(control.title)[:TEXT] or control.control),
        full_description=Message(text=one_line(why)[:TEXT]),
        help_uri=address(source) or None,
        help=Help(text=one_line(why)[:TEXT], markdown=told(why, TEXT)),
        default_configuration={"level": LEVELS[control.severity]},
        properties={"tags": tags[:10], "problem.severity": LEVELS[control.severity]},
    )


def _results(entries: Iterable[Entry], places: dict[str, int]) -> tuple[Result, ...]:
    seen: Counter[str] = Counter()
    results: list[Result] = []
    for entry in entries:
        place = "\0".join((entry.control, entry.cluster, entry.hop, entry.step))
        seen[place] += 1
        digest = hashlib.sha256(f"{place}\0{seen[place]}".encode(errors="replace")).hexdigest()
        results.append(
            Result(
                rule_id=entry.control,
                rule_index=places[entry.control],
                level=LEVELS[entry.severity],
                message=Message(text=_message(entry), markdown=_markdown(entry)),
                locations=(_location(entry),),
                partial_fingerprints={
                    "primaryLocationLineHash": f"{digest[:16]}:1",
                    "finding/v1": digest,
                },
                properties=_properties(entry),
            )
        )
    return tuple(results)


def _properties(entry: Entry) -> Properties:
    return {
        "finding": entry.id,
        "severity": entry.severity,
        "step": entry.step,
        "hop": entry.hop,
        "cluster": entry.cluster,
        "standards": entry.standards,
    }


def _said(entry: Entry) -> list[tuple[str, str]]:
    pairs = (
        ("where", where(entry)),
        ("expected", entry.expected),
        ("seen", entry.seen),
        ("likely cause", entry.cause),
        ("next", entry.next_command),
    )
    return [(name, text) for name, text in pairs if text]


def _message(entry: Entry) -> str:
    pairs = _said(entry)
    return "\n".join([literal(entry.summary), *(f"{n}: {literal(t)}" for n, t in pairs)])


def _markdown(entry: Entry) -> str:
    items = entry.violations
    lines = [told(entry.summary, MESSAGE), ""]
    lines += [
        f"- {name}: {code(text, MESSAGE) if name == 'next' else told(text, MESSAGE)}"
        for name, text in _said(entry)
    ]
    lines += [f"- {code(i.subject)}: {told(i.seen)}" for i in items[:ITEMS]]
    if len(items) > ITEMS:
        lines.append(f"- and {len(items) - ITEMS} more, in the report")
    return "\n".join(lines)


def _location(entry: Entry) -> Location:
    """Return the ledger's line that is the evidence, and the objects it speaks of."""
    subjects = dict.fromkeys(i.subject for i in entry.violations[:ITEMS] if i.subject)
    return Location(
        physical_location=PhysicalLocation(
            artifact_location=ArtifactLocation(uri=LEDGER),
            region=Region(start_line=entry.record + 1),
        ),
        logical_locations=tuple(LogicalLocation(fully_qualified_name=s) for s in subjects),
    )


def _invocation(report: Report) -> Invocation:
    """Tell how the run ended; what could not be assessed although required is told there."""
    verdict, header = report.verdict, report.header
    missing = [(e.control, e.reason) for e in report.unassessed if e.required]
    missing += [(u.control, u.reason) for u in report.without_finding if u.required]
    notes = [
        Notification(
            level="warning",
            message=Message(text=f"not assessed: {literal(reason)}"),
            associated_rule=Reference(id=control),
        )
        for control, reason in dict.fromkeys(missing)
    ]
    if verdict.exit_code not in (0, 1):
        said = f"{verdict.word}: {verdict.headline} {verdict.reason}"
        notes.insert(0, Notification(level="error", message=Message(text=literal(said))))
    return Invocation(
        execution_successful=verdict.exit_code in (0, 1),
        exit_code=verdict.exit_code,
        start_time_utc=header.started,
        end_time_utc=header.ended,
        tool_execution_notifications=tuple(notes),
    )
