"""The wrapper around helm, its charts, and what is said when either is missing."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import BadInput, Broken
from fixtures.core.process import Completed, ToolError
from fixtures.run.opening.opener import installer_of
from fixtures.scenario.model import Scenario
from fixtures.tools.charts import Charts
from fixtures.tools.helm import find, helm_version, manifest_of, require, version_of
from fixtures.tools.toolbox import Toolbox
from policies.releases.grammar import parse
from suites.harness.helm_charts import write_archive, write_chart, write_tools

KUBECONFIG = Path("/nonexistent/kubeconfig")
OLD, NEW = "edge-25.10.7", "edge-26.6.3"
ECHO = """case "$*" in
  "version --short") echo v3.16.4+g7877b45;;
  *) echo "$@";;
esac"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No helm on PATH but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    real = [p for p in ("/bin/helm", "/usr/bin/helm") if Path(p).exists()]
    if real:
        pytest.skip(f"{real[0]} cannot be hidden")
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """`--tools DIR` with a helm that says what it was asked, and charts."""
    folder = write_tools(tmp_path / "tools", OLD, NEW)
    script(folder / "helm", ECHO)
    return folder


def asked(done: Completed) -> list[str]:
    return done.text.split()


def test_helm_is_pointed_at_the_cluster_and_the_context(tools: Path) -> None:
    helm = Toolbox(tools, "always", KUBECONFIG, "mine").helm()

    done = helm.list("linkerd")

    assert done.argv == ("helm", "list", "-n", "linkerd", "--all", "-o", "json")
    assert asked(done)[-4:] == ["--kubeconfig", str(KUBECONFIG), "--kube-context", "mine"]


def test_helm_has_no_stand_in_and_is_noted_as_real(tools: Path) -> None:
    box = Toolbox(tools, "always", KUBECONFIG)
    assert box.helm() is box.helm()

    (used,) = box.used()

    assert (used.name, used.version, used.program) == ("helm", "v3.16.4", "real")


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ("reuse", "--reuse-values"),
        ("reset", "--reset-values"),
        ("reset-then-reuse", "--reset-then-reuse-values"),
        ("plain", ""),
    ],
)
def test_each_mode_is_asked_for_by_its_flag(tools: Path, values: Any, flag: str) -> None:
    helm = Toolbox(tools, "auto", KUBECONFIG).helm()
    chart = helm.charts.chart("linkerd-crds", parse(NEW))

    done = helm.upgrade("linkerd-crds", chart, "linkerd", values=values, timeout=300)

    found = [word for word in asked(done) if "values" in word and word.startswith("--")]
    assert found == ([flag] if flag else [])
    assert done.argv[3].endswith(f"charts/{NEW}/linkerd-crds-2026.6.3.tgz")
    assert "--timeout 300s" in done.text


def test_waiting_has_other_names_in_helm_4(tools: Path) -> None:
    helm = Toolbox(tools, "auto", KUBECONFIG).helm()
    script(tools / "four" / "helm", "echo v4.0.1")
    newer = Toolbox(tools / "four", "auto", KUBECONFIG).helm()

    assert helm.waiting(wait=True, atomic=False) == ("--wait",)
    assert helm.waiting(wait=False, atomic=True) == ("--atomic",)
    assert helm.waiting(wait=False, atomic=False) == ()
    assert newer.waiting(wait=True, atomic=True) == ("--rollback-on-failure",)


def test_the_other_commands_are_helms_own(tools: Path) -> None:
    helm = Toolbox(tools, "auto", KUBECONFIG).helm()
    chart = helm.charts.chart("linkerd-crds", parse(NEW))

    lines = [
        helm.history("r", "n"),
        helm.get_values("r", "n"),
        helm.get_manifest("r", "n"),
        helm.rollback("r", 1, "n", "--wait", timeout=9.6),
        helm.install("r", chart, "n", "--wait", timeout=10),
        helm.upgrade("r", chart, "n", dry_run="server"),
    ]

    assert [" ".join(done.argv[1:3]) for done in lines] == [
        "history r",
        "get values",
        "get manifest",
        "rollback r",
        "install r",
        "upgrade r",
    ]
    assert lines[3].argv[-2:] == ("--timeout", "10s")
    assert lines[5].argv[-3:] == ("--dry-run=server", "-o", "json")


def test_the_values_of_a_chart_are_settings(tools: Path) -> None:
    shows = ECHO.replace("  *)", "  show*) echo 'a: {b: 1, keyPEM: secret}';;\n  *)")
    script(tools / "helm", shows)
    helm = Toolbox(tools, "auto", KUBECONFIG).helm()

    values, done = helm.show_values(helm.charts.chart("linkerd-crds", parse(NEW)))

    assert done.argv[1:3] == ("show", "values")
    assert [s.path for s in values] == ["a.b", "a.keyPEM"]
    assert values[1].value.startswith("sha256:")


def test_a_chart_that_cannot_be_shown_has_no_values(tools: Path) -> None:
    script(tools / "helm", ECHO.replace("  *)", "  show*) exit 1;;\n  *)"))
    helm = Toolbox(tools, "auto", KUBECONFIG).helm()

    values, done = helm.show_values(helm.charts.chart("linkerd-crds", parse(NEW)))

    assert (values, done.exit_code) == ((), 1)


def completed(stdout: bytes) -> Completed:
    from datetime import UTC, datetime

    return Completed(("helm", "upgrade"), 0, stdout, b"", 0.1, datetime.now(UTC))


def test_the_manifest_of_a_dry_run_is_found_behind_warnings() -> None:
    text = json.dumps({"name": "x", "manifest": "kind: A"}).encode()

    assert manifest_of(completed(b"W1124 warning\n" + text)) == b"kind: A"


@pytest.mark.parametrize("output", [b"", b"nothing", b"{", b"{}", b"[]"])
def test_a_dry_run_that_is_no_release_is_an_error_in_words(output: bytes) -> None:
    with pytest.raises(ToolError, match="dry run of Helm cannot be read"):
        manifest_of(completed(output))


# --- what is missing -------------------------------------------------------------------------


def scenario(tools: Path | None) -> Scenario:
    return Scenario(installation="helm", tools=str(tools) if tools else "")


def test_with_helm_and_charts_nothing_is_missing(tools: Path) -> None:
    require(scenario(tools), (parse(OLD), parse(NEW)))


def test_an_installation_of_the_clis_needs_nothing() -> None:
    installer_of(Scenario()).require(Scenario(), (parse(OLD), parse(NEW)))


@pytest.mark.parametrize(
    ("said", "seen"),
    [("echo v3.13.2", "is v3.13.2"), ("exit 1", "is not usable"), ("echo hello", "is hello")],
)
def test_a_helm_that_is_too_old_is_refused_by_name(tools: Path, said: str, seen: str) -> None:
    script(tools / "helm", said)

    with pytest.raises(Broken) as caught:
        require(scenario(tools), (parse(OLD), parse(NEW)))

    assert caught.value.exit_code == 3
    assert seen in caught.value.seen
    assert "--tools" in caught.value.where
    assert caught.value.expected == "helm 3.14 or newer"


def test_without_helm_the_message_names_tools() -> None:
    with pytest.raises(Broken, match="no stand-in for it") as caught:
        require(scenario(None), (parse(OLD), parse(NEW)))

    assert caught.value.seen == "no helm in --tools or on PATH"
    assert "--tools DIR" in caught.value.next_command


def test_helm_on_path_will_do(empty_path: Path) -> None:
    script(empty_path / "helm", ECHO)

    path, version = find(None)

    assert (path.name, version) == ("helm", "v3.16.4")


def test_every_missing_chart_is_named_at_once(tools: Path) -> None:
    (tools / "charts" / NEW / "linkerd-crds-2026.6.3.tgz").unlink()

    with pytest.raises(Broken, match="Charts that the rehearsal needs") as caught:
        require(scenario(tools), (parse(OLD), parse(NEW), parse("edge-99.1.1")))

    assert caught.value.seen.count(" of ") >= 3
    assert "no linkerd-crds in" in caught.value.seen
    assert "no folder" in caught.value.seen
    commands = [shlex.split(c) for c in caught.value.next_command.split(" && ")]
    folder = str(tools / "charts" / NEW)
    assert commands[0] == ["mkdir", "-p", folder, str(tools / "charts" / "edge-99.1.1")]
    assert commands[1][:3] == ["helm", "pull", "linkerd-crds"]
    assert commands[1][-4:] == ["--version", "2026.6.3", "-d", folder]


def test_where_no_version_of_a_chart_follows_the_folder_is_named(tools: Path) -> None:
    with pytest.raises(Broken) as caught:
        require(scenario(tools), (parse("stable-2.14.10"),))

    assert caught.value.next_command.startswith(f"put them into {tools}/charts/RELEASE/")


def test_a_chart_of_the_wrong_release_is_as_good_as_none(tools: Path) -> None:
    folder = tools / "charts" / NEW
    (folder / "linkerd-crds-2026.6.3.tgz").unlink()
    write_archive(folder, "linkerd-crds", OLD)

    with pytest.raises(Broken, match="Charts") as caught:
        require(scenario(tools), (parse(NEW),))

    assert f"linkerd-crds-2025.10.7.tgz is of {OLD}" in caught.value.seen


@pytest.mark.parametrize("content", [b"", b"not a tarball", b"\x1f\x8b\x08broken"])
def test_an_archive_that_cannot_be_read_is_named(tools: Path, content: bytes) -> None:
    archive = tools / "charts" / NEW / "linkerd-control-plane-2026.6.3.tgz"
    archive.write_bytes(content)

    with pytest.raises(Broken, match="Charts") as caught:
        require(scenario(tools), (parse(NEW),))

    assert f"{archive} is of no release it names" in caught.value.seen


def test_two_archives_of_one_release_are_one_too_many(tools: Path) -> None:
    write_archive(tools / "charts" / NEW, "linkerd-crds", OLD)
    extra = Charts.of("", tools)

    assert extra.problem("linkerd-crds", parse(NEW)).endswith(f"is of {OLD}")


def test_unpacked_charts_and_a_folder_of_the_scenario(tmp_path: Path) -> None:
    for name in ("linkerd-crds", "linkerd-control-plane"):
        write_chart(tmp_path / "mine" / NEW, name, NEW)
    charts = Charts.of(str(tmp_path / "mine"), None)

    assert charts.problem("linkerd-crds", parse(NEW)) == ""
    chart = charts.chart("linkerd-control-plane", parse(NEW))
    assert chart.words == (str(tmp_path / "mine" / NEW / "linkerd-control-plane"),)
    assert chart.file("values-ha.yaml") == "controllerReplicas: 3\n"
    assert chart.file("values-none.yaml") == ""


def test_a_file_of_a_packed_chart(tools: Path) -> None:
    chart = Charts.of("", tools).chart("linkerd-control-plane", parse(NEW))

    assert chart.file("values-ha.yaml") == "controllerReplicas: 3\n"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            "https://helm.example/edge",
            ("linkerd-crds", "--repo", "https://helm.example/edge", "--version", "2026.6.3"),
        ),
        ("oci://r.example/mesh/", ("oci://r.example/mesh/linkerd-crds", "--version", "2026.6.3")),
    ],
)
def test_charts_of_a_repository_are_asked_for_by_version(
    place: str, words: tuple[str, ...]
) -> None:
    charts = Charts.of(place, None)

    assert charts.chart("linkerd-crds", parse(NEW)).words == words
    assert charts.problem("linkerd-crds", parse(NEW)) == ""
    assert "no chart version follows" in charts.problem("linkerd-crds", parse("stable-2.14.10"))


def test_versions_of_helm() -> None:
    assert version_of("v3.16.4") == (3, 16)
    assert version_of("v3.16") == (3, 16)
    assert version_of("hello") == (0, 0)
    assert helm_version(Path("/nonexistent/helm")) == ""


@pytest.mark.parametrize(
    "release", ["--post-renderer=/tmp/evil", "-f", "--kubeconfig", "a b", "../x", "a" * 54, "a\n"]
)
def test_a_release_that_a_cluster_names_is_no_option_of_helms(tools: Path, release: str) -> None:
    """The name is read from labels of Secrets, which anybody may have written."""
    helm = Toolbox(tools, "always", KUBECONFIG).helm()
    chart = helm.charts.chart("linkerd-crds", parse(NEW))

    for start in (
        lambda: helm.history(release, "linkerd"),
        lambda: helm.get_values(release, "linkerd"),
        lambda: helm.get_manifest(release, "linkerd"),
        lambda: helm.install(release, chart, "linkerd", timeout=1),
        lambda: helm.upgrade(release, chart, "linkerd"),
        lambda: helm.rollback(release, 1, "linkerd"),
    ):
        with pytest.raises(ToolError, match="not the name of a Helm release"):
            start()


@pytest.mark.parametrize("release", ["../../tmp/evil", "/tmp/evil", "--help", ".."])
def test_a_release_of_linkerd_is_no_path_to_a_program(tools: Path, release: str) -> None:
    with pytest.raises(BadInput, match="not the name of a release"):
        Toolbox(tools, "auto", KUBECONFIG).linkerd(parse(release))
    with pytest.raises(BadInput, match="not the name of a release"):
        Charts.of("", tools).chart("linkerd-crds", parse(release))
