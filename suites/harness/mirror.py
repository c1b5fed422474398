"""A mirror of releases on loopback that answers as it is told, and notes what it was asked."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fixtures.tools.fetch import asset

RELEASE = "edge-25.10.7"
CLIENT = b"#!/bin/sh\necho edge-25.10.7\n#" + b"x" * 300_000 + b"\n"
DIGEST = hashlib.sha256(CLIENT).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, as it is sent."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    endless: bool = False
    """The body is repeated until nobody listens any more."""


@dataclass(slots=True)
class Server:
    """Serves files by path."""

    files: dict[str, bytes | Reply]
    cut: int = 0
    """The next answer of more than this ends after so many bytes; 0: none does."""
    url: str = ""
    asked: list[str] = field(default_factory=list[str])
    authorized: list[str] = field(default_factory=list[str])
    """The authorization of each request."""
    statuses: list[int] = field(default_factory=list[int])


@contextmanager
def serving(server: Server) -> Generator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            server.authorized.append(self.headers.get("Authorization", ""))
            found = server.files.get(self.path)
            if found is None:
                self.send_error(404)
                return
            if isinstance(found, bytes):
                found = Reply(found, headers=(("Content-Length", str(len(found))),))
            if (tag := dict(found.headers).get("ETag")) and tag == self.headers["If-None-Match"]:
                found = Reply(status=304, headers=(("ETag", tag),))
            server.statuses.append(found.status)
            self.send_response(found.status)
            for name, value in found.headers:
                self.send_header(name, value)
            self.end_headers()
            body = found.body
            if len(body) > server.cut > 0:
                body, server.cut = body[: server.cut], 0
            try:
                self.wfile.write(body)
                while found.endless:
                    self.wfile.write(body)
            except OSError:  # the other end has heard enough
                self.close_connection = True

        def do_CONNECT(self) -> None:
            server.asked.append(self.path)
            self.send_error(403)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def release(client: bytes | Reply = CLIENT, digest: str = DIGEST) -> Server:
    """A mirror with one release."""
    name = f"/{RELEASE}/{asset(RELEASE)}"
    return Server({name: client, f"{name}.sha256": digest.encode()})


def quiet(_: str) -> None:
    pass
