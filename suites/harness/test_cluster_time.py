"""Waits are by cluster time, and end with the target."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.core.errors import Broken
from fixtures.core.waiting import until
from fixtures.embedded.process import EmbeddedProcess
from fixtures.targets import cluster_time
from fixtures.targets.cluster_time import SLOWEST, ClusterTime
from fixtures.targets.existing import ExistingTarget
from fixtures.targets.published_clock import PublishedLine
from fixtures.targets.reachable import REFUSED, Reachable, only_server, server_of

AT = datetime(2026, 8, 21, tzinfo=UTC)


class Times:
    """A target whose clock and wall the test moves."""

    name, kubeconfig, speed = "embedded", Path("kubeconfig"), 20.0

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster, self.wall, self.lives = 0.0, 0.0, True
        clock = SimpleNamespace(monotonic=lambda: self.wall)
        monkeypatch.setattr(cluster_time, "time", clock)

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.cluster)

    def alive(self) -> bool:
        return self.lives


def test_a_cluster_that_is_held_back_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Times(monkeypatch)
    waited = ClusterTime(cast("Any", target))
    target.cluster, target.wall = 3.0, 1.0

    assert waited.seconds() == 3.0


def test_a_clock_that_stands_for_ever_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Times(monkeypatch)
    waited = ClusterTime(cast("Any", target))
    target.wall = 100.0

    assert waited.seconds() == 100.0 * target.speed / SLOWEST


def test_a_target_that_died_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Times(monkeypatch)
    waited = ClusterTime(cast("Any", target))
    target.lives, target.wall = False, 4.0

    with pytest.raises(Broken, match="has ended"):
        waited.seconds()


def test_a_server_that_refuses_is_gone_after_a_while(tmp_path: Path) -> None:
    """A real process stands for the cluster."""
    serve = (
        "import socket; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); s.accept(); s.accept()"
    )
    now = 0.0
    with subprocess.Popen([sys.executable, "-c", serve], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(f"clusters: [{{cluster: {{server: 'https://127.0.0.1:{port}'}}}}]")
        lives = Reachable(lambda: only_server(kubeconfig), clock=lambda: now)
        assert lives()
        server.kill()
    assert lives()
    now = REFUSED
    assert not lives()
    with socket.create_server(("127.0.0.1", port)):
        assert lives()


@pytest.mark.parametrize("text", ["", "clusters: []", "clusters: [{cluster: {server: ''}}]", "{"])
def test_where_no_server_is_named_nothing_is_known(tmp_path: Path, text: str) -> None:
    (tmp_path / "kubeconfig").write_text(text)
    for name in ("kubeconfig", "absent"):
        assert only_server(tmp_path / name) is None
        assert server_of(tmp_path / name, "") is None
        assert ExistingTarget(tmp_path / name, "").alive()


def existing(folder: Path, server: str, more: str = "") -> Path:
    """A kubeconfig of several clusters; the current context is the second one's."""
    file = folder / "config"
    file.write_text(f"""
clusters:
- {{name: other, cluster: {{server: "https://192.0.2.1"}}}}
- {{name: mine, cluster: {{server: "{server}"{more}}}}}
contexts:
- {{name: other, context: {{cluster: other, user: me}}}}
- {{name: mine, context: {{cluster: mine, user: me}}}}
users:
- {{name: me, user: {{token: abc}}}}
current-context: mine
""")
    return file


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_an_existing_cluster_that_died_is_noticed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        kubeconfig = existing(tmp_path, f"https://127.0.0.1:{port}")
        target = ExistingTarget(kubeconfig, "")
        assert target.alive()
        assert server_of(kubeconfig, "other") == ("192.0.2.1", 443)
    begun = time.monotonic()
    while target.alive():
        assert time.monotonic() - begun < 60
        time.sleep(0.1)
    assert time.monotonic() - begun >= REFUSED


def test_a_server_elsewhere_may_be_away_for_its_budget() -> None:
    now = 0.0
    lives = Reachable(lambda: ("absent.invalid", 1), lambda: now, elsewhere=30.0)
    assert lives()
    now = 29.0
    assert lives()
    now = 30.0
    assert not lives()


@pytest.mark.parametrize("proxy", ["file", "environment"])
def test_of_a_server_behind_a_proxy_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    more = ', proxy-url: "http://127.0.0.1:1"' if proxy == "file" else ""
    if proxy == "environment":
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert server_of(existing(tmp_path, "https://192.0.2.2", more), "") is None


def test_an_api_tells_how_its_time_ran_as_its_files_do(tmp_path: Path) -> None:
    with EmbeddedProcess.start(tmp_path, speed=20.0, nodes=1) as cluster:
        line = PublishedLine(Connection(cluster.kubeconfig))
        moments: list[datetime] = []
        while len(moments) < 10:
            cluster.clock.now()
            moments.append(datetime.now(UTC))
        passed = cluster.clock.now() + timedelta(seconds=10)
        until("10 cluster seconds", lambda: line.at(datetime.now(UTC)), passed.__le__, timeout=60)

        told = [line.at(moment) for moment in moments]

        assert told == [cluster.clock.at(moment) for moment in moments]
