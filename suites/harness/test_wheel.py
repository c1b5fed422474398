"""The wheel holds all that a run needs, and `rehearse` works from it in any folder."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from fixtures.commands.completion import answer_kubectl
from fixtures.commands.faults import FEW
from fixtures.commands.suites import ROOT, SETTINGS, SUITES
from fixtures.scenario import known_failures
from fixtures.scenario.faults import CATALOGUE
from suites.harness.snapshots import cluster, written

PACKAGES = ("apimachinery", "fixtures", "oci", "policies", "reports")
"""Whole, data included."""
WHOLE = (*PACKAGES, *(f"suites/{suite}" for suite in SUITES), str(CATALOGUE.relative_to(ROOT)))
NAMED = (ROOT / "rehearse.py", ROOT / "suites/plugin.py", SETTINGS, FEW, known_failures.FILE)


def in_wheel() -> set[str]:
    return {f.distribution_path for f in WheelBuilder(str(ROOT)).recurse_included_files()}


def test_it_holds_every_file_that_a_run_reads() -> None:
    needed = {
        str(file.relative_to(ROOT))
        for folder in WHOLE
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    needed |= {str(file.relative_to(ROOT)) for file in NAMED}

    assert needed - in_wheel() == set()


def test_it_holds_no_test_of_the_project_itself() -> None:
    allowed = (*PACKAGES, *(f"suites/{suite}/" for suite in SUITES))

    tests = [f for f in in_wheel() if "/test_" in f"/{f}" and not f.startswith(allowed)]

    assert tests == []
    assert "conftest.py" not in in_wheel(), "in site-packages it would be everybody's"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, as it is in site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def rehearse(site: Path, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(site / "rehearse.py"), *arguments],
        cwd=where,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_suite_runs_from_it_whatever_the_folder_configures(
    installed: Path, tmp_path: Path
) -> None:
    """The folder's own pytest.ini and conftest.py are another project's."""
    file = written(tmp_path / "snapshot.json", cluster())
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --of-another-project\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit('of another project')\n")

    done = rehearse(installed, tmp_path, "verify", "--snapshot", str(file), "-k", "DP-03")

    assert done.returncode in (0, 6), done.stdout + done.stderr
    assert (tmp_path / ".rehearsals" / "latest" / "report.html").is_file()
    assert "rehearse verify" in (tmp_path / ".rehearsals/latest/report.json").read_text()


def test_the_catalogue_of_faults_is_in_it(installed: Path, tmp_path: Path) -> None:
    done = rehearse(
        installed, tmp_path, "faults", "check", CATALOGUE.glob("*.toml").__next__().stem
    )

    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stdout


def test_what_a_suite_cannot_use_is_told_without_pytest(installed: Path, tmp_path: Path) -> None:
    done = rehearse(installed, tmp_path, "verify")

    assert done.returncode == 4
    assert "where: python -m rehearse verify" in done.stderr
    assert "pytest" not in done.stderr


def test_kubectl_finds_it_by_name() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert scripts["rehearse"] == scripts["kubectl-rehearse"] == "rehearse:main"
    assert scripts["kubectl_complete-rehearse"] == (
        f"{answer_kubectl.__module__}:{answer_kubectl.__name__}"
    )
