"""`rehearse compare` as a command: its exit code, and what unusable bundles and options get."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import rehearse
from suites.reports.samples import Sample, healthy_sample, violated_sample


def test_the_command_exits_with_1_where_it_is_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy_sample().write(tmp_path / "a")
    violated_sample().write(tmp_path / "b")
    a = tmp_path / "a" / healthy_sample().name
    b = tmp_path / "b" / violated_sample().name

    assert rehearse.main(["compare", str(a), str(a)]) == 0
    assert "Nothing differs." in capsys.readouterr().out
    assert rehearse.main(["compare", str(a), str(b)]) == 1
    assert "CP-02 holds -> violated" in capsys.readouterr().out
    page = tmp_path / "page.html"
    assert rehearse.main(["compare", str(b), str(a), "-o", str(page)]) == 0
    assert "Not worse" in page.read_text()
    assert rehearse.main(["compare", str(a), str(b), "-o", "json"]) == 1
    capsys.readouterr()


def altered(folder: Path) -> None:
    path = folder / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b"edge-25.4.4", b"edge-25.4.5", 1))


def no_ledger(folder: Path) -> None:
    (folder / "ledger.jsonl").unlink()


def newer(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    path = folder / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"schema":2', b'"schema":99'))


@pytest.mark.parametrize("damage", [altered, no_ledger, newer])
def test_a_bad_bundle_is_exit_4_with_one_message(
    damage: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = Sample()
    sample.write(tmp_path / "a")
    sample.write(tmp_path / "b")
    damage(tmp_path / "b" / sample.name)
    a, b = (str(tmp_path / each / sample.name) for each in "ab")

    assert rehearse.main(["compare", a, b]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("rehearse: ")
    assert said.err.count("rehearse: ") == 1
    assert str(tmp_path / "b") in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "pdf"],
        ["-o", "page.docx"],
        ["--history", "nowhere"],
        ["-o", "no/such/folder/x.html"],
    ],
)
def test_an_unusable_option_is_exit_4(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Sample().write(tmp_path)
    run = str(tmp_path / Sample().name)

    assert rehearse.main(["compare", run, run, *arguments]) == 4
    assert arguments[-1].split("/")[0] in capsys.readouterr().err
