"""What a copy lacks is explained beside a verdict, and never turns one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.facts.cluster import Node
from policies.verdicts.findings import Item, Verdict, holds, judged, not_assessed
from policies.workloads.copies import Lacking, but_for, concerning, grown
from suites.policy.builders import change, cluster, pod

WEBHOOK = Lacking(
    subject="ValidatingWebhookConfiguration kyverno",
    what="left out of the copy",
    why="what it would have decided on new pods in shop is not assessed",
    controls=("PRE-10",),
)
BAD = judged([Item(subject="a", seen="refused")], holds_as="", violated_as="No", expected="yes")


def test_what_would_have_been_decided_stands_beside_what_holds() -> None:
    verdict = but_for(holds("All admitted"), [WEBHOOK], "PRE-10")

    assert verdict.status == "holds"
    assert [(i.subject, i.explained) for i in verdict.explained] == [
        (WEBHOOK.subject, WEBHOOK.why)
    ]


def test_another_control_does_not_speak_of_it() -> None:
    assert but_for(holds("All accepted"), [WEBHOOK], "PRE-09") == holds("All accepted")


@given(st.sampled_from([holds("yes"), BAD, not_assessed("no right")]))
def test_no_verdict_is_turned(verdict: Verdict) -> None:
    found = but_for(verdict, [WEBHOOK], "PRE-10")

    assert found.status == verdict.status
    assert found.violations == verdict.violations
    assert found.reason == verdict.reason


def test_only_workloads_that_run_a_proxy_are_named() -> None:
    web, plain = (
        Lacking(subject=f"Deployment shop/{name}", what="runs without its scheduler", why="ready")
        for name in ("web", "plain")
    )
    facts = change(
        cluster(),
        pods=(
            pod("web-1", owner_name="web"),
            change(pod("plain-1", owner_name="plain"), proxy=None),
        ),
    )

    assert concerning([WEBHOOK, web, plain], facts) == (WEBHOOK, web)


def test_a_node_that_an_autoscaler_had_to_bring_is_a_risk_by_its_name() -> None:
    by = "Karpenter (node pool default)"
    facts = change(cluster(), nodes=(Node(name="a"), Node(name="a-added-1", added_by=by)))

    (risk,) = grown(facts)
    verdict = but_for(holds("Rollouts are complete"), [risk], "DP-05")

    assert verdict.status == "holds"
    assert by in verdict.explained[0].explained
    assert "not assessed" in verdict.explained[0].explained
