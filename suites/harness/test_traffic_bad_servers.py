"""Servers and names that go, change or misbehave while they are probed, per kind of path."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import trustme

from fixtures.traffic.samples import read_traffic
from policies.facts.traffic import PathTraffic
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
    reset,
    spec,
    wait_for,
)

WITH_H2 = ("http2", "grpc") if find_spec("h2") else ()
KINDS = ("http-new", "http-reused", "sse", "websocket", "tcp", *WITH_H2)


def never(_sock: socket.socket, _sequence: int) -> bool:
    return True


def half(sock: socket.socket, _sequence: int) -> bool:
    sock.sendall(b"HTTP/1")
    sock.shutdown(socket.SHUT_WR)
    return True


def read(out: Path) -> PathTraffic:
    (seen,) = read_traffic([out], []).paths
    return seen


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(never, "timeout"), (garbage, "wrong answer"), (half, "reset"), (flood, "wrong answer")],
    ids=["never answers", "garbage", "half-closes", "floods"],
)
def test_a_bad_answer_is_one_outage_without_end(
    tmp_path: Path, kind: str, answer: Answer, outcome: str
) -> None:
    out = tmp_path / "s"
    with misbehaving(answer) as server, probing(out, spec(server.port, kind, limit=0.2)):
        wait_for(lambda: records(out) > 8, "samples")
    (found,) = outages(read(out))

    assert found.first_error.startswith(outcome)
    assert found.latest_end is None
    assert found.earliest_start is None


def once(end: Answer) -> Answer:
    """Each connection is answered once; its second request gets this end."""
    asked: set[int] = set()

    def answer(sock: socket.socket, sequence: int) -> bool:
        if (port := sock.getpeername()[1]) in asked:
            return end(sock, sequence)
        asked.add(port)
        return healthy(sock, sequence)

    return answer


def closed(_sock: socket.socket, _sequence: int) -> bool:
    return False


@pytest.mark.parametrize(
    ("answer", "outcomes"),
    [(once(closed), {"ok"}), (once(reset), {"ok", "reset"}), (closed, {"reset"})],
    ids=["ends as it is asked again", "resets it", "never answers"],
)
def test_a_kept_connection_that_ends_as_it_is_asked_is_asked_again_on_a_new_one(
    tmp_path: Path, answer: Answer, outcomes: set[str]
) -> None:
    out = tmp_path / "s"
    with misbehaving(answer) as server, probing(out, spec(server.port, "http-reused")):
        wait_for(lambda: records(out) > 8, "samples")

    # A pause of the prober itself is no answer of the server's.
    assert {run.outcome for run in read(out).runs} - {"late"} == outcomes


def goes_and_comes(
    out: Path, go: Callable[[], object], come: Callable[[], object], after: int = 10
) -> None:
    """Wait for ten samples in each state, or for more in the last."""
    more_records(out, 10)
    go()
    more_records(out, 10)
    come()
    more_records(out, after)


def test_dns_that_goes_and_comes_back_is_one_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, gone = socket.getaddrinfo, list[bool]()

    def asked(host: str, *rest: object, **more: object) -> object:
        if gone:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *rest, **more)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    out = tmp_path / "s"
    with misbehaving() as server, probing(out, spec(server.port, limit=5.0)):
        goes_and_comes(out, lambda: gone.append(True), gone.clear)
    (found,) = outages(read(out))

    assert found.first_error == "dns Temporary failure in name resolution"
    assert found.latest_end is not None


def served_by(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("web.shop").configure_cert(context)
    return context


def test_a_certificate_that_changes_to_an_unknown_issuer_is_an_outage_until_it_is_back(
    tmp_path: Path,
) -> None:
    known, unknown = trustme.CA(), trustme.CA()
    good, bad = served_by(known), served_by(unknown)
    anchors, out = tmp_path / "ca.pem", tmp_path / "s"
    known.cert_pem.write_to_path(str(anchors))
    with misbehaving(context=good) as server:
        own = spec(server.port, tls={"ca": str(anchors), "name": "web.shop"}, limit=5.0)
        with probing(out, own):
            goes_and_comes(
                out,
                lambda: setattr(server, "context", bad),
                lambda: setattr(server, "context", good),
            )
    (found,) = outages(read(out))

    assert found.first_error.startswith("tls")
    assert found.latest_end is not None


@pytest.mark.parametrize("kind", ["http-new", "http-reused"])
def test_a_server_that_stops_answering_for_a_while_is_one_outage(
    tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "s"
    with misbehaving() as server, probing(out, spec(server.port, kind, limit=1.0)):
        goes_and_comes(
            out,
            lambda: setattr(server, "answer", never),
            lambda: setattr(server, "answer", healthy),
            after=90,  # more than what is held until the request that hangs is given up
        )
    (found,) = outages(read(out))

    assert found.first_error.startswith("timeout")
    assert found.latest_end is not None
