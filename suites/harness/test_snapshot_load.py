"""Loading a recorded cluster changes nothing: a cluster minute later it is what was loaded."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.reader import ClusterReader
from fixtures.embedded.process import EmbeddedProcess
from fixtures.snapshot.copy.standin import encoded, prepare
from fixtures.snapshot.read import read_snapshot
from policies.facts.cluster import ClusterFacts
from suites.harness.snapshots import FIRST, SECOND, recorded

SPEED = 40.0


def shape(found: ClusterFacts) -> dict[str, object]:
    """What must not change: which pods there are, and every workload's generation."""
    pods = {p.key: (p.uid, p.ready, p.proxy.version if p.proxy else "") for p in found.pods}
    workloads = {w.key: (w.uid, w.generation, w.desired, w.ready) for w in found.workloads}
    return {**pods, **workloads}


@pytest.mark.parametrize("folder", [FIRST, SECOND])
def test_loading_a_recorded_baseline_is_a_fixed_point(folder: str, tmp_path: Path) -> None:
    ready = prepare(read_snapshot(recorded(folder)), now=datetime.now(UTC))
    file = tmp_path / "load.json"
    file.write_bytes(encoded(ready))

    with EmbeddedProcess.start(tmp_path, speed=SPEED, nodes=0, load=[file]) as process:
        reader = ClusterReader(Connection(process.kubeconfig))
        until = process.now() + timedelta(minutes=1)
        while process.now() < until:
            threading.Event().wait(0.2)
        found = reader.facts()
        reader.close()

    assert shape(found) == shape(ready.originals)
