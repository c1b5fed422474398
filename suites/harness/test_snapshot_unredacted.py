"""A snapshot of another origin, full of secrets: none is in the run's folder or on the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from suites.detection.runs import rehearse
from suites.harness.planted import found_in
from suites.harness.secret_places import DER, KEY_BODY, PIN, PLACES, SECRET, linkerd_config
from suites.harness.snapshots import Obj, cluster, written


def planted() -> Iterator[Obj]:
    """Every object with a secret that one cluster may hold, each under its own name."""
    values: list[str] = []
    for number, (place, obj) in enumerate(PLACES.items()):
        if place.endswith(("that are none", "that is none", "that are broken")):
            continue
        if obj["kind"] == "List":  # of which a cluster has none within a list
            continue
        meta: Obj = obj.get("metadata") or {}
        named = str(meta.get("name") or "it")
        if named == "linkerd-config":
            values.append(obj["data"]["values"])
            continue
        own = named not in ("it", "x")
        space = f"of-{number}" if own else "shop"
        name = named if own else f"it-{number}"
        yield {**obj, "metadata": {**meta, "name": name, "namespace": space, "uid": f"u-{number}"}}
    yield linkerd_config("\n".join(values))


def test_nothing_of_a_raw_snapshot_is_in_the_runs_folder(tmp_path: Path) -> None:
    file = written(tmp_path / "raw.json", cluster(*planted()))
    assert found_in(file.read_bytes(), SECRET)

    run = rehearse(tmp_path / "here", f"--snapshot={file}", suite="verify")

    files = [f for f in (tmp_path / "here").rglob("*") if f.is_file()]
    assert run.folder / "ledger.jsonl" in files, run.output
    for place in files:
        data = place.read_bytes()
        for secret in (SECRET, KEY_BODY, DER, PIN):
            assert not found_in(data, secret), place
