"""Release knowledge: data with its sources, and the questions asked of it."""

from __future__ import annotations

from policies.releases.catalogue import Catalogue
from policies.releases.current import catalogue, learn, remembered, use, using
from policies.releases.keys import object_key
from policies.releases.learnt import Learnt, LearntComponent, LearntObject
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
    "Learnt",
    "LearntComponent",
    "LearntObject",
    "Logical",
    "Release",
    "catalogue",
    "learn",
    "object_key",
    "remembered",
    "use",
    "using",
]
