"""linkerd-cni before the control plane, on each node; and what is left of the SMI extension."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from policies.controls.extensions.leftovers import retired_handled
from policies.controls.preflight.cni import each_node_meshes, older, plugin, ready_first, wanted
from policies.facts.cluster import ClusterFacts, Crd, Setting, Unreadable
from policies.facts.observations import NodeCanary
from policies.releases import catalogue
from policies.releases.grammar import parse
from suites.policy.builders import (
    TARGET,
    TO,
    change,
    cluster,
    config,
    namespace,
    nodes,
    pod,
    with_pods,
    with_workloads,
    workload,
)

SPACE = "linkerd-cni"
SPLITS = "trafficsplits.split.smi-spec.io"


def installed(version: str = "", on: tuple[str, ...] = ("a", "b"), **changes: Any) -> ClusterFacts:
    """Two nodes, the plugin on some of them; in the version that the target comes with."""
    image = f"cr.l5d.io/linkerd/cni-plugin:{version or wanted(TO)}"
    fields = {"images": (("install-cni", image),), **changes}
    plugged = change(workload(SPACE, within=SPACE), kind="DaemonSet", **fields)
    marked = change(namespace(SPACE, ""), labels=(("linkerd.io/cni-resource", "true"),))
    facts = change(
        with_workloads(cluster(TARGET), plugged),
        nodes=tuple(change(nodes(1)[0], name=name) for name in ("a", "b")),
    )
    facts = change(facts, namespaces=(*facts.namespaces, marked))
    pods = [
        change(
            pod(f"{SPACE}-{node}", SPACE, within=SPACE),
            owner_kind="DaemonSet",
            node=node,
            proxy=None,
        )
        for node in on
    ]
    return with_pods(facts, *pods)


def test_every_known_release_says_which_plugin_it_comes_with() -> None:
    known = [
        row.anchor for row in catalogue().logical_versions if catalogue().images(parse(row.anchor))
    ]

    assert known
    assert all(wanted(parse(anchor)) for anchor in known)


def test_without_the_plugin_it_is_not_applicable_and_says_so() -> None:
    verdict = ready_first(cluster(TARGET), TO)

    assert verdict.status == "not applicable"
    assert "not installed" in verdict.reason
    assert each_node_meshes(cluster(TARGET), ()).status == "not applicable"


def test_a_plugin_at_its_release_on_every_node_holds() -> None:
    verdict = ready_first(installed(), TO)

    assert verdict.status == "holds", verdict.seen
    assert plugin(installed()) is not None


def test_a_newer_plugin_is_new_enough() -> None:
    assert ready_first(installed("v9.0.0"), TO).status == "holds"


@pytest.mark.parametrize(
    ("facts", "subject", "seen"),
    [
        (installed("v1.4.2"), f"DaemonSet {SPACE}/{SPACE}", "v1.4.2"),
        (installed(on=("a",)), "node b", "none: pods created there now do not start"),
    ],
    ids=["old", "node"],
)
def test_an_old_plugin_and_a_node_without_it_are_named(
    facts: ClusterFacts, subject: str, seen: str
) -> None:
    verdict = ready_first(facts, TO)

    assert verdict.status == "violated"
    assert (subject, seen) in {(i.subject, i.seen) for i in verdict.violations}
    assert "install-cni" in verdict.next_command


def running(tag: str) -> ClusterFacts:
    """The plugin's DaemonSet at its release, its pods of another one."""
    facts = installed(update_strategy="OnDelete")
    images = (("install-cni", f"cr.l5d.io/linkerd/cni-plugin:{tag}"),)
    pods = [change(p, images=images) if p.namespace == SPACE else p for p in facts.pods]
    return change(facts, pods=tuple(pods))


def test_pods_that_were_not_renewed_are_named_node_by_node() -> None:
    verdict = ready_first(running("v1.4.2"), TO)

    assert [i.subject for i in verdict.violations] == ["node a", "node b"]
    assert "update strategy OnDelete" in verdict.seen


@pytest.mark.parametrize("tag", ["v9.0.0", "latest"])
def test_pods_that_are_newer_or_say_nothing_hold(tag: str) -> None:
    assert ready_first(running(tag), TO).status == "holds"


def test_helms_plugin_is_upgraded_with_helm() -> None:
    facts = installed("v1.4.2", helm_release="linkerd-cni/linkerd2-cni")

    assert ready_first(facts, TO).next_command.startswith("helm upgrade linkerd2-cni ")


def test_a_control_plane_that_counts_on_an_absent_plugin_is_a_violation() -> None:
    said = config(TARGET)
    values = (*(s for s in said.values if s.path != "cniEnabled"),
              Setting(path="cniEnabled", value="true"))  # fmt: skip
    facts = change(cluster(TARGET), config=change(said, values=values))

    assert ready_first(facts, TO).status == "violated"


def test_a_version_that_says_nothing_is_not_assessed() -> None:
    facts = installed("latest")

    assert older(facts.workloads[-1], TO) is None
    assert ready_first(facts, TO).status == "not assessed"


@pytest.mark.parametrize("resource", ["daemonsets.apps", "nodes"])
def test_what_cannot_be_read_is_not_assessed(resource: str) -> None:
    blind = change(installed(), unreadable=(Unreadable(resource=resource, reason="forbidden"),))

    assert ready_first(blind, TO).status == "not assessed"
    assert each_node_meshes(blind, ()).status == "not assessed"


Outcome = Literal["meshed", "unmeshed", "stuck", "unobserved"]


def canaries(*outcomes: Outcome) -> tuple[NodeCanary, ...]:
    return tuple(NodeCanary(node=n, outcome=o) for n, o in zip("ab", outcomes, strict=False))


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (canaries("meshed", "meshed"), "holds"),
        (canaries("meshed", "stuck"), "violated"),
        (canaries("unmeshed", "meshed"), "violated"),
        (canaries("meshed"), "not assessed"),
        (canaries("meshed", "unobserved"), "not assessed"),
        ((), "not assessed"),
    ],
)
def test_each_node_is_judged_by_its_own_canary(seen: tuple[NodeCanary, ...], status: str) -> None:
    real = change(installed(), simulated=False)

    assert each_node_meshes(real, seen).status == status


def test_a_simulated_node_shows_nothing_of_a_network_set_up() -> None:
    simulated = change(installed(), simulated=True)

    assert each_node_meshes(simulated, canaries("meshed", "meshed")).status == "not assessed"


def split(resources: int) -> Crd:
    return change(cluster(TARGET).crds[0], name=SPLITS, resources=resources)


def with_smi(resources: int, *, namespace_too: bool, runs: bool = False) -> ClusterFacts:
    facts = change(cluster(TARGET), crds=(*cluster(TARGET).crds, split(resources)))
    if not namespace_too:
        return facts
    space = change(namespace("linkerd-smi", ""), extension="smi")
    facts = change(facts, namespaces=(*facts.namespaces, space))
    if not runs:
        return facts
    adaptor = change(pod("smi-1", "smi-adaptor", within="linkerd-smi"), phase="Running")
    return with_pods(facts, adaptor)


@pytest.mark.parametrize(
    ("facts", "status", "seen"),
    [
        (with_smi(0, namespace_too=False), "holds", "0 TrafficSplits, which nobody reads"),
        (with_smi(3, namespace_too=False), "violated", "3 TrafficSplits, which nobody reads"),
        (with_smi(-1, namespace_too=False), "violated", "an unknown number"),
        (with_smi(0, namespace_too=True), "violated", "still there, nothing runs"),
        (with_smi(2, namespace_too=True, runs=True), "violated", "which linkerd-smi translates"),
    ],
    ids=["empty", "unread", "unknown", "namespace", "runs"],
)
def test_what_is_left_of_smi_is_named_with_what_to_do(
    facts: ClusterFacts, status: str, seen: str
) -> None:
    verdict = retired_handled(facts, TO)

    assert verdict.status == status
    assert any(seen in i.seen for i in verdict.items)
    if status == "violated":
        assert "HTTPRoute" in verdict.next_command


def test_smi_may_be_kept_knowingly() -> None:
    facts = with_smi(2, namespace_too=True, runs=True)

    verdict = retired_handled(facts, TO, kept={"smi"})

    assert verdict.status == "holds"
    assert all(i.explained for i in verdict.items)
