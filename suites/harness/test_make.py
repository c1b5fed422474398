"""The Makefile: exit codes of a rehearsal, and what `make help` says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = ROOT / "Makefile"
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def make(folder: Path, *goals: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Make goals with programs that say their name and end with a code."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("pytest", "python", "ruff"):
        program = programs / name
        program.write_text(f"#!/bin/sh\necho ran {name}\nexit {code}\n")
        program.chmod(0o755)
    (folder / ".ready").touch()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "-f", str(MAKEFILE), *goals, f"VENV={folder}", "PYTHON=false"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("code", "made"), [(0, 0), (1, 1), (3, 2), (4, 2), (6, 2)])
def test_make_ends_with_1_only_where_a_blocker_is_violated(
    tmp_path: Path, code: int, made: int
) -> None:
    done = make(tmp_path, "rehearse", code=code)

    assert "ran pytest" in done.stdout
    assert done.returncode == made


def test_other_goals_beside_a_rehearsal_are_made(tmp_path: Path) -> None:
    done = make(tmp_path, "lint", "rehearse")

    assert "ran ruff" in done.stdout
    assert "ran pytest" in done.stdout


def test_a_dry_run_of_make_rehearses_nothing(tmp_path: Path) -> None:
    done = make(tmp_path, "-n", "rehearse", code=1)

    assert "ran pytest" not in done.stdout
    assert done.returncode == 0


def test_make_alone_lists_every_goal(tmp_path: Path) -> None:
    done = make(tmp_path)
    goals = re.search(r"^\.PHONY: (.*)$", MAKEFILE.read_text(), re.MULTILINE)

    assert goals is not None
    assert {g for g in goals[1].split() if f"make {g} " not in done.stdout} == set()
    assert done.returncode == 0
