"""JSON Schemas of what programs read: ledger, report, data sets, documents of commands.

`python -m reports.reference.schemas` writes them; a test says when they are out of date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from fixtures.commands.catalogued import FaultList, OneRelease, ReleaseList
from fixtures.evidence.records import SCHEMA as LEDGER_SCHEMA
from fixtures.evidence.records import Record
from policies.releases.dataset import SCHEMA as RELEASES_SCHEMA
from policies.releases.dataset import DataSet
from reports.model.fleet import FleetReport
from reports.model.inventory import InventoryDocument
from reports.model.plan import PlanDocument
from reports.model.report import SCHEMA as REPORT_SCHEMA
from reports.model.report import Report

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "fixtures" / "schema" / "ledger.schema.json"
RELEASES = ROOT / "policies" / "schema" / "releases.schema.json"
REPORT = ROOT / "reports" / "schema" / "report.schema.json"
COMMANDS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "plan": (PlanDocument, "rehearse plan -o json"),
    "inventory": (InventoryDocument, "rehearse inventory -o json"),
    "fleet": (FleetReport, "rehearse fleet report -o json"),
    "faults": (FaultList, "rehearse faults list | show -o json"),
    "releases": (ReleaseList, "rehearse releases list -o json"),
    "release": (OneRelease, "rehearse releases show -o json"),
}
"""Schema's name -> type and what prints it; all of them have schema 1 so far."""


def ledger_schema() -> str:
    """Return schema of one line of a ledger."""
    return _document(Record, f"One record of a rehearsal's ledger, schema {LEDGER_SCHEMA}")


def report_schema() -> str:
    """Return schema of the JSON report."""
    return _document(Report, f"Report of a rehearsal, schema {REPORT_SCHEMA}")


def releases_schema() -> str:
    """Return schema of a data set of release knowledge."""
    return _document(DataSet, f"Release knowledge of Linkerd, schema {RELEASES_SCHEMA}")


def command_schemas() -> dict[Path, str]:
    """Return the schema of what each command prints for programs, by its file."""
    return {
        REPORT.with_name(f"{name}.schema.json"): _document(root, f"What `{line}` prints, schema 1")
        for name, (root, line) in COMMANDS.items()
    }


def _document(root: type[msgspec.Struct], title: str) -> str:
    body: dict[str, Any] = msgspec.json.schema(root)
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **body}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1).decode() + "\n"


def main() -> None:
    """Write every file."""
    every = (
        (LEDGER, ledger_schema()),
        (REPORT, report_schema()),
        (RELEASES, releases_schema()),
        *command_schemas().items(),
    )
    for path, text in every:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
