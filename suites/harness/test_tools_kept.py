"""Stand-ins of one process share connections: kept while they stand, made anew when they ended."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from fixtures.standins.api import Access, Api, Unreachable
from fixtures.standins.kept import AT_MOST, Kept, Peer


class Server(ThreadingHTTPServer):
    """Counts the connections it accepted; answers each path with itself."""

    daemon_threads = True
    accepted = 0
    one_answer_each = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.dropped: list[str] = []
        """Methods of requests that were read and not answered."""

    def process_request(self, request: object, client_address: object) -> None:
        self.accepted += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        self.rfile.read(int(self.headers["Content-Length"]))
        server.dropped.append(self.command)
        self.close_connection = True

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        body = f'{{"path": "{self.path}"}}'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + 9 * ("cut" in self.path)))
        self.end_headers()
        self.wfile.write(body)
        if server.one_answer_each or "cut" in self.path:
            self.close_connection = True  # without saying so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def served() -> Generator[tuple[Server, Access]]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server, Access(server=f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_commands_share_one_connection() -> None:
    with served() as (server, access):
        for name in ("one", "two", "three"):
            with Api(access) as api:
                assert api.get(f"/{name}") == {"path": f"/{name}"}

        assert server.accepted == 1


def test_two_commands_at_once_have_two() -> None:
    with served() as (server, access), Api(access) as one, Api(access) as two:
        one.get("/one")
        two.get("/two")

        assert server.accepted == 2


def test_a_connection_that_the_server_ended_is_made_anew() -> None:
    with served() as (server, access):
        server.one_answer_each = True
        for _ in range(3):
            with Api(access) as api:
                api.get("/")

        assert server.accepted == 3


def test_a_connection_cut_in_its_answer_is_not_kept() -> None:
    with served() as (server, access):
        with Api(access) as api, pytest.raises(Unreachable):
            api.get("/cut")
        with Api(access) as api:
            assert api.get("/whole") == {"path": "/whole"}

        assert server.accepted == 2


def test_what_may_have_been_done_is_not_done_twice() -> None:
    """A server that ended the connection before it answered may have created the object."""
    with served() as (server, access):
        with Api(access) as api:
            api.get("/")
        with Api(access) as api, pytest.raises(Unreachable):
            api.request("POST", "/dropped", body=b"{}")
        with Api(access) as api:
            assert api.get("/whole") == {"path": "/whole"}

        assert server.dropped == ["POST"]


def test_few_are_kept_and_the_last_used_come_first() -> None:
    with served() as (server, access):
        kept, peer = Kept(), Peer(access.server)
        used = [kept.take(peer) for _ in range(AT_MOST + 2)]
        for connection in used:
            connection.request("GET", "/", retries=False)
        for connection in used:
            kept.give_back(peer, connection)

        assert [kept.take(peer) for _ in range(AT_MOST)] == used[:1:-1]
        assert kept.take(peer) not in used
        assert server.accepted == len(used)
        for connection in used:
            connection.close()


def test_a_program_waits_in_vain_for_one_answer_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        access = Access(server=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with Api(access, timeout=0.05) as api:
            with pytest.raises(Unreachable, match="timed out"):
                api.get("/one")
            with pytest.raises(Unreachable, match="stopped to answer"):
                api.get("/two")
        silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()
