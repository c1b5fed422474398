"""A small HTTP server that answers as a test tells it, with a kubeconfig to reach it."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    accept: str
    authorization: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Says:
    """One answer; a list of lines is streamed and then closed."""

    status: int = 200
    body: object = None
    lines: list[Obj] | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    dropped: bool = False
    """The connection is closed without an answer."""


Script = Callable[[Asked], Says]


def refused(status: int, reason: str, message: str = "no") -> Says:
    """A Status, as the API refuses."""
    return Says(
        status,
        {"kind": "Status", "status": "Failure", "reason": reason, "message": message},
    )


def listing(*items: Obj, version: str = "1", **meta: object) -> Says:
    """A list of objects."""
    return Says(
        body={"kind": "List", "metadata": {"resourceVersion": version, **meta}, "items": items}
    )


@dataclass(slots=True)
class ScriptedApi:
    kubeconfig: Path
    port: int = 0
    asked: list[Asked] = field(default_factory=list["Asked"])


@contextmanager
def scripted_api(folder: Path, script: Script, *, tls: bool = False) -> Generator[ScriptedApi]:
    """Serve `script` on loopback until the block ends; without TLS nobody sends credentials."""
    api = ScriptedApi(folder / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(
                self.command,
                parts.path,
                {k: v[0] for k, v in parse_qs(parts.query).items()},
                self.rfile.read(length),
                self.headers.get("Accept", ""),
                self.headers.get("Authorization", ""),
                tuple(self.headers.items()),
            )
            api.asked.append(asked)
            says = script(asked)
            if says.dropped:
                self.close_connection = True
                return
            self.send_response(says.status)
            for name, value in says.headers.items():
                self.send_header(name, value)
            if says.lines is not None:
                self.send_header("Connection", "close")
                self.end_headers()
                for line in says.lines:
                    self.wfile.write(json.dumps(line).encode() + b"\n")
                self.close_connection = True
                return
            body = says.body if isinstance(says.body, bytes) else json.dumps(says.body).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.port = server.server_port
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certified().configure_cert(context)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "https" if tls else "http"
    write_kubeconfig(
        api.kubeconfig, f"{scheme}://127.0.0.1:{server.server_port}", ca_data() if tls else ""
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def certified() -> trustme.LeafCert:
    """The certificate of every scripted server."""
    return authority().issue_cert("127.0.0.1", "localhost", "kubernetes.default.svc")


def ca_data() -> str:
    """What a kubeconfig has as `certificate-authority-data`."""
    return base64.b64encode(authority().cert_pem.bytes()).decode()


def write_kubeconfig(path: Path, server: str, trusted: str = "") -> None:
    """Two contexts: `here` (the current one) and `elsewhere`."""
    cluster = {"server": server, **({"certificate-authority-data": trusted} if trusted else {})}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "t0ken"}}],
        "contexts": [
            {"name": name, "context": {"cluster": "c", "user": "u"}}
            for name in ("here", "elsewhere")
        ],
    }
    path.write_text(json.dumps(content))
