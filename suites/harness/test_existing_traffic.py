"""Traffic on a cluster found as an existing one: pods ask, and what is lost is found."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.writer import ClusterWriter
from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import TrafficSeen
from policies.traffic.outages import outages
from suites.detection.runs import rehearse
from suites.harness.existing import Existing, existing

pytestmark = pytest.mark.whole

SOURCE = "edge-25.4.4"
ERRORS = {"service": "rehearse-probes/echo", "ratio": 0.1, "seconds": 100_000}
"""One request in ten fails, from before the rehearsal to its end."""


@pytest.fixture
def found(tmp_path: Path) -> Generator[Existing]:
    with existing(tmp_path / "cluster", SOURCE) as cluster:
        yield cluster


def test_what_is_lost_on_somebody_elses_cluster_is_found(found: Existing, tmp_path: Path) -> None:
    found.process.post("/_embedded/faults", {"name": "errors", "arguments": ERRORS})
    consent = found.consent(tmp_path)

    run = rehearse(
        tmp_path, "--cluster-kubeconfig", str(found.kubeconfig),
        "--trust-scenario", f"--scenario={consent}",
        "--target", "existing", "--stand-ins", "always",
    )  # fmt: skip

    assert run.exit_code == 1, run.output
    violated = {f.control for f in run.findings if f.status == "violated"}
    assert violated & {"TRF-01", "TRF-02"} == {"TRF-01"}
    bodies = (r.body for r in read(run.folder / LEDGER).records)
    (traffic,) = [b.traffic for b in bodies if isinstance(b, TrafficSeen)]
    lossy = {p.path.id for p in traffic.measured if any(o.failed for o in outages(p))}
    assert f"meshed by {SOURCE} http-new" in lossy
    assert "meshed by edge-25.10.7 http-new" in lossy
    assert not any(outages(p) for p in traffic.control if p.path.id == "control http-new")


def test_a_namespace_of_somebody_elses_is_not_used(found: Existing, tmp_path: Path) -> None:
    writer = ClusterWriter(Connection(found.kubeconfig))
    name = {"name": "rehearse-control"}
    writer.create({"apiVersion": "v1", "kind": "Namespace", "metadata": name})

    run = rehearse(
        tmp_path, "--cluster-kubeconfig", str(found.kubeconfig), "--trust-scenario", "--scenario",
        str(found.consent(tmp_path)), "--target", "existing", "--stand-ins", "always",
    )  # fmt: skip

    assert run.exit_code == 3, run.output
    assert "namespace rehearse-control exists and is not this rehearsal's" in run.output
    left = json.loads(writer.connection.request("GET", "/api/v1/namespaces"))["items"]
    writer.connection.close()
    names = {n["metadata"]["name"] for n in left if "deletionTimestamp" not in n["metadata"]}
    assert "rehearse-control" in names
    assert not names & {"rehearse-canary", "rehearse-probes"}


def test_a_rehearsal_that_is_under_way_keeps_its_namespaces(
    found: Existing, tmp_path: Path
) -> None:
    own = {"rehearse-canary", "rehearse-probes", "rehearse-control"}
    first = ClusterWriter(Connection(found.kubeconfig), run="first-run")
    for name in own:
        first.claim_namespace(name, {})

    run = rehearse(
        tmp_path, "--cluster-kubeconfig", str(found.kubeconfig), "--trust-scenario", "--scenario",
        str(found.consent(tmp_path)), "--target", "existing", "--stand-ins", "always",
    )  # fmt: skip

    assert run.exit_code == 3, run.output
    assert "The rehearsal first-run is under way on this cluster" in run.output
    left = json.loads(first.connection.request("GET", "/api/v1/namespaces"))["items"]
    first.connection.close()
    assert own <= {n["metadata"]["name"] for n in left if "deletionTimestamp" not in n["metadata"]}
