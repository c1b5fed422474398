"""Extensions: their images, their readiness, what they leave behind, what goes with a release."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.extensions.installed import images_at_destination, installed, ready, retired
from policies.controls.extensions.leftovers import (
    ever_rendered,
    expected_prune,
    nothing_left,
    retired_handled,
)
from policies.facts.cluster import ApiService, ClusterFacts, LabelledObject, ObjectKey, Workload
from policies.facts.observations import Rendered, RenderedObject
from policies.releases.grammar import parse
from suites.policy.builders import (
    FROM,
    SOURCE,
    TARGET,
    TO,
    change,
    check_run,
    cluster,
    namespace,
    pod,
    webhook,
    with_pods,
    with_workloads,
    workload,
)

VIZ, SPACE = "viz", "linkerd-viz"
LATER = "edge-25.10.7"


def deployment(name: str, image: str, **fields: object) -> Workload:
    images = ((name, image),)
    made = workload(name, within=SPACE, replicas=1, images=images, extension=VIZ)
    return change(made, **fields)


def with_viz(facts: ClusterFacts, release: str = TARGET) -> ClusterFacts:
    """A cluster with viz: three of its Deployments, its APIService."""
    facts = change(
        facts,
        namespaces=(*facts.namespaces, namespace(SPACE, extension=VIZ)),
        api_services=(
            ApiService(
                name="v1alpha1.tap.linkerd.io",
                service_namespace=SPACE,
                service_name="tap",
                extension=VIZ,
            ),
        ),
    )
    registry = "cr.l5d.io/linkerd"
    return with_workloads(
        facts,
        deployment("tap", f"{registry}/tap:{release}"),
        deployment("web", f"{registry}/web:{release}"),
        deployment("prometheus", "prom/prometheus:v2.55.1"),
    )


def labelled(kind: str, name: str, space: str, extension: str = VIZ) -> LabelledObject:
    group = {"Deployment": "apps", "ClusterRole": "rbac.authorization.k8s.io"}.get(kind, "")
    if kind in ("Server", "NetworkAuthentication", "AuthorizationPolicy"):
        group = "policy.linkerd.io"
    key = ObjectKey(group=group, kind=kind, namespace=space, name=name)
    return LabelledObject(key=key, uid=name, extension=extension)


def render(*keys: ObjectKey) -> Rendered:
    return Rendered(version=TARGET, objects=tuple(RenderedObject(key=k) for k in keys))


def subjects(verdict: object) -> set[str]:
    return {i.subject for i in getattr(verdict, "violations", ())}


def test_without_an_extension_no_control_applies_and_says_so() -> None:
    facts = cluster(TARGET)

    verdicts = [
        images_at_destination(facts, {}, TO),
        ready(facts),
        nothing_left(facts, {}, TO),
    ]

    assert {v.status for v in verdicts} == {"not applicable"}
    assert {v.reason for v in verdicts} == {"no extension is installed"}
    assert retired_handled(facts, TO).status == "not applicable"


def test_what_an_absent_extension_left_is_told_and_judged_elsewhere() -> None:
    role = labelled("ClusterRole", "linkerd-viz-tap", "", "viz")
    facts = cluster(TARGET)
    verdict = nothing_left(change(facts, objects=(*facts.objects, role)), {}, TO)

    assert verdict.status == "holds"
    assert [i.subject for i in verdict.explained] == ["ClusterRole linkerd-viz-tap"]


def test_a_retired_extension_that_the_step_removed_has_been_handled() -> None:
    facts = cluster(LATER)
    space = namespace("linkerd-jaeger", extension="jaeger")
    had = change(facts, namespaces=(*facts.namespaces, space))

    assert retired_handled(facts, parse(LATER), before=had).status == "holds"
    assert retired_handled(facts, parse(LATER), before=facts).status == "not applicable"


def test_namespaces_that_could_not_be_read_leave_nothing_assessed() -> None:
    blind = change(cluster(TARGET), namespaces=())

    assert images_at_destination(blind, {}, TO).status == "not assessed"
    assert ready(blind).status == "not assessed"
    assert nothing_left(blind, {}, TO).status == "not assessed"
    assert retired_handled(blind, TO).status == "not assessed"


def test_images_of_the_target_hold() -> None:
    verdict = images_at_destination(with_viz(cluster(TARGET)), {}, TO)

    assert verdict.status == "holds"
    assert "viz" in verdict.summary


def test_an_extension_left_at_the_source_is_a_violation() -> None:
    verdict = images_at_destination(with_viz(cluster(TARGET), SOURCE), {}, TO)

    assert verdict.status == "violated"
    assert any("linkerd-viz/tap" in s for s in subjects(verdict))
    assert not any("prometheus" in s for s in subjects(verdict))


def test_what_to_do_next_names_the_extension_that_is_behind() -> None:
    facts = with_viz(cluster(TARGET), SOURCE)
    beside = namespace("linkerd-multicluster", extension="multicluster")
    both = change(facts, namespaces=(beside, *facts.namespaces))
    assert next(e.name for e in installed(both)) == "multicluster"

    verdict = images_at_destination(both, {}, TO)

    assert verdict.status == "violated"
    assert verdict.next_command.startswith("linkerd viz install")


def test_one_container_left_at_the_source_is_a_violation() -> None:
    facts = with_viz(cluster(TARGET))
    old = deployment("metrics-api", f"cr.l5d.io/linkerd/metrics-api:{SOURCE}")

    verdict = images_at_destination(with_workloads(facts, old), {}, TO)

    assert len(verdict.violations) == 1


def test_an_old_pod_that_still_runs_is_a_violation() -> None:
    images = (("tap", f"cr.l5d.io/linkerd/tap:{SOURCE}"),)
    old = pod("tap-1", "tap", version=SOURCE, within=SPACE, images=images)
    facts = with_viz(cluster(TARGET))

    assert images_at_destination(with_pods(facts, old), {}, TO).status == "violated"
    going = change(old, deleting=True)
    assert images_at_destination(with_pods(facts, going), {}, TO).status == "holds"


def test_an_extension_has_a_release_of_its_own_where_the_scenario_says_so() -> None:
    facts = with_viz(cluster(TARGET), SOURCE)

    assert images_at_destination(facts, {VIZ: FROM}, TO).status == "holds"
    assert images_at_destination(facts, {VIZ: TO}, FROM).status == "violated"


def test_an_extension_of_somebody_else_is_shown_and_not_assessed() -> None:
    facts = cluster(TARGET)
    spaces = (*facts.namespaces, namespace("smi", extension="smi"))
    foreign = workload("adaptor", within="smi", images=(("a", "x/smi-adaptor:v0.2.7"),))
    facts = with_workloads(change(facts, namespaces=spaces), foreign)

    verdict = images_at_destination(facts, {}, TO)

    assert verdict.status == "not assessed"
    assert "smi (v0.2.7)" in verdict.reason


@pytest.mark.parametrize(
    ("name", "release", "gone"),
    [
        ("jaeger", "edge-25.4.4", False),
        ("jaeger", "edge-25.10.7", True),
        ("jaeger", "edge-26.6.3", True),
        ("viz", "edge-26.6.3", False),
    ],
)
def test_jaeger_ends_with_2_18(name: str, release: str, gone: bool) -> None:
    assert retired(name, parse(release)) is gone


def test_ready_extensions_hold_whatever_warns() -> None:
    warning = check_run("viz check", ("linkerd-viz",), warned="linkerd-viz")

    assert ready(with_viz(cluster(TARGET)), [warning]).status == "holds"


def test_an_unavailable_apiservice_is_a_violation() -> None:
    facts = with_viz(cluster(TARGET))
    service = change(facts.api_services[0], available=False, reason="MissingEndpoints")

    verdict = ready(change(facts, api_services=(service,)))

    assert verdict.status == "violated"
    assert "MissingEndpoints" in verdict.seen


def test_an_apiservice_without_its_extension_is_a_violation() -> None:
    facts = with_viz(cluster(TARGET))
    bare = cluster(TARGET)
    service = change(facts.api_services[0], available=False, reason="ServiceNotFound")

    assert ready(change(bare, api_services=(service,))).status == "violated"


def test_an_extension_that_is_not_rolled_out_is_a_violation() -> None:
    facts = with_viz(cluster(TARGET))
    stuck = deployment("tap-injector", f"cr.l5d.io/linkerd/tap:{TARGET}", ready=0, available=0)

    assert "tap-injector" in ready(with_workloads(facts, stuck)).seen


def test_a_failed_check_of_an_extension_is_a_violation() -> None:
    failed = check_run("viz check", ("linkerd-viz",), failed="linkerd-viz", exit_code=1)

    assert ready(with_viz(cluster(TARGET)), [failed]).status == "violated"


def test_a_webhook_of_an_extension_needs_an_endpoint() -> None:
    facts = with_viz(cluster(TARGET))
    tap = change(
        webhook("proxy-injector"), service_namespace=SPACE, service_name="tap-injector",
        configuration="linkerd-tap-injector-webhook-config",
    )  # fmt: skip

    verdict = ready(change(facts, webhooks=(*facts.webhooks, tap)))

    assert any("tap-injector" in s for s in subjects(verdict))


def test_an_object_that_a_release_rendered_once_is_left_behind() -> None:
    facts = with_viz(cluster(TARGET))
    old = labelled("Deployment", "tap", SPACE)
    facts = change(facts, objects=(*facts.objects, old))

    assert nothing_left(facts, {VIZ: render(old.key)}, TO).status == "holds"
    verdict = nothing_left(facts, {VIZ: render()}, TO)
    assert subjects(verdict) == {"Deployment linkerd-viz/tap"}


def test_objects_of_the_users_own_are_explained_and_never_deleted() -> None:
    facts = with_viz(cluster(TARGET))
    own = labelled("Server", "proxy-admin", "shop")
    of_jaeger = labelled("NetworkAuthentication", "kube-api-server", "linkerd-jaeger")
    facts = change(facts, objects=(*facts.objects, own, of_jaeger))

    verdict = nothing_left(facts, {VIZ: render()}, TO)

    assert verdict.status == "holds"
    assert len(verdict.explained) == 2
    assert expected_prune(facts, VIZ, render()) == frozenset()


@given(st.sets(st.sampled_from(sorted(ever_rendered(VIZ)))), st.data())
def test_the_computed_set_is_what_is_there_and_no_longer_rendered(
    there: set[ObjectKey], data: st.DataObject
) -> None:
    kept = data.draw(st.sets(st.sampled_from(sorted(there)))) if there else set[ObjectKey]()
    objects = tuple(LabelledObject(key=k, uid=str(k), extension=VIZ) for k in there)
    facts = change(with_viz(cluster(TARGET)), objects=objects)

    computed = expected_prune(facts, VIZ, render(*kept))

    namespaces = {k for k in there if k.kind == "Namespace"}
    assert computed == there - kept - namespaces


def test_a_retired_extension_left_alone_is_a_violation_unless_it_is_kept() -> None:
    facts = cluster(LATER)
    space = namespace("linkerd-jaeger", extension="jaeger")
    role = labelled("ClusterRole", "collector", "", "jaeger")
    facts = change(facts, namespaces=(*facts.namespaces, space), objects=(*facts.objects, role))

    verdict = retired_handled(facts, parse(LATER))

    assert subjects(verdict) == {"namespace linkerd-jaeger", "ClusterRole collector"}
    assert retired_handled(facts, parse(LATER), kept={"jaeger"}).status == "holds"
    assert retired_handled(facts, parse("edge-25.4.4")).status == "not applicable"


def test_what_deleting_the_namespace_leaves_is_a_violation() -> None:
    hook = change(
        webhook("proxy-injector"), service_namespace="linkerd-jaeger",
        service_name="jaeger-injector", configuration="linkerd-jaeger-injector-webhook-config",
    )  # fmt: skip
    role = labelled("ClusterRole", "linkerd-jaeger-injector", "", "jaeger")
    facts = cluster(LATER)
    facts = change(facts, webhooks=(*facts.webhooks, hook), objects=(*facts.objects, role))

    verdict = retired_handled(facts, parse(LATER))

    assert subjects(verdict) == {
        "MutatingWebhookConfiguration linkerd-jaeger-injector-webhook-config",
        "ClusterRole linkerd-jaeger-injector",
    }


def test_extensions_are_found_by_the_label_of_their_namespace() -> None:
    facts = with_viz(cluster(TARGET))

    assert [(e.name, e.namespace) for e in installed(facts)] == [(VIZ, SPACE)]
