"""Real kubectl, unmodified, against the embedded cluster with its controllers and nodes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.embedded.process import EmbeddedProcess

OLDEST = 29
MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: "web:1", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""

Run = Callable[..., str]


def usable() -> str:
    """The kubectl on PATH, or a skip with the reason."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not on PATH")
    argv = [found, "version", "--client", "-o", "json"]
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    version = json.loads(text)["clientVersion"]["gitVersion"]
    minor = re.match(r"v1\.(\d+)", version)
    if minor is None or int(minor[1]) < OLDEST:
        pytest.skip(f"kubectl {version} is older than 1.{OLDEST}: it needs OpenAPI v2")
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedProcess]:
    """A cluster with two nodes and a fast clock."""
    usable()
    state = tmp_path_factory.mktemp("cluster")
    with EmbeddedProcess.start(state, speed=60.0, nodes=2, seed=1) as started:
        yield started


@pytest.fixture
def kubectl(running: EmbeddedProcess, tmp_path: Path) -> Run:
    """Runs kubectl with a home of its own; fails the test when the exit code is another."""
    found = usable()
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    def run(*arguments: str, stdin: str = "", code: int = 0) -> str:
        argv = [found, "--kubeconfig", str(running.kubeconfig), *arguments]
        result = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
        assert result.returncode == code, (arguments, result.stdout, result.stderr)
        return result.stdout + result.stderr

    return run


@pytest.fixture
def applied(kubectl: Run) -> Iterator[str]:
    """The manifest applied; what kubectl printed."""
    yield kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("delete", "-f", "-", "--ignore-not-found", stdin=MANIFEST)


def changed(image: str) -> str:
    return MANIFEST.replace("web:1", image)


def test_apply_says_created_unchanged_configured(kubectl: Run, applied: str) -> None:
    assert applied.splitlines() == ["deployment.apps/web created", "service/web created"]

    same = kubectl("apply", "-f", "-", stdin=MANIFEST)
    other = kubectl("apply", "-f", "-", stdin=changed("web:2"))

    assert same.splitlines() == ["deployment.apps/web unchanged", "service/web unchanged"]
    assert other.splitlines() == ["deployment.apps/web configured", "service/web unchanged"]


def test_rollout_restart_status_undo(kubectl: Run, applied: str) -> None:
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")

    kubectl("rollout", "restart", "deploy/web")

    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    assert "rolled back" in kubectl("rollout", "undo", "deploy/web")
    kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=30s")
    assert "REVISION" in kubectl("rollout", "history", "deploy/web")


def test_server_side_apply_conflict_and_force(kubectl: Run, applied: str) -> None:
    kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    kubectl("scale", "deploy/web", "--replicas=4")

    refused = kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST, code=1)
    forced = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=MANIFEST)

    assert ".spec.replicas" in refused
    assert "deployment.apps/web serverside-applied" in forced


def test_diff_shows_what_would_change(kubectl: Run, applied: str) -> None:
    text = kubectl("diff", "-f", "-", stdin=changed("web:2"), code=1)

    assert "+        image: web:2" in text.replace("      - image", "        image")
    kubectl("diff", "-f", "-", stdin=MANIFEST)


def test_dry_run_on_the_server_changes_nothing(kubectl: Run, applied: str) -> None:
    text = kubectl("apply", "--dry-run=server", "-f", "-", stdin=changed("web:2"))

    assert "configured (server dry run)" in text
    image = kubectl("get", "deploy", "web", "-o", "jsonpath={..containers[0].image}")
    assert image == "web:1"


def test_get_prints_columns(kubectl: Run, applied: str) -> None:
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")

    table = kubectl("get", "deploy,pods,svc", "-o", "wide")
    names = kubectl("get", "pods", "-l", "app=web", "-o", "name").split()

    assert re.search(r"deployment.apps/web +3/3 +3 +3", table)
    assert len(re.findall(r"1/1 +Running +0", table)) == 3
    assert len(names) == 3


def test_unknown_field_is_refused(kubectl: Run) -> None:
    text = MANIFEST.replace("replicas: 3", "replica: 3")

    assert 'unknown field "spec.replica"' in kubectl("apply", "-f", "-", stdin=text, code=1)


def test_drain_waits_for_the_budget(kubectl: Run, applied: str) -> None:
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    kubectl("create", "-f", "-", stdin=yaml.safe_dump(budget()))
    nodes = kubectl("get", "nodes", "-o", "name").split()

    kubectl("drain", nodes[0], "--ignore-daemonsets", "--timeout=50s")

    assert "SchedulingDisabled" in kubectl("get", nodes[0])
    where = kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={..nodeName}").split()
    assert set(where) == {nodes[1].partition("/")[2]}
    kubectl("uncordon", nodes[0])
    kubectl("delete", "pdb", "web")


def budget() -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    }


def test_typed_creates(kubectl: Run) -> None:
    kubectl("create", "namespace", "typed")
    kubectl("create", "configmap", "c", "-n", "typed", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "s", "-n", "typed", "--from-literal=a=b")
    kubectl("create", "serviceaccount", "sa", "-n", "typed")
    kubectl("create", "deployment", "d", "-n", "typed", "--image=d:1")
    assert kubectl("get", "secret", "s", "-n", "typed", "-o", "jsonpath={.data.a}") == "Yg=="
    assert kubectl("create", "token", "sa", "-n", "typed").count(".") == 2

    kubectl("delete", "namespace", "typed", "--timeout=30s")

    kubectl("get", "namespace", "typed", code=1)


def test_questions_about_access(kubectl: Run) -> None:
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    assert "kubernetes-admin" in kubectl("auth", "whoami")
    denied = kubectl("auth", "can-i", "create", "pods", "--as", "jane", code=1)
    assert denied.startswith("no")


def test_label_annotate_patch_describe(kubectl: Run, applied: str) -> None:
    kubectl("label", "deploy", "web", "x=y")
    kubectl("annotate", "deploy", "web", "x=y")
    kubectl("patch", "deploy", "web", "-p", '{"spec":{"minReadySeconds":1}}')
    kubectl("set", "image", "deploy/web", "main=web:3")

    text = kubectl("describe", "deploy", "web")

    assert "x=y" in text
    assert "web:3" in text


def test_custom_resources(kubectl: Run) -> None:
    versions = [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {
                "openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {"type": "object", "properties": {"size": {"type": "integer"}}}
                    },
                }
            },
        }
    ]
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": versions,
        },
    }
    foo = {
        "apiVersion": "example.com/v1",
        "kind": "Foo",
        "metadata": {"name": "f"},
        "spec": {"size": 1},
    }
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(definition))
    kubectl("wait", "--for=condition=established", "crd/foos.example.com", "--timeout=10s")
    assert "created" in kubectl("apply", "-f", "-", stdin=yaml.safe_dump(foo))
    foo["spec"] = {"size": 2}

    assert "configured" in kubectl("apply", "-f", "-", stdin=yaml.safe_dump(foo))

    assert kubectl("get", "foos", "f", "-o", "jsonpath={.spec.size}") == "2"
    kubectl("delete", "-f", "-", stdin=yaml.safe_dump(definition))
