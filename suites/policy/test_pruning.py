from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.prune.orphans import no_orphans
from policies.controls.prune.pruning import (
    expected_prune,
    inventory,
    labelled,
    list_equals,
    protected_kept,
    second_prune_empty,
    whose,
)
from policies.facts.cluster import (
    ApiService,
    ClusterFacts,
    LabelledObject,
    ObjectKey,
    SecretKeys,
    Unreadable,
)
from policies.facts.observations import PruneRun, Rendered, RenderedObject
from policies.releases.grammar import parse
from suites.policy.builders import SOURCE, TARGET, TO, change, cluster, config, namespace, webhook

DECOY = ObjectKey(kind="ConfigMap", namespace="linkerd", name="decoy")
OLD = ObjectKey(group="apps", kind="Deployment", namespace="linkerd", name="linkerd-controller")
WEBHOOKS = "mutatingwebhookconfigurations.admissionregistration.k8s.io"


def rendered(facts: ClusterFacts, *leave_out: ObjectKey) -> tuple[Rendered, ...]:
    """A render of everything that lives, but for some."""
    keys = [o.key for o in facts.objects if o.key not in leave_out]
    return (Rendered(version=TARGET, objects=tuple(RenderedObject(key=k) for k in keys)),)


def labelled_as(key: ObjectKey, **fields: Any) -> LabelledObject:
    return change(LabelledObject(key=key, uid=f"uid-{key}", control_plane="linkerd"), **fields)


def with_objects(*more: LabelledObject) -> ClusterFacts:
    facts = cluster(TARGET)
    return change(facts, objects=(*facts.objects, *more))


LEFT = labelled_as(OLD, created_by=f"linkerd/cli {SOURCE}")


def test_an_unmodified_hop_prunes_nothing() -> None:
    facts = cluster(TARGET)

    assert expected_prune(facts, rendered(facts)) == frozenset()
    assert (
        list_equals(PruneRun(), expected_prune(facts, rendered(facts))).status == "not applicable"
    )


@pytest.mark.parametrize("version", [SOURCE, TARGET])
def test_without_a_render_the_release_data_stands_in(version: str) -> None:
    assert expected_prune(cluster(version), ()) == frozenset()


def test_what_linkerd_made_and_renders_no_more_is_expected() -> None:
    facts = with_objects(LEFT, labelled_as(DECOY))
    role = next(o.key for o in facts.objects if o.key.kind == "ClusterRole")

    assert expected_prune(facts, rendered(facts, OLD, role)) == {OLD, role}


def test_a_listed_decoy_is_a_violation_that_names_it() -> None:
    facts = with_objects(labelled_as(DECOY))
    expected = expected_prune(facts, rendered(facts, DECOY))
    verdict = list_equals(PruneRun(listed=(DECOY,)), expected)

    assert [i.subject for i in verdict.violations] == ["ConfigMap linkerd/decoy"]
    assert "maybe a user's object" in verdict.seen


def test_what_should_be_listed_and_is_not_is_a_violation() -> None:
    verdict = list_equals(PruneRun(), {OLD})

    assert "skipped silently" in verdict.seen


KEYS = st.frozensets(
    st.builds(
        ObjectKey,
        kind=st.sampled_from(["ConfigMap", "Secret"]),
        namespace=st.sampled_from(["linkerd", "shop"]),
        name=st.sampled_from("abc"),
    )
)


@given(KEYS, KEYS)
def test_only_equal_sets_hold(
    listed: frozenset[ObjectKey], expected: frozenset[ObjectKey]
) -> None:
    verdict = list_equals(PruneRun(listed=tuple(listed)), expected)

    alike = "holds" if listed else "not applicable"
    assert verdict.status == (alike if listed == expected else "violated")
    assert len(verdict.violations) == len(listed ^ expected)


@pytest.mark.parametrize("run", [PruneRun(exit_code=1), PruneRun(unreadable="not YAML")])
def test_a_prune_without_a_list_is_a_violation(run: PruneRun) -> None:
    assert list_equals(run, ()).status == "violated"
    assert second_prune_empty(run).status == "not assessed"


def test_a_prune_that_was_not_run_is_not_assessed() -> None:
    assert list_equals(None, ()).status == "not assessed"
    assert second_prune_empty(None).status == "not assessed"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (ObjectKey(kind="Secret", namespace="linkerd", name="mine"), "external issuer"),
        (ObjectKey(kind="ConfigMap", namespace="shop", name="mine"), "namespace shop"),
        (
            ObjectKey(
                kind="CustomResourceDefinition", name="httproutes.gateway.networking.k8s.io"
            ),
            "deletes every route",
        ),
        (ObjectKey(kind="CustomResourceDefinition", name="a.example"), "every resource of it"),
    ],
    ids=["secret", "elsewhere", "gateway", "crd"],
)
def test_it_is_said_whose_an_object_may_be(key: ObjectKey, said: str) -> None:
    assert said in whose(key)


def test_a_gateway_crd_of_another_owner_is_never_expected() -> None:
    crd = ObjectKey(
        group="apiextensions.k8s.io",
        kind="CustomResourceDefinition",
        name="httproutes.gateway.networking.k8s.io",
    )
    facts = with_objects(labelled_as(crd))
    disowned = change(facts, crds=tuple(change(c, created_by="") for c in facts.crds))

    assert expected_prune(disowned, rendered(disowned, crd)) == frozenset()
    assert crd not in inventory(TO, disowned)
    assert crd in inventory(TO, facts)


def test_only_what_prune_looks_at_is_labelled() -> None:
    gateway = "gateway.networking.k8s.io"
    route = ObjectKey(group=gateway, kind="HTTPRoute", namespace="shop", name="a")
    ours = ObjectKey(group="policy.linkerd.io", kind="HTTPRoute", namespace="shop", name="b")
    lease = ObjectKey(kind="Lease", namespace="linkerd", name="c")
    viz = labelled_as(DECOY, control_plane="", extension="viz")
    facts = change(
        cluster(),
        objects=(labelled_as(route), labelled_as(ours), labelled_as(lease), viz),
    )

    assert [o.key for o in labelled(facts)] == [ours]


def test_kept_objects_hold() -> None:
    assert protected_kept(cluster(SOURCE), cluster(SOURCE)).status == "holds"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("crds", (), "CRD servers.policy.linkerd.io"),
        ("namespaces", (namespace("linkerd"),), "Namespace shop"),
        ("config", config(SOURCE, uid="config-2"), "ConfigMap linkerd-config"),
        ("objects", (), "Service linkerd/linkerd-dst"),
    ],
)
def test_a_protected_object_that_is_gone_is_a_violation(
    field: str, value: object, named: str
) -> None:
    verdict = protected_kept(cluster(), change(cluster(), **{field: value}))

    assert named in [i.subject for i in verdict.violations]


def test_a_secret_that_is_gone_is_a_violation_but_for_helms_history() -> None:
    mine = SecretKeys(namespace="linkerd", name="external-issuer", uid="1")
    history = SecretKeys(namespace="linkerd", name="sh.helm.release.v1.linkerd.v1", uid="2")
    elsewhere = SecretKeys(namespace="shop", name="mine", uid="3")
    before = change(cluster(), secrets=(mine, history, elsewhere))
    verdict = protected_kept(before, change(cluster(), secrets=()))

    assert [i.subject for i in verdict.violations] == ["Secret linkerd/external-issuer"]


def test_what_was_pruned_rightly_is_not_protected() -> None:
    before = change(cluster(), objects=(*cluster().objects, LEFT))

    assert protected_kept(before, cluster()).status == "holds"


def test_what_was_made_anew_before_the_step_is_a_violation() -> None:
    anew = change(cluster(), crds=tuple(change(c, uid="2") for c in cluster().crds[:1]))

    assert protected_kept(anew, anew).status == "holds"
    assert "made again" in protected_kept(anew, anew, first=cluster()).seen


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ConfigMap", "linkerd-identity-trust-roots"), ("Secret", "linkerd-identity-issuer")],
)
def test_what_the_control_plane_needs_is_never_pruned_whoever_keeps_it(
    kind: str, name: str
) -> None:
    facts = cluster()
    key = ObjectKey(kind=kind, namespace="linkerd", name=name)
    there = tuple(o for o in facts.objects if o.key != key)
    kept = change(facts, objects=(*there, labelled_as(key, created_by="linkerd/cli x")))
    expected = expected_prune(kept, rendered(kept, key))

    assert expected == frozenset()
    verdict = list_equals(PruneRun(listed=(key,)), expected)
    assert "somebody else keeps it" in verdict.seen


@pytest.mark.parametrize(("resources", "goes"), [(0, True), (3, False), (-1, False)])
def test_a_crd_goes_only_when_it_has_no_resource(resources: int, goes: bool) -> None:
    facts = cluster()
    old = change(facts.crds[0], name="old.linkerd.io", resources=resources)
    key = ObjectKey(
        group="apiextensions.k8s.io", kind="CustomResourceDefinition", name="old.linkerd.io"
    )
    objects = (*facts.objects, labelled_as(key, created_by="linkerd/cli x"))
    was = change(facts, crds=(*facts.crds, old), objects=objects)
    renders = rendered(was, key)

    assert (key in expected_prune(was, renders)) is goes
    kept = protected_kept(was, facts, rendered=(*renders, *rendered_crds(facts)))
    assert (kept.status == "holds") is goes


def rendered_crds(facts: ClusterFacts) -> tuple[Rendered, ...]:
    group, kind = "apiextensions.k8s.io", "CustomResourceDefinition"
    keys = (ObjectKey(group=group, kind=kind, name=c.name) for c in facts.crds)
    return (Rendered(version=TARGET, objects=tuple(RenderedObject(key=k) for k in keys)),)


def test_only_what_is_linkerds_is_compared_with_the_baseline() -> None:
    mine = SecretKeys(namespace="linkerd", name="rotated-by-its-owner", uid="1")
    first = change(
        cluster(), secrets=(mine,), namespaces=(*cluster().namespaces, namespace("preview-7"))
    )

    assert protected_kept(cluster(), cluster(), first=first).status == "holds"


def test_what_the_destination_does_not_render_may_be_pruned() -> None:
    before = cluster()
    service = next(o for o in before.objects if o.key.name == "linkerd-dst")
    after = change(before, objects=tuple(o for o in before.objects if o != service))

    assert protected_kept(before, after).status == "violated"
    assert protected_kept(before, after, rendered=rendered(after)).status == "holds"
    assert protected_kept(before, after, rendered=rendered(before)).status == "violated"


def test_without_namespaces_it_is_not_assessed() -> None:
    hidden = change(cluster(), unreadable=(Unreadable(resource="namespaces", reason="no"),))

    assert protected_kept(cluster(), hidden).status == "not assessed"


def test_a_pruned_cluster_has_no_orphans() -> None:
    assert no_orphans(cluster(TARGET), TO).status == "holds"


def test_a_webhook_whose_service_is_gone_is_a_violation() -> None:
    dangling = change(webhook("sp-validator"), service_name="linkerd-gone", configuration="old")
    facts = cluster(TARGET)
    verdict = no_orphans(change(facts, webhooks=(*facts.webhooks, dangling)), TO)

    assert "the Service is gone" in verdict.seen


def test_a_retired_tap_is_an_orphan_and_a_retired_extension_has_its_own_control() -> None:
    tap = ApiService(
        name="v1alpha1.tap.linkerd.io", service_namespace="linkerd-viz", extension="viz"
    )
    jaeger = namespace("linkerd-jaeger", extension="jaeger")
    facts = cluster(TARGET)
    facts = change(facts, api_services=(tap,), namespaces=(*facts.namespaces, jaeger))
    verdict = no_orphans(facts, TO)

    assert [i.subject for i in verdict.violations] == ["APIService v1alpha1.tap.linkerd.io"]
    assert [i.subject for i in verdict.explained] == ["namespace linkerd-jaeger"]
    assert no_orphans(change(facts, api_services=()), parse("edge-25.4.4")).status == "holds"


def test_an_unavailable_apiservice_of_linkerds_is_a_violation() -> None:
    facts = cluster(TARGET)
    facts = change(facts, namespaces=(*facts.namespaces, namespace("linkerd-viz")))
    tap = ApiService(
        name="tap", service_namespace="linkerd-viz", available=False, reason="Missing"
    )

    assert "Missing" in no_orphans(change(facts, api_services=(tap,)), TO).seen


def test_foreign_webhooks_and_apiservices_do_not_count() -> None:
    foreign = change(
        webhook("sp-validator"),
        control_plane="",
        configuration="cert-manager-webhook",
        service_namespace="plain",
        service_name="x",
    )
    api = ApiService(name="metrics", service_namespace="kube-system", available=False)
    facts = cluster(TARGET)
    facts = change(facts, webhooks=(*facts.webhooks, foreign), api_services=(api,))

    assert no_orphans(facts, TO).status == "holds"


def test_an_object_of_an_older_version_is_an_orphan() -> None:
    facts = with_objects(LEFT)

    (left,) = no_orphans(facts, TO).violations
    assert left.subject == "Deployment linkerd/linkerd-controller"
    assert no_orphans(facts, TO, rendered=rendered(facts)).status == "holds"


def test_a_labelled_object_of_somebody_is_explained() -> None:
    verdict = no_orphans(with_objects(labelled_as(DECOY)), TO)

    assert verdict.status == "holds"
    assert [i.subject for i in verdict.explained] == ["ConfigMap linkerd/decoy"]


def test_without_webhooks_to_read_orphans_are_not_assessed() -> None:
    hidden = change(cluster(), unreadable=(Unreadable(resource=WEBHOOKS, reason="no"),))

    assert no_orphans(hidden, TO).status == "not assessed"


def test_an_empty_second_prune_holds_and_another_does_not() -> None:
    assert second_prune_empty(PruneRun()).status == "holds"
    assert second_prune_empty(PruneRun(listed=(OLD,))).status == "violated"
