"""What a pod asks for as a whole: of what runs together, or of an init container that wants more.

Source: Kubernetes, "Init containers", resource sharing within containers; "Sidecar containers".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from apimachinery.quantities import quantity

Kind = Literal["requests", "limits"]
KINDS: tuple[Kind, ...] = ("requests", "limits")


def effective(spec: Mapping[str, Any], kind: Kind) -> dict[str, float]:
    """Return resource -> amount that a pod of this spec asks for; no quantity is no amount."""
    beside: dict[str, float] = {}
    most: dict[str, float] = {}
    for init in spec.get("initContainers") or ():
        together = _added(beside, _asked(init, kind))
        if init.get("restartPolicy") == "Always":
            beside = together
        else:
            most = _larger(most, together)
    for container in spec.get("containers") or ():
        beside = _added(beside, _asked(container, kind))
    return _larger(beside, most)


def _added(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {what: one.get(what, 0.0) + other.get(what, 0.0) for what in {**one, **other}}


def _larger(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {what: max(one.get(what, 0.0), other.get(what, 0.0)) for what in {**one, **other}}


def _asked(container: Mapping[str, Any], kind: str) -> dict[str, float]:
    given: Mapping[str, Any] = (container.get("resources") or {}).get(kind) or {}
    read = {what: quantity(amount) for what, amount in given.items()}
    return {what: number for what, number in read.items() if number is not None}
