"""Pods and namespaces as the API gives them, for tests of the cluster adapter."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def pod(
    name: str,
    *,
    namespace: str = "shop",
    proxy: str = "",
    native: bool = False,
    phase: str = "Running",
    version: str = "1",
    **metadata: object,
) -> Obj:
    """A pod of one application container; meshed where `proxy` is a version."""
    containers: list[Obj] = [{"name": "app", "image": "app:1"}]
    init: list[Obj] = []
    annotations: Obj = {}
    if proxy:
        container: Obj = {"name": "linkerd-proxy", "image": f"cr.l5d.io/linkerd/proxy:{proxy}"}
        if native:
            init.append({**container, "restartPolicy": "Always"})
        else:
            containers.append(container)
        annotations["linkerd.io/proxy-version"] = proxy
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "resourceVersion": version,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": annotations,
            **metadata,
        },
        "spec": {"containers": containers, "initContainers": init},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": c["name"], "ready": True} for c in containers],
        },
    }


def namespace(name: str, *, inject: str = "enabled", version: str = "1") -> Obj:
    """A namespace that asks for injection."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": version,
            "annotations": {"linkerd.io/inject": inject},
        },
    }
