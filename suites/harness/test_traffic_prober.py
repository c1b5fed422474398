"""What one path records, against servers that answer well and badly, over real sockets."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from fixtures.prober.clock import Clock
from fixtures.traffic.samples import read_traffic
from policies.facts.traffic import PathTraffic, SampleRun, Traffic
from policies.traffic.outages import outages
from suites.harness.misbehaving import (
    Answer,
    flood,
    garbage,
    healthy,
    misbehaving,
    more_records,
    probing,
    records,
    reply,
    reset,
    spec,
    wait_for,
)

NOT_SENT = ("late", "held")
"""A busy machine's own: the prober did not ask."""


def stall(_sock: socket.socket, _sequence: int) -> bool:
    time.sleep(0.4)
    return False


def unavailable(sock: socket.socket, sequence: int) -> bool:
    reply(sock, sequence, status="503 Busy", more="l5d-proxy-error: service in fail-fast\r\n")
    return True


def denied(sock: socket.socket, sequence: int) -> bool:
    reply(sock, sequence, status="403 Forbidden")
    return True


def another(sock: socket.socket, sequence: int) -> bool:
    reply(sock, sequence + 1)
    return True


def no_json(sock: socket.socket, _sequence: int) -> bool:
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    return True


def strange_types(sock: socket.socket, _sequence: int) -> bool:
    sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n["\\ud800", null, 12]')
    return True


def surrogate(sock: socket.socket, sequence: int) -> bool:
    reply(sock, sequence, pod="\ud800" * 500)
    return True


def half(sock: socket.socket, _sequence: int) -> bool:
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
    sock.shutdown(socket.SHUT_WR)
    return True


def chunked(sock: socket.socket, sequence: int) -> bool:
    body = b'{"pod": "web-1", "seq": %d}' % sequence
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = b"%x\r\n%s\r\n%x;a=b\r\n%s\r\n" % (5, body[:5], len(body) - 5, body[5:])
    sock.sendall(head + parts + b"0\r\n\r\n")
    return True


def probed(out: Path, count: int, *specs: dict[str, Any]) -> Traffic:
    with probing(out, *specs):
        more_records(out, count)
    return read_traffic([out], [])


def only(traffic: Traffic) -> PathTraffic:
    (seen,) = traffic.paths
    return seen


def first(traffic: Traffic) -> SampleRun:
    """The first samples that were sent: on a busy machine some may be late before."""
    return next(r for r in only(traffic).runs if r.outcome not in NOT_SENT)


@pytest.mark.parametrize("kind", ["http-new", "http-reused"])
@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        (healthy, "ok", ""),
        (chunked, "ok", ""),
        (surrogate, "ok", ""),
        (reset, "reset", "ECONNRESET"),
        (stall, "timeout", ""),
        (unavailable, "5xx", "service in fail-fast"),
        (denied, "wrong answer", ""),
        (another, "wrong answer", "another sequence number"),
        (garbage, "wrong answer", "no HTTP/1 response"),
        (no_json, "wrong answer", "unreadable: JSONDecodeError"),
        (strange_types, "wrong answer", "unreadable: TypeError"),
        (half, "reset", "closed before the answer was complete"),
        (flood, "wrong answer", "more than 1 MiB"),
    ],
    ids=lambda v: v.__name__ if callable(v) else None,
)
def test_each_answer_has_its_result(
    tmp_path: Path, answer: Answer, outcome: str, detail: str, kind: str
) -> None:
    with misbehaving(answer) as server:
        run = first(probed(tmp_path / "s", 8, spec(server.port, kind)))

    assert (run.outcome, run.detail) == (outcome, detail)
    assert run.status == {"5xx": 503, denied: 403}.get(outcome, run.status)


def test_a_closed_port_refuses(tmp_path: Path) -> None:
    with misbehaving() as server:
        pass

    assert first(probed(tmp_path / "s", 8, spec(server.port))).outcome == "refused"


def test_a_name_that_does_not_resolve_is_dns(tmp_path: Path) -> None:
    nowhere = spec(80, host="web.shop.invalid", limit=5.0)

    assert first(probed(tmp_path / "s", 6, nowhere)).outcome == "dns"


def test_an_address_needs_no_dns(tmp_path: Path) -> None:
    with misbehaving() as server:
        here = spec(80, host="web.shop.invalid", address="127.0.0.1", address_port=server.port)

        assert first(probed(tmp_path / "s", 6, here)).outcome == "ok"


@pytest.mark.parametrize(("trusted", "outcome"), [(True, "ok"), (False, "tls")])
def test_a_certificate_is_verified(tmp_path: Path, trusted: bool, outcome: str) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("web.shop").configure_cert(context)
    anchors = tmp_path / "ca.pem"
    (authority if trusted else other).cert_pem.write_to_path(str(anchors))

    with misbehaving(context=context) as server:
        tls = {"ca": str(anchors), "name": "web.shop"}
        run = first(probed(tmp_path / "s", 8, spec(server.port, tls=tls, limit=5.0)))

    assert run.outcome == outcome


def test_the_identity_seen_is_compared(tmp_path: Path) -> None:
    def meshed(sock: socket.socket, sequence: int) -> bool:
        reply(sock, sequence, identity="" if sequence % 2 else "client.shop")
        return True

    with misbehaving(meshed) as server:
        seen = only(probed(tmp_path / "s", 9, spec(server.port, identity="client.shop")))

    assert {r.outcome for r in seen.runs if r.outcome not in NOT_SENT} == {"ok", "wrong identity"}
    assert outages(seen) == ()


@pytest.mark.parametrize("kind", ["http-reused", "http-new"])
def test_a_full_path_holds_its_samples_and_they_belong_to_the_outage(
    tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "s"
    with misbehaving() as server, probing(out, spec(server.port, kind, limit=0.6)):
        more_records(out, 10)
        server.answer = stall_long
        more_records(out, 50)
        server.answer = healthy
        more_records(out, 50)
    seen = only(read_traffic([out], []))

    first_outage, *others = outages(seen)
    assert others == []
    assert first_outage.held > 0
    assert first_outage.first_error.startswith("timeout")
    assert first_outage.earliest_start is not None


def stall_long(_sock: socket.socket, _sequence: int) -> bool:
    time.sleep(0.8)
    return False


def test_a_listener_that_goes_and_comes_back_is_one_outage_within_its_bounds(
    tmp_path: Path,
) -> None:
    out = tmp_path / "s"
    with misbehaving() as server, probing(out, spec(server.port)):
        more_records(out, 10)
        gone = time.time()
        server.close()
        more_records(out, 12)
        back = socket.create_server(("127.0.0.1", server.port))
        came = time.time()
        with back:
            more_records(out, 5)
    seen = only(read_traffic([out], []))

    found = outages(seen)[0]
    assert found.earliest_start is not None
    assert found.earliest_start.timestamp() <= gone <= found.latest_start.timestamp()
    assert found.start.timestamp() <= came


class Jumping(Clock):
    """A clock that can be set ahead, as if the process had been stopped meanwhile."""

    def __init__(self) -> None:
        self.ahead = 0
        self.wall_ahead = 0

    def mono(self) -> int:
        return time.monotonic_ns() + self.ahead

    def wall(self) -> int:
        return time.time_ns() + self.ahead + self.wall_ahead

    def stopped_for(self, seconds: float) -> None:
        self.ahead += int(seconds * 1e9)


@pytest.mark.parametrize("kind", ["http-new", "http-reused"])
def test_a_stopped_prober_is_late_and_nobody_elses_outage(tmp_path: Path, kind: str) -> None:
    def slow(sock: socket.socket, sequence: int) -> bool:
        time.sleep(0.05)
        return healthy(sock, sequence)

    out, clock = tmp_path / "s", Jumping()
    with misbehaving(slow) as server, probing(out, spec(server.port, kind), clock=clock):
        more_records(out, 20)
        before = records(out)
        clock.stopped_for(5.0)
        more_records(out, 280)
    traffic = read_traffic([out], [])
    seen = only(traffic)

    assert outages(seen) == ()
    late = sum(r.count for r in seen.runs if r.outcome == "late")
    assert 235 <= late <= 260  # 250 were due in five seconds
    assert 4 < seen.sight[0].lateness_max < 6
    assert records(out) - before < 400  # and no burst made up for them
    assert any((p.end - p.start).total_seconds() > 4.9 for p in traffic.pauses)


def test_a_pause_while_a_request_is_in_flight_is_not_its_time(tmp_path: Path) -> None:
    asked: list[int] = []

    def waits(sock: socket.socket, sequence: int) -> bool:
        asked.append(sequence)
        time.sleep(0.15)
        return healthy(sock, sequence)

    out, clock = tmp_path / "s", Jumping()
    with misbehaving(waits) as server:
        own = spec(server.port, "http-reused", limit=1.0)
        with probing(out, own, clock=clock):
            wait_for(lambda: len(asked) >= 3, "three requests")
            clock.stopped_for(30.0)
            wait_for(lambda: len(asked) >= 6, "six requests")
    seen = only(read_traffic([out], []))

    assert not {r.outcome for r in seen.runs} - {"ok", "held", "late"}


def test_a_wall_clock_that_is_stepped_back_moves_no_sample(tmp_path: Path) -> None:
    out, clock = tmp_path / "s", Jumping()
    with misbehaving() as server, probing(out, spec(server.port), clock=clock):
        more_records(out, 10)
        clock.wall_ahead = -3600 * 10**9
        more_records(out, 20)
    traffic = read_traffic([out], [])
    seen = only(traffic)

    assert outages(seen) == ()
    length = (seen.runs[-1].last - seen.runs[0].first).total_seconds()
    assert 0 < length < 60
    assert any("stepped by -3600" in problem for problem in traffic.problems)


def test_what_cannot_be_probed_is_said(tmp_path: Path) -> None:
    with misbehaving() as server:
        traffic = probed(tmp_path / "s", 8, spec(server.port), spec(server.port, "http3"))

    assert [bool(p.path.unavailable) for p in traffic.paths] == [False, True]
    assert traffic.paths[1].runs == ()
