"""Options, fixtures and hooks of the rehearsal, as a plugin of pytest; the rest is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from fixtures.core.errors import BadInput
from fixtures.run.invocation import suite_asked_for
from fixtures.run.plugin import (
    RUN,
    RehearsalPlugin,
    ignore_housekeeping,
    leave_out_hypothesis,
    opened_for,
)
from fixtures.run.step_fixtures import (
    baseline,
    cli_upgraded,
    control_plane_upgraded,
    crds_rolled_back,
    crds_upgraded,
    data_plane_rolled_back,
    data_plane_upgraded,
    extensions_rolled_back,
    extensions_upgraded,
    preflighted,
    pruned,
    pruned_rolled_back,
    rolled_back,
    settled,
)
from fixtures.scenario.linked_spec import MAIN
from fixtures.scenario.options import add_options
from policies.planning.path import Hop
from reports.formats.pytest_html_hooks import (
    COMPLIANCE_REPORT,
    pytest_html_report_title,
    pytest_html_results_summary,
    pytest_html_results_table_row,
    pytest_make_parametrize_id,
    pytest_metadata,
)

__all__ = [
    "baseline",
    "cli_upgraded",
    "control_plane_upgraded",
    "crds_rolled_back",
    "crds_upgraded",
    "data_plane_rolled_back",
    "data_plane_upgraded",
    "extensions_rolled_back",
    "extensions_upgraded",
    "preflighted",
    "pruned",
    "pruned_rolled_back",
    "pytest_html_report_title",
    "pytest_html_results_summary",
    "pytest_html_results_table_row",
    "pytest_make_parametrize_id",
    "pytest_metadata",
    "rolled_back",
    "settled",
]

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.run.rehearsal import Rehearsal
    from fixtures.run.resuming.begun_run import Run
    from fixtures.run.session import RunSession
    from fixtures.run.verification import Verification

R = TypeVar("R", bound="Run")
# Tests are often only listed: what a run needs once it has begun is imported then.


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Open the run when the upgrade or verify suite was asked for; bad input ends here."""
    if config.option.help or config.option.version:
        return
    try:
        suite = suite_asked_for(config)
    except BadInput as bad:
        raise pytest.UsageError(str(bad)) from None
    if not suite:
        return
    ignore_housekeeping(config)
    leave_out_hypothesis(config)

    def begun(session: RunSession) -> None:
        config.stash[COMPLIANCE_REPORT] = session.folder / "report.html"

    def finish(folder: Path) -> str:
        from reports import finish

        return finish.finish(folder)

    plugin = RehearsalPlugin(config, opened_for(config, suite), begun, finish)
    config.pluginmanager.register(plugin, "rehearsal")


def _run(request: pytest.FixtureRequest, kind: type[R]) -> R:
    from fixtures.run.run_plugin import RunPlugin

    plugin = request.config.pluginmanager.getplugin(RUN)
    if not isinstance(plugin, RunPlugin) or not isinstance(plugin.run, kind):
        pytest.fail("run this suite by its folder: pytest suites/upgrade or suites/verify")
    return plugin.run


@pytest.fixture(scope="session")
def cluster() -> str:
    """The cluster a test judges; the plugin parametrises it where two are rehearsed."""
    return MAIN


@pytest.fixture(scope="session")
def rehearsal(request: pytest.FixtureRequest, cluster: str) -> Rehearsal:
    """The rehearsal of one cluster of this run; steps are reached through it."""
    from fixtures.run.resuming.begun_run import UpgradeRun

    return _run(request, UpgradeRun).walk(cluster)


@pytest.fixture(scope="session")
def verification(request: pytest.FixtureRequest) -> Verification:
    """The read-only look of `suites/verify`."""
    from fixtures.run.resuming.begun_run import VerifyRun

    return _run(request, VerifyRun).verification


@pytest.fixture(scope="session")
def hop(request: pytest.FixtureRequest) -> Hop:
    """The hop a test belongs to; the plugin parametrises it."""
    found = request.param
    assert isinstance(found, Hop)
    return found
