"""Published schemas beside this checkout, for documents that others read; none is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft7Validator

SCHEMAS = Path(__file__).parents[2].parent / "shared" / "schemas"


def sarif_validator() -> Draft4Validator:
    """SARIF 2.1.0 by OASIS."""
    return Draft4Validator(_read("sarif-schema-2.1.0.json"))


def oscal_validator() -> Draft7Validator:
    """Assessment results of OSCAL by NIST."""
    return Draft7Validator(_read("oscal_assessment-results_schema.json"))


def _read(name: str) -> Any:
    path = SCHEMAS / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the checkout")
    text = path.read_text("utf-8")
    # Python's regular expressions know no \p{...}
    return json.loads(text.replace("\\\\p{L}", "[^\\\\W\\\\d_]").replace("\\\\p{N}", "\\\\d"))
