"""Small clusters for tests of what a copy lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fixtures.snapshot.copy.completing import Completed, complete
from policies.facts.cluster import ClusterFacts
from suites.policy.builders import change, cluster
from suites.policy.builders import pod as pod_fact

Obj = dict[str, Any]

RUNNING: Obj = {"state": {"running": {}}, "ready": True}
STUCK: Obj = {"state": {"waiting": {"reason": "CreateContainerConfigError"}}}
ALL: list[Obj] = [{"apiGroups": ["*"], "operations": ["*"], "resources": ["*/*"]}]
PODS: list[Obj] = [{"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}]
OWN: list[Obj] = [
    {"apiGroups": ["cert-manager.io"], "operations": ["CREATE"], "resources": ["*/*"]}
]


def pod(name: str, status: Obj = RUNNING, **spec: Any) -> Obj:
    containers = spec.pop("containers", [{"name": "app"}])
    statuses = [{"name": c["name"], **status} for c in containers]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"containers": [*containers, {"name": "linkerd-proxy"}], **spec},
        "status": {
            "containerStatuses": statuses,
            "conditions": [{"type": "Ready", "status": "True" if status is RUNNING else "False"}],
        },
    }


def env(**references: Obj) -> Obj:
    """A container whose variables come from elsewhere."""
    return {
        "name": "app",
        "env": [{"name": "A", "valueFrom": {k: v}} for k, v in references.items()],
    }


def facts_of(*names: str) -> ClusterFacts:
    return change(cluster(), pods=tuple(pod_fact(n, owner_name="web", uid=n) for n in names))


def completed(*objects: Obj, **annotations: str) -> Completed:
    names = [o["metadata"]["name"] for o in objects if o["kind"] == "Pod"]
    return complete(list(objects), facts_of(*names), annotations)


def values(found: Iterable[Obj], kind: str) -> dict[str, list[str]]:
    """Name -> keys of each Secret or ConfigMap."""
    return {o["metadata"]["name"]: sorted(o.get("data") or {}) for o in found if o["kind"] == kind}


def other(api: str, kind: str, name: str, **spec: Any) -> Obj:
    """An object without a namespace."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}
