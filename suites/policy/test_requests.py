"""Requests to the injector: what it ignores is named, with what was probably meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.preflight.injection_requests import NAMES, VALUES, nearest, understood
from policies.facts.cluster import ClusterFacts, Unreadable
from suites.policy.builders import (
    change,
    cluster,
    namespace,
    pod,
    with_pods,
    with_workloads,
    workload,
)

INJECT = "linkerd.io/inject"
Keys = tuple[tuple[str, str, str], ...]


def space(inject: str = "", keys: Keys = (), label: str = "") -> ClusterFacts:
    labels = ((INJECT, label),) if label else ()
    found = change(namespace("books", inject), labels=labels, linkerd_keys=keys)
    facts = cluster()
    return change(facts, namespaces=(*facts.namespaces, found))


def template(inject: str = "", keys: Keys = (), *, by_hand: bool = False) -> ClusterFacts:
    found = change(workload("mail", within="shop"), inject=inject, linkerd_keys=keys)
    return with_workloads(cluster(), change(found, hand_injected=by_hand))


@pytest.mark.parametrize(
    ("facts", "subject", "expected"),
    [
        (space("enable"), "namespace books", f"{INJECT}: enabled"),
        (space(label="enabled"), "namespace books", "as an annotation"),
        (template("true"), "pod template of", f"{INJECT}: enabled"),
        (template("Disabled"), "pod template of", f"{INJECT}: disabled"),
        (template("enabled "), "pod template of", f"{INJECT}: enabled"),
        (template('"enabled"'), "pod template of", f"{INJECT}: enabled"),
        (template("ingres"), "pod template of", f"{INJECT}: ingress"),
        (template(keys=(("annotation", INJECT, "enabled"),)), "shop/mail", "of its pod template"),
        (template(keys=(("template label", INJECT, "true"),)), "shop/mail", f"{INJECT}: enabled"),
        (template(keys=(("template annotation", "linkerd.io/injected", "x"),)), "shop", INJECT),
        (
            template(keys=(("template annotation", "config.linkerd.io/skip-outbound-port", "1"),)),
            "shop/mail",
            "config.linkerd.io/skip-outbound-ports",
        ),
        (
            template(keys=(("template label", "config.linkerd.io/proxy-cpu-limit", "1"),)),
            "shop/mail",
            "as an annotation",
        ),
        (
            space(keys=(("annotation", "configs.linkerd.io/opaque-ports", "1"),)),
            "namespace books",
            "config.linkerd.io/opaque-ports",
        ),
        (with_pods(cluster(), change(pod("one"), owner_kind="", inject="yes")), "pod", "enabled"),
    ],
)
def test_what_nobody_reads_is_named(facts: ClusterFacts, subject: str, expected: str) -> None:
    verdict = understood(facts)

    assert verdict.status == "violated"
    assert len(verdict.violations) == 1
    assert subject in verdict.violations[0].subject
    assert expected in verdict.violations[0].expected


@pytest.mark.parametrize(
    "facts",
    [
        cluster(),
        *(space(value) for value in VALUES),
        space("enabled", label="enabled"),
        space(keys=(("label", "config.linkerd.io/admission-webhooks", "disabled"),)),
        template("enabled", (("annotation", INJECT, "enabled"),)),
        template(keys=(("annotation", INJECT, "enabled"),), by_hand=True),
        template(
            keys=tuple(("template annotation", f"config.linkerd.io/{n}", "1") for n in NAMES)
        ),
        template(keys=(("template annotation", "config.linkerd.io/brand-new-thing", "1"),)),
        template(keys=(("annotation", "somebody.example/linkerd.io", "1"),)),
        template(
            keys=(
                (
                    "template annotation",
                    "config.alpha.linkerd.io/proxy-enable-native-sidecar",
                    "1",
                ),
            )
        ),
    ],
)
def test_what_the_injector_reads_or_nobody_knows_is_left_alone(facts: ClusterFacts) -> None:
    assert understood(facts).status == "holds"


def test_without_namespaces_nothing_is_said() -> None:
    unread = (Unreadable(resource="namespaces", reason="forbidden"),)

    assert understood(change(cluster(), unreadable=unread)).status == "not assessed"


@given(st.text(max_size=30))
def test_the_nearest_value_is_one_or_none(text: str) -> None:
    assert nearest(text) in ("", *VALUES)
