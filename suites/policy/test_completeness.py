"""Each built control has a test, each test names a known control; checked without running any."""

from __future__ import annotations

import ast
from pathlib import Path

from policies.verdicts.catalogue import catalogue

ROOT = Path(__file__).parents[2]


def controls_of(suite: str) -> dict[str, set[str]]:
    """Control -> step fixtures that its tests take, read from the source of a suite."""
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / "suites" / suite).glob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [
                    d.args[0].value
                    for d in node.decorator_list
                    if isinstance(d, ast.Call)
                    and isinstance(d.func, ast.Name)
                    and d.func.id == "control"
                    and isinstance(d.args[0], ast.Constant)
                ]
                assert len(marks) == 1, f"{file.name}::{node.name} names {len(marks)} controls"
                names = {a.arg for a in node.args.args}
                found.setdefault(str(marks[0]), set()).update(names)
    return found


def test_every_built_control_has_a_test_and_every_test_a_built_control() -> None:
    built = {c.id for c in catalogue().values() if not c.planned}

    assert set(controls_of("upgrade")) == built


def test_a_control_is_judged_at_its_step() -> None:
    tests = controls_of("upgrade")

    wrong = {i for i, names in tests.items() if catalogue()[i].step not in names}

    assert wrong == set()


def test_verify_holds_exactly_the_controls_marked_for_it() -> None:
    marked = {c.id for c in catalogue().values() if c.verify and not c.planned}

    assert set(controls_of("verify")) == marked
