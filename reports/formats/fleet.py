"""The report of a fleet: text, one HTML page, JSON, and JUnit with a suite per cluster."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import msgspec

from policies.verdicts.wording import number
from reports.formats.html import environment
from reports.formats.interchange.junit import NO_VERDICT, clean
from reports.formats.wording import one_line
from reports.model.fleet import Cause, ClusterRow, FleetReport

SHOWN = 30
"""Clusters and causes that text names; HTML and JSON have all."""
NAMED = 8
"""Clusters that one line of text names."""
WIDTH = 40
"""Of the column of names."""
MATRIX = 400
"""Clusters in the matrix of the page; the table has all."""


def text(fleet: FleetReport) -> str:
    """Render for a terminal."""
    lines = [headline(fleet), ""]
    for group in fleet.groups:
        way = ", ".join(f"{v} {n}" for v, n in group.versions)
        said = f" to {', '.join(group.destinations)}" if group.destinations else ""
        lines.append(
            f"{one_line(group.name) or 'no group'}: {group.ready} of "
            f"{number(group.clusters, 'cluster')} ready{said}{f' (from {way})' if way else ''}"
        )
    lines.append("")
    width = min(WIDTH, max((len(r.name) for r in fleet.rows[:SHOWN]), default=0))
    lines += [
        f"{row.word:<12} {row.name:<{width}}  {one_line(row.headline)}"[:160]
        for row in fleet.rows[:SHOWN]
    ]
    lines += _more(len(fleet.rows), "cluster")
    if fleet.causes:
        lines.append("")
    for cause in fleet.causes[:SHOWN]:
        told = f"{cause.control} on {_clusters(cause)}: {one_line(cause.summary)}"
        lines.append(told if cause.severity == "blocker" else f"advice {told}")
        if cause.next_command:
            lines.append(f"  next  {one_line(cause.next_command)}")
    lines += _more(len(fleet.causes), "cause")
    return "\n".join(lines) + "\n"


def html(fleet: FleetReport) -> str:
    """Render one HTML file without scripts or remote assets."""
    return (
        environment()
        .get_template("fleet.html.j2")
        .render(fleet=fleet, headline=headline(fleet), matrix=MATRIX, verdicts=verdicts)
    )


def as_json(fleet: FleetReport) -> str:
    """Render the model itself."""
    return msgspec.json.format(msgspec.json.encode(fleet), indent=1).decode() + "\n"


def junit(fleet: FleetReport) -> str:
    """Render JUnit XML: a suite per cluster, a case per control, an error without a verdict."""
    root = ET.Element("testsuites", name=clean(f"fleet {fleet.name}"))
    for row in fleet.rows:
        root.append(_suite(row))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def headline(fleet: FleetReport) -> str:
    """Return what it comes to, in one sentence."""
    words = ", ".join(f"{count} {word}" for word, count in fleet.counts)
    ready = f"{len(fleet.ready)} of {number(len(fleet.rows), 'cluster')} ready"
    return f"{ready}: {words}" if fleet.rows else "No cluster."


def verdicts(row: ClusterRow) -> dict[str, str]:
    """Return control -> status of one cluster."""
    return {c.control: c.status for c in row.cells}


def _clusters(cause: Cause) -> str:
    named = ", ".join(cause.clusters[:NAMED])
    rest = len(cause.clusters) - NAMED
    return f"{named} and {rest} more" if rest > 0 else named


def _more(count: int, noun: str) -> Iterator[str]:
    if count > SHOWN:
        yield f"and {number(count - SHOWN, f'more {noun}')}"


def _suite(row: ClusterRow) -> ET.Element:
    suite = ET.Element("testsuite", name=clean(row.name), time=f"{row.seconds:.3f}")
    errors = int(row.exit_code in NO_VERDICT)
    failed = skipped = 0
    for cell in row.cells:
        case = ET.SubElement(suite, "testcase", classname=clean(row.name), name=cell.control)
        if cell.status == "violated" and cell.severity == "blocker":
            failed += 1
            ET.SubElement(case, "failure", message=clean(row.headline))
        elif cell.status not in ("holds", "violated"):
            skipped += 1
            ET.SubElement(case, "skipped", message=cell.status)
    if errors:
        case = ET.SubElement(suite, "testcase", classname=clean(row.name), name="verdict")
        ET.SubElement(case, "error", message=clean(f"{row.word}: {row.headline}"))
    totals = (len(row.cells) + errors, failed, errors, skipped)
    for key, value in zip(("tests", "failures", "errors", "skipped"), totals, strict=True):
        suite.set(key, str(value))
    return suite
