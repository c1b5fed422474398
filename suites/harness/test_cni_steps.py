"""linkerd-cni: what the stand-in renders, and canaries pinned to nodes of a live API."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.reader import ClusterReader
from fixtures.cluster.writer import ClusterWriter
from fixtures.core import manifests
from fixtures.embedded.process import EmbeddedProcess
from fixtures.observers.node_canaries import Pinned, ask_each_node
from policies.controls.preflight.cni import wanted
from policies.facts.cluster import Node
from policies.releases import catalogue
from policies.releases.grammar import parse
from suites.harness.stand_ins import stand_in

NAMESPACE = "rehearse-canary"


@pytest.mark.parametrize("release", ["edge-24.11.8", "edge-25.4.4", "edge-25.10.7", "edge-26.6.3"])
def test_the_stand_in_renders_what_the_release_is_known_to_make(release: str) -> None:
    code, out, err = stand_in(release)(["install-cni"], env={})

    assert (code, err) == (0, b"")
    rendered = manifests.rendered(out, version=release)
    known = catalogue().inventory(parse(release), "cni")
    assert known is not None
    assert frozenset(o.key for o in rendered.objects) == known.keys
    images = {image for o in rendered.objects for _, image in o.images}
    assert images == {f"cr.l5d.io/linkerd/cni-plugin:{wanted(parse(release))}"}


@pytest.fixture
def writer(tmp_path: Path) -> Generator[ClusterWriter]:
    """A cluster of two nodes, with the canary's namespace."""
    with EmbeddedProcess.start(tmp_path, speed=50, nodes=2) as process:
        connection = Connection(process.kubeconfig, "")
        made = ClusterWriter(connection)
        made.ensure_namespace(NAMESPACE, {})
        try:
            yield made
        finally:
            connection.close()


def nodes(writer: ClusterWriter) -> tuple[Node, ...]:
    reader = ClusterReader(writer.connection, clock=lambda: datetime.now(UTC))
    return reader.facts().nodes


def test_each_node_gets_a_canary_that_is_deleted_again(writer: ClusterWriter) -> None:
    there = nodes(writer)
    assert len(there) == 2

    found = ask_each_node(Pinned(writer, NAMESPACE, wait=10), there)

    assert [c.node for c in found] == [n.name for n in there]
    assert {c.outcome for c in found} == {"unmeshed"}, "no injector is here"
    pods = ClusterReader(writer.connection, clock=lambda: datetime.now(UTC)).facts().pods
    assert not [p for p in pods if p.namespace == NAMESPACE and not p.deleting]


def test_a_canary_that_does_not_start_says_what_it_waits_for(writer: ClusterWriter) -> None:
    gone = Node(name="not-a-node")

    (found,) = ask_each_node(Pinned(writer, NAMESPACE, wait=0.5), [gone])

    assert (found.node, found.outcome) == ("not-a-node", "stuck")
    assert found.reason


def test_a_canary_that_is_refused_is_unobserved(writer: ClusterWriter) -> None:
    found = ask_each_node(Pinned(writer, "no-such-namespace", wait=0.5), nodes(writer))

    assert {c.outcome for c in found} == {"unobserved"}
    assert all("NotFound" in c.reason for c in found)
