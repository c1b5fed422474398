"""What every fact is, and the two that other facts are made of: an object's identity, a value."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all facts."""


class ObjectKey(Fact, frozen=True, kw_only=True, order=True):
    """Identity of an object as `linkerd prune` compares it: the API version is ignored."""

    group: str = ""
    """API group, empty for the core group."""
    kind: str
    namespace: str = ""
    """Empty for cluster-scoped objects."""
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


class Setting(Fact, frozen=True, kw_only=True, order=True):
    """One leaf of Linkerd's Helm values."""

    path: str
    """Dotted path, e.g. `proxy.image.version`."""
    value: str
    """JSON text; a PEM or a key is replaced by `sha256:...`."""
