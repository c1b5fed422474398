"""Release knowledge: data with its sources, and the questions asked of it."""

from __future__ import annotations

from policies.releases.catalogue import Catalogue, catalogue, object_key
from policies.releases.types import (
    Advice,
    Component,
    CrdVersions,
    GatewayApi,
    Images,
    Inventory,
    Irregularities,
    KubernetesRange,
    Logical,
    Release,
)

__all__ = [
    "Advice",
    "Catalogue",
    "Component",
    "CrdVersions",
    "GatewayApi",
    "Images",
    "Inventory",
    "Irregularities",
    "KubernetesRange",
    "Logical",
    "Release",
    "catalogue",
    "object_key",
]
