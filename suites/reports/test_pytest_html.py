"""pytest-html stays the familiar extra: escaped, without secrets, and it leads to our report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from reports.formats.pytest_html_hooks import pytest_make_parametrize_id
from suites.reports.samples import HOSTILE

ROOT = Path(__file__).parents[2]
CONFTEST = """
from pathlib import Path
from reports.formats.pytest_html_hooks import *
from reports.formats.pytest_html_hooks import COMPLIANCE_REPORT

def pytest_configure(config):
    config.stash[COMPLIANCE_REPORT] = Path(__file__).parent / "run 1" / "report.html"
"""
TESTS = """
import pytest
HOSTILE = {hostile!r}

@pytest.mark.parametrize("version", [HOSTILE, HOSTILE + "!", "edge-25.4.4"])
def test_version(version):
    assert version
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """pytest-html's page of a run with hostile parameters and a CI's environment."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS.format(hostile=HOSTILE))
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "BUILD_NUMBER": "7",
        "JENKINS_URL": "https://user:hunter2@jenkins.example",
        "BUILD_URL": "https://user:hunter2@jenkins.example/7",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--html=out/page.html", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "out" / "page.html").read_text()


def _data(page: str) -> dict[str, Any]:
    found = re.search(r'data-jsonblob="([^"]*)"', page)
    assert found
    return json.loads(unescape(found[1]))


def test_test_ids_cannot_become_markup(page: str) -> None:
    tests: dict[str, list[dict[str, Any]]] = _data(page)["tests"]

    assert len(tests) == 3
    for rows in tests.values():
        for row in rows:
            cells = "".join(row["resultsTableRow"])
            assert set(re.findall(r"<(\w+)", cells)) <= {"td"}
            assert "test_version" in cells


def test_the_environment_holds_no_secret(page: str) -> None:
    assert "hunter2" not in page
    assert set(_data(page)["environment"]) == {"Python", "Platform", "Packages", "Plugins"}


def test_the_page_leads_to_the_compliance_report(page: str) -> None:
    assert 'href="../run 1/report.html"' in page
    assert "<title" in page
    assert "Linkerd upgrade rehearsal: tests" in page


def test_ids_that_are_text_everywhere_are_left_alone() -> None:
    for value in ("edge-25.4.4", "hop 1: edge-24.11.8 -> edge-25.4.4", "DP-03"):
        assert pytest_make_parametrize_id(value) is None
    assert pytest_make_parametrize_id(7) is None


def test_changed_ids_stay_apart() -> None:
    one, other = pytest_make_parametrize_id("a<b"), pytest_make_parametrize_id("a&b")

    assert one
    assert other
    assert one != other
    assert "<" not in one
