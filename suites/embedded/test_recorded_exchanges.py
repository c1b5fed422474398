"""Recorded requests of kubectl and linkerd, sent to a cluster loaded with the recorded baseline.

Code, kind, reason and message must be those of the real server, lists must be as long, and what a
patch leaves must be the same object, its owners included. Skipped: watches and OpenAPI documents
(their bodies were not kept), and protobuf answers (ours are JSON).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.embedded.process import EmbeddedProcess
from suites.embedded.client import Answer, Client, Obj

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
WALKS = ("edge-25.4.4-to-edge-25.10.7", "edge-25.10.7-to-edge-26.6.3")
COMMANDS = (
    "003-check-old-cli",
    "004-check-old-cli-proxy",
    "009-upgrade-before-crds",
    "011-apply-crds",
    "012-upgrade",
    "013-dry-run-server",
    "015-apply-upgrade",
)
"""In the order of the walk, from the baseline to the control plane applied."""
PROTOBUF = "application/vnd.kubernetes.protobuf,"


@dataclass(frozen=True)
class Walk:
    """A recorded walk, and a cluster that holds its baseline."""

    folder: Path
    api: Client

    def exchanges(self, command: str) -> list[Obj]:
        """Exchanges since the baseline whose request can be sent again."""
        begun = self._read(COMMANDS[0])[0]["t"]
        return [item for item in self._read(command) if item["t"] >= begun and sendable(item)]

    def _read(self, command: str) -> list[Obj]:
        path = self.folder / "http" / f"{command}.jsonl.gz"
        return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.fixture(scope="module", params=WALKS)
def walk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Walk]:
    folder = RECORDINGS / request.param
    dump = folder / "dumps" / "baseline.json.gz"
    if not dump.exists():
        pytest.skip(f"the recording ../shared/recordings/{request.param} is not here")
    state = tmp_path_factory.mktemp("cluster")
    # Nearly no cluster time passes: servers whose keys were removed would be found not ready.
    with EmbeddedProcess.start(state, speed=0.01, nodes=0, load=[dump], seed=1) as process:
        yield Walk(folder, Client(process.kubeconfig))


def sendable(item: Obj) -> bool:
    return (
        "watch=true" not in item["url"]
        and not item["url"].startswith("/openapi")
        and not (isinstance(item["req"], dict) and "omitted" in item["req"])
    )


def send(api: Client, exchange: Obj) -> Answer:
    sent: Obj = exchange["req_headers"]
    headers = {"Accept": str(sent.get("Accept", "")).replace(PROTOBUF, "")}
    body = exchange["req"].encode() if isinstance(exchange["req"], str) else None
    return api.request(
        exchange["method"],
        exchange["url"],
        body,
        headers=headers,
        content_type=sent.get("Content-Type", "application/json"),
    )


def recorded(exchange: Obj) -> Any:
    try:
        return json.loads(exchange["resp"]) if isinstance(exchange["resp"], str) else None
    except ValueError:
        return None


def shape(body: Any) -> Obj:
    """What must agree of any answer."""
    if not isinstance(body, dict):
        return {}
    found: Obj = {key: body.get(key) for key in ("kind", "apiVersion", "reason", "message")}
    if isinstance(body.get("items"), list):
        found["items"] = len(body["items"])
    return found


def left(body: Obj) -> Obj:
    """What must agree of the object that a patch leaves."""
    metadata: Obj = body["metadata"]
    owners = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in metadata.get("managedFields") or ()
    ]
    kept: tuple[str, ...] = ("labels", "annotations", "generation", "name", "namespace")
    ignored: tuple[str, ...] = ("metadata", "status")
    if body["kind"] == "Secret":
        # The recordings hold no keys: dump and exchange say so in different words.
        ignored, kept = (*ignored, "data"), tuple(key for key in kept if key != "annotations")
    rest = {key: value for key, value in body.items() if key not in ignored}
    return {**rest, "metadata": {key: metadata.get(key) for key in kept}, "owners": owners}


@pytest.mark.parametrize("command", COMMANDS)
def test_recorded_requests_are_answered_as_recorded(walk: Walk, command: str) -> None:
    sent = 0
    for exchange in walk.exchanges(command):
        answer = send(walk.api, exchange)
        what = (command, exchange["method"], exchange["url"])
        assert (what, answer.code) == (what, exchange["status"])
        sent += 1
        wanted = recorded(exchange)
        if wanted is None:
            continue
        assert (what, shape(answer.body)) == (what, shape(wanted))
        if exchange["method"] == "PATCH":
            assert (what, left(answer.body)) == (what, left(wanted))

    assert sent > 0
