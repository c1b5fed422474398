"""Templates that were compiled before are used only for what they were made of."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from reports.formats.compiled import FOLDER, Compiled


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "page").write_text("Hello {{ name }}")
    (tmp_path / "options.py").write_text("trim_blocks = True")
    return folder


def rendered(templates: Path) -> str:
    cache = Compiled(templates, templates.parent / "options.py")
    loader = FileSystemLoader(templates)
    made = Environment(loader=loader, bytecode_cache=cache, autoescape=True)
    return made.get_template("page").render(name="<you>")


def kept(templates: Path) -> list[Path]:
    return sorted((templates / FOLDER).glob("*"))


def test_a_template_is_compiled_once(templates: Path) -> None:
    first = rendered(templates)
    (file,) = kept(templates)
    before = file.stat().st_mtime_ns

    assert rendered(templates) == first == "Hello &lt;you&gt;"
    assert file.stat().st_mtime_ns == before


def test_one_that_changed_is_compiled_anew(templates: Path) -> None:
    rendered(templates)
    (templates / "page").write_text("Bye {{ name }}")

    assert rendered(templates) == "Bye &lt;you&gt;"


def test_other_options_have_templates_of_their_own(templates: Path) -> None:
    rendered(templates)
    (templates.parent / "options.py").write_text("trim_blocks = False")
    rendered(templates)

    assert len(kept(templates)) == 2


@pytest.mark.parametrize("damage", [b"", b"j2", b"\x00" * 64])
def test_a_damaged_one_is_compiled_anew(templates: Path, damage: bytes) -> None:
    rendered(templates)
    (file,) = kept(templates)
    file.write_bytes(damage)

    assert rendered(templates) == "Hello &lt;you&gt;"


def test_nothing_is_kept_where_python_keeps_nothing(
    templates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    assert rendered(templates) == "Hello &lt;you&gt;"
    assert kept(templates) == []


def test_a_folder_that_cannot_be_made_is_gone_without(templates: Path) -> None:
    (templates / FOLDER).write_text("in the way")

    assert rendered(templates) == "Hello &lt;you&gt;"
