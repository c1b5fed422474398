"""Meshed pods on a real kube-apiserver, where its binary is at hand (KUBEBUILDER_ASSETS)."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from benchmarks.many_pods import BASELINE, copies
from benchmarks.wire import Wire
from fixtures.snapshot.copy.standin import prepare
from fixtures.snapshot.load import read_snapshot
from suites.embedded.real_apiserver import running

Obj = dict[str, Any]

WRITERS = 6
_ASSIGNED = ("uid", "resourceVersion", "creationTimestamp", "generation")
_LINKERD = "linkerd"


@contextmanager
def with_pods(pods: int, folder: Path) -> Generator[Path]:
    """The kubeconfig of an API server with Linkerd's pods and as many meshed ones.

    Raises:
        ApiServerError: There is none, or it does not start.
    """
    recorded = prepare(read_snapshot(BASELINE), now=datetime.now(UTC)).objects
    with running(folder) as kubeconfig:
        wire = Wire(kubeconfig)
        for obj in _linkerd(recorded):
            _post(wire, obj)
        waiting: SimpleQueue[Obj] = SimpleQueue()
        for part in copies(recorded, pods):
            for obj in part:
                if obj["kind"] == "Namespace":
                    _post(wire, obj)
                elif obj["kind"] == "Pod":
                    waiting.put(obj)
        writers = [
            threading.Thread(target=_drain, args=(kubeconfig, waiting)) for _ in range(WRITERS)
        ]
        for each in writers:
            each.start()
        for each in writers:
            each.join()
        wire.close()
        yield kubeconfig


def _linkerd(recorded: list[Obj]) -> Iterator[Obj]:
    """What `linkerd version` looks at: the namespace, its ConfigMaps and pods."""
    yield next(
        o for o in recorded if o["kind"] == "Namespace" and o["metadata"]["name"] == _LINKERD
    )
    for obj in recorded:
        if obj["metadata"].get("namespace") == _LINKERD and obj["kind"] in ("ConfigMap", "Pod"):
            yield obj


def _drain(kubeconfig: Path, waiting: SimpleQueue[Obj]) -> None:
    wire = Wire(kubeconfig)
    while True:
        try:
            _post(wire, waiting.get_nowait())
        except Empty:
            wire.close()
            return


def _post(wire: Wire, obj: Obj) -> None:
    """Create an object; a pod with its status, since nobody runs it."""
    meta = {k: v for k, v in obj["metadata"].items() if k not in _ASSIGNED}
    namespace = meta.get("namespace")
    plural = f"{obj['kind'].lower()}s"
    path = f"/api/v1/namespaces/{namespace}/{plural}" if namespace else f"/api/v1/{plural}"
    made = _sent(wire, "POST", path, {**obj, "metadata": meta}, 201)
    if obj["kind"] == "Pod":
        whole = {**json.loads(made), "status": obj["status"]}
        _sent(wire, "PUT", f"{path}/{meta['name']}/status", whole, 200)


def _sent(wire: Wire, method: str, path: str, obj: Obj, expected: int) -> bytes:
    body = json.dumps(obj).encode()
    status, answer = wire.ask(method, path, body, Content_Type="application/json")
    if status != expected:
        raise SystemExit(f"{method} {path}: {status} {answer[:300]!r}")
    return answer
