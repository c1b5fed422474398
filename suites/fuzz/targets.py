"""Every reader of what others wrote, as a function of bytes: it reads them, or refuses them."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from fixtures.cluster.facts.helm_manifest import objects_of
from fixtures.core import bounded
from fixtures.core.errors import BadInput
from fixtures.core.manifests import Unparsable, check_run, prune_run, rendered, version_report
from fixtures.core.redaction import removed
from fixtures.core.secret_guard import scrub
from fixtures.core.value_leaves import settings
from fixtures.embedded.api.http import bodies
from fixtures.embedded.api.schema.patterns import matches
from fixtures.embedded.api.storage import selectors
from fixtures.embedded.kernel import ApiError
from fixtures.scenario.faults import load_fault
from fixtures.scenario.keys import read_table
from fixtures.snapshot.read import facts, read_snapshot

Target = Callable[[bytes], None]


@cache
def _file() -> Path:
    """One file of this process, for readers that take a path."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / f"{os.getpid()}.input"


def _written(data: bytes) -> Path:
    _file().write_bytes(data)
    return _file()


def document(data: bytes) -> None:
    with suppress(BadInput):
        bounded.document(data, "file", "input", first=True)
    with suppress(BadInput):
        bounded.documents(data, "file", "input")


def snapshot(data: bytes) -> None:
    with suppress(BadInput):
        msgspec.json.encode(facts(read_snapshot(_written(data))))


def item(data: bytes) -> None:
    """An object in a snapshot that is whole otherwise: bytes reach the shapes sooner."""
    pod = b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"a",'
    pod += b'"creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[{"name":"a"}]}}'
    space = b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}'
    snapshot(b'{"kind":"List","items":[%s,%s,%s]}' % (space, pod, data))


def toml(data: bytes) -> None:
    with suppress(BadInput):
        read_table(_written(data))
    with suppress(BadInput):
        load_fault(_file())


def programs(data: bytes) -> None:
    """Output of linkerd, kubectl and helm."""
    text = data.decode("utf-8", "replace")
    check_run(text, label="check", exit_code=0)
    version_report(text)
    prune_run(data, exit_code=0)
    with suppress(Unparsable):
        rendered(data, version="edge-25.4.4")
    objects_of(text, "linkerd")
    settings(text)


def requests(data: bytes) -> None:
    """Bodies and selectors of the embedded API."""
    for kind in (
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
    ):
        with suppress(ApiError, RecursionError):  # the server answers 400 to both
            bodies.decode(data, kind)
    text = data.decode("utf-8", "replace")
    with suppress(ApiError):
        selectors.parse_labels(text)


def pattern(data: bytes) -> None:
    """A pattern of a schema and a value; apart, since each may take half a second."""
    text = data.decode("utf-8", "replace")
    half = len(text) // 2
    matches(text[:half], text[half:])


def texts(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    removed(text)
    scrub(data)


TARGETS: dict[str, Target] = {
    "document": document,
    "snapshot": snapshot,
    "item": item,
    "toml": toml,
    "programs": programs,
    "requests": requests,
    "pattern": pattern,
    "texts": texts,
}
