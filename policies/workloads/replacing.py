"""How owners replace their pods: whether an old pod goes before the new one is created.

Sources: Kubernetes, "Deployments" (strategy), "StatefulSets" (update strategies), "Perform a
Rolling Update on a DaemonSet".
"""

from __future__ import annotations

from policies.facts.cluster import Workload

DEFAULT = "25%"
"""Surge and unavailable pods of a Deployment that says nothing."""


def old_goes_first(workload: Workload) -> bool:
    """Return whether a restart makes room for each new pod before it asks for it."""
    match workload.kind:
        case "StatefulSet":
            return True
        case "DaemonSet":
            return _resolved(workload.max_surge or "0", workload.desired, up=True) == 0
        case "Deployment":
            return workload.update_strategy == "Recreate" or _unavailable(workload) > 0
        case _:
            return False


def _unavailable(workload: Workload) -> int:
    """Count pods that may be missing at once; one, where neither surge nor this allows any."""
    surge = _resolved(workload.max_surge or DEFAULT, workload.desired, up=True)
    missing = _resolved(workload.max_unavailable or DEFAULT, workload.desired, up=False)
    return missing or int(surge == 0)


def _resolved(text: str, of: int, *, up: bool) -> int:
    """Return a number, or a share of so many pods; what is neither counts as none."""
    share = text.removesuffix("%")
    if not share.isdigit():
        return 0
    if share == text:
        return int(text)
    return -(-int(share) * of // 100) if up else int(share) * of // 100
