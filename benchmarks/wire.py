"""A client that costs little: what is measured is the server."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import yaml

_PIECE = 1 << 20


class Wire:
    """One TLS connection to the server of a kubeconfig, kept open."""

    def __init__(self, kubeconfig: Path, token: str = "") -> None:
        """`token` instead of the kubeconfig's own."""
        document = yaml.safe_load(kubeconfig.read_text())
        cluster = document["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        where = urlsplit(cluster["server"])
        assert where.hostname is not None
        plain = socket.create_connection((where.hostname, where.port or 443), timeout=120)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context(cadata=authority)
        self._socket = context.wrap_socket(plain, server_hostname=where.hostname)
        self._token = token or document["users"][0]["user"]["token"]
        self._rest = b""

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """The bytes of a request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: cluster"]
        lines += [f"Authorization: Bearer {self._token}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        head = self._until(b"\r\n\r\n")
        status = int(head[9:12])
        lowered = head.lower()
        if b"transfer-encoding: chunked" in lowered:
            return status, self._chunks()
        at = lowered.index(b"content-length:") + len(b"content-length:")
        return status, self._exactly(int(lowered[at : lowered.index(b"\r\n", at)]))

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        self.send(self.request(method, path, body, **headers))
        return self.answer()

    def close(self) -> None:
        self._socket.close()

    def head_and_lines(self) -> None:
        """Read the head of a watch's answer; `count_lines` reads what follows."""
        self._until(b"\r\n\r\n")

    def count_lines(self, mark: bytes, wanted: int) -> int:
        """Read until so many marks have come; the number that came."""
        seen = self._rest.count(mark)
        tail = self._rest[-len(mark) :]
        while seen < wanted:
            piece = self._socket.recv(_PIECE)
            if not piece:
                break
            joined = tail + piece
            seen += joined.count(mark) - tail.count(mark)
            tail = joined[-len(mark) + 1 :]
        self._rest = b""
        return seen

    def _until(self, mark: bytes) -> bytes:
        while (at := self._rest.find(mark)) < 0:
            self._more()
        found, self._rest = self._rest[:at] + mark, self._rest[at + len(mark) :]
        return found

    def _more(self) -> None:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._rest += piece

    def _exactly(self, size: int) -> bytes:
        if len(self._rest) >= size:
            found, self._rest = self._rest[:size], self._rest[size:]
            return found
        parts, have = [self._rest], len(self._rest)
        while have < size:
            piece = self._socket.recv(min(_PIECE, size - have))
            if not piece:
                raise ConnectionError("the server closed the connection")
            parts.append(piece)
            have += len(piece)
        self._rest = b""
        return b"".join(parts)

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while True:
            size = int(self._until(b"\r\n")[:-2], 16)
            part = self._exactly(size)
            self._exactly(2)
            if not size:
                return b"".join(parts)
            parts.append(part)


def rate(wires: Sequence[Wire], requests: Sequence[bytes], expected: int) -> float:
    """Requests per second, one in flight on each connection.

    Raises:
        SystemExit: an answer is not the expected one, so that the figure means nothing.
    """
    waiting = iter(requests)
    begun = time.perf_counter()
    busy: list[Wire] = []
    for wire in wires:
        request = next(waiting, None)
        if request is not None:
            wire.send(request)
            busy.append(wire)
    while busy:
        wire = busy.pop(0)
        status, body = wire.answer()
        if status != expected:
            raise SystemExit(f"{status} instead of {expected}: {body[:300]!r}")
        request = next(waiting, None)
        if request is not None:
            wire.send(request)
            busy.append(wire)
    return len(requests) / (time.perf_counter() - begun)
