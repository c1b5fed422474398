"""The data set that the project ships: each section is read when it is asked for, and kept.

`policies/releases/*.toml` are its sections. The only place in `policies` that opens a file.
"""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TypeVar

import msgspec

from policies.releases import tables
from policies.releases.dataset import SECTIONS, AdvisoryTable, Provenance, Stated

T = TypeVar("T")


class _Head(tables.Table, frozen=True, kw_only=True):
    schema: int
    date: date
    source: str


class Shipped:
    """The shipped data set, as `policies.releases.dataset.Sections`."""

    @property
    def provenance(self) -> Provenance:
        """Name it `shipped`, with the digest over its files."""
        return _provenance()

    @property
    def releases(self) -> dict[str, Stated]:
        """Nothing is stated: the shipped set names its sources."""
        return {}

    @property
    def tags(self) -> tables.Tags:
        return _read("tags", tables.Tags)

    @property
    def defaults(self) -> tables.Defaults:
        return _read("defaults", tables.Defaults)

    @property
    def kubernetes(self) -> tables.KubernetesTable:
        return _read("kubernetes", tables.KubernetesTable)

    @property
    def gateway_api(self) -> tables.GatewayTable:
        return _read("gateway_api", tables.GatewayTable)

    @property
    def images(self) -> tables.ImageTable:
        return _read("images", tables.ImageTable)

    @property
    def crds(self) -> tables.CrdTable:
        return _read("crds", tables.CrdTable)

    @property
    def inventory(self) -> tables.InventoryTable:
        return _read("inventory", tables.InventoryTable)

    @property
    def advice(self) -> tables.AdviceTable:
        return _read("advice", tables.AdviceTable)

    @property
    def advisories(self) -> AdvisoryTable:
        return _read("advisories", AdvisoryTable)


@cache
def _provenance() -> Provenance:
    head = _read("dataset", _Head)
    digest = hashlib.sha256()
    for name in ("dataset", *(s for s in SECTIONS if s != "releases")):
        digest.update(_bytes(name))
    return Provenance(
        name="shipped", source=head.source, date=head.date, digest=digest.hexdigest()
    )


def _bytes(name: str) -> bytes:
    return files(__package__ or "policies.releases").joinpath(f"{name}.toml").read_bytes()


@cache
def _read(name: str, shape: type[T]) -> T:
    """Read one section, once per process.

    Raises:
        msgspec.ValidationError: The file does not have that shape (a defect of the data).
    """
    return msgspec.convert(tomllib.loads(_bytes(name).decode("utf-8")), shape, strict=True)
