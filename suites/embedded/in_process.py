"""A cluster in the test's own process: kernel, controllers and nodes, a fast clock, no HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec

from fixtures.embedded import controllers, nodes
from fixtures.embedded.api.core import ApiKernel
from fixtures.embedded.api.storage.namespaces import Namespaces
from fixtures.embedded.controllers import Controllers
from fixtures.embedded.controllers.views import PodView, condition, pod_view
from fixtures.embedded.kernel import Change, Clock, Mounts, Obj, ProgramFactory
from fixtures.embedded.nodes import Nodes

P = ParamSpec("P")
SPACE = "shop"
PATIENCE = 20.0
"""Wall seconds after which waiting is given up; only a broken cluster needs them."""


@dataclass
class InProcess:
    """What a test sees of it."""

    kernel: ApiKernel
    controllers: Controllers
    nodes: Nodes

    @property
    def clock(self) -> Clock:
        return self.kernel.clock

    async def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"never came true: {what or holds}"
            await asyncio.sleep(0.002)

    async def settled(self) -> None:
        """Wait until controllers and nodes have nothing to do, twice in a row."""
        quiet = 0

        def is_quiet() -> bool:
            nonlocal quiet
            quiet = quiet + 1 if self.controllers.idle() and self.nodes.idle() else 0
            return quiet > 10

        await self.until(is_quiet, "controllers and nodes at rest")

    async def passes(self, seconds: float) -> None:
        """Let cluster time pass."""
        await self.clock.sleep(seconds)

    def get(self, resource: str, name: str, namespace: str = SPACE) -> Obj:
        found = self.kernel.get(resource, namespace, name)
        assert found is not None, f"{resource} {namespace}/{name} is not there"
        return found

    def status(self, resource: str, name: str) -> Obj:
        return self.get(resource, name).get("status") or {}

    def pods(self, **labels: str) -> list[PodView]:
        views = [pod_view(pod) for pod in self.kernel.list("pods", SPACE)]
        return [v for v in views if labels.items() <= v.labels.items()]

    def change(self, resource: str, name: str, edit: Callable[[Obj], object]) -> None:
        """Edit an object's spec or metadata, as a user would."""
        wanted = copy.deepcopy(self.get(resource, name))
        wanted["metadata"].pop("resourceVersion")
        edit(wanted)
        self.kernel.update(resource, wanted)

    def restart(self, resource: str, name: str, at: str = "1") -> None:
        """What `kubectl rollout restart` does."""

        def edit(obj: Obj) -> None:
            metadata = obj["spec"]["template"].setdefault("metadata", {})
            metadata.setdefault("annotations", {})["kubectl.kubernetes.io/restartedAt"] = at

        self.change(resource, name, edit)

    def events(self, reason: str) -> list[Obj]:
        return [e for e in self.kernel.list("events") if e["reason"] == reason]


@contextlib.asynccontextmanager
async def cluster(
    *,
    speed: float = 500.0,
    factories: Sequence[ProgramFactory] = (),
    count: int = 1,
    minor: int = 31,
) -> AsyncGenerator[InProcess]:
    """A cluster with the namespace `shop`."""
    kernel = ApiKernel(Clock(speed), minor, seed=1)
    Namespaces(kernel, "ca")
    for name in ("kube-system", "kube-node-lease", SPACE):
        await kernel.create("namespaces", {"metadata": {"name": name}})
    running = InProcess(
        kernel, controllers.install(kernel), nodes.install(kernel, factories, count)
    )
    try:
        await running.until(lambda: len(kernel.list("nodes")) == count, "nodes")
        yield running
    finally:
        await running.controllers.stop()
        await running.nodes.stop()
        await kernel.writes.admission.webhooks.client.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def scene(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test that is a coroutine to its end, in a loop of its own."""

    @functools.wraps(test)
    def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return whole


def template(app: str, **spec: Any) -> Obj:
    container: Obj = {
        "name": "app",
        "image": "app:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [container], **spec},
    }


def workload(kind: str, name: str, spec: Obj | None = None, **pod_spec: Any) -> Obj:
    """A Deployment, StatefulSet, DaemonSet in `shop` whose pods carry the label app=NAME."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, **pod_spec),
            **(spec or {}),
        },
    }


def bare_pod(name: str, labels: dict[str, str] | None = None, **spec: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": SPACE, "labels": labels or {"app": name}},
        "spec": {**template(name)["spec"], **spec},
    }


def service(name: str, **spec: Any) -> Obj:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def is_rolled_out(obj: Obj) -> bool:
    """Every replica new and available, by the status of a Deployment."""
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    counts = ("replicas", "updatedReplicas", "availableReplicas")
    seen = status.get("observedGeneration", 0) >= obj["metadata"]["generation"]
    return seen and all(status.get(name, 0) == wanted for name in counts)


@dataclass
class Watch:
    """The lowest and highest numbers of a workload's pods that were ever seen."""

    app: str
    fewest_ready: int = 10**9
    most: int = 0
    _pods: dict[str, PodView] = field(default_factory=dict[str, PodView])
    watching: bool = False

    def heard(self, change: Change) -> None:
        view = pod_view(change.object)
        if view.labels.get("app") != self.app:
            return
        if change.new is None:
            self._pods.pop(view.uid, None)
        else:
            self._pods[view.uid] = view
        if self.watching:
            live = [p for p in self._pods.values() if p.active]
            self.most = max(self.most, len(live))
            self.fewest_ready = min(self.fewest_ready, sum(p.ready for p in live))


@dataclass
class Recorded:
    """A program that only remembers what the kubelet did with it."""

    pod: Obj
    container: Obj
    mounts: Mounts
    is_ready: bool = True
    started: int = 0
    stopped: int = 0

    async def start(self) -> None:
        self.started += 1

    def ready(self) -> bool:
        return self.is_ready

    async def stop(self) -> None:
        self.stopped += 1


def is_ready(running: InProcess, name: str) -> bool:
    return (condition(running.get("pods", name), "Ready") or {}).get("status") == "True"


def statuses(pod: Obj) -> dict[str, Obj]:
    status = pod.get("status") or {}
    found = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return {s["name"]: s for s in found}


def waiting_reason(pod: Obj, container: str = "app") -> str:
    state = statuses(pod).get(container, {}).get("state", {})
    return (state.get("waiting") or {}).get("reason", "")
