"""What one canary pod says about injection, whatever the API answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.access.patience import NONE
from fixtures.observers.injection_canary import OWNER, OWNER_LABEL, CanaryThread
from policies.facts.observations import Canary
from suites.harness.pods import pod
from suites.harness.scripted_api import (
    Asked,
    Says,
    Script,
    listing,
    refused,
    scripted_api,
    write_kubeconfig,
)


def asked_once(folder: Path, script: Script) -> Canary:
    with scripted_api(folder, script) as api:
        return CanaryThread(Connection(api.kubeconfig, patience=NONE)).ask("canary-1")


@pytest.mark.parametrize("native", [False, True])
def test_an_injected_pod_says_version_kind_and_injector(tmp_path: Path, native: bool) -> None:
    answer = pod("canary-1", proxy="edge-26.6.3", native=native)
    answer["metadata"]["annotations"]["linkerd.io/created-by"] = "linkerd/proxy-injector x"

    seen = asked_once(tmp_path, lambda _: Says(201, answer))

    assert seen.outcome == "injected"
    assert (seen.version, seen.native) == ("edge-26.6.3", native)
    assert seen.injected_by == "linkerd/proxy-injector x"


def test_a_pod_that_comes_back_as_it_was_is_unmeshed(tmp_path: Path) -> None:
    assert asked_once(tmp_path, lambda _: Says(201, pod("canary-1"))).outcome == "unmeshed"


@pytest.mark.parametrize(("status", "reason"), [(400, "BadRequest"), (500, "InternalError")])
def test_a_denial_is_refused_with_its_reason(tmp_path: Path, status: int, reason: str) -> None:
    seen = asked_once(tmp_path, lambda _: refused(status, reason, "denied the request"))

    assert seen.outcome == "refused"
    assert seen.reason == f"{status} {reason}: denied the request"


@pytest.mark.parametrize("status", [404, 429, 503, 504])
def test_an_api_that_does_not_do_its_part_says_nothing(tmp_path: Path, status: int) -> None:
    assert asked_once(tmp_path, lambda _: refused(status, "x")).outcome == "unobserved"


def test_an_api_that_is_away_says_nothing(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")

    assert (
        CanaryThread(Connection(kubeconfig, patience=NONE)).ask("canary-1").outcome == "unobserved"
    )


def test_the_pod_asks_for_nobody_to_run_it_and_is_deleted_at_once(tmp_path: Path) -> None:
    with scripted_api(tmp_path, lambda _: Says(201, pod("canary-1"))) as api:
        CanaryThread(Connection(api.kubeconfig, patience=NONE)).ask("canary-1")

    created, deleted = api.asked
    assert json.loads(created.body)["spec"]["schedulerName"].startswith("nobody")
    assert (deleted.method, deleted.path.rsplit("/", 1)[-1]) == ("DELETE", "canary-1")
    assert json.loads(deleted.body)["gracePeriodSeconds"] == 0


@pytest.mark.parametrize(("status", "looked_for"), [(504, True), (400, False)])
def test_a_pod_whose_creation_was_given_up_is_gone_before_a_check(
    tmp_path: Path, status: int, looked_for: bool
) -> None:
    """The answer was late, the pod was made all the same."""
    late = pod("canary-1")
    late["metadata"]["labels"] = {OWNER_LABEL: OWNER}

    def script(asked: Asked) -> Says:
        if asked.method == "POST":
            return refused(status, "x")
        return listing(late)

    with scripted_api(tmp_path, script) as api:
        canary = CanaryThread(Connection(api.kubeconfig, patience=NONE))
        canary.ask("canary-1")
        with canary.quiet():
            seen = [asked.method for asked in api.asked]

    assert seen == (["POST", "GET", "DELETE"] if looked_for else ["POST"])
