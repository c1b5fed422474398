"""Two linked clusters in one rehearsal: both upgraded, in their order, and judged against it."""

from __future__ import annotations

from pathlib import Path

from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import CommandRan, FactsTaken, StepChanged
from fixtures.scenario.linked_spec import MAIN
from policies.facts.links import Multicluster
from suites.detection.runs import Run, rehearse

EXAMPLE = "examples/two-clusters.toml"
LEGACY = """
from = "edge-24.11.8"
to = "edge-25.4.4"
probes = false
extensions = ["multicluster"]
linked = { name = "west", first = "west" }
[[workloads]]
name = "web"
"""


def seen(run: Run, cluster: str, step: str) -> Multicluster:
    """The last that was seen of links and mirrors in a step."""
    taken = [
        r.body.facts
        for r in read(run.folder / LEDGER).records
        if isinstance(r.body, FactsTaken) and r.cluster == cluster and r.body.step == step
    ]
    assert taken
    assert all(facts.cluster == cluster for facts in taken)
    found = taken[-1].multicluster
    assert found is not None
    return found


def reached(run: Run) -> list[tuple[str, str]]:
    records = read(run.folder / LEDGER).records
    return [
        (r.cluster, r.body.step)
        for r in records
        if isinstance(r.body, StepChanged) and r.body.state == "reached"
    ]


def commands(run: Run, cluster: str) -> list[str]:
    records = read(run.folder / LEDGER).records
    return [
        r.body.command.line
        for r in records
        if isinstance(r.body, CommandRan) and r.cluster == cluster
    ]


def test_both_come_through_their_hop_and_mirrors_keep_their_identity(tmp_path: Path) -> None:
    run = rehearse(tmp_path, "--scenario", EXAMPLE, "--stand-ins", "always")

    assert run.exit_code == 0, run.output
    for cluster, mirror in ((MAIN, "web-west"), ("west", "web-main")):
        first, last = seen(run, cluster, "preflighted"), seen(run, cluster, "settled")
        assert mirror in {m.name for m in first.mirrors}
        assert {m.uid for m in first.mirrors} == {m.uid for m in last.mirrors}
        assert {x.uid for x in first.links} == {x.uid for x in last.links}
        assert {x.holder for x in first.leases}.isdisjoint({x.holder for x in last.leases})
        assert {x.created_by for x in last.links} == {"linkerd/cli edge-26.6.3"}
        link_gen = [c for c in commands(run, cluster) if "link-gen" in c]
        assert len(link_gen) == 2, "once for the baseline, once when both are upgraded"
    order = reached(run)
    assert order.index((MAIN, "extensions_upgraded")) < order.index(("west", "crds_upgraded"))
    assert order.index(("west", "extensions_upgraded")) < order.index(
        (MAIN, "data_plane_upgraded")
    )
    judged = {(f.control, f.cluster, f.step) for f in run.findings}
    for step in ("extensions_upgraded", "settled"):
        assert {("EXT-04", MAIN, step), ("EXT-04", "west", step)} <= judged
    assert ("CP-01", "west", "control_plane_upgraded") in judged


def test_the_other_may_be_first_and_older_mirrors_are_linked_again(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(LEGACY, encoding="utf-8")
    given = ("--scenario", str(scenario), "--stand-ins", "always", "--no-probes")

    run = rehearse(tmp_path, *given)

    assert run.exit_code == 0, run.output
    order = reached(run)
    assert order.index(("west", "extensions_upgraded")) < order.index((MAIN, "crds_upgraded"))
    assert not [c for c in commands(run, MAIN) if "link-gen" in c]
    for cluster in (MAIN, "west"):
        assert {x.created_by for x in seen(run, cluster, "settled").links} == {
            "linkerd/cli edge-25.4.4"
        }


def test_a_few_tests_alone_keep_the_order_between_the_clusters(tmp_path: Path) -> None:
    """What is asked for runs what stands before it, on both clusters."""
    run = rehearse(
        tmp_path, "--scenario", EXAMPLE, "--stand-ins", "always", "--no-probes", "-k",
        "test_7_data_plane_upgraded and main",
    )  # fmt: skip

    order = reached(run)
    assert order.index(("west", "extensions_upgraded")) < order.index(
        (MAIN, "data_plane_upgraded")
    )
    assert ("west", "data_plane_upgraded") not in order
