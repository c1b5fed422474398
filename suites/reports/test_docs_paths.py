"""Every path that the documents name is in the tree, and so is what they name in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

DOCUMENTS = [
    *(Path(name) for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(Path("docs").rglob("*.md")),
]
ROOMS = (
    *("fixtures", "policies", "reports", "suites", "apimachinery", "oci"),
    *("docs", "examples", "benchmarks"),
)
NAMED = re.compile(rf"(?:{'|'.join(ROOMS)})/[\w./*-]*(?:::[\w.]+)?")
"""A path of ours, and what is named in it: `policies/planning/path.py::plan`."""


def paths_in(text: str) -> set[str]:
    code = re.findall(r"`([^`\n]+)`", text)
    return {
        path.rstrip(".") for each in code for path in NAMED.findall(re.sub(r"<\w+>", "*", each))
    }


def links_in(text: str) -> set[str]:
    targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text)
    return {target for target in targets if "://" not in target}


def names_in(file: Path) -> set[str]:
    """Every function and class of a module, methods as `Class.method`."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    methods = {
        f"{node.name}.{inner.name}"
        for node in classes
        for inner in node.body
        if isinstance(inner, ast.FunctionDef)
    }
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    return functions | methods | {node.name for node in classes}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_each_path_and_name_exists(document: Path) -> None:
    for named in paths_in(document.read_text(encoding="utf-8")):
        path, _, name = named.partition("::")

        assert list(Path().glob(path.rstrip("/"))), f"{document}: there is no {path}"
        if name:
            assert name in names_in(Path(path)), f"{document}: {path} has no {name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_each_link_leads_to_a_file(document: Path) -> None:
    for target in links_in(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document}: {target}"


def test_a_path_and_a_name_are_read() -> None:
    text = (
        "`suites/upgrade/test_<n>_<step>.py`, `oci/names.py::image`, [x](docs/a.md#b), [y](z://q)"
    )

    assert paths_in(text) == {"suites/upgrade/test_*_*.py", "oci/names.py::image"}
    assert links_in(text) == {"docs/a.md"}


def test_the_walk_of_one_option_has_ten_stations() -> None:
    stations = re.findall(
        r"^\| (\d+) \|.*::", Path("docs/architecture.md").read_text("utf-8"), re.M
    )

    assert stations == [str(n) for n in range(1, 11)]
