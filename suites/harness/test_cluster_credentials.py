"""Credentials that a program gives: renewed when refused; a failure ends no observer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.cluster.access import failures
from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.access.exec_plugin import Given
from fixtures.cluster.access.patience import NONE
from suites.harness.scripted_api import Asked, Says, refused, scripted_api
from suites.harness.test_recognised import exec_user, token

HALF_A_SECOND_AGO = "2020-01-01T00:00:00Z"


def test_refused_credentials_are_asked_for_again(tmp_path: Path) -> None:
    """Those without an end are good until the server says otherwise."""
    count = tmp_path / "count"
    program = f"echo x >>{count}; n=$(wc -l <{count}); printf '{token('%s')}' $n"

    def answer(asked: Asked) -> Says:
        if asked.authorization != "Bearer 2":
            return refused(401, "Unauthorized")
        return Says(body={})

    with scripted_api(tmp_path, answer, tls=True) as served:
        exec_user(served.kubeconfig, program)
        connection = Connection(served.kubeconfig, patience=NONE)
        connection.request("POST", "/api/v1/pods", body=b"{}")
        connection.close()

    assert [a.authorization for a in served.asked] == ["Bearer 1", "Bearer 2"]


def test_credentials_refused_twice_are_refused(tmp_path: Path) -> None:
    with scripted_api(tmp_path, lambda _: refused(401, "Unauthorized"), tls=True) as served:
        exec_user(served.kubeconfig, f"echo '{token('t')}'")
        connection = Connection(served.kubeconfig, patience=NONE)
        with pytest.raises(ClusterError, match="401"):
            connection.request("GET", "/version")
        connection.close()

    assert len(served.asked) == 2


def test_a_program_that_fails_later_is_a_request_that_was_not_sent(tmp_path: Path) -> None:
    """Watches, canary and logs ask again after a `ClusterError`; anything else would end them."""
    failing = tmp_path / "failing"
    given = token("t", expires=HALF_A_SECOND_AGO)
    program = f"test -e {failing} && exit 7; echo '{given}'"

    with scripted_api(tmp_path, lambda _: Says(body={}), tls=True) as served:
        exec_user(served.kubeconfig, program)
        connection = Connection(served.kubeconfig, patience=NONE)
        failing.touch()
        with pytest.raises(ClusterError) as caught:
            connection.request("GET", "/version")
        failing.unlink()
        connection.request("GET", "/version")
        connection.close()

    assert caught.value.reason == "Credentials"
    assert "exit code 7" in caught.value.message
    assert len(served.asked) == 1


def test_times_without_a_zone_are_utc() -> None:
    soon = datetime.now(UTC).replace(tzinfo=None)

    assert not Given(token="t", expiration_timestamp=soon).current
    assert failures.seconds("Wed, 21 Oct 2015 07:28:00 -0000") == 0.0
