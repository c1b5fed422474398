"""The JSON report: the model as it is, with a versioned schema."""

from __future__ import annotations

import msgspec

from reports.model.report import Report


def render(report: Report) -> str:
    """Render the whole model as indented JSON, keys in the order of the schema."""
    encoded = msgspec.json.encode(report, order="deterministic")
    return msgspec.json.format(encoded, indent=1).decode() + "\n"


def parse(text: str | bytes) -> Report:
    """Read the model back from a JSON report."""
    return msgspec.json.decode(text, type=Report)
