"""Two learnt releases compared: each kind of change is found, named, and becomes an advisory."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import get_args

import msgspec
import pytest

from policies.facts.cluster import ClusterFacts, LinkerdConfig, Setting
from policies.planning import conditions
from policies.planning.advisories import applicable, relevant
from policies.planning.computed import COMPUTED, RULES, advisories
from policies.planning.path import blockers_of_hop
from policies.releases import learn, use
from policies.releases.comparison import Kind, compare, not_compared
from policies.releases.learnt import (
    Learnt,
    LearntComponent,
    LearntContainer,
    LearntCrd,
    LearntCrdVersion,
    LearntObject,
    LearntPod,
    LearntRule,
    LearntVariant,
    LearntWebhook,
)
from policies.releases.versions import parse
from policies.skew.hops import Hop

OLD, NEW = "edge-26.6.3", "edge-26.9.1"
DEPLOYMENT = "apps/Deployment/linkerd/linkerd-identity"
ROLE = "rbac.authorization.k8s.io/ClusterRole/-/linkerd-linkerd-identity"
HOOKS = "admissionregistration.k8s.io/MutatingWebhookConfiguration/-/linkerd-proxy-injector"
CRD = "apiextensions.k8s.io/CustomResourceDefinition/-/servers.policy.linkerd.io"
SERVICE = "core/Service/linkerd/linkerd-identity"
A, B = "a" * 64, "b" * 64


def container(tag: str, **changed: object) -> LearntContainer:
    fields: dict[str, object] = {
        "name": "identity",
        "image": f"cr.l5d.io/linkerd/controller:{tag}",
    }
    return LearntContainer(**{**fields, **changed})  # pyright: ignore[reportArgumentType]


def deployment(*containers: LearntContainer, replicas: int = 1) -> LearntObject:
    return LearntObject(key=DEPLOYMENT, pod=LearntPod(replicas=replicas, containers=containers))


def version(
    name: str, schema: str = A, *, served: bool = True, storage: bool = False
) -> LearntCrdVersion:
    return LearntCrdVersion(name=name, served=served, storage=storage, schema_sha256=schema)


def crd(*versions: LearntCrdVersion) -> LearntObject:
    return LearntObject(key=CRD, crd=LearntCrd(versions=versions))


def hook(**changed: object) -> LearntObject:
    fields: dict[str, object] = {
        "name": "linkerd-proxy-injector.linkerd.io",
        "failure_policy": "Ignore",
    }
    made = LearntWebhook(**{**fields, **changed})  # pyright: ignore[reportArgumentType]
    return LearntObject(key=HOOKS, webhooks=(made,))


def role(*rules: LearntRule) -> LearntObject:
    return LearntObject(key=ROLE, rules=rules)


def learnt(
    tag: str, *objects: LearntObject, values: dict[str, str] | None = None, kubernetes: str = ""
) -> Learnt:
    return Learnt(
        tag=tag,
        source="client",
        sha256=A,
        learnt_at=date(2026, 9, 1),
        components=(LearntComponent(name="control_plane", objects=objects),),
        values=tuple(sorted((values or {}).items())),
        chart_kubernetes=kubernetes,
    )


PODS = LearntRule(verbs=("list",), resources=("pods",))
CASES: dict[Kind, tuple[Learnt, Learnt]] = {
    "value changed": (learnt(OLD, values={"a": "1"}), learnt(NEW, values={"a": "2"})),
    "value new": (learnt(OLD), learnt(NEW, values={"a": "2"})),
    "value gone": (learnt(OLD, values={"a": "1"}), learnt(NEW)),
    "object gone": (learnt(OLD, LearntObject(key=SERVICE)), learnt(NEW)),
    "object new": (learnt(OLD), learnt(NEW, LearntObject(key=SERVICE))),
    "rights grow": (
        learnt(OLD, role(PODS)),
        learnt(NEW, role(LearntRule(verbs=("list", "watch"), resources=("pods",)))),
    ),
    "rights shrink": (learnt(OLD, role(PODS)), learnt(NEW, role())),
    "crd version unserved": (
        learnt(OLD, crd(version("v1"), version("v2", storage=True))),
        learnt(NEW, crd(version("v1", served=False), version("v2", storage=True))),
    ),
    "crd storage": (
        learnt(OLD, crd(version("v1", storage=True), version("v2"))),
        learnt(NEW, crd(version("v1"), version("v2", storage=True))),
    ),
    "crd version new": (
        learnt(OLD, crd(version("v1"))),
        learnt(NEW, crd(version("v1"), version("v2"))),
    ),
    "crd schema": (learnt(OLD, crd(version("v1", A))), learnt(NEW, crd(version("v1", B)))),
    "image new": (
        learnt(OLD, deployment(container(OLD))),
        learnt(NEW, deployment(container(NEW), container(NEW, name="p", image="ghcr.io/x/p:v1"))),
    ),
    "image gone": (
        learnt(OLD, deployment(container(OLD), container(OLD, name="p", image="ghcr.io/x/p:v1"))),
        learnt(NEW, deployment(container(NEW))),
    ),
    "image tag": (
        learnt(OLD, deployment(container(OLD, image="ghcr.io/x/p:v1"))),
        learnt(NEW, deployment(container(NEW, image="ghcr.io/x/p:v2"))),
    ),
    "ports": (
        learnt(OLD, deployment(container(OLD, ports=("admin 9990/TCP",)))),
        learnt(NEW, deployment(container(NEW, ports=("ident-admin 9990/TCP",)))),
    ),
    "probes": (
        learnt(OLD, deployment(container(OLD))),
        learnt(NEW, deployment(container(NEW, probes=(("livenessProbe", "{}"),)))),
    ),
    "security": (
        learnt(OLD, deployment(container(OLD))),
        learnt(NEW, deployment(container(NEW, security='{"runAsNonRoot":true}'))),
    ),
    "requests": (
        learnt(OLD, deployment(container(OLD, requests=(("memory", "20Mi"),)))),
        learnt(NEW, deployment(container(NEW, requests=(("memory", "40Mi"),)))),
    ),
    "replicas": (
        learnt(OLD, deployment(container(OLD))),
        learnt(NEW, deployment(container(NEW), replicas=3)),
    ),
    "webhook": (learnt(OLD, hook()), learnt(NEW, hook(failure_policy="Fail"))),
    "kubernetes": (learnt(OLD, kubernetes=">=1.23.0-0"), learnt(NEW, kubernetes=">=1.31.0-0")),
}


def test_every_kind_has_a_case_and_a_rule() -> None:
    assert set(CASES) == set(RULES) == set(get_args(Kind))
    assert {rule.condition for rule in RULES.values()} <= conditions.names()


@pytest.mark.parametrize("kind", CASES)
def test_a_change_is_found_and_nothing_else(kind: Kind) -> None:
    before, after = CASES[kind]
    kinds = {c.kind for c in compare(before, after)}
    allowed = {"crd storage": {"crd storage"}}.get(kind, {kind})
    assert kinds == allowed


@pytest.mark.parametrize("kind", CASES)
def test_a_change_is_an_advisory_that_can_be_asked(kind: Kind) -> None:
    before, after = CASES[kind]
    (advisory,) = advisories(before, after)
    assert advisory.id.startswith(COMPUTED)
    assert conditions.fits(advisory.condition, advisory.arguments)
    assert advisory.note
    assert not advisory.breaks


def test_what_a_variant_shares_is_told_once() -> None:
    def both(tag: str, security: str) -> Learnt:
        plain = learnt(tag, deployment(container(tag, security=security)))
        ha = LearntComponent(name="control_plane_ha", like="control_plane")
        return msgspec.structs.replace(plain, components=(*plain.components, ha))

    (change,) = compare(both(OLD, ""), both(NEW, "{}"))
    assert change.component == "control_plane"


def with_cni(tag: str, plain: str, cni: str) -> Learnt:
    identity = deployment(container(tag, security=cni))
    variant = LearntVariant(path="cniEnabled", value="true", objects=(identity,))
    default = learnt(tag, deployment(container(tag, security=plain)))
    return msgspec.structs.replace(default, variants=(variant,))


def test_what_changes_only_with_a_value_is_asked_of_that_value() -> None:
    before, after = with_cni(OLD, "{}", "{}"), with_cni(NEW, "{}", '{"runAsUser":1}')

    (change,) = compare(before, after)
    (advisory,) = advisories(before, after)

    assert (change.kind, change.place) == ("security", "control_plane, cniEnabled=true")
    assert (advisory.condition, advisory.arguments) == ("value is", ("cniEnabled", "true"))
    assert advisory.title.endswith(", with cniEnabled=true")


def test_what_changes_with_and_without_a_value_is_told_once() -> None:
    (change,) = compare(with_cni(OLD, "", ""), with_cni(NEW, "{}", "{}"))
    assert change.variant == ""


def test_a_value_learnt_of_one_release_alone_is_said() -> None:
    said = not_compared(with_cni(OLD, "", ""), learnt(NEW))
    assert f"the control plane with cniEnabled=true was learnt of {OLD} alone" in said


def test_what_a_hop_costs_counts_replicas() -> None:
    asked = container(OLD, requests=(("cpu", "100m"), ("memory", "20Mi")))
    more = container(NEW, requests=(("cpu", "100m"), ("memory", "20Mi")))
    changes = compare(learnt(OLD, deployment(asked)), learnt(NEW, deployment(more, replicas=3)))
    (cost,) = [c for c in changes if c.kind == "requests"]
    assert (cost.before, cost.after) == ("cpu 100m, memory 20Mi", "cpu 300m, memory 60Mi")


def test_the_releases_own_name_is_no_change() -> None:
    values = {"linkerdVersion": '"{}"', "proxy.image.version": '"{}"'}

    def of(tag: str) -> Learnt:
        named = {path: text.format(tag) for path, text in values.items()}
        return learnt(tag, deployment(container(tag)), values=named)

    assert compare(of(OLD), of(NEW)) == ()
    assert advisories(of(OLD), of(NEW)) == ()


def test_rights_written_in_another_way_are_no_change() -> None:
    apart = role(PODS, LearntRule(verbs=("watch",), resources=("pods",)))
    together = role(LearntRule(verbs=("list", "watch"), resources=("pods",)))
    assert compare(learnt(OLD, apart), learnt(NEW, together)) == ()


def test_what_one_release_alone_has_is_said_not_to_be_compared() -> None:
    viz = LearntComponent(name="viz")
    before = learnt(OLD)
    after = Learnt(
        tag=NEW,
        source="client",
        sha256=B,
        learnt_at=date(2026, 9, 1),
        components=(*before.components, viz),
        left_open=("notes in prose",),
    )
    said = not_compared(before, after)
    assert "viz was learnt of edge-26.9.1 alone" in said
    assert "edge-26.9.1: notes in prose" in said


def test_a_hop_between_learnt_releases_explains_itself() -> None:
    before, after = CASES["value changed"]
    hop = Hop(number=1, source_tag=OLD, destination_tag=NEW)
    setting = Setting(path="a", value="1")
    mine = LinkerdConfig(
        version=OLD, uid="u", values=(setting,), overrides=(setting,), overrides_present=True
    )
    theirs = LinkerdConfig(
        version=OLD, uid="u", values=(setting,), overrides=(), overrides_present=True
    )
    at = datetime(2026, 12, 1, tzinfo=UTC)
    try:
        assert not [a for a in relevant(hop) if a.id.startswith(COMPUTED)]
        known = learn((before, after))
        (advisory,) = [a for a in relevant(hop) if a.id.startswith(COMPUTED)]
        assert advisory.id == "computed-value-changed-a"
        states = []
        for config in (mine, theirs):
            facts = ClusterFacts(taken_at=at, config=config)
            states += [r.state for r in applicable(hop, facts) if r.id == advisory.id]
        assert states == ["does not apply", "applies"]
        assert known.inspected(parse(NEW)) == parse(NEW)
        assert known.is_newer_than_known(parse(NEW))
        release = known.release(parse(NEW))
        assert release is not None
        assert release.logical == ""
        assert not blockers_of_hop(hop)
    finally:
        use([])


def test_an_edge_that_nobody_lists_is_known_once_it_was_learnt() -> None:
    hidden = "edge-25.4.9"
    hop = Hop(number=1, source_tag="edge-25.4.4", destination_tag=hidden)
    assert blockers_of_hop(hop)
    try:
        known = learn((learnt(hidden, kubernetes=">=1.23.0-0"),))
        release = known.release(parse(hidden))
        assert release is not None
        assert release.logical == "2.18"
        assert str(known.kubernetes_range(parse(hidden))) == "1.23 to 1.32"
        assert not blockers_of_hop(hop)
    finally:
        use([])
