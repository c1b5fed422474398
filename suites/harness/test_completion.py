"""What a shell offers while a command line is typed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.commands import completion
from fixtures.commands.suites import ROOT
from fixtures.scenario.faults import CATALOGUE
from policies.releases import catalogue as releases
from policies.verdicts.catalogue import catalogue
from suites.harness.kubeconfig_forms import TOKEN

KUBECONFIG = """
apiVersion: v1
kind: Config
contexts:
  - {name: prod, context: {cluster: one, user: one}}
  - {name: staging, context: {cluster: one, user: one}}
"""


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[[str], list[str]]:
    """Return what is offered after words, the last of which is being typed."""
    config = tmp_path / "config"
    config.write_text(KUBECONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("", "_IFS", "_SUPPRESS_SPACE", "_SHELL"):
        monkeypatch.setenv(f"_ARGCOMPLETE{name}", "")
    for name in ("COMP_LINE", "COMP_POINT"):
        monkeypatch.setenv(name, "")

    def offered(line: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["kubectl_complete-rehearse", *line.split(" ")])
        completion.answer_kubectl()
        *words, directive = capsys.readouterr().out.splitlines()
        assert directive == ":4"
        return [word for word in words if word]

    return offered


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("veri", ["verify", "verify-bundle"]),
        ("verify --context ", ["prod", "staging"]),
        ("verify --context p", ["prod"]),
        ("upgrade --to edge-25.10.7", ["edge-25.10.7"]),
        ("plan --from 2.18 --to lat", ["latest"]),
        ("upgrade --target e", ["embedded", "existing"]),
        ("upgrade -k RBK", ["RBK-01"]),
        ("upgrade --acknowledge 19-4,19-5", ["19-4,19-5"]),
        ("faults show decoy-to-p", ["decoy-to-prune"]),
        ("verify --from", []),
        ("upgrade --scenario nowhere", []),
        ("upgrade --cluster-na", []),
    ],
)
def test_what_is_begun_is_completed(
    typed: Callable[[str], list[str]], line: str, expected: list[str]
) -> None:
    assert typed(line) == expected


def test_names_are_those_of_the_data(typed: Callable[[str], list[str]]) -> None:
    """They are read out of its text: what the project itself reads there is the same."""
    known = releases()
    tags = {r.tag for r in (*known.edges, *known.stables)}
    logical = {v.version for v in known.logical_versions}

    assert completion.controls() == list(catalogue())
    assert completion.faults() == sorted(f.stem for f in CATALOGUE.glob("*.toml"))
    assert set(completion.advisories()) == {a.id for a in known.advisories}
    assert set(typed("plan --to ")) >= tags | logical | {"latest"}


def test_what_an_update_brought_is_offered_too(
    typed: Callable[[str], list[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "linkerd-upgrade-rehearsal" / "releases"
    folder.mkdir(parents=True)
    (folder / "update.json").write_text('{"edges": [["edge-26.11.2", "2026-11-12"]]}')

    assert typed("upgrade --to edge-26.11") == ["edge-26.11.2"]


def test_runs_are_offered_the_newest_first(
    typed: Callable[[str], list[str]], tmp_path: Path
) -> None:
    for name in ("20260101T000000Z-verify", "20260201T000000Z-verify"):
        (tmp_path / ".rehearsals" / name).mkdir(parents=True)

    assert typed("report 2026") == ["20260201T000000Z-verify", "20260101T000000Z-verify"]


@pytest.mark.parametrize("text", [TOKEN, "{", "contexts: 1"])
def test_a_kubeconfig_that_cannot_be_read_offers_nothing(
    typed: Callable[[str], list[str]], tmp_path: Path, text: str
) -> None:
    (tmp_path / "config").write_text(text)

    assert typed("verify --context ") == []


def test_a_shell_is_answered_without_what_judges() -> None:
    """A key was pressed, and somebody waits."""
    heavy = ("pytest", "kubernetes", "numpy", "cryptography", "aiohttp", "policies.releases")
    program = (
        "import sys; from fixtures.commands import completion; completion.parser();"
        f"completion.releases(); print([m for m in {heavy!r} if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_gets_a_script_for_both_names(shell: str) -> None:
    script = completion.script(shell)

    assert "rehearse" in script
    assert "kubectl-rehearse" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_bash_completes_what_is_typed(tmp_path: Path) -> None:
    program = tmp_path / "rehearse"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "rehearse.py"} "$@"\n')
    program.chmod(0o755)
    lines = f"""
{completion.script("bash")}
COMP_LINE="rehearse runb" COMP_POINT=13 COMP_TYPE=9 COMP_CWORD=1
COMP_WORDS=(rehearse runb)
_python_argcomplete rehearse runb rehearse
printf '%s' "${{COMPREPLY[*]}}"
"""
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    bash = shutil.which("bash") or "bash"

    done = subprocess.run(
        [bash, "-c", lines],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "runbook", done.stderr
