"""A small server that answers as told, well or badly, and probers to run against it."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures.prober.clock import Clock
from fixtures.prober.files import FOLDER, NAME
from fixtures.prober.records import SIZE
from fixtures.prober.schedule import Prober

PATIENCE = 20.0
"""Wall seconds after which a test gives up waiting for samples."""

Answer = Callable[[socket.socket, int], bool]
"""Answers one request with this sequence number; False ends the connection."""


def reply(
    sock: socket.socket, sequence: int, *, status: str = "200 OK", more: str = "", **body: Any
) -> None:
    text = json.dumps({"pod": "web-1", "seq": sequence, "identity": "", **body})
    head = f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(text)}\r\n\r\n"
    sock.sendall(head.encode() + text.encode())


def healthy(sock: socket.socket, sequence: int) -> bool:
    reply(sock, sequence)
    return True


def reset(sock: socket.socket, _sequence: int) -> bool:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def garbage(sock: socket.socket, _sequence: int) -> bool:
    sock.sendall(b"SSH-2.0-OpenSSH_9.9\r\n\r\n\r\n")
    return True


def flood(sock: socket.socket, _sequence: int) -> bool:
    for _ in range(64):
        sock.sendall(b"x" * 65536)
    return True


class Misbehaving:
    """Accepts on loopback, one thread per connection; `answer` may change at any time."""

    def __init__(self, answer: Answer = healthy, context: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.context = context
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            self._open.append(raw)
            sock = self.context.wrap_socket(raw, server_side=True) if self.context else raw
            with sock:
                while data := sock.recv(4096):
                    target = data.split(b" ")[1] if data.startswith(b"GET") else b"0"
                    digits = b"".join(
                        c for c in (target.partition(b"=")[2] or data).split(b" ")[:1]
                    )
                    number = int(digits) if digits.strip().isdigit() else 0
                    if not self.answer(sock, number):
                        return

    def close(self) -> None:
        """No listener, no connection: whoever comes is refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.close()


@contextmanager
def misbehaving(
    answer: Answer = healthy, context: ssl.SSLContext | None = None
) -> Generator[Misbehaving]:
    server = Misbehaving(answer, context)
    try:
        yield server
    finally:
        server.close()


def spec(port: int, kind: str = "http-new", **more: Any) -> dict[str, Any]:
    return {
        "id": kind,
        "kind": kind,
        "host": "127.0.0.1",
        "port": port,
        "interval": 0.02,
        "limit": 0.25,
        **more,
    }


@contextmanager
def probing(out: Path, *specs: dict[str, Any], clock: Clock | None = None) -> Generator[Prober]:
    """A prober in this process, stopped at the end."""
    running = Prober([dict(s) for s in specs], str(out), clock)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield running
    finally:
        running.stop.set()
        thread.join()


def wait_for(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE} s for {what}")
        time.sleep(0.005)


def records(out: Path) -> int:
    return out.stat().st_size // SIZE if out.exists() else 0


def more_records(out: Path, count: int) -> None:
    """Wait until so many more records were written."""
    wanted = records(out) + count
    wait_for(lambda: records(out) >= wanted, f"{count} more records in {out.name}")


@contextmanager
def process(*argv: str, **options: Any) -> Generator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The package as a program of its own, with what it said when it was ready."""
    with subprocess.Popen(
        [sys.executable, "-m", NAME, *argv],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as running:
        assert running.stdout is not None
        try:
            yield running, json.loads(running.stdout.readline() or "{}")
        finally:
            running.kill()


def echo(**more: str) -> Any:
    """An echo server on free ports of loopback."""
    given = {"host": "127.0.0.1", "port": "0", "tcp-port": "0", "pod": "echo-1", "linger": "0.1"}
    options = [t for k, v in {**given, **more}.items() for t in (f"--{k}", v)]
    return process("echo", *options)
