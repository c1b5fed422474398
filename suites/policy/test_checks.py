from __future__ import annotations

from typing import Any

import pytest

from policies.controls.whole_run.checks import (
    agrees,
    baseline_healthy,
    check_agrees_with_facts,
    checksum_verified,
    client_is,
    expected_categories,
    reports_match,
)
from policies.facts.cluster import Pod, Unreadable
from policies.facts.observations import CheckDocument, CheckRun, CommandRun, VersionReport
from policies.releases.grammar import parse
from suites.policy.builders import (
    NOW,
    SOURCE,
    TARGET,
    TO,
    change,
    check_run,
    cluster,
    pod,
    proxy,
    with_pods,
    with_workloads,
    workload,
)

CORE = expected_categories("check")
PROXY = expected_categories("check --proxy")
CHECK = check_run("check", CORE)
CHECK_PROXY = check_run("check --proxy", PROXY)


def test_a_whole_check_agrees() -> None:
    assert agrees(CHECK, TO).status == "holds"
    assert agrees(CHECK_PROXY).status == "holds"


@pytest.mark.parametrize(
    ("run", "seen"),
    [
        (
            check_run("check", CORE, failed="linkerd-config", exit_code=1),
            "linkerd-config: is right",
        ),
        (check_run("check", CORE, failed="linkerd-config"), "linkerd-config: is right"),
        (check_run("check", CORE[:-1]), "category control-plane-version: missing"),
        (check_run("check", CORE, exit_code=1), "exit code 1 without an error"),
        (CheckRun(label="check", exit_code=1, unreadable="no JSON"), "no JSON"),
        (CheckRun(label="check", exit_code=0), "category kubernetes-api: missing"),
    ],
    ids=["error", "error with exit 0", "category missing", "exit code", "unreadable", "empty"],
)
def test_a_check_that_is_not_whole_is_a_violation(run: CheckRun, seen: str) -> None:
    verdict = agrees(run)

    assert verdict.status == "violated"
    assert seen in verdict.seen


def test_a_warning_is_explained() -> None:
    verdict = agrees(check_run("check", CORE, warned="linkerd-version"))

    assert verdict.status == "holds"
    assert verdict.summary == "`linkerd check` succeeds, 1 warning"
    assert [i.seen for i in verdict.explained] == ["it is old"]


def test_an_error_in_an_extensions_document_is_a_violation() -> None:
    extension = check_run("check", ["linkerd-viz"], failed="linkerd-viz")
    both = change(CHECK, documents=(*CHECK.documents, *extension.documents), exit_code=1)

    assert agrees(both).status == "violated"
    later = agrees(both, pending=("linkerd-viz",))
    assert later.status == "holds"
    assert any("its own step" in i.explained for i in later.explained)


def test_an_error_of_the_core_is_none_that_a_later_step_judges() -> None:
    failed = check_run("check", CORE, failed=CORE[0], exit_code=1)

    assert agrees(failed, pending=("linkerd-viz",)).status == "violated"


def test_a_category_of_the_healthy_run_must_be_there_again() -> None:
    healthy = check_run("check", (*CORE, "linkerd-ha-checks"))

    assert agrees(CHECK, reference=healthy).seen == "category linkerd-ha-checks: missing"
    assert agrees(healthy, reference=healthy).status == "holds"


def test_newer_clients_check_the_gateway_api() -> None:
    assert agrees(CHECK, parse("edge-26.7.1")).seen == "category gateway-api-crd: missing"


def test_a_check_that_was_not_run_is_not_assessed() -> None:
    assert agrees(None).status == "not assessed"
    assert baseline_healthy(None, CHECK_PROXY, cluster()).status == "not assessed"
    assert check_agrees_with_facts(None, CHECK_PROXY, cluster()).status == "not assessed"


def test_a_healthy_baseline_holds() -> None:
    assert baseline_healthy(CHECK, CHECK_PROXY, cluster()).status == "holds"


BROKEN = with_workloads(
    cluster(),
    workload("linkerd-destination", within="linkerd", component="destination", updated=1),
)


def test_a_baseline_is_unhealthy_by_any_of_its_parts() -> None:
    failed = check_run("check --proxy", PROXY, failed="linkerd-data-plane", exit_code=1)

    assert baseline_healthy(CHECK, failed, cluster()).status == "violated"
    assert baseline_healthy(None, failed, cluster()).status == "violated"
    verdict = baseline_healthy(CHECK, CHECK_PROXY, BROKEN)
    assert "1 of 2 updated" in verdict.seen


FAILED_PODS = check_run("check --proxy", PROXY, failed="linkerd-data-plane", exit_code=1)
CRASHING = pod("crash", waiting=(("app", "CrashLoopBackOff"),), ready=False)


@pytest.mark.parametrize(
    "broken",
    [
        CRASHING,
        pod("init", waiting=(("migrate", "Error"), ("linkerd-proxy", "PodInitializing"))),
        pod("waits", node="", phase="Pending", proxy=proxy(SOURCE, ready=False)),
    ],
    ids=["crash", "init", "unscheduled"],
)
def test_an_application_that_was_broken_before_stands_against_no_upgrade(
    broken: Pod,
) -> None:
    facts = with_pods(cluster(), broken)

    verdict = baseline_healthy(CHECK, FAILED_PODS, facts)
    assert verdict.status == "holds"
    assert any(broken.key in item.explained for item in verdict.explained)
    assert check_agrees_with_facts(CHECK, FAILED_PODS, facts).status == "holds"


@pytest.mark.parametrize(
    "broken",
    [
        pod("proxy", waiting=(("linkerd-proxy", "CrashLoopBackOff"),)),
        pod("init", waiting=(("linkerd-init", "Error"), ("linkerd-proxy", "PodInitializing"))),
        pod("unready", proxy=proxy(SOURCE, ready=False)),
    ],
    ids=["proxy", "init", "unready"],
)
def test_a_proxy_at_fault_is_never_hidden_by_a_broken_application(broken: Pod) -> None:
    facts = with_pods(cluster(), CRASHING, broken)

    assert baseline_healthy(CHECK, FAILED_PODS, facts).status == "violated"


def test_the_client_must_be_the_target() -> None:
    assert client_is(TO, VersionReport(client=TARGET)).status == "holds"
    assert client_is(TO, VersionReport(client=SOURCE)).seen == SOURCE
    assert client_is(TO, VersionReport()).status == "violated"
    assert client_is(TO, None).status == "not assessed"


def command(*argv: str, program: Any = "real", exit_code: int = 0) -> CommandRun:
    return CommandRun(argv=argv, program=program, exit_code=exit_code, seconds=0.1, started=NOW)


CLIENT = command("linkerd", "version", "--client")


def test_a_checksum_that_was_compared_holds() -> None:
    assert checksum_verified([CLIENT, command("sha256sum", "--check")]).status == "holds"


def test_a_checksum_that_differs_is_a_violation() -> None:
    assert checksum_verified([command("sha256sum", "--check", exit_code=1)]).status == "violated"


def test_a_checksum_nobody_compared_is_not_assessed() -> None:
    standing_in = command("linkerd", "version", "--client", program="stand-in")

    assert "stand-in" in checksum_verified([standing_in]).reason
    assert "no published checksum" in checksum_verified([CLIENT]).reason


def report(**fields: Any) -> VersionReport:
    told = VersionReport(client=TARGET, server=TARGET, proxies=((TARGET, 7),))
    return change(told, **fields)


def test_reports_that_match_hold() -> None:
    assert reports_match(report(), cluster(TARGET), TO).status == "holds"


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({"client": SOURCE}, "client"),
        ({"server": SOURCE}, "server"),
        ({"server": ""}, "server"),
        ({"proxies": ((TARGET, 7), (SOURCE, 1))}, f"proxy version {SOURCE}"),
        ({"proxies": ()}, f"proxy version {TARGET}"),
        ({"proxies": ((TARGET, 7), ("", 1))}, "proxy version (unknown)"),
    ],
    ids=["client", "server", "no server", "one too many", "none", "unknown"],
)
def test_a_report_that_differs_is_a_violation(fields: dict[str, Any], subject: str) -> None:
    verdict = reports_match(report(**fields), cluster(TARGET), TO)

    assert [i.subject for i in verdict.violations] == [subject]


def test_no_version_is_expected_of_an_image_by_digest() -> None:
    image = f"cr.l5d.io/linkerd/proxy:{TARGET}@sha256:{'0' * 64}"
    digests = with_pods(
        cluster(TARGET), *(pod(n, proxy=proxy(TARGET, image=image)) for n in ("a", "b"))
    )

    told = report(proxies=((TARGET, 7), ("", 2)))
    assert reports_match(told, digests, TO).status == "holds"
    wrong = report(proxies=((TARGET, 9),))
    assert reports_match(wrong, digests, TO).status == "violated"


def test_pods_that_came_and_went_are_explained() -> None:
    leaving = with_pods(cluster(TARGET), pod("x", deleting=True))
    verdict = reports_match(report(proxies=((TARGET, 9),)), leaving, TO)

    assert verdict.status == "holds"
    assert len(verdict.explained) == 2


def test_a_report_without_anything_to_compare_is_not_assessed() -> None:
    hidden = change(cluster(), unreadable=(Unreadable(resource="pods", reason="forbidden"),))

    assert reports_match(None, cluster(), TO).status == "not assessed"
    assert reports_match(report(), hidden, TO).status == "not assessed"
    assert reports_match(report(), change(cluster(), config=None), TO).reason


def test_check_and_facts_that_agree_hold() -> None:
    verdict = check_agrees_with_facts(CHECK, CHECK_PROXY, cluster())

    assert (verdict.status, verdict.items) == ("holds", ())


def test_what_the_check_does_not_look_at_is_explained() -> None:
    blind = with_pods(BROKEN, pod("x", version=None))
    verdict = check_agrees_with_facts(CHECK, CHECK_PROXY, blind)

    assert verdict.status == "holds"
    assert [i.explained[-5:] for i in verdict.explained] == ["CP-02", "DP-01"]


def test_what_only_the_check_sees_is_a_violation() -> None:
    failed = check_run("check", CORE, failed="linkerd-identity", exit_code=1)

    assert check_agrees_with_facts(failed, CHECK_PROXY, cluster()).status == "violated"
    assert check_agrees_with_facts(failed, CHECK_PROXY, BROKEN).status == "holds"


def test_the_false_alarm_of_an_evicted_pod_is_explained() -> None:
    failed = check_run("check --proxy", PROXY, failed="linkerd-data-plane", exit_code=1)
    evicted = with_pods(cluster(), pod("gone", phase="Failed", reason="Evicted"))
    verdict = check_agrees_with_facts(CHECK, failed, evicted)

    assert verdict.status == "holds"
    assert "shop/gone" in verdict.explained[0].explained


def test_a_check_cut_short_does_not_agree() -> None:
    cut = CheckRun(label="check", exit_code=0, documents=(CheckDocument(success=True),))

    assert check_agrees_with_facts(cut, CHECK_PROXY, cluster()).status == "violated"


def said_of(name: str) -> CheckRun:
    """`check --proxy` that stopped at a pod."""
    run = check_run("check --proxy", PROXY, failed="linkerd-data-plane", exit_code=1)
    (document,) = run.documents
    error = f'container "linkerd-proxy" in pod "{name}" is not ready'
    categories = tuple(
        change(
            c,
            checks=tuple(change(k, error=error) if k.result == "error" else k for k in c.checks),
        )
        for c in document.categories
    )
    return change(run, documents=(change(document, categories=categories),))


def test_a_dead_pod_that_lies_there_is_explained_where_no_living_proxy_is_at_fault() -> None:
    dead = change(pod("evicted"), phase="Failed")
    facts = with_pods(cluster(), dead)

    verdict = agrees(said_of("evicted"), facts=facts)

    assert verdict.status == "holds"
    assert any("has ended and lies there" in i.explained for i in verdict.explained)
    assert agrees(said_of("another"), facts=facts).status == "violated"
    assert agrees(said_of("evicted")).status == "violated", "after the baseline it is a fact"
    unready = proxy(SOURCE, ready=False)
    at_fault = with_pods(cluster(), dead, pod("living", proxy=unready))
    assert agrees(said_of("evicted"), facts=at_fault).status == "violated"
