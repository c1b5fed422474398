"""HTTP/2 and gRPC paths: what each answer counts as, and how connections are left."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from fixtures.prober.clock import Clock, Limit, Pauses
from fixtures.prober.http2 import GOAWAY, grpc_message, h2_side
from fixtures.prober.results import Answer
from fixtures.prober.schedule import Prober
from fixtures.prober.targets import client
from fixtures.prober.wire import Wire
from fixtures.traffic.samples import read_traffic
from policies.facts.traffic import PathTraffic, SampleRun
from policies.traffic.outages import outages
from suites.harness.misbehaving import echo, more_records, probing, process, spec
from suites.harness.test_traffic_processes import targets

pytest.importorskip("h2", reason="HTTP/2 and gRPC paths need the package h2")

Reply = Callable[[Any, int], None]
"""Answers one stream of a server's side of a connection."""
BODY = b'{"pod": "web-1", "seq": %d, "identity": "me"}'


def serve(listener: socket.socket, reply: Reply) -> None:
    """One connection after another, until the listener is closed."""
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with sock:
            side = h2_side(client=False)
            while data := sock.recv(65536):
                for event in side.receive_data(data):
                    if type(event).__name__ == "StreamEnded":
                        reply(side, event.stream_id)
                sock.sendall(side.data_to_send())


def probed(tmp_path: Path, kind: str, reply: Reply, **more: Any) -> PathTraffic:
    out = tmp_path / "s"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=serve, args=(listener, reply), daemon=True).start()
        with probing(out, spec(port, kind, echo=False, limit=2.0, **more)):
            more_records(out, 12)
        listener.shutdown(socket.SHUT_RDWR)
    (seen,) = read_traffic([out], []).paths
    return seen


def first(seen: PathTraffic) -> SampleRun:
    return next(r for r in seen.runs if r.outcome not in ("late", "held"))


def whole(status: str, **headers: str) -> Reply:
    def reply(side: Any, stream: int) -> None:
        more = [(k.replace("_", "-"), v) for k, v in headers.items()]
        side.send_headers(stream, [(":status", status), *more], end_stream=True)

    return reply


def stream_reset(side: Any, stream: int) -> None:
    side.reset_stream(stream, error_code=2)


def trailers(side: Any, stream: int) -> None:
    side.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc+json")])
    side.send_data(stream, grpc_message(BODY % 1))
    side.send_headers(stream, [("grpc-status", "14"), ("grpc-message", "going")], end_stream=True)


@pytest.mark.parametrize(
    ("answered", "wanted", "outcome"),
    [("0", [], "ok"), ("12", [], "wrong answer"), ("12", [12], "ok"), ("14", [0], "5xx")],
)
def test_a_grpc_method_of_others_is_judged_by_its_status(
    tmp_path: Path, answered: str, wanted: list[int], outcome: str
) -> None:
    def reply(side: Any, stream: int) -> None:
        more = [("content-type", "application/grpc"), ("grpc-status", answered)]
        side.send_headers(stream, [(":status", "200"), *more], end_stream=True)

    own = {"method": "grpc.health.v1.Health/Check", "status": wanted}
    assert first(probed(tmp_path, "own-grpc", reply, own=own)).outcome == outcome


@pytest.mark.parametrize(
    ("kind", "reply", "outcome", "detail"),
    [
        ("http2", whole("200"), "ok", ""),
        ("http2", whole("503", l5d_proxy_error="fail-fast"), "5xx", "fail-fast"),
        ("http2", whole("403"), "wrong answer", ""),
        ("http2", stream_reset, "reset", "stream reset: 2"),
        ("grpc", whole("200", grpc_status="0"), "ok", ""),
        ("grpc", whole("200"), "wrong answer", "no grpc-status"),
        ("grpc", whole("200", grpc_status="14"), "5xx", "grpc-status 14"),
        ("grpc", whole("200", grpc_status="7"), "wrong answer", "grpc-status 7"),
        (
            "grpc",
            whole("200", grpc_status="14", l5d_proxy_error="fail-fast"),
            "5xx",
            "grpc-status 14 fail-fast",
        ),
        ("grpc", trailers, "5xx", "grpc-status 14 going"),
        ("grpc", whole("502"), "5xx", ""),
    ],
)
def test_each_answer_has_its_result(
    tmp_path: Path, kind: str, reply: Reply, outcome: str, detail: str
) -> None:
    run = first(probed(tmp_path, kind, reply))

    assert (run.outcome, run.detail) == (outcome, detail)


def test_what_is_under_way_at_goaway_is_answered_and_the_next_goes_elsewhere(
    tmp_path: Path,
) -> None:
    """The other side says that it leaves, then answers, as a proxy does that drains."""
    sides: list[int] = []

    def leaving(side: Any, stream: int) -> None:
        sides.append(id(side))
        side.send_headers(stream, [(":status", "200")], end_stream=True)
        answered = side.data_to_send()
        side.data_to_send = lambda: GOAWAY + answered

    seen = probed(tmp_path, "http2", leaving)

    assert outages(seen) == ()
    assert first(seen).outcome == "ok"
    assert len(sides) > 3


DATA_ON_NO_STREAM = b"\0\0\0\0\0" + bytes(4)
TOO_LONG = b"\xff\xff\xff\0\0\0\0\0\1"
PART_OF_A_FRAME = b"\0\0\x08\6\0"


@pytest.mark.parametrize(
    ("last", "closes"),
    [
        (DATA_ON_NO_STREAM, False),
        (TOO_LONG, False),
        (b"HTTP/1.1 408 Request Timeout\r\n\r\n", True),
        (PART_OF_A_FRAME, True),
        (b"", True),
    ],
    ids=["protocol error", "too long", "HTTP/1", "cut frame", "closed"],
)
def test_whatever_is_said_between_two_samples_ends_the_connection_and_loses_nothing(
    last: bytes, closes: bool
) -> None:
    idle, said = threading.Event(), threading.Event()
    connections: list[socket.socket] = []

    def run(listener: socket.socket) -> None:
        while len(connections) < 2:
            sock, _ = listener.accept()
            connections.append(sock)
            side, answered = h2_side(client=False), False
            while not answered:
                for event in side.receive_data(sock.recv(65536)):
                    if type(event).__name__ == "StreamEnded":
                        whole("200")(side, event.stream_id)
                        answered = True
                sock.sendall(side.data_to_send())
            if len(connections) == 1:
                idle.wait(10)
                sock.sendall(last)
                if closes:
                    sock.shutdown(socket.SHUT_WR)
                said.set()

    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=run, args=(listener,), daemon=True)
        server.start()
        own = spec(listener.getsockname()[1], "http2", echo=False)
        asks = client(own, Wire(own, None))
        pauses = Pauses(clock, cast("Any", None))
        asks.ask(0, Limit(clock, pauses, 10), Answer())
        idle.set()
        assert said.wait(10)
        answer = Answer()
        asks.ask(1, Limit(clock, pauses, 10), answer)
        asks.wire.close()
        server.join(10)
    for sock in connections:
        sock.close()

    assert answer.status == 200
    assert len(connections) == 2, "asked on a connection of its own"


@pytest.mark.parametrize("kind", ["http2", "grpc"])
def test_an_echo_that_leaves_loses_at_most_what_crosses_its_last_word(
    tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "samples.bin"
    with echo(linger="0.2") as (server, ports):
        asked = targets(tmp_path, ports, kind)
        with process("probe", "--targets", asked, "--out", str(out)) as (running, _):
            more_records(out, 20)
            server.terminate()
            assert server.wait(10) == 0
            more_records(out, 10)
            running.terminate()
            running.wait(10)
    (seen,) = read_traffic([out], []).paths

    sent = [r for r in seen.runs if r.outcome not in ("late", "held")]
    assert (sent[0].outcome, sent[-1].outcome) == ("ok", "refused")
    assert sum(r.count for r in sent if r.outcome not in ("ok", "refused")) <= 1
    assert {r.server for r in seen.runs if r.outcome == "ok"} == {"echo-1"}


@pytest.mark.parametrize("kind", ["http2", "grpc"])
def test_without_the_package_the_path_says_so(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h2.config", None)
    out = tmp_path / "s"

    running = Prober([spec(1, kind), spec(1, "tcp")], str(out))
    running.stop.set()
    running.run()
    traffic = read_traffic([out], [])

    assert "the Python package h2" in traffic.paths[0].path.unavailable
    assert traffic.paths[1].path.unavailable == ""
