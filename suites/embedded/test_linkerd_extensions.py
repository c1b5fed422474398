"""The model of Linkerd's extensions: the same objects as each release, in shape as recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.linkerd import extensions
from fixtures.linkerd.expected import key
from fixtures.linkerd.extensions.options import indexed
from policies.facts.cluster import ObjectKey
from policies.releases import Component, catalogue
from policies.releases.grammar import parse

Obj = dict[str, Any]

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
HOP = "extensions-edge-25.10.7-to-edge-26.6.3"
LINKED = "multicluster-edge-25.10.7-to-edge-26.6.3"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
ANCHORS = tuple(
    v.anchor for v in catalogue().logical_versions if catalogue().inventory(parse(v.anchor), "viz")
)
WEST: Obj = {"controllers[0]": {"link": {"ref": {"name": "west"}}}}
PSP = {"psp", "linkerd-multicluster-psp"}
"""What the release data took from a render with pod security policies on."""


def recorded(folder: str, name: str) -> list[Obj]:
    path = RECORDINGS / folder / "commands" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"the recordings of {folder} are not here")
    return _objects(json.loads(path.read_text("utf-8"))["stdout"])


@cache
def _objects(text: str) -> list[Obj]:
    return [o for o in yaml.load_all(text, Loader=yaml.CSafeLoader) if o]


def keys(objects: list[Obj]) -> set[ObjectKey]:
    found = map(key, objects)
    return {ObjectKey(group=g, kind=k, namespace=ns, name=n) for g, k, ns, n in found}


@pytest.mark.parametrize("tag", ANCHORS)
@pytest.mark.parametrize("component", ["viz", "multicluster", "multicluster_ha", "jaeger"])
def test_every_release_renders_the_objects_of_its_inventory(
    tag: str, component: Component
) -> None:
    known = catalogue().inventory(parse(tag), component)
    name, _, ha = component.partition("_")
    if name not in extensions.offered(tag):
        assert known is None or not known.exact
        return
    assert known is not None

    made = extensions.render(name, tag, {}, ha=bool(ha), now=NOW)

    assert keys(made) == {k for k in known.keys if k.name not in PSP}


@pytest.mark.parametrize(
    ("folder", "name", "extension", "version", "given"),
    [
        (HOP, "001-viz-install", "viz", "edge-25.10.7", {}),
        (HOP, "032-viz-install-new", "viz", "edge-26.6.3", {}),
        (HOP, "009-multicluster-install", "multicluster", "edge-25.10.7", {}),
        (HOP, "045-multicluster-install-new", "multicluster", "edge-26.6.3", {}),
        (LINKED, "017-east-mc-install", "multicluster", "edge-25.10.7", WEST),
        (LINKED, "047-east-mc-install-new", "multicluster", "edge-26.6.3", WEST),
    ],
)
def test_objects_are_as_recorded(
    folder: str, name: str, extension: str, version: str, given: Obj
) -> None:
    real = {key(o): o for o in recorded(folder, name)}

    made = {key(o): o for o in extensions.render(extension, version, given, now=NOW)}

    assert made.keys() == real.keys()
    differences = {str(k): d for k in real if (d := _differences(made[k], real[k]))}
    assert differences == {}


def _differences(made: Obj, real: Obj) -> list[str]:
    ours, theirs = _shape(made), _shape(real)
    return [f"{k}: {ours[k]} is not {theirs[k]}" for k in ours if ours[k] != theirs[k]]


def _shape(obj: Obj) -> Obj:
    """Identity, labels, annotations, images, ports, selectors, policies, webhooks, versions."""
    metadata: Obj = obj["metadata"]
    spec: Obj = obj.get("spec") or {}
    template: Obj = spec.get("template") or {}
    pod: Obj = template.get("spec") or {}
    containers: list[Obj] = pod.get("containers") or []
    ports: list[Obj] = spec.get("ports") or []
    volumes: list[Obj] = pod.get("volumes") or []
    policy = ("port", "proxyProtocol", "targetRef", "requiredAuthenticationRefs", "networks")
    webhooks: list[Obj] = obj.get("webhooks") or []
    subjects: list[Obj] = obj.get("subjects") or []
    versions: list[Obj] = spec.get("versions") or []
    return {
        "apiVersion": obj["apiVersion"],
        "extension": (metadata.get("labels") or {}).get(extensions.LABEL),
        "annotations": metadata.get("annotations") or {},
        "template": template.get("metadata"),
        "images": [(c["name"], c["image"]) for c in containers],
        "container ports": [sorted(map(str, c.get("ports") or [])) for c in containers],
        "volumes": [v["name"] for v in volumes],
        "selector": spec.get("selector"),
        "ports": [(p["name"], p["port"]) for p in ports],
        "policy": {k: v for k, v in spec.items() if k in policy},
        "service": spec.get("service"),
        "role": obj.get("roleRef"),
        "subjects": [(s["name"], s.get("namespace")) for s in subjects],
        "rules": len(obj.get("rules") or []),
        "webhooks": [
            (w["name"], w["failurePolicy"], w["rules"], w["namespaceSelector"]) for w in webhooks
        ],
        "versions": [(v["name"], v["served"], v["storage"]) for v in versions],
    }


def test_lists_of_the_command_line_become_lists() -> None:
    given = {"controllers[1]": {"link": {"ref": {"name": "b"}}}, "a": {"b[0]": 1}}

    assert indexed(given) == {
        "controllers": [{}, {"link": {"ref": {"name": "b"}}}],
        "a": {"b": [1]},
    }


def test_high_availability_has_replicas_and_budgets() -> None:
    made = extensions.render("viz", "edge-25.10.7", {}, ha=True, now=NOW)

    replicas = {o["metadata"]["name"]: o["spec"]["replicas"] for o in made
                if o["kind"] == "Deployment"}  # fmt: skip
    budgets = [o["metadata"]["name"] for o in made if o["kind"] == "PodDisruptionBudget"]
    assert replicas == {"metrics-api": 1, "prometheus": 1, "tap": 3, "tap-injector": 1, "web": 1}
    assert budgets == ["tap"]
