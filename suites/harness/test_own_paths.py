"""`[[paths]]`: Services of somebody's own are asked as the scenario says, and judged by it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import BadInput
from fixtures.run.opening.budgets import budgets_of, check_budgets, probed_paths
from fixtures.scenario.loading import load
from fixtures.scenario.model import Scenario
from fixtures.scenario.own_paths import MOST, PathSpec
from fixtures.scenario.trust import OPTION
from fixtures.traffic.life import Probes
from fixtures.traffic.process import LocalRunner
from fixtures.traffic.runner import NoServiceError, OpenedPath, Source
from fixtures.traffic.samples import read_traffic
from fixtures.traffic.timebase import Timebase
from policies.facts.traffic import SampleRun
from policies.planning.path import plan
from policies.releases.grammar import parse
from policies.traffic.budgeting import budget_for
from suites.harness.misbehaving import Answer, misbehaving, more_records, probing, spec

WEB = PathSpec(name="shop-web", service="shop/web", port=80)
HEAD = '[[paths]]\nname = "web"\nservice = "shop/web"\nport = 80\n'


def said(response: bytes, *, more: bool = True) -> Answer:
    """A server that says this to each request."""

    def answer(sock: socket.socket, _sequence: int) -> bool:
        sock.sendall(response)
        return more

    return answer


def first(tmp_path: Path, answer: Answer, path: PathSpec) -> SampleRun:
    """What the first sample of a path came to."""
    out = tmp_path / "s"
    with misbehaving(answer) as server:
        asked = spec(server.port, path.probed_as, own=path.asked, name=path.name, limit=2.0)
        with probing(out, asked):
            more_records(out, 8)
    (seen,) = read_traffic([out], []).paths
    assert seen.path.name == path.name
    return next(r for r in seen.runs if r.outcome not in ("late", "held"))


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhealthy"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
CLOSES = b"HTTP/1.0 200 OK\r\n\r\nhealthy"
NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nl5d-proxy-error: fail-fast\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "more", "asked", "outcome", "detail"),
    [
        (OK, True, {}, "ok", ""),
        (OK, True, {"body": "healthy", "status": (200, 204)}, "ok", ""),
        (OK, True, {"body": "ill"}, "wrong answer", "another body"),
        (OK, True, {"status": (204,)}, "wrong answer", ""),
        (CLOSES, False, {"body": "healthy"}, "ok", ""),
        (NOTHING, True, {}, "ok", ""),
        (MISSING, True, {}, "wrong answer", ""),
        (MISSING, True, {"status": (404,)}, "ok", ""),
        (BUSY, True, {"status": (200,)}, "5xx", "fail-fast"),
    ],
)
def test_an_answer_over_http_is_judged_by_what_was_expected(
    tmp_path: Path,
    response: bytes,
    more: bool,
    asked: dict[str, Any],
    outcome: str,
    detail: str,
) -> None:
    path = PathSpec(name="web", service="shop/web", port=80, path="/health?deep=1", **asked)

    run = first(tmp_path, said(response, more=more), path)

    assert (run.outcome, run.detail) == (outcome, detail)


def test_what_is_asked_is_the_path_that_was_named(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def answer(sock: socket.socket, sequence: int) -> bool:
        heard.append(b"%d" % sequence)  # the number behind `=` in the request's target
        sock.sendall(OK)
        return True

    path = PathSpec(name="web", service="shop/web", port=80, path="/health?deep=7")

    assert first(tmp_path, answer, path).outcome == "ok"
    assert set(heard) == {b"7"}


@pytest.mark.parametrize(("response", "outcome"), [(b"+PONG\r\n", "ok"), (b"-ERR\r\n", "timeout")])
def test_over_tcp_the_text_must_come_back(tmp_path: Path, response: bytes, outcome: str) -> None:
    path = PathSpec(
        name="cache", service="shop/redis", port=6379, kind="tcp", send="PING\r\n", expect="+PONG"
    )

    assert first(tmp_path, said(response), path).outcome == outcome


def test_a_connection_that_says_nothing_is_no_answer(tmp_path: Path) -> None:
    path = PathSpec(name="cache", service="shop/redis", port=1, kind="tcp", send="x", expect="y")

    assert first(tmp_path, said(b"", more=False), path).outcome == "reset"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('name = "http-new"\nservice = "a/b"\nport = 1', "name"),
        ('name = "shop web"\nservice = "a/b"\nport = 1', "name"),
        ('name = "x*"\nservice = "a/b"\nport = 1', "name"),
        ('name = "x"\nservice = "b"\nport = 1', "service"),
        ('name = "x"\nservice = "a/evil.example.com"\nport = 1', "service"),
        ('name = "x"\nservice = "a/b"\nport = 70000', "port"),
        ('name = "x"\nservice = "a/b"\nport = 1\npath = "health"', "path"),
        ('name = "x"\nservice = "a/b"\nport = 1\npath = "/ HTTP/1.1\\r\\nX: y"', "path"),
        ('name = "x"\nservice = "a/b"\nport = 1\nstatus = [99]', "status"),
        ('name = "x"\nservice = "a/b"\nport = 1\nkind = "tcp"', "expect"),
        ('name = "x"\nservice = "a/b"\nport = 1\nexpect = "y"', "expect"),
        ('name = "x"\nservice = "a/b"\nport = 1\nkind = "grpc"\npath = "/x"', "path"),
        ('name = "x"\nservice = "a/b"\nport = 1\nkind = "grpc"\nmethod = "x"', "method"),
        ('name = "x"\nservice = "a/b"\nport = 1\nkind = "udp"', "kind"),
        ('name = "x"\nservice = "a/b"\nport = 1\nsources = []', "sources"),
        ('name = "x"\nservice = "a/b"\nport = 1\ninterval = 0.001', "interval"),
        ('name = "x"\nservice = "a/b"\nport = 1\nstray = 1', "stray"),
    ],
)
def test_what_cannot_be_asked_is_bad_input_with_its_key(
    tmp_path: Path, text: str, key: str
) -> None:
    file = tmp_path / "s.toml"
    file.write_text(f"[[paths]]\n{text}\n")

    with pytest.raises(BadInput) as refused:
        load(file, {})

    assert key in str(refused.value)


def test_two_paths_of_a_name_and_too_many_are_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    for text, named in (
        (HEAD + HEAD, "paths[1].name"),
        (HEAD * (MOST + 1), "too many"),
        (HEAD + "failed_ratio = 2.0\n", "paths[0]"),
    ):
        file.write_text(text)
        with pytest.raises(BadInput) as refused:
            check_budgets(load(file, {}), plan(parse("edge-25.4.4"), parse("edge-25.10.7")))
        assert named in str(refused.value)


@pytest.mark.parametrize("target", ["kind", "existing"])
def test_a_file_of_anybody_sends_nothing_to_a_real_cluster(tmp_path: Path, target: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(HEAD)

    assert load(file, {}).paths[0].name == "web"
    with pytest.raises(BadInput, match=OPTION):
        load(file, {"target": target})


def test_budgets_name_them_and_their_own_come_first() -> None:
    hop = plan(parse("edge-25.4.4"), parse("edge-25.10.7"))
    mine = PathSpec(name="web", service="a/b", port=1, sources=("unmeshed",), failed_samples=2)
    scenario = Scenario(paths=(WEB, mine))

    known = probed_paths(hop, own=scenario.paths)
    found = budget_for(budgets_of(scenario), "settled", "unmeshed web", "own-http")

    assert {p for p in known if known[p] == "own-http"} == {
        "meshed by edge-25.4.4 shop-web",
        "meshed by edge-25.10.7 shop-web",
        "unmeshed web",
    }
    assert found.failed_samples == 2
    assert budget_for(budgets_of(scenario), "settled", "unmeshed shop-web", "own-http") != found


class Opened:
    """A target that opens a way to one Service alone."""

    def open_path(self, source: dict[str, str], service: str) -> OpenedPath:
        if service.startswith("shop/") and service != "shop/web:80":
            raise NoServiceError("The cluster has no such Service, or port", where=service)
        return OpenedPath("127.0.0.1", 1, "someone" if source["kind"] == "meshed" else "")


@pytest.mark.parametrize("modelled", [False, True])
def test_a_source_asks_what_is_there_and_tells_what_is_not(
    tmp_path: Path, modelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = PathSpec(name="absent", service="shop/none", port=80)
    runner = LocalRunner(Opened(), tmp_path)
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(
        runner,
        "start",
        lambda source, paths: asked.extend(paths),  # pyright: ignore[reportUnknownLambdaType]
    )
    probes = Probes(
        runner,
        interval=0.1,
        limit=1.0,
        base=Timebase(),
        measured="probes",
        control="control",
        own=(WEB, absent),
        modelled=modelled,
    )

    probes.start_meshed("edge-25.4.4")
    (own,) = [p for p in asked if p.get("name")]

    assert own["id"] == "meshed by edge-25.4.4 shop-web"
    assert (own["host"], own["port"], own["kind"]) == ("web.shop.svc", 80, "own-http")
    assert own["identity"] == ""  # nobody there says whom it saw
    assert ("own" in own) is not modelled
    monkeypatch.setattr(probes, "_all", [])
    (left_out,) = probes.traffic(()).paths
    assert left_out.path.id == "meshed by edge-25.4.4 absent"
    assert "no such Service" in left_out.path.unavailable


def test_a_source_without_them_asks_nothing_of_others() -> None:
    source = Source(name="unmeshed", namespace="control")
    probes = Probes(
        LocalRunner(Opened(), Path()),
        interval=0.1,
        limit=1.0,
        base=Timebase(),
        measured="probes",
        control="control",
        own=(WEB,),
    )

    assert probes._own_paths(source) == []  # pyright: ignore[reportPrivateUsage]
