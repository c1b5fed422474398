"""Snapshot files for tests: recorded ones where they are, small ones made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from suites.harness.pods import namespace, pod

Obj = dict[str, Any]

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
FIRST = "edge-25.4.4-to-edge-25.10.7"
SECOND = "edge-25.10.7-to-edge-26.6.3"
HELM = "helm-edge-25.10.7-to-edge-26.6.3"


def recorded(folder: str, step: str = "baseline") -> Path:
    """A recorded dump; skips the test where there are no recordings."""
    path = RECORDINGS / folder / "dumps" / f"{step}.json.gz"
    if not path.is_file():
        pytest.skip(f"no recording {folder}/{step}: ../shared/recordings is not there")
    return path


def cluster(*more: Obj) -> list[Obj]:
    """The smallest list that is a cluster."""
    return [namespace("shop"), pod("web-1", proxy="edge-25.4.4"), *more]


def written(path: Path, items: list[Obj], **annotations: str) -> Path:
    """A snapshot file of these objects."""
    content: Obj = {"apiVersion": "v1", "kind": "List", "items": items}
    if annotations:
        content["metadata"] = {"annotations": annotations}
    path.write_text(json.dumps(content))
    return path
