"""Who goes on writing the control plane's objects once it is upgraded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from policies.controls.whole_run.rewritten import left_alone
from policies.facts.base import ObjectKey
from policies.facts.observations import Written
from suites.policy.builders import change

AT = datetime(2026, 8, 1, 16, 2, 3, tzinfo=UTC)
SECRET = Written(
    key=ObjectKey(kind="Secret", namespace="linkerd", name="linkerd-proxy-injector-k8s-tls"),
    version="uid 7",
    manager="kubectl",
)
REWRITTEN = change(SECRET, version="uid 8", manager="argocd-controller", at=AT)


def test_objects_that_nobody_wrote_hold() -> None:
    assert left_alone([SECRET], [SECRET]).status == "holds"


def test_who_wrote_an_object_and_when_is_named() -> None:
    verdict = left_alone([SECRET], [REWRITTEN])

    assert verdict.status == "violated"
    assert verdict.seen == (
        "Secret linkerd/linkerd-proxy-injector-k8s-tls: written by argocd-controller at 16:02:03Z"
    )


def test_without_managed_fields_it_is_a_violation_all_the_same() -> None:
    nobody = change(REWRITTEN, manager="", at=None)

    assert left_alone([SECRET], [nobody]).seen.endswith(": written")


def test_a_ca_bundle_that_cert_manager_keeps_is_explained() -> None:
    kept = change(REWRITTEN, keeper="cert-manager")

    assert left_alone([SECRET], [kept]).status == "holds"
    assert left_alone([SECRET], [kept]).explained


@pytest.mark.parametrize("then", [[], [SECRET]], ids=["new", "changed"])
def test_what_is_not_linkerds_is_nobodys_business(then: list[Written]) -> None:
    mine = change(REWRITTEN, key=ObjectKey(kind="Secret", namespace="linkerd", name="mine"))
    earlier = [change(mine, version="uid 7"), *then]

    assert left_alone(earlier, [mine]).status == "holds"


@pytest.mark.parametrize(("then", "now"), [([], [SECRET]), ([SECRET], [])])
def test_one_look_is_no_comparison(then: list[Written], now: list[Written]) -> None:
    assert left_alone(then, now).status == "not assessed"
