from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.control_plane.certificates import anchors_retained, outlast, webhook_trust
from policies.facts.cluster import Bundle, Certificate, Unreadable
from suites.policy.builders import (
    ANCHOR,
    ANCHORS,
    ISSUER,
    NOW,
    ROOT,
    TARGET,
    bundle,
    certificate,
    change,
    cluster,
    issuer,
    pod,
    proxy,
    webhook,
    with_pods,
)

SOON = NOW + timedelta(hours=2)
NO_SECRETS = (Unreadable(resource="secrets", reason="forbidden"),)
NO_MAPS = (Unreadable(resource="configmaps", reason="forbidden"),)
OTHER = certificate("another root", ca=True)


def anchors(*certificates: Certificate) -> Bundle:
    return bundle(ANCHORS.place, *certificates)


def test_healthy_certificates_outlast_the_rehearsal() -> None:
    verdict = outlast(cluster(), until=SOON)

    assert verdict.status == "holds"
    assert not verdict.items


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("trust_roots", anchors(certificate("old root", ca=True, days=-0.5)), "old root"),
        ("trust_roots", anchors(ANCHOR, certificate("short", ca=True, days=0.05)), "short"),
        ("trust_roots", None, "trust anchors"),
        ("trust_roots", anchors(), "ConfigMap"),
        ("issuer", issuer(certificate("short", signer=ANCHOR, days=0.05)), "short"),
        ("issuer", issuer(certificate("stray", signer=OTHER)), "stray"),
        ("issuer", None, "identity issuer"),
        ("webhook_certificates", (bundle("Secret x", certificate("w", days=-0.1)),), "Secret x"),
    ],
)
def test_a_certificate_that_does_not_last_is_named(field: str, value: object, named: str) -> None:
    verdict = outlast(change(cluster(), **{field: value}), until=SOON)

    assert verdict.status == "violated"
    assert any(named in i.subject for i in verdict.violations)


def test_a_certificate_not_yet_valid_is_a_violation() -> None:
    early = change(ANCHOR, not_before=NOW + timedelta(minutes=1))
    verdict = outlast(change(cluster(), trust_roots=anchors(early)), until=SOON)

    assert "not valid before" in verdict.seen


def test_less_than_sixty_days_is_explained() -> None:
    facts = change(cluster(), issuer=issuer(certificate("i", signer=ANCHOR, days=59)))
    verdict = outlast(facts, until=SOON)

    assert verdict.status == "holds"
    assert [i.seen for i in verdict.explained] == ["expires 2026-08-29 12:00Z, in 59 days"]


def test_without_secrets_it_is_not_assessed() -> None:
    facts = change(cluster(), issuer=None, webhook_certificates=(), unreadable=NO_SECRETS)

    assert outlast(facts, until=SOON).reason.endswith("(secrets: forbidden)")


def test_without_secrets_an_expired_anchor_is_still_seen() -> None:
    expired = anchors(certificate("r", ca=True, days=-0.5))
    facts = change(cluster(), issuer=None, trust_roots=expired, unreadable=NO_SECRETS)

    assert outlast(facts, until=SOON).status == "violated"


def test_without_config_maps_it_is_not_assessed() -> None:
    facts = change(cluster(), trust_roots=None, unreadable=NO_MAPS)

    assert outlast(facts, until=SOON).status == "not assessed"
    assert anchors_retained(facts, facts).status == "not assessed"


@given(st.integers(-100, 4000), st.integers(0, 4000))
def test_the_end_decides_and_nothing_else(days: int, window: int) -> None:
    facts = change(cluster(), trust_roots=anchors(certificate("r", ca=True, days=days)))
    facts = change(facts, issuer=facts.trust_roots, webhook_certificates=())
    verdict = outlast(facts, until=NOW + timedelta(days=window))

    assert (verdict.status == "holds") == (days >= window)


def test_retained_anchors_hold() -> None:
    assert anchors_retained(cluster(), cluster(TARGET)).status == "holds"


def test_a_grown_bundle_is_explained() -> None:
    after = change(cluster(TARGET), trust_roots=anchors(ANCHOR, OTHER))
    verdict = anchors_retained(cluster(), after)

    assert verdict.status == "holds"
    assert "another root" in verdict.explained[0].subject


@pytest.mark.parametrize("now", [(OTHER,), ()], ids=["replaced", "empty"])
def test_a_lost_anchor_is_a_violation(now: tuple[Certificate, ...]) -> None:
    verdict = anchors_retained(cluster(), change(cluster(), trust_roots=anchors(*now)))

    assert verdict.status == "violated"
    assert any("gone" in i.seen for i in verdict.violations)


@given(st.sets(st.integers(0, 5), min_size=1), st.sets(st.integers(0, 5), min_size=1))
def test_only_a_superset_is_retained(before: set[int], after: set[int]) -> None:
    roots = [certificate(f"root {n}", ca=True) for n in range(6)]
    old = change(cluster(), trust_roots=anchors(*(roots[n] for n in sorted(before))), issuer=None)
    new = change(old, trust_roots=anchors(*(roots[n] for n in sorted(after))))

    assert (anchors_retained(old, new).status == "holds") == (before <= after)


def test_an_issuer_renewed_by_a_retained_anchor_is_explained() -> None:
    renewed = certificate("identity, renewed", signer=ANCHOR, ca=True)
    verdict = anchors_retained(cluster(), change(cluster(), issuer=issuer(renewed)))

    assert verdict.status == "holds"
    assert verdict.explained


def test_an_issuer_over_an_intermediate_is_explained() -> None:
    middle = certificate("intermediate", signer=ANCHOR, ca=True)
    renewed = certificate("identity, renewed", signer=middle, ca=True)
    verdict = anchors_retained(cluster(), change(cluster(), issuer=issuer(renewed, middle)))

    assert verdict.status == "holds"


@pytest.mark.parametrize(
    "now",
    [
        issuer(certificate("stray", signer=OTHER)),
        None,
        issuer(),
        issuer(change(ISSUER, not_after=NOW - timedelta(hours=1))),
    ],
    ids=["another's", "gone", "empty", "expired"],
)
def test_a_lost_issuer_is_a_violation(now: Bundle | None) -> None:
    assert anchors_retained(cluster(), change(cluster(), issuer=now)).status == "violated"


def test_without_an_issuer_to_read_it_is_not_assessed() -> None:
    facts = change(cluster(), issuer=None, unreadable=NO_SECRETS)

    assert anchors_retained(facts, facts).status == "not assessed"


def test_a_pod_with_an_older_bundle_is_explained() -> None:
    old = pod("old", created=NOW - timedelta(days=2), proxy=proxy(TARGET, trust_root="cd" * 32))
    verdict = anchors_retained(cluster(), with_pods(cluster(), old))

    assert verdict.status == "holds"
    assert "shop/old" in verdict.explained[0].subject
    assert verdict.explained[0].expected == f"bundle {ROOT[:12]}"


def test_trusted_webhooks_hold() -> None:
    assert webhook_trust(cluster()).status == "holds"


@pytest.mark.parametrize(
    "ca",
    [None, bundle("empty"), bundle("other", OTHER), change(bundle("x"), unreadable="not PEM")],
    ids=["absent", "empty", "another's", "unreadable"],
)
def test_a_ca_bundle_that_verifies_nothing_is_a_violation(ca: Bundle | None) -> None:
    broken = change(webhook("proxy-injector"), ca_bundle=ca)
    facts = cluster()
    verdict = webhook_trust(change(facts, webhooks=(broken, *facts.webhooks[1:])))

    assert [i.subject for i in verdict.violations] == ["webhook linkerd-proxy-injector.linkerd.io"]


def test_a_signing_ca_in_the_bundle_is_enough() -> None:
    leaf = certificate("linkerd-proxy-injector.linkerd.svc", signer=OTHER)
    injector = change(webhook("proxy-injector"), ca_bundle=bundle("ca", OTHER))
    secret = bundle("Secret linkerd/linkerd-proxy-injector-k8s-tls tls.crt", leaf)
    facts = change(cluster(), webhooks=(injector,), webhook_certificates=(secret,))

    assert webhook_trust(facts).status == "holds"


def test_a_certificate_for_another_service_is_a_violation() -> None:
    facts = cluster()
    first = facts.webhook_certificates[0]
    strange = change(first.certificates[0], dns_names=("other.linkerd.svc",))
    secrets = (change(first, certificates=(strange,)), *facts.webhook_certificates[1:])

    assert webhook_trust(change(facts, webhook_certificates=secrets)).seen.endswith(
        "other.linkerd.svc"
    )


def test_a_missing_secret_is_a_violation_unless_secrets_are_hidden() -> None:
    facts = change(cluster(), webhook_certificates=())

    assert webhook_trust(facts).status == "violated"
    assert webhook_trust(change(facts, unreadable=NO_SECRETS)).status == "not assessed"


def test_no_webhook_at_all_is_a_violation_unless_they_are_hidden() -> None:
    facts = change(cluster(), webhooks=())
    resource = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
    hidden = (Unreadable(resource=resource, reason="forbidden"),)

    assert webhook_trust(facts).status == "violated"
    assert webhook_trust(change(facts, unreadable=hidden)).status == "not assessed"


def test_the_certificate_that_ends_first_is_named_with_its_day() -> None:
    verdict = outlast(cluster(), until=NOW)

    assert verdict.status == "holds"
    assert "the first to end is" in verdict.summary
    assert ", on 20" in verdict.summary
