"""Kubeconfigs as people have them: each means what kubectl takes it to mean, where it is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.access.patience import NONE
from fixtures.core.errors import RehearsalError
from suites.harness.kubeconfig_forms import FORMS, TOKEN, Stage
from suites.harness.scripted_api import Asked, Says, ScriptedApi, refused, scripted_api

PROXIES = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")
SENT = ("authorization", "impersonate-")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "work").mkdir()

    def answer(asked: Asked) -> Says:
        if asked.path != "/version":
            return refused(404, "NotFound")
        return Says(body={"gitVersion": "v1.32.0"})

    with scripted_api(tmp_path, answer, tls=True) as api:
        yield Stage(api, tmp_path / "work")


def identities(api: ScriptedApi) -> tuple[tuple[str, str], ...]:
    """Who asked last, with the names of headers as HTTP has them: of any case."""
    last = api.asked[-1].headers
    return tuple(sorted((k.lower(), v) for k, v in last if k.lower().startswith(SENT)))


def by_kubectl(stage: Stage, kubeconfig: str, context: str) -> tuple[tuple[str, str], ...] | None:
    found = shutil.which("kubectl")
    assert found is not None
    stage.api.asked.clear()
    more = ("--context", context) if context else ()
    argv = [found, "--request-timeout=5s", *more, "get", "--raw", "/version"]
    done = subprocess.run(
        argv,
        env={**os.environ, "KUBECONFIG": kubeconfig},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return identities(stage.api) if done.returncode == 0 else None


def by_suite(stage: Stage, kubeconfig: str, context: str) -> tuple[tuple[str, str], ...] | None:
    stage.api.asked.clear()
    connection = Connection(Path(kubeconfig), context, NONE)
    try:
        connection.request("GET", "/version")
    finally:
        connection.close()
    return identities(stage.api)


@pytest.mark.parametrize("name", FORMS)
def test_a_kubeconfig_means_what_kubectl_takes_it_to_mean(
    name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = FORMS[name]
    for key, value in form.env.items():
        monkeypatch.setenv(key, value)
    kubeconfig = str(form.make(stage))
    expected = form.sent and tuple(sorted((k.lower(), v) for k, v in form.sent))

    if expected is None:
        with pytest.raises(RehearsalError) as caught:
            by_suite(stage, kubeconfig, form.context)
        assert form.said.lower() in str(caught.value).lower()
        assert TOKEN not in str(caught.value)
        assert caught.value.exit_code in (3, 4)
    else:
        assert by_suite(stage, kubeconfig, form.context) == expected
    if shutil.which("kubectl"):
        assert by_kubectl(stage, kubeconfig, form.context) == expected, "kubectl does otherwise"
