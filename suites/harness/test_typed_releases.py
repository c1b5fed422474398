"""A release is read once, at the border: behind it no parameter and no field is text."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ROOMS = (
    "policies",
    *(f"fixtures/{name}" for name in ("run", "steps", "scenario", "consent", "tools", "targets")),
)
NAMES = frozenset({"source", "destination", "release", "releases", "reaches", "later", "ahead"})
"""What a release of Linkerd is called, and several."""
TEXT = {
    ("policies/facts", "source"): "what was seen stays as it was seen",
    ("policies/facts", "release"): "what was seen stays as it was seen",
    ("policies/releases", "source"): "where a row of the data is from",
    ("policies/releases/comparison.py", "destination"): "a tag in what a release renders",
    ("policies/verdicts/catalogue.py", "source"): "where a control's rule is from",
    ("policies/traffic/latencies.py", "source"): "who asks",
    ("policies/controls/extensions/owner.py", "release"): "Helm's, as NAMESPACE/NAME",
    ("policies/controls/preflight/configuration.py", "release"): "Helm's, as NAMESPACE/NAME",
    ("fixtures/scenario/faults.py", "source"): "where a fault was seen",
    ("fixtures/scenario/model.py", "releases"): "where release knowledge lies",
    ("fixtures/steps/helm_steps.py", "release"): "Helm's",
    ("fixtures/targets/embedded.py", "source"): "who asks",
    ("fixtures/targets/kind_images.py", "release"): "stands before the `=` of an option",
    ("fixtures/tools/fetch.py", "release"): "a border: typed, and unchecked until here",
    ("fixtures/tools/fetch.py", "source"): "where a program was fetched from",
    ("fixtures/tools/helm.py", "release"): "Helm's",
    ("fixtures/tools/helm_dry_run.py", "release"): "Helm's",
    ("fixtures/tools/origins.py", "release"): "a part of an address",
}
"""(Module or folder, name) -> why text may stand there under it."""


def modules() -> list[str]:
    files = (f for room in ROOMS for f in (ROOT / room).rglob("*.py"))
    return sorted(f.relative_to(ROOT).as_posix() for f in files)


def named(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield every annotated parameter and field with its annotation."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.annotation
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            yield node.name, node.returns


def values_of(annotation: ast.expr) -> Iterator[ast.expr]:
    """Yield the types of which a value holds some; not those of a mapping's keys."""
    if isinstance(annotation, ast.Subscript):
        inner = annotation.slice
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        mapping = isinstance(annotation.value, ast.Name) and annotation.value.id in (
            "dict",
            "Mapping",
        )
        for part in parts[1:] if mapping else parts:
            yield from values_of(part)
    elif isinstance(annotation, ast.BinOp):
        yield from values_of(annotation.left)
        yield from values_of(annotation.right)
    else:
        yield annotation


def texts(code: str) -> list[str]:
    """Return the names of releases that are annotated as text."""
    return [
        name
        for name, annotation in named(ast.parse(code))
        if name in NAMES
        and any(isinstance(v, ast.Name) and v.id == "str" for v in values_of(annotation))
    ]


def excused(module: str, name: str) -> tuple[str, str] | None:
    """Return the entry of `TEXT` that covers a name in a module; None for none."""
    places = (at for at, what in TEXT if what == name)
    at = next((at for at in places if module == at or module.startswith(f"{at}/")), None)
    return (at, name) if at else None


def seen() -> Iterator[tuple[str, str]]:
    """Yield every (module, name) where a release is annotated as text."""
    for module in modules():
        for name in texts((ROOT / module).read_text(encoding="utf-8")):
            yield module, name


def test_no_release_is_text_behind_the_border() -> None:
    assert [each for each in seen() if excused(*each) is None] == []


def test_every_exception_is_needed() -> None:
    assert set(TEXT) - {excused(*each) for each in seen()} == set()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("def f(destination: str) -> None: ...", "destination"),
        ("def f(*, release: str = '') -> None: ...", "release"),
        ("class A:\n    source: str | None = None", "source"),
        ("def f(releases: tuple[str, ...]) -> None: ...", "releases"),
        ("def f(reaches: Mapping[str, str]) -> None: ...", "reaches"),
        ("def source(self) -> str: ...", "source"),
    ],
)
def test_text_is_seen(code: str, name: str) -> None:
    assert texts(code) == [name]


@pytest.mark.parametrize(
    "code",
    [
        "def f(destination: Version) -> None: ...",
        "def f(reaches: Mapping[str, Version]) -> None: ...",
        "class A:\n    source_tag: str",
        "def f(release: HelmRelease | None) -> None: ...",
    ],
)
def test_what_is_typed_is_not_taken_for_text(code: str) -> None:
    assert texts(code) == []
