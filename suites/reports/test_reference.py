"""The reference is generated and complete; an old page is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from fixtures.scenario.linked_spec import LinkedSpec
from fixtures.scenario.model import Scenario
from fixtures.scenario.own_paths import PathSpec
from fixtures.scenario.parts import (
    BudgetSpec,
    Consent,
    ExtensionSpec,
    HelmOptions,
    Waiver,
    WorkloadSpec,
)
from policies.releases.dataset import Stated
from policies.verdicts.catalogue import catalogue
from reports.reference.pages import main, outdated, pages


def test_every_control_option_and_exit_code_is_in_the_reference() -> None:
    found = pages()

    for control in catalogue().values():
        assert (
            f"| {control.id} | {control.title.replace('|', chr(92) + '|')} |"
            in (found["controls.md"])
        )
    for option in (
        "`--from RELEASE`",
        "`--snapshot FILE`",
        "`--stand-ins WHEN`",
        "## rehearse plan",
    ):
        assert option in found["options.md"]
    for code in range(7):
        assert f"\n| {code} | " in found["files.md"]
    assert "| `injection_gap` | number | `60` |" in found["scenario.md"]


def test_every_table_of_a_scenario_is_in_the_reference() -> None:
    found = pages()["scenario.md"]

    for field in msgspec.structs.fields(Scenario):
        for struct in _structs(field.type):
            assert f"## `{_TABLES[struct]}`" in found, struct
    assert "| `longest_outage` | number |" in found
    assert "| `first` | text | `main` |" in found


_TABLES: dict[type[msgspec.Struct], str] = {
    WorkloadSpec: "[[workloads]]",
    Waiver: "[[waivers]]",
    Consent: "[consent]",
    PathSpec: "[[paths]]",
    BudgetSpec: "[[budgets]]",
    ExtensionSpec: "[extensions.NAME]",
    LinkedSpec: "[linked]",
    HelmOptions: "[helm]",
    Stated: '[releases."RELEASE"]',
}


def _structs(annotation: Any) -> list[type[msgspec.Struct]]:
    """Every struct inside a type, in whatever it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _structs(inner)]


def test_the_index_leads_to_every_page() -> None:
    found = pages()

    for name in found:
        assert name == "index.md" or f"]({name})" in found["index.md"]


def test_an_old_page_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert outdated(tmp_path) == []
    (tmp_path / "controls.md").write_text("by hand")
    (tmp_path / "files.md").unlink()

    assert main([str(tmp_path), "--check"]) == 1

    assert "controls.md, files.md" in capsys.readouterr().err
