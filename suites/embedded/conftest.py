"""Where the contract tests get their cluster: one per module, or another one for all.

CONTRACT_KUBECONFIG=FILE holds the cluster of that file to the same contract;
CONTRACT_TARGET=apiserver a real kube-apiserver, started from KUBEBUILDER_ASSETS or PATH.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.embedded.process import EmbeddedProcess
from suites.embedded.client import Client
from suites.embedded.real_apiserver import MissingError, running
from suites.forgotten import forget_secrets

__all__ = ["forget_secrets"]

OTHER = "CONTRACT_KUBECONFIG"
TARGET = "CONTRACT_TARGET"
API_SERVER = "apiserver"
DIFFERENCES = Path(__file__).with_name("apiserver_differences.toml")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a real kube-apiserver is known to answer otherwise is expected to."""
    if os.environ.get(TARGET) != API_SERVER:
        return
    table = tomllib.loads(DIFFERENCES.read_text())
    for item in items:
        module = item.path.stem
        name = item.name
        reason = table.get(module, {}).get(name) or table.get(module, {}).get(name.split("[")[0])
        if reason and item.path.parent == DIFFERENCES.parent:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedProcess]:
    """An embedded cluster without nodes: pods stay pending, nothing moves by itself."""
    if OTHER in os.environ or os.environ.get(TARGET) == API_SERVER:
        pytest.skip("another cluster is asked for: this test is about the embedded one alone")
    state = tmp_path_factory.mktemp("cluster")
    with EmbeddedProcess.start(state, speed=20.0, nodes=0, seed=1) as started:
        yield started


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real kube-apiserver's kubeconfig; no controllers run beside it."""
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(running(tmp_path_factory.mktemp("apiserver")))
        except MissingError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    if OTHER in os.environ:
        return Path(os.environ[OTHER])
    if os.environ.get(TARGET) == API_SERVER:
        return request.getfixturevalue("api_server")
    return request.getfixturevalue("process").kubeconfig


@pytest.fixture(scope="module")
def api(kubeconfig: Path) -> Client:
    return Client(kubeconfig)


@pytest.fixture
def namespace(api: Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own."""
    body = {"metadata": {"generateName": "contract-"}}
    name = api.post("/api/v1/namespaces", body).body["metadata"]["name"]
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def config_maps(namespace: str) -> str:
    """The path of ConfigMaps in the test's namespace."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
def deployments(namespace: str) -> str:
    """The path of Deployments in the test's namespace."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


@pytest.fixture
def deployment() -> dict[str, Any]:
    """A Deployment as a user writes it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "image": "web:1",
                            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                        }
                    ]
                },
            },
        },
    }
