"""JUnit XML from a bundle: one test case per finding, so that its totals are the report's counts.

A violated blocker is a failure, violated advice a pass; `not assessed`, `not applicable` and
`waived` are skipped with the reason. Severity and status are properties of each case. A run
without a verdict (interrupted, broken, bad input, nothing collected) has one error more: whoever
reads only JUnit must not take it for a pass.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from policies.verdicts.findings import Status
from reports.model.report import Entry, Report

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NO_VERDICT = (2, 3, 4, 5)
"""Exit codes without a verdict on the upgrade."""
SKIPPED: tuple[Status, ...] = ("not assessed", "not applicable", "waived")
"""Findings that are neither a pass nor a failure."""


def render(report: Report) -> str:
    """Render the XML document."""
    header = report.header
    suite = ET.Element("testsuite", name=clean(f"rehearsal {header.title}"))
    errors = 1 if report.verdict.exit_code in NO_VERDICT else 0
    totals = {
        "tests": report.counts.findings + errors,
        "failures": report.counts.blocker.violated,
        "errors": errors,
        "skipped": sum(map(report.counts.of, SKIPPED)),
    }
    for name, value in totals.items():
        suite.set(name, str(value))
    suite.set("time", f"{header.seconds:.3f}")
    suite.set("timestamp", header.started.strftime("%Y-%m-%dT%H:%M:%S"))
    _properties(suite, _of_run(report))
    for entry in report.findings:
        suite.append(_case(entry))
    if errors:
        suite.append(_no_verdict(report))
    root = ET.Element("testsuites", name="linkerd-upgrade-rehearsal")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def clean(text: str) -> str:
    """Write out characters that XML cannot hold, e.g. `#x1B`."""
    return _FORBIDDEN.sub(lambda m: f"#x{ord(m.group()):02X}", text)


def _of_run(report: Report) -> list[tuple[str, str]]:
    header = report.header
    return [
        ("run", header.run),
        ("verdict", report.verdict.word),
        ("exit_code", str(report.verdict.exit_code)),
        ("simulated", "true" if header.simulated else "false"),
        ("source", header.source),
        ("destination", header.destination),
        ("manifest_digest", report.origin.manifest_digest),
    ]


def _properties(parent: ET.Element, pairs: list[tuple[str, str]]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in pairs:
        if value:
            ET.SubElement(properties, "property", name=name, value=clean(value))


def _case(entry: Entry) -> ET.Element:
    place = ".".join(p for p in (entry.cluster, entry.hop, entry.step) if p and p != "main")
    case = ET.Element(
        "testcase", classname=clean(place), name=clean(f"{entry.control} {entry.title}"), time="0"
    )
    _properties(
        case,
        [
            ("finding", entry.id),
            ("control", entry.control),
            ("severity", entry.severity),
            ("status", entry.status),
            ("step", entry.step),
            ("hop", entry.hop),
            ("test", entry.test),
        ],
    )
    if entry.fails:
        failure = ET.SubElement(case, "failure", type="violated", message=clean(entry.summary))
        failure.text = clean(_detail(entry))
    elif entry.status in SKIPPED:
        told = f"{entry.status}: {entry.waiver or entry.reason}"
        ET.SubElement(case, "skipped", message=clean(told))
    elif entry.advises:
        ET.SubElement(case, "system-out").text = clean(_detail(entry))
    return case


def _detail(entry: Entry) -> str:
    pairs = (
        ("expected", entry.expected),
        ("seen", entry.seen),
        ("likely cause", entry.cause),
        ("follows from", entry.follows),
        ("next", entry.next_command),
    )
    lines = [entry.summary, *(f"{name}: {text}" for name, text in pairs if text)]
    lines += [f"- {i.subject}: {i.seen}" for i in entry.violations]
    return "\n".join(lines)


def _no_verdict(report: Report) -> ET.Element:
    case = ET.Element("testcase", classname="rehearsal", name="a verdict was reached", time="0")
    error = ET.SubElement(case, "error", type=report.verdict.word)
    error.set("message", clean(report.verdict.headline))
    error.text = clean(report.verdict.reason)
    return case
