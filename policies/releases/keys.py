"""An object's key as release data spells it: `apps/Deployment/linkerd/linkerd-identity`."""

from __future__ import annotations

from policies.facts.base import ObjectKey


def object_key(text: str) -> ObjectKey:
    """Read `apps/Deployment/linkerd/linkerd-identity` as a key; `core` and `-` stand for empty."""
    group, kind, namespace, name = text.split("/", 3)
    return ObjectKey(
        group="" if group == "core" else group,
        kind=kind,
        namespace="" if namespace == "-" else namespace,
        name=name,
    )


def key_text(key: ObjectKey) -> str:
    """Spell a key as `object_key` reads it."""
    return f"{key.group or 'core'}/{key.kind}/{key.namespace or '-'}/{key.name}"
