"""The connection: what a person is told when the API cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.access.patience import NONE
from fixtures.core.errors import BadInput
from suites.harness.scripted_api import (
    Says,
    refused,
    scripted_api,
    write_kubeconfig,
)


def test_a_request_carries_token_query_and_accept(tmp_path: Path) -> None:
    with scripted_api(tmp_path, lambda _: Says(body={"ok": True})) as api:
        answer = Connection(api.kubeconfig).request(
            "GET", "/api/v1/pods", query={"labelSelector": "a=b,c"}, accept="application/x"
        )

    assert answer == b'{"ok": true}'
    assert api.asked[0].query == {"labelSelector": "a=b,c"}
    assert api.asked[0].accept == "application/x"


@pytest.mark.parametrize(
    ("status", "reason", "hint"),
    [
        (401, "Unauthorized", "expired"),
        (403, "Forbidden", "no right"),
        (404, "NotFound", "does not exist"),
        (500, "InternalError", "webhook"),
    ],
)
def test_a_refusal_says_what_where_and_why(
    tmp_path: Path, status: int, reason: str, hint: str
) -> None:
    with (
        scripted_api(tmp_path, lambda _: refused(status, reason, "it said so"), tls=True) as api,
        pytest.raises(ClusterError) as caught,
    ):
        Connection(api.kubeconfig).request("GET", "/api/v1/nodes")

    error = caught.value
    assert (error.status, error.reason, error.message) == (status, reason, "it said so")
    assert "/api/v1/nodes" in str(error)
    assert hint in str(error)
    assert error.exit_code == 3


def test_a_refusal_that_is_no_status_is_shown_too(tmp_path: Path) -> None:
    with (
        scripted_api(tmp_path, lambda _: Says(502, b"<html>bad gateway</html>")) as api,
        pytest.raises(ClusterError, match="bad gateway"),
    ):
        Connection(api.kubeconfig, patience=NONE).request("GET", "/version")


def test_an_unreachable_server_is_named(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")

    with pytest.raises(ClusterError) as caught:
        Connection(kubeconfig, patience=NONE).request("GET", "/version", timeout=2)

    assert caught.value.status == 0
    assert "127.0.0.1:9" in str(caught.value)
    assert "cannot be reached" in str(caught.value)


def test_an_unknown_context_lists_those_there_are(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")

    with pytest.raises(BadInput, match="here, elsewhere") as caught:
        Connection(kubeconfig, "nowhere")

    assert caught.value.exit_code == 4


def test_a_context_that_is_named_needs_no_current_one(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")
    content = json.loads(kubeconfig.read_text())
    del content["current-context"]
    kubeconfig.write_text(json.dumps(content))

    assert Connection(kubeconfig, "here").host == "http://127.0.0.1:9"
    with pytest.raises(BadInput, match="no current context") as caught:
        Connection(kubeconfig)
    assert "--context with one of here, elsewhere" in caught.value.expected


def test_a_current_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")
    content = json.loads(kubeconfig.read_text())
    content["current-context"] = "hree"
    kubeconfig.write_text(json.dumps(content))

    with pytest.raises(BadInput, match="no context 'hree'") as caught:
        Connection(kubeconfig)
    assert "here" in caught.value.cause


@pytest.mark.parametrize("content", ["", "{", "kind: Config", "[]", "\x00", "a: b: c"])
def test_a_kubeconfig_that_is_none_is_bad_input(tmp_path: Path, content: str) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(content)

    for context in ("", "here"):
        with pytest.raises(BadInput, match="kubeconfig"):
            Connection(kubeconfig, context)


def test_a_missing_kubeconfig_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        Connection(tmp_path / "none")


def test_the_client_is_imported_only_when_a_connection_is_opened() -> None:
    code = (
        "import sys, fixtures.cluster.reader, fixtures.cluster.writer;"
        "import fixtures.observers.pod_watch;"
        "sys.exit('kubernetes' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2])

    assert done.returncode == 0
