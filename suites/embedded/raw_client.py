"""Bytes on a TLS connection: what a client library would not send."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

_SECONDS = 20.0


@dataclass(frozen=True)
class Raw:
    """Where a cluster listens, and its token."""

    host: str
    port: int
    token: str
    context: ssl.SSLContext

    @classmethod
    def of(cls, kubeconfig: Path) -> Raw:
        document = yaml.safe_load(kubeconfig.read_text())
        cluster = document["clusters"][0]["cluster"]
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        where = urlsplit(cluster["server"])
        token = document["users"][0]["user"]["token"]
        assert where.hostname is not None
        assert where.port is not None
        return cls(where.hostname, where.port, token, ssl.create_default_context(cadata=ca))

    def plain(self) -> socket.socket:
        """A TCP connection without TLS."""
        return socket.create_connection((self.host, self.port), _SECONDS)

    def open(self) -> ssl.SSLSocket:
        """A TLS connection; close it with `with`."""
        return self.context.wrap_socket(self.plain(), server_hostname=self.host)

    def head(self, line: str, *headers: str) -> bytes:
        """The start of a request with the token, its headers ended."""
        own = (line, f"Host: {self.host}", f"Authorization: Bearer {self.token}", *headers)
        return "\r\n".join((*own, "", "")).encode("latin-1")

    def status(self, content: bytes) -> int:
        """The status that some bytes are answered with; 0 when the connection is closed."""
        with self.open() as connection:
            with contextlib.suppress(ConnectionError, ssl.SSLError):  # refused before its end
                connection.sendall(content)
            return status_of(connection)


def status_of(connection: ssl.SSLSocket) -> int:
    """The status of the next answer; 0 when there is none."""
    try:
        line = connection.recv(4096)
    except (ConnectionError, ssl.SSLError):
        return 0
    parts = line.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[0].startswith(b"HTTP/") else 0
