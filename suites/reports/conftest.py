"""Samples, each written once and shared by the tests that only read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from fixtures.evidence.bundle import Bundle, open_bundle, seal
from fixtures.evidence.ledger import LEDGER
from reports.build.report import build
from reports.model.report import Report
from suites.forgotten import forget_secrets
from suites.reports.samples import violated_sample
from suites.reports.traffic_samples import EVERY

__all__ = ["forget_secrets"]

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """Every sample by name; `cut-off` was killed while it wrote a record."""
    root = tmp_path_factory.mktemp("bundles")
    found = {name: sample().write(root / name) for name, sample in EVERY.items()}
    found["cut-off"] = violated_sample().cut(root / "cut-off")
    return found


@pytest.fixture(scope="session")
def reports(bundles: dict[str, Bundle]) -> dict[str, Report]:
    return {name: build(bundle) for name, bundle in bundles.items()}


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """Every rehearsal that was recorded beside this checkout, by its folder; maybe none."""
    root = tmp_path_factory.mktemp("recorded")
    found: dict[str, Bundle] = {}
    for ledger in sorted(RECORDINGS.glob(f"suite-on-kind-*/{LEDGER}.gz")):
        folder = root / ledger.parent.name
        folder.mkdir()
        (folder / LEDGER).write_bytes(gzip.decompress(ledger.read_bytes()))
        seal(folder)
        found[folder.name] = open_bundle(folder)
    return found


@pytest.fixture(params=[*EVERY, "cut-off"])
def report(request: pytest.FixtureRequest, reports: dict[str, Report]) -> Report:
    """Each sample's report in turn."""
    return reports[str(request.param)]
