"""The suite's own prober on paths of the embedded network, and what it wrote down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from fixtures.prober.records import END, HOW, RESULTS
from fixtures.prober.schedule import Prober
from fixtures.traffic.samplefile import SampleFile


def prober_path(name: str, kind: str, port: int, identity: str = "") -> dict[str, Any]:
    """A path of the prober, every 50 ms."""
    return {
        "id": name,
        "kind": kind,
        "host": "web.shop",
        "port": 80,
        "address": "127.0.0.1",
        "address_port": port,
        "interval": 0.05,
        "limit": 1.0,
        "identity": identity,
    }


@contextlib.asynccontextmanager
async def probed(specs: list[dict[str, Any]], samples: Path) -> AsyncGenerator[None]:
    """Probe these paths within the block."""
    prober = Prober(specs, str(samples))
    probing = asyncio.create_task(asyncio.to_thread(prober.run))
    try:
        yield
    finally:
        prober.stop.set()
        await probing


def results(samples: Path) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Results by path, and how each connection that lasted was ended by its server."""
    file = SampleFile(samples)
    names: list[str] = [p["id"] for p in file.description["paths"]]
    found: dict[str, list[str]] = {}
    for rows in file.blocks():
        for row in rows:
            found.setdefault(names[row["path"]], []).append(RESULTS[row["result"]])
    ends = [(names[m["path"]], HOW[m["result"]]) for m in file.marks if m["kind"] == END]
    return found, ends
