"""Release knowledge: data with its sources, and the questions asked of it."""

from __future__ import annotations

from policies.releases.catalogue import Catalogue
from policies.releases.current import catalogue, remembered, use, using
from policies.releases.details import object_key
from policies.releases.types import (
    Advice,
    Advisory,
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
    "Advisory",
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
    "remembered",
    "use",
    "using",
]
