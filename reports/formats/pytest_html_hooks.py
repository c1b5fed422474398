"""Hooks for pytest-html, the familiar extra beside the compliance report.

pytest-html puts test ids into the page as markup and shows whatever the environment holds. These
hooks escape the ids, keep only what is known to be harmless of the environment, and link to the
compliance report, whose counts are per finding. A conftest imports them by name; they are only
called when pytest-html is active.
"""

from __future__ import annotations

import hashlib
import os
import re
from html import escape
from pathlib import Path
from typing import Any, Protocol

import pytest

from fixtures.core.plain_text import visible

COMPLIANCE_REPORT = pytest.StashKey[Path]()
"""Where the compliance report of this run will be; the conftest sets it when a run is opened."""

TITLE = "Linkerd upgrade rehearsal: tests"
HARMLESS = ("Python", "Platform", "Packages", "Plugins")
"""Rows of the environment table that are kept; CI systems add URLs and names of their own."""
_ID_CELL = re.compile(r'(<td class="col-testId">)(.*)(</td>)', re.DOTALL)
_TAME = re.compile(r"[^A-Za-z0-9 _.,:;=+/@()\[\]>-]+")


class Titled(Protocol):
    title: str


@pytest.hookimpl(optionalhook=True)
def pytest_html_report_title(report: Titled) -> None:
    """Name the page by what it is instead of by its file."""
    report.title = TITLE


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(prefix: list[str], session: pytest.Session) -> None:
    """Put the way to the compliance report above pytest-html's own numbers."""
    target = session.config.stash.get(COMPLIANCE_REPORT, None)
    if target is None:
        return
    href = _from_page(session.config, target)
    prefix.append(
        f'<p><a href="{escape(href)}">Compliance report: verdict, findings, evidence</a>.'
        " It counts findings; the numbers below count tests.</p>"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(cells: list[str]) -> None:
    """Escape the test id, which pytest-html would insert as markup."""
    for place, cell in enumerate(cells):
        match = _ID_CELL.fullmatch(cell)
        if match:
            cells[place] = match[1] + escape(visible(match[2])) + match[3]


@pytest.hookimpl(optionalhook=True)
def pytest_metadata(metadata: dict[str, Any]) -> None:
    """Keep the harmless part of the environment: the rest may hold tokens or internal names."""
    for name in [n for n in metadata if n not in HARMLESS]:
        del metadata[name]


def pytest_make_parametrize_id(val: object) -> str | None:
    """Keep only characters that are text everywhere in ids made of text; others are pytest's.

    A changed id ends in a short digest, so that two values never share one.
    """
    if not isinstance(val, str):
        return None
    tame = _TAME.sub("_", val)
    if tame == val:
        return None
    digest = hashlib.sha256(val.encode("utf-8", "backslashreplace")).hexdigest()[:6]
    return f"{tame[:80]}-{digest}"


def _from_page(config: pytest.Config, target: Path) -> str:
    """Return the compliance report as seen from pytest-html's page."""
    page = str(config.getoption("htmlpath", default=None) or "report.html")
    here = (config.invocation_params.dir / Path(os.path.expandvars(page)).expanduser()).parent
    try:
        return Path(os.path.relpath(target, here)).as_posix()
    except ValueError:  # another drive
        return target.absolute().as_uri()
