"""A bug of the program ends with 3, never 1, asks for a report, and repeats nothing it read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.core.errors import unexpected
from fixtures.run import plugin as module
from fixtures.run.plugin import RehearsalPlugin, opened_for
from fixtures.run.run_plugin import RunPlugin

ROOT = Path(__file__).parents[2]
SECRET = "eyJhbGciOi.secret.text"


def fail(*_: object) -> None:
    raise ValueError(SECRET)


def config() -> pytest.Config:
    manager = SimpleNamespace(has_plugin={}.get, getplugin={}.get)
    option = SimpleNamespace(collectonly=False)
    return cast("pytest.Config", SimpleNamespace(pluginmanager=manager, option=option))


def ended(call: Callable[[], object]) -> str:
    with pytest.raises(pytest.exit.Exception) as end:
        call()
    assert end.value.returncode == 3
    said = str(end.value.msg)
    assert "bug of the program" in said
    assert "ValueError" in said
    assert SECRET not in said
    return said


def test_before_there_is_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "one_process", fail)
    monkeypatch.setattr(module.STOP, "hear", lambda: None)

    assert "ledger of the run if there is one" in ended(lambda: opened_for(config(), "upgrade"))


def test_while_the_runs_folder_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.run.resuming.begun_run.make_run", fail)
    plugin = RehearsalPlugin(config(), cast("Any", None), lambda _: None, str)
    session = cast("pytest.Session", SimpleNamespace(items=[1]))

    ended(lambda: plugin.pytest_collection_finish(session))


def test_within_the_run_its_ledger_is_named() -> None:
    ledger = Path("/runs/x/ledger.jsonl")
    session = SimpleNamespace(broken="", ledger=SimpleNamespace(path=ledger))
    plugin = RunPlugin(config(), cast("Any", SimpleNamespace(session=session)), str)
    with pytest.raises(ValueError, match="secret") as error:
        fail()

    plugin.pytest_internalerror(error)

    assert str(ledger) in session.broken
    assert SECRET not in session.broken
    assert "test_unexpected.py" in session.broken


HOSTILE = """
import pytest
from fixtures.run.plugin import RehearsalPlugin

def pytest_configure(config):
    class Only:
        plugin = RehearsalPlugin(config, None, lambda _: None, str)
        pytest_internalerror = staticmethod(plugin.pytest_internalerror)

    config.pluginmanager.register(Only())

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    yield
    raise ValueError("Bearer abcdefgh12345678 \\x1b[2J ##[error]")
"""


@pytest.mark.parametrize("options", [[], ["-p", "no:terminal"]], ids=["terminal", "none"])
def test_pytests_own_traceback_is_said_like_any_other_text(
    tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "conftest.py").write_text(HOSTILE)
    (tmp_path / "test_x.py").write_text("def test_x(): pass\n")
    argv = [sys.executable, "-m", "pytest", "-c", "/dev/null", *options]
    done = subprocess.run(
        [*argv, f"--rootdir={tmp_path}", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr

    assert "ValueError" in said
    assert "abcdefgh" not in said
    assert "\x1b[2J" not in said
    assert "##[error]" not in said


def test_a_message_names_the_places_and_not_the_text() -> None:
    with pytest.raises(ValueError, match="secret") as error:
        fail()

    said = unexpected(error.value, Path("ledger.jsonl"))

    assert "with ledger.jsonl" in said
    assert "in fail" in said
    assert SECRET not in said


def fail_because_of_another() -> None:
    try:
        fail()
    except ValueError as first:
        raise KeyError("b") from first


def test_what_a_bug_came_of_is_told_by_kind_and_place() -> None:
    with pytest.raises(KeyError) as caught:
        fail_because_of_another()

    said = unexpected(caught.value)

    assert "KeyError" in said
    assert "because of ValueError" in said
    assert "in fail" in said
    assert SECRET not in said
