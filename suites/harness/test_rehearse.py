"""The command `rehearse`, as typed."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.embedded.process import EmbeddedProcess
from fixtures.evidence.ledger import Ledger
from fixtures.evidence.records import Note
from suites.embedded.client import Client

ROOT = Path(__file__).parents[2]
LIMIT = 120


def rehearse(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`rehearse ARGUMENTS` in a process of its own."""
    argv = [sys.executable, "rehearse.py", *arguments]
    return subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedProcess]:
    with EmbeddedProcess.start(tmp_path_factory.mktemp("cluster"), speed=20) as process:
        yield process


def test_a_plan_names_every_hop_and_exits_0() -> None:
    done = rehearse("plan", "--from", "edge-24.11.8", "--to", "edge-25.10.7")

    assert done.returncode == 0, done.stderr
    assert "hop 1: edge-24.11.8 -> edge-25.4.4" in done.stdout
    assert "hop 2: edge-25.4.4 -> edge-25.10.7" in done.stdout


@pytest.mark.parametrize(
    ("source", "target"),
    [("edge-25.10.7", "edge-25.4.4"), ("edge-25.4.4", "edge-25.4.9"), ("nonsense", "edge-25.4.4")],
)
def test_a_blocked_plan_says_why_and_exits_1(source: str, target: str) -> None:
    done = rehearse("plan", "--from", source, "--to", target)

    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert source in done.stdout


def test_a_release_newer_than_known_is_planned_with_what_is_assumed() -> None:
    done = rehearse("plan", "--from", "edge-26.6.3", "--to", "edge-26.11.2")

    assert done.returncode == 0, done.stderr
    assert "2.20 -> ?" in done.stdout
    assert "rehearse releases update" in done.stdout


def test_a_release_of_a_month_to_come_exits_4() -> None:
    done = rehearse("plan", "--from", "edge-26.6.3", "--to", "edge-99.9.9")

    assert done.returncode == 4
    assert "edge-99.9.9" in done.stderr


def test_a_wrong_command_line_exits_4() -> None:
    done = rehearse("plan", "--from", "edge-25.4.4")

    assert done.returncode == 4
    assert "--to" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--port", "99999999", "0 to 65535"),
        ("--port", "http", "0 to 65535"),
        ("--speed", "fast", "0.1 to 1000"),
        ("--speed", "nan", "0.1 to 1000"),
        ("--nodes", "many", "1 to 20"),
    ],
)
def test_a_number_that_serve_cannot_use_is_named(option: str, value: str, named: str) -> None:
    done = rehearse("serve", option, value)

    assert done.returncode == 4, done.stderr
    assert f"{value} is not within {named}" in done.stderr


@pytest.mark.parametrize("below", [False, True])
def test_documents_that_cannot_be_written_are_said(tmp_path: Path, below: bool) -> None:
    with Ledger.create(tmp_path / "told", "run") as ledger:
        ledger.write(Note(text="one record"))
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "docs" if below else tmp_path / "file"

    done = rehearse("report", str(tmp_path / "told"), "-o", str(out))

    assert done.returncode == 4, done.stderr
    assert f"where: --output {out}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_snapshot_that_cannot_be_written_says_what_to_do(
    cluster: EmbeddedProcess, tmp_path: Path
) -> None:
    """The folder is missing, or the name is that of a folder."""
    for out, do in ((tmp_path / "none" / "x.json", "mkdir -p "), (tmp_path, "name a file: -o ")):
        done = rehearse(
            "snapshot", "--cluster-kubeconfig", str(cluster.kubeconfig), "-o", str(out)
        )

        assert done.returncode == 4, done.stderr
        assert f"next: {do}{tmp_path}" in done.stderr


def test_serve_prints_its_kubeconfig_and_ends_on_ctrl_c() -> None:
    argv = [sys.executable, "rehearse.py", "serve", "--speed", "10"]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout
        line = serving.stdout.readline()
        kubeconfig = Path(line.removeprefix("export KUBECONFIG=").strip())
        mode = kubeconfig.stat().st_mode & 0o777
        serving.send_signal(signal.SIGINT)
        _, errors = serving.communicate(timeout=LIMIT)

    assert serving.returncode == 0, errors
    assert mode == 0o600
    assert not kubeconfig.exists()
    assert "Traceback" not in errors


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = rehearse("serve", "--port", port)

    assert done.returncode in (3, 4), done.stderr
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_a_snapshot_of_a_cluster_can_be_planned_on(
    cluster: EmbeddedProcess, tmp_path: Path
) -> None:
    out = tmp_path / "mine.json.gz"

    done = rehearse("snapshot", "--cluster-kubeconfig", str(cluster.kubeconfig), "-o", str(out))

    assert done.returncode == 0, done.stderr
    content = json.loads(gzip.decompress(out.read_bytes()))
    assert content["kind"] == "List"
    assert {"Namespace", "Node"} <= {i["kind"] for i in content["items"]}


def test_an_unknown_context_offers_the_known_ones(
    cluster: EmbeddedProcess, tmp_path: Path
) -> None:
    done = rehearse(
        "snapshot",
        "--cluster-kubeconfig",
        str(cluster.kubeconfig),
        "--context",
        "prodution",
        "-o",
        str(tmp_path / "x.json"),
    )

    assert done.returncode == 4
    assert "prodution" in done.stderr
    assert not (tmp_path / "x.json").exists()


def test_a_cluster_that_does_not_answer_is_broken_not_a_traceback(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )

    done = rehearse(
        "snapshot", "--cluster-kubeconfig", str(kubeconfig), "-o", str(tmp_path / "x.json")
    )

    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_faults_lists_the_catalogue() -> None:
    done = rehearse("faults")

    assert done.returncode == 0
    assert "decoy-to-prune" in done.stdout
    assert "PRN-01" in done.stdout


def test_a_bundle_that_is_none_is_bad_input(tmp_path: Path) -> None:
    done = rehearse("report", str(tmp_path))

    assert done.returncode == 4
    assert str(tmp_path) in done.stderr


def test_a_closed_pipe_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        argv = [sys.executable, "rehearse.py", "faults"]
        done = subprocess.run(
            argv, cwd=ROOT, stdout=write_end, stderr=subprocess.PIPE, timeout=LIMIT, check=False
        )
    finally:
        os.close(write_end)

    assert b"Traceback" not in done.stderr


@contextmanager
def served(*arguments: str) -> Generator[tuple[Path, subprocess.Popen[str]]]:
    """`rehearse serve ARGUMENTS`: its kubeconfig, and the process; ended by Ctrl-C."""
    argv = [sys.executable, "rehearse.py", "serve", *arguments]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout
        line = serving.stdout.readline()
        try:
            yield Path(line.removeprefix("export KUBECONFIG=").strip()), serving
        finally:
            if serving.poll() is None:
                serving.send_signal(signal.SIGINT)
            serving.communicate(timeout=LIMIT)


def told(serving: subprocess.Popen[str], last: str) -> str:
    """What it says until it says `last`."""
    assert serving.stderr
    lines: list[str] = []
    for line in serving.stderr:
        lines.append(line)
        if last in line:
            return "".join(lines)
    raise AssertionError(f"{last!r} is not in {lines}")


def test_serve_says_what_is_simulated() -> None:
    with served("--version", "1.30", "--nodes", "3", "--speed", "50") as (kubeconfig, serving):
        text = told(serving, "Ctrl-C")

        api = Client(kubeconfig)
        version = api.get("/version").body
        nodes = api.get("/api/v1/nodes").body["items"]

    assert "simulated  Kubernetes 1.30, nodes: 3, 50 cluster seconds per second" in text
    assert "not played" in text
    assert version["gitVersion"].startswith("v1.30.")
    assert len(nodes) == 3


def test_serve_with_linkerd_is_ready_when_it_says_so() -> None:
    with served("--with-linkerd", "edge-25.4.4", "--speed", "100") as (kubeconfig, serving):
        text = told(serving, "Ctrl-C")

        api = Client(kubeconfig)
        deployments = api.get("/apis/apps/v1/deployments").body["items"]
        shop = api.get("/api/v1/namespaces/shop/pods").body["items"]

    assert "rolled out after" in text
    assert {"linkerd-destination", "shop-web"} <= {d["metadata"]["name"] for d in deployments}
    for deployment in deployments:
        assert deployment["status"]["readyReplicas"] == deployment["spec"]["replicas"]
    meshed = {p["metadata"]["annotations"].get("linkerd.io/proxy-version") for p in shop}
    assert "edge-25.4.4" in meshed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--version", "1.99"), "1.99"),
        (("--version", "latest"), "latest"),
        (("--nodes", "0"), "0 is not within 1 to 20"),
        (("--nodes", "many"), "many"),
        (("--speed", "-1"), "--speed"),
        (("--with-linkerd", "edge-99.9.9"), "edge-99.9.9"),
        (("--with-linkerd", "edge-25.4.4", "--snapshot", "x.json"), "--snapshot"),
        (("--snapshot", "absent.json"), "absent.json"),
    ],
)
def test_serve_refuses_what_it_cannot_do(arguments: tuple[str, ...], words: str) -> None:
    done = rehearse("serve", *arguments)

    assert done.returncode == 4, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
