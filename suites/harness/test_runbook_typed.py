"""The runbook of the default hop, typed line by line against `rehearse serve`, upgrades it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suites.embedded.client import Client
from suites.harness.test_rehearse import LIMIT, ROOT, rehearse, served, told

pytestmark = pytest.mark.whole

CLIENT = "STAND_IN_LINKERD_VERSION"


def programs(folder: Path) -> Path:
    """`linkerd` and `kubectl` as a person has them on the PATH, in place of real ones."""
    folder.mkdir()
    for name in ("linkerd", "kubectl"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m fixtures.standins {name} "$@"\n')
        program.chmod(0o755)
    return folder


def lines(runbook: str) -> Iterator[tuple[str, str]]:
    """Each line to type, with the release of the client that it is typed with."""
    client = ""
    for block in re.findall(r"```sh\n(.*?)```", runbook, re.DOTALL):
        for line in block.splitlines():
            said = re.match(r"# with the client linkerd (\S+)", line)
            client = said[1] if said else client
            if not line.startswith("#"):
                yield line, client


def images(api: Client, path: str) -> set[str]:
    """The proxies' and controllers' releases below a path."""
    pods = api.get(path).body["items"]
    containers = [c for p in pods for c in p["spec"]["containers"]]
    return {c["image"].rpartition(":")[2] for c in containers if "linkerd/" in c["image"]}


def test_it_upgrades_what_is_served(tmp_path: Path) -> None:
    run = tmp_path / "run"
    argv = [sys.executable, "-m", "pytest", "-q", "suites/upgrade", "--no-probes"]
    rehearsed = subprocess.run(
        [*argv, "--out", str(run)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert rehearsed.returncode in (0, 6), rehearsed.stdout
    book = rehearse("runbook", str(run))
    assert book.returncode == 0, book.stderr
    typed = list(lines(book.stdout))
    assert len(typed) > 20

    with served("--with-linkerd", "edge-25.4.4", "--speed", "50") as (kubeconfig, serving):
        told(serving, "Ctrl-C")
        env = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "PATH": f"{programs(tmp_path / 'bin')}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        for line, client in typed:
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", line],
                env={**env, CLIENT: client},
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=False,
            )

            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        api = Client(kubeconfig)
        assert images(api, "/api/v1/namespaces/linkerd/pods") == {"edge-25.10.7"}
        assert images(api, "/api/v1/namespaces/bank/pods") == {"edge-25.10.7"}
