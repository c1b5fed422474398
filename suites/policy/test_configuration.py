from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.preflight.configuration import defaults_acknowledged, one_owner, retained
from policies.facts.cluster import ClusterFacts, LinkerdConfig, Setting, Unreadable
from policies.facts.observations import Rendered
from policies.planning import advisories
from policies.planning.path import Hop
from suites.policy.builders import (
    SOURCE,
    STORED,
    TARGET,
    TO,
    change,
    cluster,
    config,
    control_plane_workloads,
    overrides,
    sha,
    values,
    with_workloads,
)

HELM: dict[str, Any] = {
    "overrides": None,
    "overrides_present": False,
    "helm_releases": ("sh.helm.release.v1.linkerd-control-plane.v1",),
}
NO_SECRETS = (Unreadable(resource="secrets", reason="forbidden"),)
NO_MAPS = (Unreadable(resource="configmaps", reason="forbidden"),)
NATIVE = {"proxy__nativeSidecar": "true"}


def configured(version: str = SOURCE, **fields: Any) -> ClusterFacts:
    return change(cluster(version), config=config(version, **fields))


def by_helm() -> ClusterFacts:
    facts = configured(**HELM)
    moved = tuple(
        change(w, created_by=w.created_by.replace("/cli", "/helm")) for w in facts.workloads
    )
    crds = tuple(
        change(c, created_by=f"linkerd/helm {SOURCE}", helm_owned=True) for c in facts.crds
    )
    objects = tuple(
        change(o, created_by=o.created_by.replace("/cli", "/helm")) for o in facts.objects
    )
    return change(facts, workloads=moved, crds=crds, objects=objects)


def test_the_cli_owns_its_installation() -> None:
    assert one_owner(cluster()).status == "holds"


def test_helm_owns_its_installation() -> None:
    assert one_owner(by_helm()).status == "holds"


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({**HELM, "helm_releases": ()}, "neither"),
        ({"helm_releases": HELM["helm_releases"]}, "stale values"),
        ({"overrides": overrides()[1:]}, f"lacks {STORED[0]}"),
        ({"overrides": ()}, "lacks"),
        (
            {"values": values(SOURCE, identity__issuer__scheme='"kubernetes.io/tls"')},
            "refuses both",
        ),
    ],
    ids=["neither", "both", "one value missing", "empty", "issuer given twice"],
)
def test_anything_but_one_complete_owner_is_a_violation(fields: dict[str, Any], seen: str) -> None:
    verdict = one_owner(configured(**fields))

    assert verdict.status == "violated"
    assert seen in verdict.seen


def test_an_external_issuer_and_ca_need_no_stored_values() -> None:
    told = values(
        SOURCE, identity__issuer__scheme='"kubernetes.io/tls"', identity__externalCA="true"
    )

    assert one_owner(configured(values=told, overrides=())).status == "holds"


def test_a_crd_of_helms_beside_the_cli_is_a_violation() -> None:
    facts = cluster()
    mixed = change(facts.crds[0], helm_owned=True)

    assert "Helm's annotations" in one_owner(change(facts, crds=(mixed, *facts.crds[1:]))).seen


def marked(kind: str, **fields: Any) -> ClusterFacts:
    facts = cluster()
    return change(
        facts,
        objects=tuple(change(o, **fields) if o.key.kind == kind else o for o in facts.objects),
    )


@pytest.mark.parametrize("kind", ["Service", "ServiceAccount", "ClusterRole"])
def test_an_object_of_the_cli_that_helm_adopts_is_a_violation(kind: str) -> None:
    verdict = one_owner(marked(kind, helm_release="linkerd/linkerd-control-plane"))

    assert verdict.status == "violated"
    assert "release linkerd/linkerd-control-plane" in verdict.seen
    assert all(i.subject.startswith(kind) for i in verdict.violations)


def test_a_workload_of_the_cli_that_helm_adopts_is_named_once() -> None:
    facts = marked("Deployment", helm_release="linkerd/mine")
    adopted = tuple(change(w, helm_release="linkerd/mine") for w in facts.workloads)
    verdict = one_owner(change(facts, workloads=adopted))
    named = [i.subject for i in verdict.violations if "linkerd-identity" in i.subject]

    assert named == ["Deployment linkerd/linkerd-identity"]


def test_an_object_of_helms_that_the_cli_rendered_is_a_violation() -> None:
    facts = change(
        by_helm(), objects=marked("Service", created_by=f"linkerd/cli {SOURCE}").objects
    )

    assert "Service linkerd/linkerd-dst: linkerd/cli" in one_owner(facts).seen


def test_what_is_not_linkerds_core_may_be_anybodys() -> None:
    facts = cluster()
    service = next(o for o in facts.objects if o.key.kind == "Service")
    decoy = change(service, key=change(service.key, name="mine"), helm_release="shop/mine")
    tap = change(service, extension="viz", helm_release="linkerd-viz/viz")

    rest = tuple(o for o in facts.objects if o != service)
    assert one_owner(change(facts, objects=(*rest, decoy, tap))).status == "holds"


def test_a_workload_of_the_other_tool_is_a_violation() -> None:
    other = change(control_plane_workloads(SOURCE)[0], created_by=f"linkerd/helm {SOURCE}")

    assert one_owner(with_workloads(cluster(), other)).status == "violated"


def test_an_extension_marked_by_helm_does_not_count() -> None:
    facts = cluster()
    link = change(
        facts.crds[0],
        name="links.multicluster.linkerd.io",
        control_plane="",
        created_by=f"linkerd/helm {SOURCE}",
    )

    assert one_owner(change(facts, crds=(*facts.crds, link))).status == "holds"


def test_no_configuration_is_a_violation_unless_it_is_hidden() -> None:
    facts = change(cluster(), config=None)

    assert one_owner(facts).status == "violated"
    assert one_owner(change(facts, unreadable=NO_MAPS)).status == "not assessed"


def test_without_secrets_the_owner_is_not_assessed() -> None:
    facts = change(configured(overrides=None, overrides_present=None), unreadable=NO_SECRETS)

    assert one_owner(facts).reason.endswith("(secrets: forbidden)")


def rendered(**more: str) -> Rendered:
    told = tuple((s.path, s.value) for s in values(TARGET, **more))
    return Rendered(version=TARGET, values=told)


def test_a_retained_configuration_holds() -> None:
    verdict = retained(cluster(), cluster(TARGET), TO, rendered())

    assert verdict.status == "holds"
    assert not verdict.items


def test_new_defaults_are_explained_by_the_render() -> None:
    after = configured(TARGET, values=values(TARGET, **NATIVE))
    verdict = retained(cluster(), after, TO, rendered(**NATIVE))

    assert verdict.status == "holds"
    assert [(i.subject, i.explained) for i in verdict.items] == [
        ("value proxy.nativeSidecar", "as the target renders it")
    ]


def test_without_a_render_new_defaults_are_explained_as_unproven() -> None:
    after = configured(TARGET, values=values(TARGET, **NATIVE))
    verdict = retained(cluster(), after, TO)

    assert "not compared with its render" in verdict.explained[0].explained


def stored(version: str, level: str, **fields: Any) -> ClusterFacts:
    """A cluster whose user set proxy.logLevel."""
    told = {
        "values": values(version, proxy__logLevel=level),
        "overrides": overrides(proxy__logLevel=level),
    }
    return configured(version, **(told | fields))


BEFORE = stored(SOURCE, '"debug"')


@pytest.mark.parametrize(
    ("after", "named"),
    [
        (configured(TARGET, uid="config-2"), "ConfigMap linkerd-config"),
        (change(cluster(TARGET), config=config(SOURCE)), "value linkerdVersion"),
        (change(cluster(TARGET), config=config("")), "value linkerdVersion"),
        (change(cluster(TARGET), config=None), "ConfigMap linkerd-config"),
        (configured(TARGET), "value proxy.logLevel"),
        (stored(TARGET, '"info"'), "value proxy.logLevel"),
        (
            configured(
                TARGET,
                values=values(TARGET, proxy__logLevel='"debug"'),
                overrides=overrides(proxy__logLevel='"info"'),
            ),
            "override proxy.logLevel",
        ),
        (
            stored(TARGET, '"debug"', overrides=overrides(proxy__logLevel='"debug"', x="1")),
            "override x",
        ),
        (
            stored(TARGET, '"debug"', overrides=None, overrides_present=False),
            "Secret linkerd-config-overrides",
        ),
        (
            configured(
                TARGET,
                values=values(TARGET, proxy__logLevel='"debug"', extra="1"),
                overrides=overrides(proxy__logLevel='"debug"'),
            ),
            "value extra",
        ),
        (
            configured(
                TARGET,
                values=values(TARGET, proxy__logLevel='"debug"', identityTrustAnchorsPEM='"x"'),
                overrides=overrides(proxy__logLevel='"debug"'),
            ),
            "value identityTrustAnchorsPEM",
        ),
    ],
    ids=[
        "made again", "old version", "no version", "gone", "value lost", "value changed",
        "stored value changed", "value stored anew", "store gone", "not rendered", "anchors",
    ],
)  # fmt: skip
def test_whatever_was_not_retained_is_named(after: ClusterFacts, named: str) -> None:
    verdict = retained(BEFORE, after, TO, rendered(proxy__logLevel='"debug"'))

    assert verdict.status == "violated"
    assert named in [i.subject for i in verdict.violations]


def test_a_stored_value_that_became_the_default_is_explained() -> None:
    after = configured(TARGET, values=values(TARGET, proxy__logLevel='"debug"'))
    verdict = retained(BEFORE, after, TO, rendered(proxy__logLevel='"debug"'))

    assert verdict.status == "holds"
    assert [i.subject for i in verdict.explained] == ["override proxy.logLevel"]


def test_a_value_whose_type_changed_is_the_same() -> None:
    before = configured(values=values(SOURCE, budget="1"), overrides=overrides(budget="1"))
    after = configured(
        TARGET, values=values(TARGET, budget='"1"'), overrides=overrides(budget='"1"')
    )

    assert retained(before, after, TO, rendered(budget='"1"')).status == "holds"


def test_a_value_spelled_otherwise_is_the_same() -> None:
    before = configured(values=values(SOURCE, networks='["10.0.0.0/8", "::/0"]'))
    after = configured(TARGET, values=values(TARGET, networks='["10.0.0.0/8","::/0"]'))

    assert not retained(before, after, TO, rendered(networks='["10.0.0.0/8",  "::/0"]')).items


def test_a_value_edited_after_the_apply_is_a_violation() -> None:
    after = configured(TARGET, values=values(TARGET, **NATIVE))
    verdict = retained(cluster(), after, TO, rendered())

    assert [i.subject for i in verdict.violations] == ["value proxy.nativeSidecar"]


PATHS = st.sampled_from(["a", "b.c", "d"])
TEXTS = st.sampled_from(["1", '"1"', "true", '"x"', "[]"])


@given(st.dictionaries(PATHS, TEXTS), st.dictionaries(PATHS, TEXTS))
def test_a_stored_value_never_changes_unseen(
    before: dict[str, str], after: dict[str, str]
) -> None:
    def made(version: str, texts: dict[str, str]) -> LinkerdConfig:
        told = tuple(Setting(path=p, value=v) for p, v in texts.items())
        digests = tuple(Setting(path=p, value=f"sha256:{sha(v)}") for p, v in texts.items())
        return config(version, values=told, overrides=digests)

    old, new = cluster(), cluster(TARGET)
    verdict = retained(
        change(old, config=made(SOURCE, before)),
        change(new, config=made(TARGET, after)),
        TO,
    )
    plain = {p: v.strip('"') for p, v in before.items()}

    assert (verdict.status == "holds") == (plain == {p: v.strip('"') for p, v in after.items()})


def test_what_cannot_be_compared_is_not_assessed() -> None:
    nothing = change(cluster(), config=None)

    assert retained(nothing, cluster(TARGET), TO).status == "not assessed"
    hidden = change(nothing, unreadable=NO_MAPS)
    assert retained(cluster(), hidden, TO).status == "not assessed"


HOP = Hop(number=1, source_tag="edge-25.4.4", destination_tag="edge-25.10.7")


def results() -> tuple[advisories.AdvisoryResult, ...]:
    return advisories.applicable(HOP, cluster("edge-25.4.4"))


def test_advisories_nobody_acknowledged_are_a_violation() -> None:
    verdict = defaults_acknowledged(results(), ())

    assert verdict.status == "violated"
    assert any(i.subject.startswith("advisory 19-5:") for i in verdict.violations)


def test_acknowledged_advisories_hold() -> None:
    verdict = defaults_acknowledged(results(), {r.id for r in results()})

    assert verdict.status == "holds"
    assert not verdict.violations


def test_advisories_that_only_inform_are_explained() -> None:
    informing = [r for r in results() if r.advisory.severity in "OI"]
    verdict = defaults_acknowledged(informing, ())

    assert informing
    assert verdict.status == "holds"


def test_without_a_note_nothing_is_to_be_acknowledged() -> None:
    assert defaults_acknowledged((), ()).status == "not applicable"
