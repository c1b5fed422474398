"""Who renews a pod: every kind of owner and strategy, and what is said of it before and after."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.data_plane.versions import data_plane_at_destination
from policies.controls.preflight.left_behind import data_plane_current
from policies.facts.cluster import ClusterFacts, ObjectKey, Pod, Workload
from policies.releases.grammar import parse
from policies.workloads.renewal import applied_again, renewals, rolls
from suites.policy.builders import (
    FROM,
    OLDER,
    SOURCE,
    TARGET,
    TO,
    change,
    cluster,
    pod,
    proxy,
    with_pods,
    with_workloads,
    workload,
)

CNPG = "postgresql.cnpg.io"
OF_PROMETHEUS = ObjectKey(
    group="monitoring.coreos.com", kind="Prometheus", namespace="shop", name="main"
)


def owned(name: str, kind: str, group: str, of: str = "x", **fields: Any) -> Pod:
    return pod(name, of, kind=kind, owner_group=group, **fields)


def stateful(**fields: Any) -> Workload:
    return workload("store", kind="StatefulSet", **fields)


STORE_0, STORE_1 = (owned(f"store-{n}", "StatefulSet", "apps", "store") for n in (0, 1))
ON_DELETE = stateful(update_strategy="OnDelete")

LEFT: dict[str, tuple[Pod, tuple[Workload, ...], str, str]] = {
    # what: pod, workloads, who renews it, how the command begins
    "CloudNativePG": (
        owned("db-1", "Cluster", CNPG, "db"), (), "CloudNativePG",
        "kubectl cnpg restart db -n shop",
    ),
    "Argo Rollout": (
        owned("pay-1", "Rollout", "argoproj.io", "pay"), (), "Argo Rollouts",
        "kubectl argo rollouts restart pay -n shop",
    ),
    "Strimzi": (
        owned("k-0", "StrimziPodSet", "core.strimzi.io", "k"), (), "Strimzi",
        "kubectl -n shop annotate strimzipodset k strimzi.io/manual-rolling-update=true",
    ),
    "CloneSet": (
        owned("c-1", "CloneSet", "apps.kruise.io", "c"), (), "OpenKruise",
        "kubectl kruise rollout restart cloneset/c -n shop",
    ),
    "Advanced StatefulSet": (
        owned("a-0", "StatefulSet", "apps.kruise.io", "a"), (), "OpenKruise",
        "kubectl -n shop describe statefulset.apps.kruise.io a",
    ),
    "KubeVirt": (
        owned("vm-1", "VirtualMachineInstance", "kubevirt.io", "vm"), (), "KubeVirt",
        "virtctl migrate vm -n shop",
    ),
    "any operator": (
        owned("n-1", "Nebula", "example.org", "n"), (), "the operator of example.org",
        "kubectl -n shop describe nebula.example.org n",
    ),
    "Argo Workflow": (
        owned("w-1", "Workflow", "argoproj.io", "w"), (), "its next run",
        "kubectl -n shop wait ",
    ),
    "Volcano Job": (
        owned("v-1", "Job", "batch.volcano.sh", "v"), (), "its next run",
        "kubectl -n shop wait ",
    ),
    "Spark executor": (
        owned("e-1", "Pod", "", "driver", restart_policy="Never"), (),
        "its next run", "kubectl -n shop wait ",
    ),
    "Airflow task": (
        pod("task-1", kind="", restart_policy="Never"), (), "whoever created it",
        "kubectl -n shop wait ",
    ),
    "task that kubectl applied": (
        pod("task-2", kind="", restart_policy="OnFailure", applied=True), (), "whoever created it",
        "kubectl -n shop wait ",
    ),
    "pod that somebody ran": (
        pod("lone", kind=""), (), "whoever created it", "kubectl -n shop get pod lone -o yaml"
    ),
    "Job": (
        owned("j-1", "Job", "batch", "j"), (), "its next run",
        "kubectl -n shop wait ",
    ),
    "ReplicaSet": (
        owned("r-1", "ReplicaSet", "apps", "r"), (), "whoever deletes its pods, one by one",
        "kubectl -n shop delete pod r-1  # one at a time: its ReplicaSet creates it again",
    ),
    "ReplicationController": (
        owned("rc-1", "ReplicationController", "", "rc"), (),
        "whoever deletes its pods, one by one", "kubectl -n shop delete pod rc-1  # one at a time",
    ),
    "OnDelete": (
        STORE_0, (ON_DELETE,), "whoever deletes its pods, one by one",
        "kubectl -n shop delete pod store-0  # one at a time: its StatefulSet creates it again",
    ),
    "DaemonSet OnDelete": (
        owned("agent-x", "DaemonSet", "apps", "agent"),
        (workload("agent", kind="DaemonSet", update_strategy="OnDelete"),),
        "whoever deletes its pods, one by one", "kubectl -n shop delete pod agent-x",
    ),
    "operator's OnDelete": (
        STORE_0, (change(ON_DELETE, owner=OF_PROMETHEUS),), "the operator of Prometheus main",
        "kubectl -n shop describe prometheus.monitoring.coreos.com main",
    ),
    "partition": (
        STORE_0, (stateful(partition=1),), "whoever set the partition",
        "kubectl -n shop get statefulset store -o yaml",
    ),
    "paused": (
        pod("web-x", "halted"), (workload("halted", paused=True),), "whoever paused it",
        "kubectl -n shop rollout resume deployment/halted",
    ),
    "owner is gone": (
        pod("old-x", "old"), (), "nobody", "kubectl -n shop describe pod old-x"
    ),
    "pinned": (
        pod("p-1", "web", pinned=SOURCE), (), "whoever pinned it",
        "kubectl -n shop get deployment web -o yaml",
    ),
    "by hand": (
        pod("m-1", "web", proxy=proxy(SOURCE, injected_by=f"linkerd/cli {SOURCE}")), (),
        "whoever injected it", "kubectl -n shop get deployment web -o yaml | linkerd inject -",
    ),
}  # fmt: skip


BASES = {version: cluster(version) for version in (OLDER, SOURCE, TARGET)}


def stage(one: Pod, workloads: tuple[Workload, ...], version: str = TARGET) -> ClusterFacts:
    return with_pods(with_workloads(BASES[version], *workloads), one)


@pytest.mark.parametrize(("one", "sets", "by", "command"), LEFT.values(), ids=LEFT)
def test_what_no_restart_renews_is_told_with_who_does(
    one: Pod, sets: tuple[Workload, ...], by: str, command: str
) -> None:
    found = renewals(stage(one, sets))(one)

    assert not found.by_guide
    assert found.by.startswith(by)
    assert found.command.startswith(command)
    assert "rollout restart deployment" not in found.command


@pytest.mark.parametrize(("one", "sets", "by", "command"), LEFT.values(), ids=LEFT)
def test_it_is_named_before_the_hop_and_explained_after_it(
    one: Pod, sets: tuple[Workload, ...], by: str, command: str
) -> None:
    before = data_plane_current(stage(one, sets, SOURCE), FROM, TO)
    after = data_plane_at_destination(stage(one, sets), TO)

    assert (before.status, after.status) == ("holds", "holds")
    assert [by in i.explained for i in before.explained] == [True]
    assert [by in i.explained for i in after.explained] == [True]


@pytest.mark.parametrize(("one", "sets", "by", "command"), LEFT.values(), ids=LEFT)
def test_where_its_skew_will_not_stay_legal_the_path_is_blocked(
    one: Pod, sets: tuple[Workload, ...], by: str, command: str
) -> None:
    old = change(one, proxy=one.proxy and change(one.proxy, version=OLDER), pinned="")
    stale = stage(old, sets, OLDER)
    verdict = data_plane_current(stale, parse(OLDER), FROM, later=[TO])

    if renewals(stale)(old).way == "end":
        assert verdict.status == "holds"
        assert TARGET in verdict.explained[0].explained
    elif renewals(stale)(old).by_guide:  # no longer pinned: its restart renews it
        assert not verdict.items
    else:
        assert verdict.status == "violated"
        assert TARGET in verdict.violations[0].expected
        assert verdict.next_command.startswith(renewals(stale)(old).command)


RESTARTED: dict[str, tuple[Pod, tuple[Workload, ...]]] = {
    "Deployment": (pod("web-9", "web"), ()),
    "above the partition": (STORE_1, (stateful(partition=1),)),
    "StatefulSet": (STORE_0, (stateful(update_strategy="RollingUpdate"),)),
    "operator's": (STORE_0, (stateful(owner=OF_PROMETHEUS),)),
    "pin that does not hold yet": (pod("web-9", "web", pinned="edge-25.12.1"), ()),
}


@pytest.mark.parametrize(("one", "sets"), RESTARTED.values(), ids=RESTARTED)
def test_what_a_restart_renews_is_not_explained_afterwards(
    one: Pod, sets: tuple[Workload, ...]
) -> None:
    facts = stage(one, sets)

    assert renewals(facts)(one).by_guide
    assert rolls(facts)(one)
    assert data_plane_at_destination(facts, TO).status == "violated"
    assert not data_plane_current(stage(one, sets, SOURCE), FROM, TO).items


def test_an_operators_restart_may_be_taken_back_and_that_is_said() -> None:
    facts = stage(STORE_0, (stateful(owner=OF_PROMETHEUS),))

    assert "unless the operator of Prometheus main" in renewals(facts)(STORE_0).by


def test_a_pin_that_is_too_old_for_a_later_hop_blocks_though_its_pod_is_current() -> None:
    pinned = pod("web-9", "web", version=SOURCE, pinned=OLDER)
    verdict = data_plane_current(stage(pinned, (), SOURCE), FROM, TO)

    assert verdict.status == "violated"
    assert "config.linkerd.io/proxy-version" in verdict.next_command


def test_a_lazy_data_plane_blocks_a_path_that_leaves_it_two_behind() -> None:
    facts = cluster(OLDER)

    assert data_plane_current(facts, parse(OLDER), FROM, lazy=True).status == "holds"
    assert data_plane_current(facts, parse(OLDER), FROM, later=[TO]).status == "holds"
    verdict = data_plane_current(facts, parse(OLDER), FROM, later=[TO], lazy=True)
    assert "the data plane is lazy" in verdict.seen


def test_only_pods_that_kubectl_applied_and_that_run_on_are_applied_again() -> None:
    applied = pod("lone", kind="", applied=True)
    others = (
        pod("task", kind="", applied=True, restart_policy="Never"),
        pod("ran", kind=""),
        pod("static", kind="", applied=True, static=True),
        owned("db-1", "Cluster", CNPG, applied=True),
    )

    assert applied_again(with_pods(cluster(), applied, *others)) == (applied,)


def test_a_finished_workflow_keeps_its_proxy_at_any_distance() -> None:
    done = change(LEFT["Airflow task"][0], application_ended=True, proxy=proxy(OLDER))

    assert data_plane_at_destination(with_pods(cluster(TARGET), done), TO).status == "holds"
    assert data_plane_current(with_pods(cluster(), done), FROM, TO).status == "holds"


ANY_POD = st.builds(
    pod,
    st.from_regex(r"[a-z]{1,5}-[0-9]", fullmatch=True),
    st.sampled_from(["mine", "web", "other", "a b;c"]),
    kind=st.sampled_from(
        ["", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod", "Cluster"]
    ),
    owner_group=st.sampled_from(["", "apps", "batch", CNPG, "apps.kruise.io", "x'y; rm"]),
    restart_policy=st.sampled_from(["Always", "OnFailure", "Never"]),
    applied=st.booleans(),
    pinned=st.sampled_from(["", SOURCE, OLDER]),
    static=st.booleans(),
)
ANY_SET = st.builds(
    workload,
    st.just("mine"),
    paused=st.booleans(),
    update_strategy=st.sampled_from(["", "OnDelete", "RollingUpdate"]),
    partition=st.integers(0, 3),
    kind=st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]),
)


@given(one=ANY_POD, of=ANY_SET)
def test_every_pod_has_somebody_who_renews_it_and_loses_nothing(one: Pod, of: Workload) -> None:
    facts = stage(one, (of,))
    found = renewals(facts)(one)

    assert found.by
    assert found.how
    assert bool(found.stays) != found.by_guide
    deletes = " delete " in found.command
    if deletes and not one.owner_kind:
        assert one.applied
        assert one.restart_policy == "Always"
    if deletes and one.owner_kind:
        assert "creates it again" in found.command
    if " rollout restart " in found.command and "kruise" not in found.command:
        assert found.way == "restart"
        assert rolls(facts)(one)


@given(one=ANY_POD, of=ANY_SET)
def test_what_stays_behind_is_explained_within_the_skew_and_blocks_beyond_it(
    one: Pod, of: Workload
) -> None:
    old = change(one, pinned="", proxy=proxy(OLDER))
    facts = stage(old, (of,), OLDER)
    found = renewals(facts)(old)
    near = data_plane_current(facts, parse(OLDER), FROM)
    far = data_plane_current(facts, parse(OLDER), FROM, later=[TO])

    assert near.status == "holds"
    assert bool(near.explained) == (not found.by_guide)
    assert (far.status == "violated") == (found.way == "other")
