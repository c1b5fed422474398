"""Recorded manifests and objects of real clusters, for comparing the model with them."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

Obj = dict[str, Any]

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"

MANIFESTS = {
    "edge-25.4.4": "edge-25.4.4-to-edge-25.10.7/commands/004-install.json",
    "edge-25.10.7": "edge-25.10.7-to-edge-26.6.3/commands/004-install.json",
    "edge-26.6.3": "edge-25.10.7-to-edge-26.6.3/commands/012-upgrade.json",
}
"""Version -> a command whose output is its whole control plane."""

DUMPS = {
    "edge-25.4.4": "edge-25.4.4-to-edge-25.10.7/dumps/baseline.json.gz",
    "edge-25.10.7": "edge-25.10.7-to-edge-26.6.3/dumps/baseline.json.gz",
    "edge-26.6.3": "edge-25.10.7-to-edge-26.6.3/dumps/settled.json.gz",
}
"""Version -> a dump of a cluster that ran it, with pods it injected."""

YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def located(name: str) -> Path:
    """The path of a recorded file; skips the test where there are no recordings."""
    path = RECORDINGS / name
    if not path.exists():
        pytest.skip(f"no recording {name}: ../shared/recordings is not beside this checkout")
    return path


def recorded_manifest(version: str) -> list[Obj]:
    """Objects of a recorded control plane, in the order printed."""
    command = json.loads(located(MANIFESTS[version]).read_text())
    return [doc for doc in yaml.load_all(command["stdout"], YAML_LOADER) if doc]


def recorded_dump(version: str) -> list[Obj]:
    """Objects of a recorded cluster."""
    return _read(located(DUMPS[version]))


@cache
def _read(path: Path) -> list[Obj]:
    with gzip.open(path) as file:
        return json.load(file)["items"]


def named(objects: list[Obj], kind: str, name: str) -> Obj:
    """The object of a kind and name."""
    return next(obj for obj in objects if obj["kind"] == kind and obj["metadata"]["name"] == name)
