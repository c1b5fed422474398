"""Which program runs, and why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.core.errors import BadInput
from fixtures.tools.toolbox import Toolbox
from policies.releases.grammar import parse

KUBECONFIG = Path("/nonexistent/kubeconfig")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_always_takes_stand_ins_without_looking(empty_path: Path) -> None:
    mark = empty_path.parent / "ran"
    script(empty_path / "kubectl", f": > {mark}")
    tools = Toolbox(None, "always", KUBECONFIG)
    assert tools.linkerd(parse("edge-25.10.7")).kind == "stand-in"
    assert tools.kubectl().kind == "stand-in"
    assert not mark.exists()
    assert {(t.name, t.program, t.reason) for t in tools.used()} == {
        ("linkerd", "stand-in", "--stand-ins always"),
        ("kubectl", "stand-in", "--stand-ins always"),
    }


def test_a_linkerd_in_the_tools_folder_runs_where_it_is_the_release(
    empty_path: Path, tmp_path: Path
) -> None:
    del empty_path
    tools = tmp_path / "tools"
    script(tools / "edge-25.10.7" / "linkerd", 'echo edge-25.10.7; echo "$@" >&2')
    script(tools / "edge-26.6.3" / "linkerd", "echo edge-26.6.2")
    box = Toolbox(tools, "auto", KUBECONFIG, "mine")
    real = box.linkerd(parse("edge-25.10.7"))
    assert real.kind == "real"
    _, done = real.version_client()
    assert done.argv == ("linkerd", "version", "--client")
    assert done.error_text.split() == [
        "version",
        "--client",
        "--kubeconfig",
        str(KUBECONFIG),
        "--context",
        "mine",
    ]
    assert box.linkerd(parse("edge-26.6.3")).kind == "stand-in"
    assert "edge-26.6.2" in box.used()[-1].reason


def test_a_linkerd_on_the_path_runs_for_its_own_release_only(empty_path: Path) -> None:
    script(empty_path / "linkerd", "echo edge-25.4.4")
    box = Toolbox(None, "auto", KUBECONFIG)
    assert box.linkerd(parse("edge-25.4.4")).kind == "real"
    assert box.linkerd(parse("edge-25.10.7")).kind == "stand-in"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ('{"clientVersion": {"gitVersion": "v1.29.0"}}', "real"),
        ('{"clientVersion": {"gitVersion": "v1.36.1-vendor.2"}}', "real"),
        ('{"clientVersion": {"gitVersion": "v1.28.9"}}', "stand-in"),
        ("not json", "stand-in"),
        ("[]", "stand-in"),
    ],
)
def test_kubectl_must_be_new_enough(empty_path: Path, answer: str, kind: str) -> None:
    script(empty_path / "kubectl", f"echo '{answer}'")
    assert Toolbox(None, "auto", KUBECONFIG).kubectl().kind == kind


def test_never_names_what_is_missing(empty_path: Path) -> None:
    del empty_path
    with pytest.raises(BadInput) as missing:
        Toolbox(None, "never", KUBECONFIG).linkerd(parse("edge-25.10.7"))
    assert "edge-25.10.7" in str(missing.value)
    assert "--tools DIR" in str(missing.value)


def test_a_real_cluster_never_gets_a_stand_in(empty_path: Path) -> None:
    del empty_path
    for mode in ("auto", "always", "never"):
        box = Toolbox(None, mode, KUBECONFIG, stand_ins_allowed=False)
        with pytest.raises(BadInput):
            box.kubectl()
        assert not box.used()


def test_the_choice_is_made_once(empty_path: Path) -> None:
    count = empty_path.parent / "count"
    answer = '{"clientVersion": {"gitVersion": "v1.31.0"}}'
    script(empty_path / "kubectl", f"echo x >> {count}; echo '{answer}'")
    for _ in range(3):
        Toolbox(None, "auto", KUBECONFIG).kubectl()
    assert count.read_text().split() == ["x"]
    assert os.environ["PATH"] == str(empty_path)
