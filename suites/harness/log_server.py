"""A server that answers for one pod and its log, stretch by stretch, as a test tells it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from suites.harness.scripted_api import write_kubeconfig

RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
ENDED: dict[str, Any] = {"terminated": {"exitCode": 137, "reason": "Error"}}
HIDDEN = "hidden"
"""State of a pod that is gone."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One answer to a request for the log."""

    text: bytes = b""
    state: Any = field(default_factory=lambda: RUNNING)
    """Of the container once this was answered."""
    status: int = 200
    message: str = ""


@dataclass(slots=True)
class LogServer:
    kubeconfig: Path
    stretches: list[Stretch]
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Queries for the log, in their order."""
    state: Any = field(default_factory=lambda: RUNNING)


@contextmanager
def log_server(folder: Path, *stretches: Stretch) -> Generator[LogServer]:
    """Answer request after request with the next stretch; after the last, nothing is left."""
    known = LogServer(folder / "kubeconfig", list(stretches))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path.endswith("/log"):
                known.asked.append({k: v[0] for k, v in parse_qs(parts.query).items()})
                self._log(known.stretches.pop(0) if known.stretches else Stretch(state=ENDED))
            elif known.state == HIDDEN:
                self._says(404, {"reason": "NotFound", "message": "pods not found"})
            else:
                states = [{"name": "prober", "state": known.state}]
                self._says(200, {"status": {"phase": "Running", "containerStatuses": states}})

        def _log(self, stretch: Stretch) -> None:
            known.state = stretch.state
            if stretch.status != 200:
                return self._says(
                    stretch.status, {"reason": "BadRequest", "message": stretch.message}
                )
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(stretch.text)

        def _says(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    write_kubeconfig(known.kubeconfig, f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
