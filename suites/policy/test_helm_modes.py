"""Each mode of values, judged before it runs."""

from __future__ import annotations

from typing import Any

import pytest

from policies.controls.helm.modes import (
    Asked,
    advised,
    gateway_rendered,
    value_mode,
    values_arrive,
)
from policies.controls.helm.values import FLAGS, ValueMode, Values
from policies.facts.cluster import Crd
from policies.facts.helm import CONTROL_PLANE, CRDS, ChartValues
from policies.releases.grammar import parse
from policies.skew.hops import Hop
from policies.verdicts.findings import Verdict
from suites.policy.builders import SOURCE, TARGET, change
from suites.policy.helm_stage import (
    GATEWAY,
    HOP,
    ISSUER,
    chart_defaults,
    crds_release,
    helm_cluster,
    live_crds,
    of,
    plane_release,
    settings,
)

NEW = chart_defaults(TARGET, proxy__nativeSidecar="true", brand__new="7")
NEW_CRDS = settings(installGatewayAPI="false")
TO_2_18 = Hop(number=1, source_tag="edge-24.11.8", destination_tag="edge-25.4.4")
TO_2_19 = Hop(number=1, source_tag="edge-25.4.4", destination_tag="edge-25.10.7")
STRAIGHT = Hop(number=1, source_tag="edge-24.11.8", destination_tag="edge-25.10.7")
LEGACY = settings(enableHttpRoutes="true", enableTcpRoutes="true", enableTlsRoutes="true")
BEFORE_2_18 = crds_release("edge-24.11.8", values=(), defaults=LEGACY)


def plane(mode: ValueMode, values: Values | None = None) -> Verdict:
    release = plane_release() if values is None else plane_release(values=values)
    return value_mode(release, HOP, mode, new=NEW)


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("reuse", "violated"),
        ("reset", "violated"),
        ("reset-then-reuse", "holds"),
        ("plain", "holds"),
    ],
)
def test_the_control_planes_modes(mode: ValueMode, status: str) -> None:
    assert plane(mode).status == status


def test_reuse_deploys_the_old_release_with_exit_code_0() -> None:
    verdict = plane("reuse")
    items = {i.subject: i for i in verdict.items}

    assert items["value linkerdVersion"].expected == f'"{TARGET}"'
    assert items["value linkerdVersion"].seen.startswith(f'"{SOURCE}"')
    assert items["value proxy.nativeSidecar"].expected == "true"
    assert "brand.new" in items["new values of the chart"].seen
    assert "--reset-then-reuse-values" in verdict.next_command


def test_reset_asks_for_the_issuer() -> None:
    assert {i.subject for i in plane("reset").items} == {f"value {path}" for path in ISSUER}


def test_an_external_issuer_and_ca_need_not_be_given() -> None:
    given = settings(identity__issuer__scheme='"kubernetes.io/tls"', identity__externalCA="true")

    assert value_mode(plane_release(), HOP, "reset", new=NEW, given=given).status == "holds"


def test_one_value_on_the_command_line_takes_the_issuer_away() -> None:
    verdict = value_mode(
        plane_release(), HOP, "plain", new=NEW, given=settings(controllerReplicas="3")
    )

    assert verdict.status == "violated"
    assert "identityTrustAnchorsPEM" in verdict.seen


def test_a_version_among_the_users_values_wins_over_every_later_chart() -> None:
    frozen = chart_defaults(SOURCE, **{k.replace(".", "__"): v for k, v in ISSUER.items()})

    verdict = plane("reset-then-reuse", values=frozen)

    assert verdict.status == "violated"
    assert "stored as the user's own" in verdict.seen
    assert "helm get values --all" in verdict.cause
    assert "take out what you never set" in verdict.next_command


def test_a_pinned_proxy_is_not_the_target() -> None:
    pinned = of({**ISSUER, "proxy.image.version": f'"{SOURCE}"'})

    assert plane("reset-then-reuse", values=pinned).status == "violated"


@pytest.mark.parametrize("mode", FLAGS)
def test_modes_of_the_crds_that_hold_when_the_user_asked_for_gateway_api(mode: Any) -> None:
    """Recorded: dry runs 024, 026, 028; with `reset` the CRDs leave, and `keep` holds them."""
    verdict = value_mode(crds_release(), HOP, mode, new=NEW_CRDS, crds=live_crds())

    assert verdict.status == "holds"
    assert len(verdict.explained) == (4 if mode == "reset" else 0)


@pytest.mark.parametrize("live", [live_crds(helm_keep=False), ()], ids=["no keep", "unknown"])
def test_crds_without_keep_go_with_their_resources(live: tuple[Crd, ...]) -> None:
    verdict = value_mode(crds_release(), HOP, "reset", new=NEW_CRDS, crds=live)

    assert {i.subject for i in verdict.violations} == {f"CRD {name}" for name in GATEWAY}
    assert "Helm deletes it" in verdict.seen
    assert ("3 resources" in verdict.seen) is bool(live)


def test_keep_in_the_manifest_alone_does_not_help() -> None:
    """Helm asks the live object: `keep` was taken off, or never arrived."""
    release = crds_release()
    assert all(o.keep for o in release.objects)

    live = live_crds(helm_keep=False)

    assert value_mode(release, HOP, "reset", new=NEW_CRDS, crds=live).status == "violated"


@pytest.mark.parametrize(
    ("hop", "default", "mode", "status"),
    [
        (TO_2_18, "true", "reuse", "holds"),
        (TO_2_18, "true", "reset-then-reuse", "holds"),
        (TO_2_18, "true", "reset", "holds"),
        (STRAIGHT, "false", "reuse", "holds"),
        (STRAIGHT, "false", "reset-then-reuse", "violated"),
        (STRAIGHT, "false", "reset", "violated"),
        (STRAIGHT, "false", "plain", "violated"),
    ],
)
def test_from_before_2_18_reuse_holds_and_a_false_default_deletes_routes(
    hop: Hop, default: str, mode: ValueMode, status: str
) -> None:
    """Upgrade notes 18-2 and 19-1: CRDs of 2.17 carry no `keep`."""
    live = live_crds(helm_keep=False)
    new = settings(installGatewayAPI=default)

    assert value_mode(BEFORE_2_18, hop, mode, new=new, crds=live).status == status


def test_from_2_18_the_default_false_leaves_crds_to_nobody() -> None:
    release = crds_release("edge-25.4.4", values=(), defaults=settings(installGatewayAPI="true"))

    verdict = value_mode(release, TO_2_19, "reset-then-reuse", new=NEW_CRDS, crds=live_crds())

    assert verdict.status == "holds"
    assert all("nobody upgrades it" in i.seen for i in verdict.explained)


def test_crds_of_another_owner_stop_the_whole_upgrade() -> None:
    """2.17 without its own Gateway API, upgraded to the default of 2.18."""
    off = settings(enableHttpRoutes="false", enableTcpRoutes="false", enableTlsRoutes="false")
    release = crds_release("edge-24.11.8", values=off, defaults=LEGACY, objects=())
    foreign = live_crds(helm_release="", helm_owned=False)
    new = settings(installGatewayAPI="true")

    reset = value_mode(release, TO_2_18, "reset", new=new, crds=foreign)
    kept = value_mode(release, TO_2_18, "reset-then-reuse", new=new, crds=foreign)

    assert reset.status == "violated"
    assert "Helm refuses the whole upgrade" in reset.seen
    assert kept.status == "holds"


@pytest.mark.parametrize(
    ("values", "target", "rendered"),
    [
        ({"installGatewayAPI": "true"}, TARGET, True),
        ({"installGatewayAPI": "false"}, TARGET, False),
        ({"installGatewayAPI": "true", "enableHttpRoutes": "false"}, TARGET, False),
        ({"installGatewayAPI": "false", "enableHttpRoutes": "true"}, TARGET, True),
        ({"installGatewayAPI": "true"}, "edge-24.11.8", False),
        ({"enableHttpRoutes": "true"}, "edge-24.11.8", True),
        ({}, TARGET, False),
    ],
)
def test_what_renders_the_gateway_api(values: dict[str, str], target: str, rendered: bool) -> None:
    assert gateway_rendered(GATEWAY[1], parse(target), values) is rendered


def test_the_advice_is_the_first_mode_that_holds() -> None:
    live = live_crds(helm_keep=False)

    assert advised(plane_release(), HOP, NEW, ()) == "reset-then-reuse"
    assert advised(BEFORE_2_18, STRAIGHT, NEW_CRDS, live) == "reuse"
    assert advised(crds_release(), HOP, NEW_CRDS, live) == "reset-then-reuse"
    broken = plane_release(values=settings(linkerdVersion=f'"{SOURCE}"'))
    assert advised(broken, HOP, NEW, ()) is None


@pytest.mark.parametrize(
    ("fields", "new"), [({"unread": "refused"}, NEW), ({}, ()), ({"chart": "viz"}, NEW)]
)
def test_what_cannot_be_known_is_not_assessed(fields: dict[str, Any], new: Any) -> None:
    verdict = value_mode(plane_release(**fields), HOP, "reuse", new=new)

    assert verdict.status == "not assessed"


CHARTS = (
    ChartValues(chart=CRDS, release=TARGET, values=NEW_CRDS),
    ChartValues(chart=CONTROL_PLANE, release=TARGET, values=NEW),
)


def test_both_charts_are_judged_together() -> None:
    facts = change(helm_cluster(), crds=live_crds())
    right = (Asked(chart=CRDS), Asked(chart=CONTROL_PLANE))
    wrong = (Asked(chart=CRDS), Asked(chart=CONTROL_PLANE, mode="reuse"))

    assert values_arrive(facts, HOP, right, CHARTS).status == "holds"
    assert values_arrive(facts, HOP, wrong, CHARTS).status == "violated"
    assert values_arrive(facts, HOP, right, CHARTS[:1]).status == "not assessed"
    assert values_arrive(change(facts, helm=()), HOP, right, CHARTS).status == "not assessed"


def test_values_given_with_the_command_count() -> None:
    facts = change(helm_cluster(), crds=live_crds(helm_keep=False))
    asked = Asked(chart=CRDS, mode="reset", sets=("installGatewayAPI=true",))

    assert values_arrive(facts, HOP, (asked,), CHARTS).status == "holds"
    assert values_arrive(facts, HOP, (change(asked, sets=()),), CHARTS).status == "violated"
