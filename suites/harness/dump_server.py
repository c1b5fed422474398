"""A read-only API over plain HTTP that answers from a recorded cluster: what the CLI reads."""

from __future__ import annotations

import gzip
import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fixtures.standins.resources import BUILT_IN

Obj = dict[str, Any]

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
_PLURALS = {(r.api_version, r.kind): r.plural for r in BUILT_IN}


def dump(folder: str, step: str) -> list[Obj]:
    path = RECORDINGS / folder / "dumps" / f"{step}.json.gz"
    return json.loads(gzip.decompress(path.read_bytes()))["items"]


class DumpServer:
    """Serves objects; `objects` may be changed between requests."""

    def __init__(self, objects: list[Obj], kubernetes: str = "v1.31.14") -> None:
        self.objects = objects
        self.kubernetes = kubernetes
        self.requests: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                code, body = owner.answer(self.path)
                data = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> DumpServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def kubeconfig(self, folder: Path) -> Path:
        path = folder / "kubeconfig"
        address = f"http://127.0.0.1:{self._server.server_address[1]}"
        config = {
            "current-context": "dump",
            "contexts": [{"name": "dump", "context": {"cluster": "dump", "user": "dump"}}],
            "clusters": [{"name": "dump", "cluster": {"server": address}}],
            "users": [{"name": "dump", "user": {"token": "t"}}],
        }
        path.write_text(json.dumps(config))
        return path

    def answer(self, target: str) -> tuple[int, Obj]:
        url = urlsplit(target)
        self.requests.append(target)
        if url.path == "/version":
            return 200, {"gitVersion": self.kubernetes}
        parts = url.path.strip("/").split("/")
        version = parts[1] if parts[0] == "api" else "/".join(parts[1:3])
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if rest[:1] == ["namespaces"] and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        found = [
            o
            for o in self.by_plural().get((version, rest[0] if rest else ""), [])
            if not namespace or o["metadata"].get("namespace") == namespace
        ]
        if len(rest) == 2:
            for obj in found:
                if obj["metadata"]["name"] == rest[1]:
                    return 200, obj
            message = f'{rest[0]} "{rest[1]}" not found'
            return 404, {"kind": "Status", "code": 404, "reason": "NotFound", "message": message}
        selector = parse_qs(url.query).get("labelSelector", [""])[0]
        return 200, {"kind": "List", "items": [o for o in found if _selected(o, selector)]}

    def by_plural(self) -> dict[tuple[str, str], list[Obj]]:
        found: dict[tuple[str, str], list[Obj]] = defaultdict(list)
        for obj in self.objects:
            kind = str(obj["kind"])
            plural = _PLURALS.get((obj["apiVersion"], kind)) or f"{kind.lower()}s"
            found[obj["apiVersion"], plural].append(obj)
        for objects in found.values():
            objects.sort(key=lambda o: (o["metadata"].get("namespace", ""), o["metadata"]["name"]))
        return found


def _selected(obj: Obj, selector: str) -> bool:
    labels: dict[str, str] = obj["metadata"].get("labels") or {}
    for term in filter(None, selector.split(",")):
        key, equals, value = term.partition("=")
        if equals and labels.get(key) != value:
            return False
        if not equals and key.startswith("!") and key[1:] in labels:
            return False
        if not equals and not key.startswith("!") and key not in labels:
            return False
    return True
