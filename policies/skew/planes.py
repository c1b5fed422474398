"""Which pods belong to which plane, and how far a proxy's version is from a release.

Shared by the policies that judge pods, so that all of them mean the same by *data plane*,
*finished* and *explained*.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import lru_cache

from policies.facts.cluster import ClusterFacts, Pod, Workload
from policies.releases.versions import Version, logical, parse

JOB_KINDS = frozenset({"Job", "CronJob"})
ROLLED_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
WORKLOADS = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")
"""Where those kinds are read."""
GROUPS = {
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"), "apps"),
    **dict.fromkeys(JOB_KINDS, "batch"),
    "ReplicationController": "",
}
"""API group of each built-in kind that owns pods: others have kinds of the same names."""
ENDED = frozenset({"Succeeded", "Failed"})
WANTED = ("enabled", "ingress")
"""Values of annotation `linkerd.io/inject` that ask for a proxy."""


def not_seen(facts: ClusterFacts, *resources: str) -> str:
    """Return why pods, or these resources, are not among the facts; empty when they are.

    A cluster that runs Linkerd has pods: none at all means that they were not looked at.
    """
    why = facts.cannot_read("pods", *resources)
    return why or ("" if facts.pods else "no pod at all was seen")


NO_PROXY = "no pod of the data plane has a proxy"
"""Said where nothing is there to judge the data plane by."""


def no_data_plane(*moments: ClusterFacts | None, ignore_namespaces: Collection[str] = ()) -> bool:
    """Return whether at none of these moments a pod of the data plane had a proxy."""
    return not any(
        True
        for facts in moments
        if facts is not None
        for _ in data_plane_pods(facts, ignore_namespaces=ignore_namespaces)
    )


def is_control_plane(pod: Pod, namespace: str) -> bool:
    """Return whether a pod is of the control plane: component label, control plane's namespace."""
    return pod.component != "" and pod.namespace == namespace


def control_plane_pods(facts: ClusterFacts) -> Iterator[Pod]:
    """Yield pods of the control plane, those that go away and those that ended included."""
    namespace = facts.control_plane_namespace
    return (p for p in facts.pods if p.component and p.namespace == namespace)


def control_plane_workloads(facts: ClusterFacts) -> Iterator[Workload]:
    """Yield workloads of the control plane, the heartbeat's CronJob included."""
    namespace = facts.control_plane_namespace
    return (w for w in facts.workloads if w.component and w.namespace == namespace)


def data_plane_pods(
    facts: ClusterFacts, *, ignore_namespaces: Collection[str] = ()
) -> Iterator[Pod]:
    """Yield pods that run a proxy and are not of the control plane.

    Left out are pods being deleted, and those no node was found for: the rehearsal's own canaries
    never get one, and a workload's are judged by its rollout.
    """
    namespace = facts.control_plane_namespace
    for pod in facts.pods:
        if pod.proxy is None or pod.deleting or pod.phase in ENDED or not_placed(pod):
            continue
        if (pod.component and pod.namespace == namespace) or pod.namespace in ignore_namespaces:
            continue
        yield pod


def not_placed(pod: Pod) -> bool:
    """Return whether no node runs the pod yet."""
    return pod.phase == "Pending" and not pod.node


def owner(pod: Pod) -> str:
    """Return the workload a pod belongs to, as a person would name it; the pod itself without one.

    A kind that is not built in is told with its API group.
    """
    if not pod.owner_kind:
        return f"pod {pod.namespace}/{pod.name}"
    group = "" if is_built_in(pod) or not pod.owner_group else f".{pod.owner_group}"
    return f"{pod.owner_kind}{group} {pod.namespace}/{pod.owner_name}"


def is_built_in(pod: Pod) -> bool:
    """Return whether one of Kubernetes' own controllers made the pod."""
    return pod.owner_kind in GROUPS and pod.owner_group in ("", GROUPS[pod.owner_kind])


def is_rolled(pod: Pod) -> bool:
    """Return whether the pod is of a workload that `kubectl rollout` knows."""
    return pod.owner_kind in ROLLED_KINDS and is_built_in(pod)


def is_of_job(pod: Pod) -> bool:
    """Return whether the pod is of a built-in Job or CronJob."""
    return pod.owner_kind in JOB_KINDS and is_built_in(pod)


def ends_by_itself(pod: Pod) -> bool:
    """Return whether the pod runs something to its end: a Job's, a workflow's, a runner's."""
    return is_of_job(pod) or pod.restart_policy in ("Never", "OnFailure")


def has_finished(pod: Pod) -> bool:
    """Return whether what the pod ran to its end has ended, be it that its proxy runs on."""
    return ends_by_itself(pod) and pod.application_ended


def asks_for_proxy(facts: ClusterFacts) -> Callable[[Workload], bool]:
    """Return how to tell that a workload has or asks for a proxy: by pod, template, namespace."""
    meshed = {owner(p) for p in facts.pods if p.proxy is not None}
    asking = {n.name for n in facts.namespaces if n.inject in WANTED}

    def asks(workload: Workload) -> bool:
        return (
            workload.key in meshed
            or (workload.kind == "Job" and f"CronJob {run_of(workload)}" in meshed)
            or workload.hand_injected
            or workload.inject in WANTED
            or (workload.namespace in asking and not workload.inject)
        )

    return asks


def meshed_workloads(
    facts: ClusterFacts,
    ignore_namespaces: Collection[str] = (),
    kinds: Collection[str] = ROLLED_KINDS,
) -> list[Workload]:
    """Return data plane workloads that have, or ask for, a proxy; those that a restart renews."""
    asks = asks_for_proxy(facts)
    return [
        w
        for w in facts.workloads
        if w.kind in kinds
        and w.namespace not in ignore_namespaces
        and not (w.component and w.namespace == facts.control_plane_namespace)
        and asks(w)
    ]


def run_of(job: Workload) -> str:
    """Return `NAMESPACE/NAME` of the CronJob that a Job named `NAME-<minutes>` is a run of."""
    name, _, number = job.name.rpartition("-")
    return f"{job.namespace}/{name}" if name and number.isdigit() else ""


UNPLACED = "the versions of these proxies cannot be placed"


def placed(version: str) -> bool:
    """Return whether a release's logical version is known; `latest` and own builds have none."""
    return logical(parse(version)) is not None


@lru_cache(maxsize=4096)
def behind(version: str, destination: Version) -> int | None:
    """Count logical versions from one up to the other; negative if ahead, None if unknown."""
    newer, older = logical(destination), logical(parse(version))
    if newer is None or older is None:
        return None
    return newer.distance(older)
