"""`python -m benchmarks.decoding ENCODING`: recorded pods as facts, from bytes, and what it cost.

A process of its own for each encoding, so that its memory is its own.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

from apimachinery.protobuf.fields import MAGIC
from benchmarks.many_pods import BASELINE
from fixtures.cluster.facts.pods import pod_fact
from fixtures.cluster.objects import RawPod
from fixtures.cluster.wire.lists import PAGE, decode_page
from fixtures.embedded.api.wire import writer as writer

PODS = 10_000


def main(encoding: str) -> int:
    recorded = _recorded()
    page = _json(recorded) if encoding == "json" else _protobuf(recorded)
    decode_page(page, RawPod)  # classes and decoders are made at the first use
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    facts = [
        pod_fact(raw, {}) for _ in range(PODS // PAGE) for raw in decode_page(page, RawPod)[0]
    ]
    seconds = time.process_time() - begun
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"pods": len(facts), "seconds": seconds, "megabytes": grown / 1024}))
    return 0


def _recorded() -> list[dict[str, Any]]:
    """A page of meshed pods."""
    items = json.loads(gzip.decompress(BASELINE.read_bytes()))["items"]
    meshed = [o for o in items if o["kind"] == "Pod" and o["metadata"].get("namespace") == "shop"]
    return list(islice(cycle(meshed), PAGE))


def _json(items: list[dict[str, Any]]) -> bytes:
    return json.dumps({"kind": "PodList", "apiVersion": "v1", "items": items}).encode()


def _protobuf(items: list[dict[str, Any]]) -> bytes:
    def parts() -> Iterator[bytes]:
        yield writer.delimited(1, b"")
        for item in items:
            yield writer.delimited(2, writer.message("StoredPod", item))

    return MAGIC + writer.delimited(2, b"".join(parts()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
