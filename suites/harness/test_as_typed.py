"""Commands are told as the person who started the program can type them."""

from __future__ import annotations

import argparse
import sys

import pytest

from fixtures.commands.arguments import parser_of
from fixtures.core.as_typed import SUBCOMMANDS, as_typed
from fixtures.core.errors import BadInput

PLAN = "rehearse plan --from edge-25.4.4 --to edge-25.10.7"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("pytest suites/upgrade", PLAN),
        (".venv/bin/pytest suites/upgrade --to x", f".venv/bin/{PLAN}"),
        ("./bin/pytest", f"./bin/{PLAN}"),
        (".venv/bin/rehearse report latest", f".venv/bin/{PLAN}"),
        ("python -m pytest suites/upgrade", f"python -m {PLAN}"),
        ("python3.13 -m pytest", f"python3.13 -m {PLAN}"),
        ("'my env/bin/pytest' suites/upgrade", f"'my env/bin/'{PLAN}"),
        ("", PLAN),
        ("pytest -k 'cut off", PLAN),
        ("curl https://example.com/x", PLAN),
        ("kubectl rehearse upgrade --to latest", f"kubectl {PLAN}"),
        ("'x; evil' -m pytest", PLAN),
    ],
)
def test_a_command_is_told_like_the_one_that_ran(
    command: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/nowhere/rehearse"])

    assert as_typed(PLAN, command) == told
    assert as_typed(told, command) == told, "a second time changes nothing"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"Plan it: {PLAN}", f"Plan it: .venv/bin/{PLAN}"),
        (
            "pytest suites/upgrade && pytest suites/verify",
            ".venv/bin/pytest suites/upgrade && .venv/bin/pytest suites/verify",
        ),
        (
            "every right of `rehearse rbac --suite upgrade`",
            "every right of `.venv/bin/rehearse rbac --suite upgrade`",
        ),
        ("install Docker, or rehearse on the embedded target", ""),
        ("rehearse a snapshot of this cluster instead: --snapshot FILE", ""),
        ("Swap source and target, and rehearse the way back with --rollback.", ""),
        ("every option of pytest works", ""),
        ("ls /usr/bin/rehearse plan", ""),
        ("kubectl get pods", ""),
    ],
)
def test_only_a_command_is_one(text: str, told: str) -> None:
    assert as_typed(text, ".venv/bin/pytest suites/upgrade") == (told or text)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (".venv/bin/pytest suites/verify", ".venv/bin/pytest suites/upgrade --rollback"),
        (".venv/bin/rehearse verify", ".venv/bin/rehearse upgrade --rollback"),
        ("rehearse report latest", "rehearse upgrade --rollback"),
        ("python -m rehearse upgrade", "python -m rehearse upgrade --rollback"),
        ("kubectl rehearse upgrade", "kubectl rehearse upgrade --rollback"),
    ],
)
def test_who_ran_rehearse_is_told_no_pytest(command: str, told: str) -> None:
    assert as_typed("pytest suites/upgrade --rollback", command) == told
    assert as_typed(told, command) == told, "a second time changes nothing"


@pytest.mark.parametrize("text", ["pytest suites/upgrade/x.py", "pytest suites/policy"])
def test_a_suite_that_rehearse_does_not_run_stays_pytests(text: str) -> None:
    assert as_typed(text, "rehearse upgrade") == text


def test_a_plugin_of_kubectl_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/kubectl-rehearse", "plan"])

    assert as_typed(PLAN) == f"kubectl {PLAN}"


def test_every_subcommand_is_known() -> None:
    offered = [
        list(action.choices)
        for action in parser_of()._actions
        if isinstance(action, argparse._SubParsersAction)  # pyright: ignore[reportPrivateUsage]
    ]

    assert [list(SUBCOMMANDS)] == offered


def test_an_error_tells_its_next_command_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/rehearse", "plan"])

    error = BadInput("Nothing fits", seen="rehearse plan", next_command=PLAN)

    assert f"next: .venv/bin/{PLAN}" in str(error)
    assert "seen: rehearse plan" in str(error), "what was seen stays as it was"
    assert error.next_command == PLAN
