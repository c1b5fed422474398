"""An existing cluster as a target: who it is, whose clock it has, what was consented to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.cluster.access.connection import ClusterError
from fixtures.core.errors import BadInput
from fixtures.scenario.parts import Consent
from fixtures.targets.existing import (
    READ_ONLY,
    ExistingTarget,
    Look,
    agree,
    current_context,
    look,
)
from suites.detection.runs import rehearse
from suites.harness.scripted_api import (
    Asked,
    Says,
    Script,
    refused,
    scripted_api,
    write_kubeconfig,
)

SEEN = Look(context="here", uid="u-1", kubernetes="v1.32.0", clock=None)


def api(*, embedded: bool, clock: Says | None = None, uid: str = "u-1") -> Script:
    """An API server that is the embedded one, or is not."""

    def script(asked: Asked) -> Says:
        if asked.path == "/version":
            tree = "embedded" if embedded else "clean"
            return Says(body={"gitVersion": "v1.32.9", "gitTreeState": tree})
        if asked.path == "/api/v1/namespaces/kube-system":
            return Says(body={"metadata": {"name": "kube-system", "uid": uid}})
        if asked.path == "/_embedded/clock" and clock is not None:
            return clock
        return refused(404, "NotFound")

    return script


def test_a_real_cluster_has_real_time_and_no_stand_ins(tmp_path: Path) -> None:
    with scripted_api(tmp_path, api(embedded=False)) as served:
        seen = look(served.kubeconfig, "")
    target = ExistingTarget(served.kubeconfig, "", seen=seen)

    assert (seen.context, seen.uid, seen.kubernetes) == ("here", "u-1", "v1.32.9")
    assert target.speed == 1.0
    assert target.capabilities == READ_ONLY
    assert {a.method for a in served.asked} == {"GET"}


def test_an_embedded_cluster_says_so_and_has_a_clock_of_its_own(tmp_path: Path) -> None:
    clock = Says(body={"now": "2030-01-01T00:00:00.000000Z", "speed": 50, "started": "x"})
    with scripted_api(tmp_path, api(embedded=True, clock=clock)) as served:
        seen = look(served.kubeconfig, "elsewhere")
    target = ExistingTarget(served.kubeconfig, "elsewhere", seen=seen)

    assert seen.context == "elsewhere"
    assert target.speed == 50
    assert target.now().year == 2030
    assert target.capabilities.stand_ins
    assert target.capabilities.simulated
    assert not target.capabilities.mutable
    assert not target.capabilities.behaviours


def test_without_the_right_to_the_clock_time_is_real(tmp_path: Path) -> None:
    with scripted_api(tmp_path, api(embedded=True, clock=refused(403, "Forbidden"))) as served:
        seen = look(served.kubeconfig, "")

    assert seen.speed == 1.0
    assert seen.embedded


def test_expired_credentials_are_an_error_not_a_clock(tmp_path: Path) -> None:
    with (
        scripted_api(tmp_path, api(embedded=True, clock=refused(401, "Unauthorized"))) as served,
        pytest.raises(ClusterError, match="401"),
    ):
        look(served.kubeconfig, "")


@pytest.mark.parametrize(
    ("consent", "said"),
    [
        (None, "may only be read"),
        (Consent(context="elsewhere", cluster_uid="u-1"), "another context"),
        (Consent(context="here", cluster_uid="u-2"), "another cluster"),
        (Consent(context="here", cluster_uid=""), "another cluster"),
    ],
)
def test_both_context_and_cluster_must_match(consent: Consent | None, said: str) -> None:
    with pytest.raises(BadInput, match=said) as refusal:
        agree(consent, SEEN)

    assert refusal.value.exit_code == 4
    assert refusal.value.expected


def test_a_matching_consent_is_enough() -> None:
    agree(Consent(context="here", cluster_uid="u-1"), SEEN)


def test_a_cluster_that_changed_since_the_first_look_is_refused_at_the_start(
    tmp_path: Path,
) -> None:
    consent = Consent(context="here", cluster_uid="u-1")
    with (
        scripted_api(tmp_path, api(embedded=False, uid="u-9")) as served,
        pytest.raises(BadInput, match="another cluster"),
    ):
        ExistingTarget(served.kubeconfig, "", seen=SEEN, consent=consent).start()


def test_consent_makes_it_mutable() -> None:
    assert SEEN.capabilities(consented=True).mutable
    assert not SEEN.capabilities(consented=False).mutable


@pytest.mark.parametrize("content", ["{}", "current-context: ''", "current-context: null"])
def test_a_kubeconfig_may_have_no_current_context(tmp_path: Path, content: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(content)

    assert current_context(file) == ""


@pytest.mark.parametrize("suite", ["verify", "upgrade"])
def test_a_cluster_that_does_not_answer_ends_with_the_request_named(
    tmp_path: Path, suite: str
) -> None:
    kubeconfig, scenario = tmp_path / "kubeconfig", tmp_path / "consent.toml"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")
    scenario.write_text('[consent]\ncontext = "here"\ncluster_uid = "u"\n')

    run = rehearse(
        tmp_path,
        "--cluster-kubeconfig",
        str(kubeconfig),
        "--trust-scenario",
        "--scenario",
        str(scenario),
        suite=suite,
    )

    assert run.exit_code == 3, run.output
    assert run.output.count("cannot be reached") == 1, "found out once, and said once"
    assert "GET http://127.0.0.1:9/version" in run.output
    assert f"kubectl --kubeconfig {kubeconfig} version" in run.output
    assert "Traceback" not in run.output
    assert not run.folder.exists()


def test_verify_looks_without_the_right_to_know_which_cluster_it_is(tmp_path: Path) -> None:
    def script(asked: Asked) -> Says:
        if asked.path == "/api/v1/namespaces/kube-system":
            return refused(403, "Forbidden")
        return api(embedded=False)(asked)

    with scripted_api(tmp_path, script) as served:
        seen = look(served.kubeconfig, "")

    assert (seen.uid, seen.kubernetes) == ("", "v1.32.9")
    for uid in ("", "u-1"):
        with pytest.raises(BadInput, match="cannot be seen which cluster") as refusal:
            agree(Consent(context="here", cluster_uid=uid), seen)
        assert refusal.value.next_command.endswith("auth can-i get namespace/kube-system")


def test_an_upgrade_without_consent_is_told_how_to_go_on_from_the_same_file(
    tmp_path: Path,
) -> None:
    kubeconfig = tmp_path / "kube config"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")

    run = rehearse(tmp_path, "--cluster-kubeconfig", str(kubeconfig), "--context", "here")

    assert run.exit_code == 4, run.output
    assert "may only be read" in run.output
    assert (
        f"rehearse snapshot --context here --cluster-kubeconfig '{kubeconfig}' -o mine.json.gz"
        in run.output
    )


def test_verify_wants_to_be_told_what_to_look_at(tmp_path: Path) -> None:
    run = rehearse(tmp_path, suite="verify")

    assert run.exit_code == 4, run.output
    assert "--snapshot FILE" in run.output


@pytest.mark.parametrize("suite", ["verify", "upgrade"])
def test_an_unknown_context_is_named_with_those_there_are(tmp_path: Path, suite: str) -> None:
    """Also before an upgrade, which has no consent here: there is nothing to consent to."""
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")

    run = rehearse(
        tmp_path, "--cluster-kubeconfig", str(kubeconfig), "--context", "hree", suite=suite
    )

    assert run.exit_code == 4, run.output
    assert "here, elsewhere" in run.output
    assert "did you mean here?" in run.output
    assert "may only be read" not in run.output


def test_a_cluster_without_linkerd_is_said_in_one_sentence(tmp_path: Path) -> None:
    empty = Says(body={"kind": "List", "metadata": {}, "items": []})

    def script(asked: Asked) -> Says:
        said = api(embedded=False)(asked)
        return said if said.status == 200 or asked.path.count("/") > 4 else empty

    with scripted_api(tmp_path, script) as served:
        scenario = tmp_path / "consent.toml"
        scenario.write_text(f"[consent]\ncontext = {json.dumps('here')}\ncluster_uid = 'u-1'\n")
        run = rehearse(
            tmp_path,
            "--cluster-kubeconfig",
            str(served.kubeconfig),
            "--trust-scenario",
            "--scenario",
            str(scenario),
        )

    assert run.exit_code == 4, run.output
    assert "holds no Linkerd control plane" in run.output
    assert all(a.method == "GET" for a in served.asked)
