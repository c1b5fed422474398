"""A bug of the program ends with 3, never 1, asks for a report, and repeats nothing it read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures import plugin as module
from fixtures.errors import unexpected
from fixtures.plugin import RehearsalPlugin

SECRET = "eyJhbGciOi.secret.text"


def fail(*_: object) -> None:
    raise ValueError(SECRET)


def config() -> pytest.Config:
    manager = SimpleNamespace(has_plugin={}.get)
    option = SimpleNamespace(collectonly=False)
    return cast("pytest.Config", SimpleNamespace(pluginmanager=manager, option=option))


@pytest.fixture
def plugin() -> RehearsalPlugin:
    return RehearsalPlugin(config(), "upgrade", lambda _: None)


def ended(call: Callable[[], object]) -> str:
    with pytest.raises(pytest.exit.Exception) as end:
        call()
    assert end.value.returncode == 3
    said = str(end.value.msg)
    assert "bug of the program" in said
    assert "ValueError" in said
    assert SECRET not in said
    return said


def test_before_there_is_a_session(
    plugin: RehearsalPlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "one_process", fail)
    monkeypatch.setattr(module.STOP, "hear", lambda: None)

    assert "ledger of the run if there is one" in ended(plugin.open)


def test_while_the_runs_folder_is_made(plugin: RehearsalPlugin) -> None:
    plugin.opened = cast("Any", SimpleNamespace(begin=fail))
    session = cast("pytest.Session", SimpleNamespace(items=[1]))

    ended(lambda: plugin.pytest_collection_finish(session))


def test_within_the_run_its_ledger_is_named(plugin: RehearsalPlugin) -> None:
    ledger = Path("/runs/x/ledger.jsonl")
    session = SimpleNamespace(broken="", ledger=SimpleNamespace(path=ledger))
    plugin.opened = cast("Any", SimpleNamespace(session=session))
    with pytest.raises(ValueError, match="secret") as error:
        fail()

    plugin.pytest_internalerror(error)

    assert str(ledger) in session.broken
    assert SECRET not in session.broken
    assert "test_unexpected.py" in session.broken


def test_a_message_names_the_places_and_not_the_text() -> None:
    with pytest.raises(ValueError, match="secret") as error:
        fail()

    said = unexpected(error.value, Path("ledger.jsonl"))

    assert "with ledger.jsonl" in said
    assert "in fail" in said
    assert SECRET not in said
