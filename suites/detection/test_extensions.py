"""Extensions in a hop: each kind of installation comes through its step, and says what it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import CommandRan, FactsTaken, Note
from policies.facts.cluster import ClusterFacts
from suites.detection.runs import RECORDINGS, Run, rehearse

HOP = "extensions-edge-25.10.7-to-edge-26.6.3"
LEGACY = """
from = "edge-24.11.8"
to = "edge-25.4.4"
probes = false
nodes = 3
[extensions.viz]
high_availability = true
[extensions.multicluster]
links = ["west", "north"]
[[workloads]]
name = "web"
"""
KEPT = """
from = "edge-25.4.4"
to = "edge-25.10.7"
probes = false
[extensions.viz]
to = "edge-25.4.4"
[extensions.jaeger]
when_retired = "keep"
[[workloads]]
name = "web"
"""


def commands(run: Run, step: str = "extensions_upgraded") -> list[str]:
    """Command lines of a step, in order."""
    bodies = [r.body for r in read(run.folder / LEDGER).records]
    return [b.command.line for b in bodies if isinstance(b, CommandRan) and b.step == step]


def notes(run: Run) -> str:
    bodies = [r.body for r in read(run.folder / LEDGER).records]
    return "\n".join(b.text for b in bodies if isinstance(b, Note))


def after(run: Run, step: str) -> ClusterFacts:
    bodies = [r.body for r in read(run.folder / LEDGER).records]
    taken = [b for b in bodies if isinstance(b, FactsTaken) and b.when == "after"]
    return next(b.facts for b in reversed(taken) if b.step == step)


def written(folder: Path, text: str) -> str:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_viz_multicluster_and_jaeger_come_through_the_hop_that_ends_jaeger(tmp_path: Path) -> None:
    run = rehearse(tmp_path, "--scenario", "examples/extensions.toml", "--stand-ins", "always")

    assert run.exit_code == 0, run.output
    lines = commands(run)
    assert "linkerd multicluster install --set controllers[0].link.ref.name=west" in lines
    assert "linkerd jaeger uninstall" in lines
    was, now = after(run, "baseline").multicluster, after(run, "extensions_upgraded").multicluster
    assert was is not None
    assert now is not None
    assert [m.uid for m in was.mirrors] == [m.uid for m in now.mirrors]
    assert {x.holder for x in was.leases}.isdisjoint({x.holder for x in now.leases})


def test_mirrors_of_the_older_model_are_linked_again(tmp_path: Path) -> None:
    run = rehearse(tmp_path, "--scenario", written(tmp_path, LEGACY), "--stand-ins", "always")

    assert run.exit_code == 0, run.output
    lines = commands(run)
    assert "linkerd viz install --ha" in lines
    assert sum("multicluster link --cluster-name" in line for line in lines) == 2
    images = {
        image
        for w in after(run, "extensions_upgraded").workloads
        if w.name.startswith("linkerd-service-mirror-")
        for _, image in w.images
    }
    assert images == {"cr.l5d.io/linkerd/controller:edge-25.4.4"}


def test_an_extension_may_stay_at_a_release_and_a_retired_one_may_be_kept(tmp_path: Path) -> None:
    run = rehearse(tmp_path, "--scenario", written(tmp_path, KEPT), "--stand-ins", "always")

    assert run.exit_code == 0, run.output
    assert (
        "NetworkAuthentication linkerd-jaeger/kube-api-server is listed and was not deleted"
        in (notes(run))
    )
    kept = after(run, "settled")
    assert "linkerd-jaeger" in {n.name for n in kept.namespaces}


def test_recorded_extensions_come_through_their_hop(tmp_path: Path) -> None:
    baseline = RECORDINGS / HOP / "dumps" / "baseline.json.gz"
    if not baseline.is_file():
        pytest.skip(f"the recordings of {HOP} are not here")

    run = rehearse(
        tmp_path, "--snapshot", str(baseline), "--to", "edge-26.6.3", "--stand-ins", "always",
        "--no-probes",
    )  # fmt: skip

    assert run.exit_code == 0, run.output
    assert "linkerd viz install" in commands(run)
    images = {i for w in after(run, "settled").workloads for _, i in w.images}
    assert "cr.l5d.io/linkerd/tap:edge-26.6.3" in images
    assert "cr.l5d.io/linkerd/tap:edge-25.10.7" not in images
