"""Rollouts of several workloads: which commands run, and what a failing one does to others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.bare import there
from fixtures.core.errors import Broken
from fixtures.core.process import Completed
from fixtures.core.waiting import until
from fixtures.embedded.process import EmbeddedProcess
from fixtures.steps import rollouts
from fixtures.steps.context import StepRun
from fixtures.steps.linkerd_install import rolled_out
from fixtures.tools.kubectl import GRACE, Kubectl
from fixtures.tools.program import Program
from fixtures.tools.toolbox import Toolbox, kubectl_version

NAMES = st.sampled_from("abcd")
WORKLOADS = st.lists(st.tuples(st.sampled_from(("Deployment", "DaemonSet")), NAMES, NAMES))
SHOP = [("Deployment", "shop", "web"), ("DaemonSet", "shop", "agent")]
REAL = kubectl_version(Path(shutil.which("kubectl") or "/nonexistent"))


class Recorder:
    """A kubectl that notes each command and how long it may take; `fails` is a part of one."""

    kind, version = "stand-in", "v1.31.0"

    def __init__(self, fails: str = "nothing") -> None:
        self.ran: list[str] = []
        self.limits: list[float] = []
        self._fails = fails

    def run(self, *args: str, stdin: bytes = b"", timeout: float = 600) -> Completed:
        self.ran.append(" ".join(args))
        self.limits.append(timeout)
        failed = self._fails in args
        said = b"error: timed out waiting for the condition\n" if failed else b""
        return Completed(("kubectl", *args), int(failed), b"", said, 0.0, cast("Any", None))


def step(program: Recorder) -> StepRun:
    """As much of a step as rollouts need; what is put on record stays in `ran`."""
    kubectl = Kubectl(cast("Program", program))
    found = SimpleNamespace(
        kubectl=kubectl,
        step="baseline",
        scenario=SimpleNamespace(rollout_timeout=300.0),
        ran=lambda _tool, done: done,  # pyright: ignore[reportUnknownLambdaType]
    )
    return cast("StepRun", found)


@given(WORKLOADS)
def test_each_workload_is_named_once_and_each_namespace_has_one_command(
    workloads: list[rollouts.Named],
) -> None:
    groups = list(rollouts.by_namespace(workloads))

    assert len({namespace for namespace, _ in groups}) == len(groups)
    named = [(namespace, name) for namespace, names in groups for name in names]
    assert len(named) == len(set(named))
    assert set(named) == {(space, f"{kind.lower()}/{name}") for kind, space, name in workloads}


def test_workloads_of_a_namespace_are_restarted_and_waited_for_together() -> None:
    program = Recorder()
    run = step(program)
    workloads = [*SHOP, ("StatefulSet", "bank", "book")]

    rollouts.restart(run, workloads)
    rollouts.wait_for(run, workloads)

    assert program.ran == [
        "-n shop rollout restart deployment/web daemonset/agent",
        "-n bank rollout restart statefulset/book",
        "-n shop rollout status deployment/web daemonset/agent --timeout=300s",
        "-n bank rollout status statefulset/book --timeout=300s",
    ]


def test_a_command_for_several_may_last_as_long_as_all_of_them_may() -> None:
    program = Recorder()

    rollouts.wait_for(step(program), SHOP)

    assert program.limits == [2 * 300 + GRACE]


def test_a_baseline_waits_for_all_no_longer_than_for_one() -> None:
    program = Recorder()

    rolled_out(step(program), SHOP)

    assert program.limits == [300 + GRACE]


def test_a_baseline_ends_where_a_rollout_fails() -> None:
    program = Recorder(fails="deployment/web")

    with pytest.raises(Broken) as caught:
        rolled_out(step(program), [*SHOP, ("StatefulSet", "bank", "book")])

    assert len(program.ran) == 1
    assert "deployment/web, daemonset/agent in shop" in caught.value.what


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedProcess]:
    state = tmp_path_factory.mktemp("cluster")
    with EmbeddedProcess.start(state, speed=60.0, nodes=1, seed=1) as started:
        yield started


@pytest.mark.parametrize(
    "kind",
    [
        "stand-in",
        pytest.param("real", marks=pytest.mark.skipif(not REAL, reason="no kubectl on PATH")),
    ],
)
def test_one_that_fails_does_not_stop_the_others(running: EmbeddedProcess, kind: str) -> None:
    box = Toolbox(None, "always" if kind == "stand-in" else "never", running.kubeconfig)
    kubectl = box.kubectl()
    space = kind
    _good(kubectl.run("create", "namespace", space))
    for name in ("first", "last"):
        _good(kubectl.apply(_deployment(space, name)))
    workloads = ["deployment/first", "deployment/none", "deployment/last"]

    restarted = kubectl.restart_all(space, workloads)
    waited = kubectl.status_of_all(space, workloads, timeout=120)

    assert restarted.exit_code == waited.exit_code == 1
    assert restarted.text.splitlines() == [
        "deployment.apps/first restarted",
        "deployment.apps/last restarted",
    ]
    assert '"none" not found' in restarted.error_text
    assert '"none" not found' in waited.error_text
    for name in ("first", "last"):
        assert f'deployment "{name}" successfully rolled out' in waited.text


def test_a_bare_pod_is_ready_once_it_runs_and_until_it_is_deleted(
    running: EmbeddedProcess,
) -> None:
    kubectl = Toolbox(None, "always", running.kubeconfig).kubectl()
    _good(kubectl.run("create", "namespace", "bare"))
    for name, more in (("runs", ""), ("waits", "nodeSelector: {nobody: has-this}, ")):
        _good(kubectl.apply(_pod("bare", name, more)))
    keys = {"bare/runs", "bare/waits", "elsewhere/runs"}
    with closing(Connection(running.kubeconfig)) as connection:
        found = until(
            "a pod", lambda: there(connection, keys), lambda pods: any(pods.values()), timeout=60
        ).value
        others = there(connection, keys - {"bare/runs"})
        _good(kubectl.run("-n", "bare", "delete", "pod", "runs", "--wait=false"))
        deleted = there(connection, keys)

    assert found == {"bare/runs": True, "bare/waits": False}
    assert others == {"bare/waits": False}
    assert deleted == {"bare/waits": False}


def _pod(namespace: str, name: str, more: str) -> bytes:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, finalizers: [example.com/stays]}}
spec: {{{more}containers: [{{name: app, image: nginx}}]}}
""".encode()


def _good(done: Completed) -> None:
    assert done.exit_code == 0, done.error_text


def _deployment(namespace: str, name: str) -> bytes:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers: [{{name: app, image: nginx}}]
""".encode()
