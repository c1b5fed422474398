"""CP-11: every object that the target renders lives once it was applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.control_plane.rendered_objects import RESOURCES, all_live
from policies.facts.cluster import ClusterFacts, ObjectKey, Unreadable
from policies.facts.observations import Rendered, RenderedObject
from policies.verdicts.findings import Verdict
from suites.policy.builders import FROM, SOURCE, TARGET, change, cluster

BEFORE, AFTER = cluster(SOURCE), cluster(TARGET)
APART = ("CustomResourceDefinition", "Secret", "Namespace")
"""Facts hold these a second time, without their labels."""
KEYS = [o.key for o in AFTER.objects if o.key.kind not in APART]
SERVICE = next(k for k in KEYS if k.kind == "Service")
NEW = ObjectKey(kind="Service", namespace="linkerd", name="linkerd-new")


def rendering(*more: RenderedObject) -> Rendered:
    ours = (RenderedObject(key=k, control_plane="linkerd") for k in KEYS)
    return Rendered(version=TARGET, objects=(*ours, *more))


def without(facts: ClusterFacts, *keys: ObjectKey) -> ClusterFacts:
    return change(facts, objects=tuple(o for o in facts.objects if o.key not in keys))


def judge(after: ClusterFacts, *more: RenderedObject, before: ClusterFacts = BEFORE) -> Verdict:
    return all_live(rendering(*more), before, after, FROM)


@given(st.sets(st.sampled_from(KEYS), max_size=len(KEYS) - 1))
def test_exactly_what_is_absent_is_named(gone: set[ObjectKey]) -> None:
    verdict = judge(without(AFTER, *gone))

    assert {i.subject for i in verdict.violations} == {str(k) for k in gone}
    assert verdict.status == ("violated" if gone else "holds")


def test_what_the_new_release_adds_and_nobody_lets_in_is_a_violation() -> None:
    verdict = judge(AFTER, RenderedObject(key=NEW, control_plane="linkerd"))

    assert verdict.seen == "Service linkerd/linkerd-new: absent"


def test_what_somebody_left_out_before_is_explained() -> None:
    verdict = judge(without(AFTER, SERVICE), before=without(BEFORE, SERVICE))

    assert verdict.status == "holds"
    assert "somebody leaves it out" in verdict.explained[0].explained


@pytest.mark.parametrize(
    ("key", "label", "why"),
    [
        (ObjectKey(kind="Service", namespace="linkerd", name="bare"), "", "no label"),
        (ObjectKey(group="x.io", kind="PodMonitor", name="p"), "linkerd", "not read"),
        (
            ObjectKey(
                group="apiextensions.k8s.io",
                kind="CustomResourceDefinition",
                name="xroutes.gateway.networking.k8s.io",
            ),
            "linkerd",
            "another owner's",
        ),
    ],
    ids=["without a label", "a kind that is not read", "another owner's"],
)
def test_what_facts_do_not_hold_is_not_compared(key: ObjectKey, label: str, why: str) -> None:
    verdict = judge(AFTER, RenderedObject(key=key, control_plane=label))

    assert verdict.status == "holds"
    assert [why in i.explained for i in verdict.explained] == [True]


def test_an_object_of_a_chart_that_names_no_namespace_is_looked_for_in_the_releases() -> None:
    bare = RenderedObject(key=change(SERVICE, namespace=""), control_plane="linkerd")

    assert judge(AFTER, bare).status == "holds"


def test_a_kind_that_may_not_be_read_is_not_assessed() -> None:
    hidden = (Unreadable(resource=RESOURCES[SERVICE.kind], reason="forbidden"),)
    verdict = judge(change(without(AFTER, SERVICE), unreadable=hidden))

    assert verdict.status == "not assessed"
    assert str(SERVICE) in verdict.reason


def test_without_a_render_or_objects_nothing_is_known() -> None:
    assert all_live(None, BEFORE, AFTER, FROM).status == "not assessed"
    assert judge(change(AFTER, objects=())).status == "not assessed"
