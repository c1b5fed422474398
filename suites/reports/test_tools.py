"""Which programs a rehearsal ran, as `make real-tools` prints them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.evidence.records import ToolUsed
from reports.tools import lines, main


def test_each_program_has_a_line_with_its_reason() -> None:
    real = ToolUsed(
        name="kubectl", version="v1.33.1", program="real", reason="/usr/local/bin/kubectl"
    )
    other = ToolUsed(
        name="linkerd", version="edge-25.4.4", program="stand-in", reason="no linkerd on PATH"
    )

    shown = [line.split() for line in lines((real, other))]

    assert shown[0] == ["kubectl", "v1.33.1", "real", "/usr/local/bin/kubectl"]
    assert shown[1][:4] == ["linkerd", "edge-25.4.4", "stand-in", "no"]


def test_no_program_is_said() -> None:
    assert lines(()) == ["no program was run"]


def test_a_folder_that_holds_no_run_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 4
    assert str(tmp_path) in capsys.readouterr().err
