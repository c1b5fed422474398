"""A plain client of a Kubernetes API, from a kubeconfig, for contract tests."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

Obj = dict[str, Any]

_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    code: int
    body: Any
    headers: http.client.HTTPMessage

    @property
    def reason(self) -> str:
        return str(self.body.get("reason")) if isinstance(self.body, dict) else ""

    @property
    def causes(self) -> list[tuple[str, str]]:
        """(reason, field) of each cause."""
        causes = (self.body.get("details") or {}).get("causes") or []
        return [(cause.get("reason", ""), cause.get("field", "")) for cause in causes]


class Client:
    """Sends one request per call, each on a connection of its own."""

    def __init__(self, kubeconfig: Path, token: str | None = None) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        cluster = document["clusters"][0]["cluster"]
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=ca)
        self._server = urlsplit(cluster["server"])
        self._token = document["users"][0]["user"]["token"] if token is None else token

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        connection, response = self._send(method, path, body, content_type, headers, query)
        try:
            content = response.read()
        finally:
            connection.close()
        try:
            decoded = json.loads(content)
        except ValueError:
            decoded = content.decode(errors="replace")
        return Answer(response.status, decoded, response.headers)

    @property
    def authorization(self) -> dict[str, str]:
        """The header that says who asks; empty without a token."""
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def connect(self, seconds: float = _SECONDS) -> http.client.HTTPSConnection:
        """A connection of the caller's own, to be closed by the caller."""
        assert self._server.hostname is not None
        return http.client.HTTPSConnection(
            self._server.hostname, self._server.port, context=self._context, timeout=seconds
        )

    def get(self, path: str, **query: Any) -> Answer:
        return self.request("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Answer:
        return self.request("POST", path, body, **query)

    def put(self, path: str, body: Any, **query: Any) -> Answer:
        return self.request("PUT", path, body, **query)

    def delete(self, path: str, body: Any = None, **query: Any) -> Answer:
        return self.request("DELETE", path, body, **query)

    def merge(self, path: str, body: Any, **query: Any) -> Answer:
        kind = "application/merge-patch+json"
        return self.request("PATCH", path, body, content_type=kind, **query)

    def strategic(self, path: str, body: Any, **query: Any) -> Answer:
        kind = "application/strategic-merge-patch+json"
        return self.request("PATCH", path, body, content_type=kind, **query)

    def json_patch(self, path: str, body: Any, **query: Any) -> Answer:
        kind = "application/json-patch+json"
        return self.request("PATCH", path, body, content_type=kind, **query)

    def apply(self, path: str, body: Any, manager: str, **query: Any) -> Answer:
        kind = "application/apply-patch+yaml"
        return self.request("PATCH", path, body, content_type=kind, fieldManager=manager, **query)

    @contextmanager
    def watch(self, path: str, **query: Any) -> Generator[Iterator[Obj], None, None]:
        """Events of a watch, as they come; ends with the block."""
        given = {"watch": "true", "timeoutSeconds": 10, **query}
        connection, response = self._send("GET", path, None, "", None, given)
        try:
            assert response.status == 200, response.read()
            yield (json.loads(line) for line in iter(response.readline, b""))
        finally:
            connection.close()

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        content_type: str,
        headers: dict[str, str] | None,
        query: dict[str, Any],
    ) -> tuple[http.client.HTTPSConnection, http.client.HTTPResponse]:
        connection = self.connect()
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = self.authorization
        if content is not None:
            sent["Content-Type"] = content_type
        sent.update(headers or {})
        url = path + ("?" + urlencode(query) if query else "")
        connection.request(method, url, content, sent)
        return connection, connection.getresponse()
