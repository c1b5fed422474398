from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.data_plane.trust_bundles import started_earlier
from policies.controls.data_plane.versions import (
    data_plane_at_destination,
    identities_valid,
    nothing_old_left,
)
from policies.controls.prune.orphans import no_orphans
from policies.facts.cluster import ClusterFacts, LabelledObject, ObjectKey, Pod, Unreadable
from suites.policy.builders import (
    ANCHORS,
    FROM,
    NOW,
    OLDER,
    SOURCE,
    TARGET,
    TO,
    change,
    cluster,
    config,
    pod,
    proxy,
    with_pods,
    with_workloads,
    workload,
)

HIDDEN = (Unreadable(resource="pods", reason="forbidden"),)
JOB = pod("report", "report", kind="Job", application_ended=True)
RUNNING_JOB = pod("nightly", "nightly", kind="CronJob")
PINNED = pod("pinned", pinned=SOURCE)
BY_HAND = pod("manual", proxy=proxy(SOURCE, injected_by=f"linkerd/cli {SOURCE}"))


def test_a_renewed_data_plane_holds() -> None:
    verdict = data_plane_at_destination(cluster(TARGET), TO)

    assert verdict.status == "holds"
    assert verdict.summary == f"4 of 4 proxies at {TARGET}"


def test_old_proxies_are_named_by_workload() -> None:
    verdict = data_plane_at_destination(cluster(TARGET, proxies=SOURCE), TO)

    assert verdict.status == "violated"
    assert [(i.subject, i.seen) for i in verdict.violations] == [
        ("Deployment shop/web", f"2 pods at {SOURCE}"),
        ("Deployment shop/web-1", f"2 pods at {SOURCE}"),
    ]
    assert verdict.next_command == "kubectl -n shop rollout restart deployment/web"


def test_a_lazy_data_plane_is_explained_within_one_logical_version() -> None:
    behind = cluster(TARGET, proxies=SOURCE)

    assert data_plane_at_destination(behind, TO, lazy=True).status == "holds"
    assert data_plane_at_destination(
        with_pods(behind, pod("x", version=OLDER)), TO, lazy=True
    ).seen


@pytest.mark.parametrize("one", [JOB, RUNNING_JOB, PINNED, BY_HAND], ids=lambda p: p.name)
def test_what_a_restart_does_not_renew_is_explained(one: Pod) -> None:
    verdict = data_plane_at_destination(with_pods(cluster(TARGET), one), TO)

    assert verdict.status == "holds"
    assert len(verdict.explained) == 1


@pytest.mark.parametrize(
    "one",
    [
        pod("report", "report", version=OLDER, kind="Job"),
        pod("pinned", version=OLDER, pinned=OLDER),
        pod("manual", proxy=proxy(OLDER, injected_by=f"linkerd/cli {OLDER}")),
        pod("pinned", pinned=OLDER),
        pod("ahead", version="edge-26.8.3"),
        pod("lone", kind="", applied=True),
    ],
    ids=lambda p: f"{p.name}-{p.proxy.version}",
)
def test_nothing_else_is_explained(one: Pod) -> None:
    verdict = data_plane_at_destination(with_pods(cluster(TARGET), one), TO)

    assert len(verdict.violations) == 1


@pytest.mark.parametrize(
    "one",
    [
        pod("digest", proxy=proxy("", image="cr.l5d.io/linkerd/proxy@sha256:abc")),
        pod("own", version="v2.322.0", pinned="v2.322.0"),
        pod("strange", version="mine-1"),
        pod("moving", version="latest"),
    ],
    ids=lambda p: p.name,
)
def test_a_version_that_is_no_release_is_not_assessed_by_name(one: Pod) -> None:
    facts = with_pods(cluster(TARGET), one)
    verdict = data_plane_at_destination(facts, TO)

    assert verdict.status == "not assessed"
    assert "Deployment shop/web" in verdict.summary
    left = nothing_old_left(facts, FROM, TO)
    assert (left.status, left.violations) == ("not assessed", ())
    for whole in (with_pods(facts, pod("ahead", version="edge-26.8.3")),):
        assert data_plane_at_destination(whole, TO).violations
        assert nothing_old_left(whole, FROM, TO).violations


def test_a_finished_job_is_explained_at_any_distance() -> None:
    old = change(JOB, proxy=proxy(OLDER))

    assert data_plane_at_destination(with_pods(cluster(TARGET), old), TO).status == "holds"


@pytest.mark.parametrize(
    "state", [{"deleting": True}, {"phase": "Succeeded"}, {"phase": "Pending", "node": ""}]
)
def test_pods_that_run_nothing_do_not_count(state: dict[str, Any]) -> None:
    verdict = data_plane_at_destination(with_pods(cluster(TARGET), pod("x", **state)), TO)

    assert not verdict.items


@given(st.text(max_size=12))
def test_a_version_never_seen_is_never_fine(text: str) -> None:
    verdict = data_plane_at_destination(
        with_pods(cluster(TARGET), pod("x", proxy=proxy(text))), TO, lazy=True
    )

    assert (verdict.status == "holds") is (text in (TARGET, SOURCE))


def test_ready_proxies_with_one_bundle_hold() -> None:
    assert identities_valid(cluster()).status == "holds"


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({"ready": False}, "proxy not ready"),
        ({"identity": False}, "no identity volume"),
        ({"trust_root": "cd" * 32}, "cdcdcdcdcdcd"),
    ],
)
def test_a_proxy_without_a_valid_identity_is_a_violation(
    fields: dict[str, Any], seen: str
) -> None:
    old = NOW - timedelta(days=1)
    verdict = identities_valid(
        with_pods(cluster(), pod("x", created=old, proxy=proxy(SOURCE, **fields)))
    )

    assert [(i.subject, i.seen) for i in verdict.violations] == [("pod shop/x", seen)]


def test_proxies_that_keep_their_bundle_are_explained() -> None:
    old = change(JOB, proxy=proxy(SOURCE, trust_root="cd" * 32), created=NOW + timedelta(hours=1))
    ended = change(JOB, name="ended", uid="ended", proxy=proxy(SOURCE, ready=False))
    verdict = identities_valid(with_pods(cluster(), old, ended))

    assert verdict.status == "holds"
    assert len(verdict.explained) == 2


def test_nothing_old_is_left_of_a_finished_upgrade() -> None:
    assert nothing_old_left(cluster(TARGET), FROM, TO).status == "holds"


def test_whatever_is_old_is_named() -> None:
    facts = with_workloads(
        with_pods(cluster(TARGET), pod("x"), JOB),
        workload("linkerd-web", within="linkerd", created_by=f"linkerd/cli {SOURCE}"),
    )
    crd = change(facts.crds[0], created_by=f"linkerd/cli {SOURCE}")
    service = LabelledObject(
        key=ObjectKey(kind="Service", namespace="linkerd", name="linkerd-web"),
        uid="1",
        created_by=f"linkerd/cli {SOURCE}",
    )
    facts = change(facts, crds=(crd,), objects=(*facts.objects, service), config=config(SOURCE))
    verdict = nothing_old_left(facts, FROM, TO)

    assert [i.subject for i in verdict.violations] == [
        "Deployment shop/web",
        "Deployment linkerd/linkerd-web",
        f"CRD {crd.name}",
        "Service linkerd/linkerd-web",
        "ConfigMap linkerd-config",
    ]
    assert [i.subject for i in verdict.explained] == ["Job shop/report"]


def web(image: str, label: str = "linkerd", container: str = "web") -> ClusterFacts:
    """A finished upgrade beside a Deployment that carries Linkerd's label."""
    facts = cluster(TARGET)
    key = ObjectKey(group="apps", kind="Deployment", namespace="linkerd", name="linkerd-web")
    object_ = LabelledObject(key=key, uid="1", control_plane=label)
    old = workload("linkerd-web", within="linkerd", images=((container, image),))
    return with_workloads(change(facts, objects=(*facts.objects, object_)), old)


def test_a_component_of_a_release_too_old_for_any_inventory_is_named_by_its_image() -> None:
    facts = web("ghcr.io/linkerd/web:stable-2.9.5")

    for verdict in (nothing_old_left(facts, FROM, TO), no_orphans(facts, TO)):
        assert verdict.status == "violated"
        assert "linkerd/linkerd-web" in verdict.seen
        assert "ghcr.io/linkerd/web:stable-2.9.5" in verdict.seen


@pytest.mark.parametrize(
    "facts",
    [
        web("example.com/shop/web:stable-2.9.5"),
        web("ghcr.io/linkerd/web:latest"),
        web("ghcr.io/linkerd/web:stable-2.9.5", label=""),
        web("cr.l5d.io/linkerd/proxy:edge-24.11.8", container="linkerd-proxy"),
    ],
    ids=["another's image", "no release", "no label", "injected by hand"],
)
def test_what_is_not_known_to_be_a_component_is_none(facts: ClusterFacts) -> None:
    assert nothing_old_left(facts, FROM, TO).status == "holds"
    assert no_orphans(facts, TO).status == "holds"


def test_a_workload_that_comes_back_old_is_a_violation_whatever_explains_it() -> None:
    was = with_pods(cluster(TARGET), pod("x", "pinned", version=TARGET))
    now = with_pods(cluster(TARGET), pod("y", "pinned", version=SOURCE, pinned=SOURCE))

    assert nothing_old_left(now, FROM, TO, before=now).status == "holds"
    verdict = nothing_old_left(now, FROM, TO, before=was)
    assert [i.subject for i in verdict.violations] == ["Deployment shop/pinned"]
    assert f"came back with {SOURCE}" in verdict.seen
    assert nothing_old_left(was, FROM, TO, before=now).status == "holds"


def test_an_extension_left_behind_is_explained() -> None:
    viz = pod("tap", "tap", within="linkerd-viz", extension="viz")
    work = workload(
        "tap", within="linkerd-viz", extension="viz", created_by=f"linkerd/cli {SOURCE}"
    )
    verdict = nothing_old_left(with_workloads(with_pods(cluster(TARGET), viz), work), FROM, TO)

    assert verdict.status == "holds"
    assert {i.subject for i in verdict.explained} == {"Deployment linkerd-viz/tap"}


def test_without_pods_nothing_is_assessed() -> None:
    facts = change(cluster(), unreadable=HIDDEN)

    assert data_plane_at_destination(facts, TO).status == "not assessed"
    assert identities_valid(facts).status == "not assessed"
    assert nothing_old_left(facts, FROM, TO).status == "not assessed"


NEW_ROOTS = change(ANCHORS, sha256="ba" * 32, as_annotated=("ba" * 32, "ef" * 32))


def test_proxies_that_all_have_the_same_old_bundle_are_a_violation() -> None:
    facts = change(cluster(), trust_roots=NEW_ROOTS)
    verdict = identities_valid(facts)

    assert verdict.status == "violated"
    assert {i.expected for i in verdict.violations} == {"trust bundle babababababa"}


@pytest.mark.parametrize("form", NEW_ROOTS.as_annotated)
def test_each_form_of_the_current_bundle_is_current(form: str) -> None:
    facts = cluster()
    pods = tuple(change(p, proxy=p.proxy and change(p.proxy, trust_root=form)) for p in facts.pods)

    assert identities_valid(change(facts, pods=pods, trust_roots=NEW_ROOTS)).status == "holds"


def test_a_bundle_that_no_injector_counted_is_compared_among_pods_alone() -> None:
    facts = cluster()
    by_hand = tuple(
        change(p, proxy=p.proxy and change(p.proxy, injected_by=f"linkerd/cli {SOURCE}"))
        for p in facts.pods
    )

    assert identities_valid(change(facts, pods=by_hand, trust_roots=NEW_ROOTS)).status == "holds"


@pytest.mark.parametrize(
    ("restarts", "annotated", "known"),
    [(0, "cd" * 32, True), (1, "cd" * 32, False), (0, "ef" * 32, False)],
    ids=["ran on", "its proxy started again", "annotated with today's"],
)
def test_a_control_plane_pod_is_old_only_where_it_ran_on_over_a_change(
    restarts: int, annotated: str, known: bool
) -> None:
    earlier = cluster()
    ours = next(p for p in earlier.pods if p.component)
    now = change(ours, proxy=proxy(SOURCE, restarts=restarts, trust_root=annotated))
    earlier = change(earlier, pods=(change(ours, proxy=proxy(SOURCE)),))
    facts = change(earlier, pods=(now,), trust_roots=NEW_ROOTS)

    assert [i.subject for i in started_earlier(facts, earlier)] == [f"pod {ours.key}"] * known
    assert not list(started_earlier(change(facts, trust_roots=ANCHORS), earlier))
