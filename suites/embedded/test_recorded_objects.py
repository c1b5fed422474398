"""Recorded objects, made again from what was applied: defaults, allocation and owners agree."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.embedded.api.calls import ADMIN, Call
from fixtures.embedded.api.core import ApiKernel
from fixtures.embedded.kernel import Clock, Obj

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
DUMPS = (
    "edge-25.4.4-to-edge-25.10.7/dumps/baseline.json.gz",
    "edge-25.4.4-to-edge-25.10.7/dumps/control_plane_upgraded.json.gz",
    "edge-25.10.7-to-edge-26.6.3/dumps/control_plane_upgraded.json.gz",
)
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MANAGER = "kubectl-client-side-apply"
FIRST = ("Namespace", "CustomResourceDefinition")
ALLOCATED = ("clusterIP", "clusterIPs", "selector", "healthCheckNodePort")
MADE_UP = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
CONTROLLERS_OWN = ("deployment.kubernetes.io/revision",)


def read(dump: str) -> list[Obj]:
    path = RECORDINGS / dump
    if not path.exists():
        pytest.skip(f"the recording ../shared/recordings/{dump} is not here")
    items: list[Obj] = json.loads(gzip.decompress(path.read_bytes()))["items"]
    rank = {kind: index for index, kind in enumerate(FIRST)}
    return sorted(items, key=lambda obj: rank.get(obj["kind"], len(FIRST)))


def applied(obj: Obj) -> Obj | None:
    """What was applied by the client, if the object still is what came of it."""
    text = (obj["metadata"].get("annotations") or {}).get(APPLIED)
    restarted = "kubectl.kubernetes.io/restartedAt" in json.dumps(obj.get("spec") or {})
    if text is None or restarted or obj["kind"] in ("Pod", "Job"):
        return None
    source: Obj = json.loads(text)
    if source["metadata"].get("resourceVersion"):
        return None
    source["metadata"].setdefault("annotations", {})[APPLIED] = text
    return source


def made_again(items: list[Obj]) -> list[tuple[Obj, Obj]]:
    """(recorded, made here) of each object that a client applied."""

    async def make() -> list[tuple[Obj, Obj]]:
        kernel = ApiKernel(Clock(), 31, seed=1)
        found: list[tuple[Obj, Obj]] = []
        for obj in items:
            source = applied(obj)
            if source is None:
                if obj["kind"] == "Namespace":
                    metadata: Obj = {"name": obj["metadata"]["name"]}
                    await kernel.create("namespaces", {"metadata": metadata})
                continue
            resource = kernel.registry.of_object(source)
            assert resource is not None, source["kind"]
            call = Call(
                user=ADMIN,
                manager=MANAGER,
                validation="Strict",
                version=source["apiVersion"].rpartition("/")[2],
            )
            namespace = source["metadata"].get("namespace") or ""
            entry = await kernel.writes.create(resource, namespace, source, call)
            found.append((obj, entry.obj))
        return found

    return asyncio.run(make())


def comparable(obj: Obj) -> Obj:
    """An object without what no two clusters have in common."""
    result: Obj = json.loads(json.dumps(obj))
    result.pop("status", None)
    metadata: Obj = result["metadata"]
    for name in MADE_UP:
        metadata.pop(name, None)
    for name in CONTROLLERS_OWN:
        metadata["annotations"].pop(name, None)
    if result["kind"] == "Service":
        for name in ALLOCATED:
            result["spec"].pop(name, None)
    return result


def owned(obj: Obj) -> Any:
    for entry in obj["metadata"].get("managedFields") or ():
        if entry["manager"] == MANAGER:
            return entry["fieldsV1"]
    return None


@pytest.mark.parametrize("dump", DUMPS)
def test_applied_objects_become_what_was_recorded(dump: str) -> None:
    pairs = made_again(read(dump))

    assert len(pairs) > 50
    for recorded, made in pairs:
        assert comparable(made) == comparable(recorded)


def test_owners_of_applied_objects_are_what_was_recorded() -> None:
    pairs = made_again(read(DUMPS[0]))

    for recorded, made in pairs:
        name = f"{recorded['kind']} {recorded['metadata']['name']}"
        assert (name, owned(made)) == (name, owned(recorded))


def test_applying_the_recorded_object_again_changes_nothing() -> None:
    items = read(DUMPS[0])

    async def again() -> list[str]:
        kernel = ApiKernel(Clock(), 31, seed=1)
        changed: list[str] = []
        for obj in items:
            resource = kernel.registry.of_object(obj)
            assert resource is not None, obj["kind"]
            entry = kernel.store.put(resource.stored_as, json.loads(json.dumps(obj)))
            same = kernel.writes.replace(resource, entry.obj, Call(validation="Ignore"))
            if same is not entry:
                changed.append(f"{obj['kind']} {entry.name}")
        return changed

    assert asyncio.run(again()) == []
