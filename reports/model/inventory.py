"""Versions that run, as a document."""

from __future__ import annotations

from policies.skew.inventory import Inventory
from reports.model.part import Part

SCHEMA = 1


class InventoryDocument(Part, frozen=True, kw_only=True):
    """The inventory of each control plane of a cluster."""

    schema: int = SCHEMA
    exit_code: int
    """0: the skew is safe; 1: it is not; 6: a version cannot be placed."""
    control_planes: tuple[Inventory, ...]
