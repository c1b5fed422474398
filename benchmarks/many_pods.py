"""A large cluster: the recorded one, with one of its Deployments many times over."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fixtures.embedded.process import EmbeddedProcess
from fixtures.snapshot.copy.standin import prepare
from fixtures.snapshot.load import read_snapshot

Obj = dict[str, Any]

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT.parent / "shared" / "recordings"
BASELINE = RECORDINGS / "edge-25.4.4-to-edge-25.10.7" / "dumps" / "baseline.json.gz"
TEMPLATE, TEMPLATE_NAMESPACE = "web", "shop"
REPLICAS, PER_NAMESPACE = 5, 100
_COPIED = ("Deployment", "ReplicaSet", "Pod", "Service", "EndpointSlice")


def started(pods: int, folder: Path) -> EmbeddedProcess:
    """An embedded cluster with Linkerd as recorded and as many meshed pods beside it.

    Its clock runs at real speed and its nodes at their pace: what is measured is who reads it.
    """
    recorded = prepare(read_snapshot(BASELINE), now=datetime.now(UTC)).objects
    file = folder / "recorded.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_document(recorded))
    process = EmbeddedProcess.start(folder / "cluster", kubernetes="1.31", nodes=0, load=(file,))
    try:
        for part in copies(recorded, pods):
            process.post("/_embedded/load", _document(part))
    except BaseException:
        process.stop()
        raise
    return process


def copies(recorded: list[Obj], pods: int) -> Iterator[list[Obj]]:
    """The recorded Deployment again and again, with all that belongs to it, by namespace."""
    namespace = _one(recorded, "Namespace", TEMPLATE_NAMESPACE)
    family = [o for o in recorded if _belongs(o)]
    pod = next(o for o in family if o["kind"] == "Pod")
    others = [o for o in family if o["kind"] != "Pod"]
    deployments = pods // REPLICAS
    for first in range(0, deployments, PER_NAMESPACE):
        home = f"team-{first // PER_NAMESPACE}"
        part = [_renamed(namespace, {TEMPLATE_NAMESPACE: home}, "")]
        for number in range(first, min(first + PER_NAMESPACE, deployments)):
            part += _family(others, pod, home, number)
        yield part


def _belongs(obj: Obj) -> bool:
    meta = obj["metadata"]
    if obj["kind"] not in _COPIED or meta.get("namespace") != TEMPLATE_NAMESPACE:
        return False
    return meta["name"] == TEMPLATE or meta["name"].startswith(f"{TEMPLATE}-")


def _family(others: list[Obj], pod: Obj, home: str, number: int) -> Iterator[Obj]:
    names = {TEMPLATE_NAMESPACE: home, TEMPLATE: f"{TEMPLATE}-{number}"}
    for obj in others:
        new = _renamed(obj, names, f"-{number}")
        if obj["kind"] in ("Deployment", "ReplicaSet"):
            new["spec"]["replicas"] = REPLICAS
            for field in new["status"]:
                if field.lower().endswith("replicas"):
                    new["status"][field] = REPLICAS
        new.get("spec", {}).pop("clusterIP", None)
        new.get("spec", {}).pop("clusterIPs", None)
        yield new
    for replica in range(REPLICAS):
        new = _renamed(pod, names, f"-{number}-{replica}")
        owner = new["metadata"]["ownerReferences"][0]
        new["metadata"]["name"] = f"{owner['name']}-{number:04x}{replica}"
        owner["uid"] = f"{pod['metadata']['ownerReferences'][0]['uid']}-{number}"
        yield new


def _renamed(obj: Obj, names: dict[str, str], suffix: str) -> Obj:
    """A copy under other names; UIDs, also of owners and in references, get the suffix."""
    return _walk(copy.deepcopy(obj), names, suffix)


def _walk(value: Any, names: dict[str, str], suffix: str) -> Any:
    if isinstance(value, dict):
        return {
            k: f"{v}{suffix or names.get(TEMPLATE_NAMESPACE, '')}"
            if k == "uid"
            else _walk(v, names, suffix)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [_walk(v, names, suffix) for v in value]
    if isinstance(value, str):
        return _name(value, names)
    return value


def _name(text: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        if text == old:
            return new
        if text.startswith(f"{old}-"):
            return new + text[len(old) :]
    return text


def _one(objects: list[Obj], kind: str, name: str) -> Obj:
    return next(o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name)


def _document(objects: list[Obj]) -> bytes:
    return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": objects})
