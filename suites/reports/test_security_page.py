"""The page of inputs and what they can cause: every test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PAGE = Path("docs/security.md")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| Input")
]


def names_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


def test_there_are_rows() -> None:
    assert len(ROWS) > 10
    assert all(len(row) == 4 and all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_row_names_a_test_that_exists(row: list[str]) -> None:
    named = re.findall(r"`(suites/[\w/]+\.py)::(test_\w+)`", row[3])

    assert named, "a row without a test says nothing"
    for file, test in named:
        assert test in names_in(Path(file)), f"{file} has no {test}"
