from __future__ import annotations

import pytest

from policies.controls.control_plane.webhooks import (
    answer_and_inject,
    inject_target,
    system_exempt,
    validators_asked,
)
from policies.facts.cluster import ClusterFacts, Namespace, Selector
from policies.facts.observations import Canary, ValidatorTried
from suites.policy.builders import (
    SOURCE,
    TARGET,
    TO,
    bundle,
    canaries,
    certificate,
    change,
    cluster,
)

GOOD = canaries(["injected"] * 4)


def test_healthy_webhooks_answer_and_inject() -> None:
    assert answer_and_inject(cluster(TARGET), GOOD, TO).status == "holds"


def test_an_injector_that_stays_old_is_a_violation() -> None:
    old = canaries(["injected"] * 4, version=SOURCE)
    verdict = answer_and_inject(cluster(TARGET), old, TO)

    assert verdict.status == "violated"
    assert f"proxy {SOURCE}" in verdict.seen


def test_a_new_image_by_an_old_injector_is_a_violation() -> None:
    mixed = tuple(change(c, injected_by=f"linkerd/proxy-injector {SOURCE}") for c in GOOD)

    assert inject_target(mixed, TO).status == "violated"


@pytest.mark.parametrize("outcome", ["unmeshed", "refused"])
def test_only_the_last_canaries_count(outcome: str) -> None:
    bad = canaries([outcome] * 9)
    late = tuple(change(c, at=c.at.replace(hour=13)) for c in GOOD)

    assert inject_target((*late, *bad), TO).status == "holds"
    assert inject_target((*GOOD, *(change(c, at=c.at.replace(hour=14)) for c in bad)), TO).items


@pytest.mark.parametrize("seen", [(), canaries(["unobserved"] * 5)], ids=["none", "unobserved"])
def test_without_an_observed_canary_it_is_not_assessed(seen: tuple[Canary, ...]) -> None:
    assert inject_target(seen, TO).status == "not assessed"
    assert answer_and_inject(cluster(TARGET), seen, TO).status == "not assessed"


def test_a_broken_trust_is_a_violation_even_without_canaries() -> None:
    facts = cluster(TARGET)
    broken = change(facts.webhooks[0], ca_bundle=bundle("x", certificate("stranger")))
    verdict = answer_and_inject(change(facts, webhooks=(broken,)), (), TO)

    assert verdict.status == "violated"


def test_a_webhook_without_a_ready_endpoint_is_a_violation() -> None:
    facts = cluster(TARGET)
    gone = change(facts, endpoints=facts.endpoints[1:])
    verdict = answer_and_inject(gone, GOOD, TO)

    assert "none behind Service linkerd/linkerd-proxy-injector" in verdict.seen


ASKED = ValidatorTried(webhook="linkerd-policy-validator.linkerd.io", kind="Server", refuses=True)


def test_a_validator_that_refuses_what_is_wrong_was_asked() -> None:
    assert validators_asked([ASKED]).status == "holds"
    assert answer_and_inject(cluster(TARGET), GOOD, TO, [ASKED]).status == "holds"


@pytest.mark.parametrize(
    ("tried", "seen"),
    [
        (change(ASKED, refuses=False), "a wrong Server is accepted"),
        (change(ASKED, refuses=False, status=500, reason="x509"), "x509"),
    ],
    ids=["Ignore", "Fail"],
)
def test_a_validator_that_cannot_be_called_is_a_violation(
    tried: ValidatorTried, seen: str
) -> None:
    verdict = answer_and_inject(cluster(TARGET), GOOD, TO, [ASKED, tried])

    assert verdict.status == "violated"
    assert seen in verdict.seen


def test_the_last_answer_of_each_validator_counts() -> None:
    assert validators_asked([change(ASKED, refuses=False), ASKED]).status == "holds"


@pytest.mark.parametrize("status", [403, 404, 422])
def test_an_api_that_refuses_for_another_reason_tells_nothing(status: int) -> None:
    refused = change(ASKED, refuses=False, status=status, reason="no right")
    verdict = validators_asked([refused])

    assert verdict.status == "not assessed"
    assert "no right" in verdict.reason
    other = change(ASKED, webhook="linkerd-sp-validator.linkerd.io", refuses=False)
    assert validators_asked([refused, other]).status == "violated"


SYSTEM = Namespace(
    name="kube-system", uid="s", labels=(("kubernetes.io/metadata.name", "kube-system"),)
)
NOT_SYSTEM = Selector(
    expressions=(("kubernetes.io/metadata.name", "NotIn", ("kube-system", "cert-manager")),)
)
NO_COMPONENT = Selector(
    expressions=(("linkerd.io/control-plane-component", "DoesNotExist", ()),)
)  # fmt: skip
PLUGIN = Namespace(name="linkerd-cni", uid="c", labels=(("linkerd.io/cni-resource", "true"),))


OPEN: dict[str, object] = {
    "failure_policy": "Fail",
    "resources": ("pods", "services"),
    "namespace_selector": Selector(),
    "object_selector": Selector(),
}


def asking(**fields: object) -> ClusterFacts:
    """An injector that must be asked, with these selectors, beside the system's namespaces."""
    facts = cluster(TARGET)
    hooks = tuple(change(w, **{**OPEN, **fields}) for w in facts.webhooks if "injector" in w.name)
    return change(facts, webhooks=hooks, namespaces=(*facts.namespaces, SYSTEM))


def test_a_webhook_that_leaves_the_systems_pods_out_holds() -> None:
    spared = asking(namespace_selector=NOT_SYSTEM, object_selector=NO_COMPONENT)

    assert system_exempt(spared).status == "holds"
    assert system_exempt(asking(failure_policy="Ignore")).status == "holds"
    assert system_exempt(cluster(TARGET)).status == "holds"


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        (asking(object_selector=NO_COMPONENT), "namespace kube-system"),
        (asking(namespace_selector=NOT_SYSTEM), "the control plane's pods in namespace linkerd"),
    ],
)
def test_a_webhook_that_is_asked_about_the_systems_pods_is_a_violation(
    facts: ClusterFacts, named: str
) -> None:
    verdict = system_exempt(facts)

    assert verdict.status == "violated"
    assert named in " ".join(i.expected for i in verdict.violations)


def test_the_plugins_pods_are_the_systems_too() -> None:
    facts = asking(namespace_selector=NOT_SYSTEM, object_selector=NO_COMPONENT)
    facts = change(facts, namespaces=(*facts.namespaces, PLUGIN))
    keys = (*NO_COMPONENT.expressions, ("linkerd.io/cni-resource", "DoesNotExist", ()))
    spared = change(facts.webhooks[0], object_selector=Selector(expressions=keys))

    assert "linkerd-cni" in " ".join(i.expected for i in system_exempt(facts).violations)
    assert system_exempt(change(facts, webhooks=(spared,))).status == "holds"
