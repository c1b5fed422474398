"""A data set of release knowledge: its sections, and what of them may be left out.

What the project ships, what `rehearse releases update` writes and what somebody writes by hand
has this one shape. A data set is a file (TOML or JSON) with the sections as its keys, or a folder
with a file per section and `dataset.toml` for schema, date and source. Every section may be
absent: what one set leaves open the next one fills.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

import msgspec

from policies.facts.cluster import Fact
from policies.releases.tables import (
    AdviceTable,
    CrdTable,
    Defaults,
    GatewayTable,
    ImageTable,
    InventoryTable,
    KubernetesTable,
    Table,
    Tags,
)
from policies.releases.types import Advisory

SCHEMA = 1
"""Version of the shape: a reader refuses a newer one by its number."""

SECTIONS = (
    "tags",
    "releases",
    "defaults",
    "kubernetes",
    "gateway_api",
    "images",
    "crds",
    "inventory",
    "advice",
    "advisories",
)
"""In a folder, each is a file of that name."""


class Stated(Table, frozen=True, kw_only=True):
    """What somebody states of one release: of a vendor's, an own build, one newer than known."""

    logical: str = ""
    """Logical version it belongs to, `2.21`; empty leaves it open."""
    date: date | None = None
    """The day it was made."""
    source: str = ""
    """Who says so."""


class AdvisoryTable(Table, frozen=True, kw_only=True):
    advisory: tuple[Advisory, ...] = ()


class Provenance(Fact, frozen=True, kw_only=True):
    """Where a piece of knowledge comes from."""

    name: str
    """`shipped`, or the name of the file or folder."""
    source: str
    date: date
    """The day the knowledge was taken."""
    digest: str
    """SHA-256 of the data set, hexadecimal."""

    def __str__(self) -> str:
        return f"{self.name} of {self.date} ({self.digest[:12]})"


class Sections(Protocol):
    """What the catalogue asks of a data set, whether it was read whole or is read when asked."""

    @property
    def provenance(self) -> Provenance: ...
    @property
    def tags(self) -> Tags | None: ...
    @property
    def releases(self) -> dict[str, Stated]: ...
    @property
    def defaults(self) -> Defaults | None: ...
    @property
    def kubernetes(self) -> KubernetesTable | None: ...
    @property
    def gateway_api(self) -> GatewayTable | None: ...
    @property
    def images(self) -> ImageTable | None: ...
    @property
    def crds(self) -> CrdTable | None: ...
    @property
    def inventory(self) -> InventoryTable | None: ...
    @property
    def advice(self) -> AdviceTable | None: ...
    @property
    def advisories(self) -> AdvisoryTable | None: ...


class DataSet(Table, frozen=True, kw_only=True):
    """One data set as it is read from, and written to, a file."""

    schema: int = SCHEMA
    name: str = ""
    """Filled in by the reader: what the set is called in reports."""
    date: date
    """The day the knowledge was taken: releases and logical versions of later days are missing."""
    source: str
    digest: str = ""
    """Filled in by the reader."""
    tags: Tags | None = None
    releases: dict[str, Stated] = msgspec.field(default_factory=dict[str, Stated])
    defaults: Defaults | None = None
    kubernetes: KubernetesTable | None = None
    gateway_api: GatewayTable | None = None
    images: ImageTable | None = None
    crds: CrdTable | None = None
    inventory: InventoryTable | None = None
    advice: AdviceTable | None = None
    advisories: AdvisoryTable | None = None

    @property
    def provenance(self) -> Provenance:
        """Where what it says comes from."""
        return Provenance(name=self.name, source=self.source, date=self.date, digest=self.digest)


def data_set(values: object) -> DataSet:
    """Convert plain values, as a TOML or JSON parser gives them.

    Raises:
        msgspec.ValidationError: They do not have that shape; its text names the key.
    """
    return msgspec.convert(values, DataSet, strict=True)
