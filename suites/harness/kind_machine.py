"""A machine with the stand-ins of kind and docker on its PATH, an API behind every kubeconfig."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.scenario.model import Scenario
from fixtures.targets import kind
from fixtures.targets.kind import KindTarget
from suites.harness.kind_standins import Machine, machine
from suites.harness.scripted_api import Asked, Says, scripted_api

IMAGE = "kindest/node:v1.31.2"


def answers(asked: Asked) -> Says:
    """An API server with one ready node and CoreDNS."""
    if asked.path == "/api/v1/nodes":
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return Says(body={"items": [{"metadata": {"name": "n"}, "status": ready}]})
    if asked.path.endswith("/deployments/coredns"):
        return Says(body={"metadata": {"name": "coredns"}, "status": {"availableReplicas": 2}})
    return Says(404, {"kind": "Status", "reason": "NotFound"})


@contextmanager
def kind_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Machine]:
    """Clusters come up at once; marks lie in a folder of the test's."""
    made = machine(tmp_path)
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    for name in ("KIND_EXPERIMENTAL_PROVIDER", "DOCKER_HOST", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kind, "CREATE", 30.0)
    api = tmp_path / "api"
    api.mkdir()
    with scripted_api(api, answers) as served:
        server = json.loads(served.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        made.set("api", server)
        yield made


class Told(list[str]):
    """What a person was told."""

    def __call__(self, text: str) -> None:
        self.append(text)

    def __contains__(self, part: object) -> bool:
        return any(str(part) in text for text in self)


def target(here: Machine, told: Told, **said: object) -> KindTarget:
    scenario = Scenario(target="kind", **{"node_image": IMAGE, **said})  # pyright: ignore[reportArgumentType] - keys of a test
    return KindTarget(scenario, here.bin.parent / "run", told)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
