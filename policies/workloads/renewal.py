"""Who gives a pod its next proxy, and how: a restart of its workload does not renew every pod.

`kubectl rollout restart` changes the template of a Deployment, StatefulSet or DaemonSet. It does
nothing for pods of other owners, is refused for a paused Deployment, and is not followed where an
update strategy (`OnDelete`, a partition) holds pods back. A pinned proxy keeps its version, one
that was injected by hand is part of the template. Linkerd's upgrade guide lets what is left follow
later, as long as its control plane leads by one logical version at most.
Sources: Kubernetes, "StatefulSet basics", "Perform a Rolling Update on a DaemonSet", `kubectl
rollout`; Linkerd, "Upgrading Linkerd".
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from policies.facts.base import Fact
from policies.facts.cluster import ClusterFacts, Pod, Workload
from policies.skew.planes import (
    ends_by_itself,
    has_finished,
    is_built_in,
    is_of_job,
    is_rolled,
    owner,
)
from policies.workloads.operators import OPERATORS, RUNS_TO_ITS_END, Operator

Way = Literal["restart", "apply", "end", "other"]
"""By the guide's restart; deleted and applied again by it; when the pod ends; by somebody else."""

_RESOURCES = {
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
    "DaemonSet": "daemonsets.apps",
}


class Renewal(Fact, frozen=True, kw_only=True):
    """How one pod gets a new proxy."""

    way: Way
    by: str
    """Who renews it."""
    how: str
    """What renews it and what does not, for a person."""
    command: str = ""
    """What to type; never one that loses a pod that something else owns, or that cannot help."""

    @property
    def by_guide(self) -> bool:
        """The restart of the upgrade guide renews it."""
        return self.way in ("restart", "apply")

    @property
    def stays(self) -> str:
        """Why the restart of the guide leaves it as it is; empty when it renews it."""
        return "" if self.by_guide else f"{self.how}; renewed by {self.by}"


def renewals(facts: ClusterFacts) -> Callable[[Pod], Renewal]:
    """Return how to tell what renews each pod of a cluster.

    Args:
        facts: Their workloads tell update strategies, and which owners are gone.
    """
    return partial(_renewal, _owners(facts))


def rolls(facts: ClusterFacts) -> Callable[[Pod], bool]:
    """Return how to tell that a restart of its workload makes a pod anew."""
    owners = _owners(facts)

    def find(pod: Pod) -> bool:
        workload = owners.of(pod)
        return is_rolled(pod) and not owners.gone(pod) and not (workload and _held(pod, workload))

    return find


def applied_again(facts: ClusterFacts) -> tuple[Pod, ...]:
    """Return meshed pods that the guide deletes and applies again: applied by kubectl, nobody's.

    One that runs to its end would run again, so it is left alone.
    """
    renewal_of = renewals(facts)
    return tuple(p for p in facts.pods if p.proxy and renewal_of(p).way == "apply")


@dataclass(frozen=True, slots=True)
class _Owners:
    """The workloads of a cluster, as far as they were seen."""

    workloads: Mapping[str, Workload]
    blind: frozenset[str]
    """Kinds that could not be read."""

    def of(self, pod: Pod) -> Workload | None:
        return self.workloads.get(owner(pod))

    def gone(self, pod: Pod) -> bool:
        """Return whether the workload that a pod names is not there any more."""
        seen = bool(self.workloads) and pod.owner_kind not in self.blind
        return is_rolled(pod) and seen and self.of(pod) is None


def _owners(facts: ClusterFacts) -> _Owners:
    blind = (kind for kind, resource in _RESOURCES.items() if facts.cannot_read(resource))
    return _Owners({w.key: w for w in facts.workloads}, frozenset(blind))


def _renewal(owners: _Owners, pod: Pod) -> Renewal:
    workload = owners.of(pod)
    if pod.static:
        return _static(pod)
    if kept := _kept_by_user(pod, workload):
        return kept
    if (pod.owner_kind, pod.owner_group) in RUNS_TO_ITS_END or ends_by_itself(pod):
        return _ending(pod)
    if owners.gone(pod):
        return _gone(pod)
    if is_rolled(pod):
        return _rolled(pod, workload)
    if is_built_in(pod):
        return _bare_set(pod)
    return _operators(pod) if pod.owner_kind else _bare(pod)


def _static(pod: Pod) -> Renewal:
    return Renewal(
        way="other",
        by="whoever writes the node's manifests",
        how="a static pod, which its node keeps and no webhook sees",
        command=f"kubectl -n {_q(pod.namespace)} describe pod {_q(pod.name)}",
    )


def _ending(pod: Pod) -> Renewal:
    if is_of_job(pod):
        ended = "a Job's pod whose application has ended keeps the proxy of its creation"
        runs = "a running Job's pod keeps the proxy of its creation until the Job ends"
    else:
        ended = "its application has ended; its proxy keeps the version it was created with"
        runs = "it runs to its end with the proxy of its creation"
    return Renewal(
        way="end",
        by="its next run" if pod.owner_kind else "whoever created it",
        how=ended if has_finished(pod) else runs,
        command=f"kubectl -n {_q(pod.namespace)} wait --for=jsonpath='{{.status.phase}}'=Succeeded"
        f" pod/{_q(pod.name)}",
    )


def _kept_by_user(pod: Pod, workload: Workload | None) -> Renewal | None:
    """Tell of a pinned version or a proxy injected by hand: no restart renews those."""
    proxy = pod.proxy
    if proxy is None:
        return None
    pinned = pod.pinned or (workload.pinned if workload else "")
    if pinned:
        holds = proxy.version == pinned
        return Renewal(
            way="other" if holds else "restart",
            by="whoever pinned it" if holds else "its restart, to the version that is pinned",
            how=f"pinned to {pinned} by annotation config.linkerd.io/proxy-version",
            command=f"{_look(pod, workload)}  # take config.linkerd.io/proxy-version off, here or "
            "on the namespace",
        )
    if not proxy.injected_by.startswith("linkerd/cli "):
        return None
    again = f"{_look(pod, workload)} | linkerd inject - | kubectl apply -f -"
    return Renewal(
        way="other",
        by="whoever injected it",
        how="injected by hand: a restart does not renew it, `linkerd inject` again does",
        command=again if workload is not None else _look(pod, workload),
    )


def _rolled(pod: Pod, workload: Workload | None) -> Renewal:
    kind, name, space = pod.owner_kind.lower(), _q(pod.owner_name), _q(pod.namespace)
    restart = f"kubectl -n {space} rollout restart {kind}/{name}"
    if workload is not None and _held(pod, workload):
        return _held_back(pod, workload)
    by = "its restart"
    if workload is not None and workload.owner is not None:
        by = f"its restart, unless {_operator_of(workload)} takes that back"
    return Renewal(way="restart", by=by, how="restarted", command=restart)


def _held(pod: Pod, workload: Workload) -> bool:
    """Return whether a restart of the workload leaves this pod as it is."""
    by_hand = workload.paused or workload.update_strategy == "OnDelete"
    return by_hand or _below_partition(pod, workload)


def _held_back(pod: Pod, workload: Workload) -> Renewal:
    kind, name, space = workload.kind.lower(), _q(workload.name), _q(pod.namespace)
    if workload.paused:
        return Renewal(
            way="other",
            by="whoever paused it",
            how="the Deployment is paused, so no restart of it is rolled out",
            command=f"kubectl -n {space} rollout resume {kind}/{name}  # then: rollout restart",
        )
    if workload.update_strategy == "OnDelete":
        by, command = "whoever deletes its pods, one by one", _delete(pod)
        if workload.owner is not None:
            by, command = _operator_of(workload), _describe(workload)
        return Renewal(
            way="other",
            by=by,
            how="update strategy OnDelete: its pods change when they are deleted",
            command=command,
        )
    return Renewal(
        way="other",
        by="whoever set the partition",
        how=f"held back by partition {workload.partition} of the update strategy",
        command=f"kubectl -n {space} get {kind} {name} -o yaml  # lower the partition",
    )


def _delete(pod: Pod) -> str:
    """Delete one pod that its controller creates again."""
    again = f"one at a time: its {pod.owner_kind} creates it again"
    return f"kubectl -n {_q(pod.namespace)} delete pod {_q(pod.name)}  # {again}"


def _below_partition(pod: Pod, workload: Workload) -> bool:
    number = pod.name.removeprefix(f"{workload.name}-")
    return workload.kind == "StatefulSet" and number.isdigit() and int(number) < workload.partition


def _gone(pod: Pod) -> Renewal:
    return Renewal(
        way="other",
        by="nobody",
        how=f"its {pod.owner_kind} {pod.owner_name} is not there any more, so nothing creates it "
        "again",
        command=f"kubectl -n {_q(pod.namespace)} describe pod {_q(pod.name)}",
    )


def _bare_set(pod: Pod) -> Renewal:
    """Tell of a ReplicaSet or ReplicationController that no Deployment stands above."""
    return Renewal(
        way="other",
        by="whoever deletes its pods, one by one",
        how=f"a {pod.owner_kind} of its own, which cannot be restarted: it creates a pod again "
        "when one is deleted",
        command=_delete(pod),
    )


def _operators(pod: Pod) -> Renewal:
    known = OPERATORS.get((pod.owner_kind, pod.owner_group))
    shown = f"{pod.owner_kind} {pod.owner_name}"
    if pod.owner_kind == "Pod":
        return Renewal(way="end", by="its next run", how=f"it goes with pod {pod.owner_name}")
    who = known or Operator(name=f"the operator of {pod.owner_group or pod.owner_kind}")
    space, name = _q(pod.namespace), _q(pod.owner_name)
    kind = ".".join(p for p in (pod.owner_kind.lower(), pod.owner_group) if p)
    look = f"kubectl -n {space} describe {_q(kind)} {name}"
    return Renewal(
        way="other",
        by=who.name,
        how=f"made by {shown}, which no restart of the guide reaches",
        command=who.command.format(namespace=space, name=name) or look,
    )


def _bare(pod: Pod) -> Renewal:
    space, name = _q(pod.namespace), _q(pod.name)
    if pod.applied:
        return Renewal(
            way="apply",
            by="whoever applied it",
            how="deleted and applied again",
            command=f"kubectl -n {space} delete pod {name}  # then apply its manifest again",
        )
    return Renewal(
        way="other",
        by="whoever created it",
        how="a pod that nothing owns and whose manifest is nowhere: nobody creates it again",
        command=f"kubectl -n {space} get pod {name} -o yaml  # keep it, to create it again",
    )


def _operator_of(workload: Workload) -> str:
    of = workload.owner
    if of is None:
        return ""
    known = OPERATORS.get((of.kind, of.group))
    return known.name if known else f"the operator of {of.kind} {of.name}"


def _look(pod: Pod, workload: Workload | None) -> str:
    kind, name = ("pod", pod.name) if workload is None else (workload.kind.lower(), workload.name)
    return f"kubectl -n {_q(pod.namespace)} get {kind} {_q(name)} -o yaml"


def _describe(workload: Workload) -> str:
    of = workload.owner
    if of is None:
        return ""
    kind = ".".join(p for p in (of.kind.lower(), of.group) if p)
    return f"kubectl -n {_q(workload.namespace)} describe {_q(kind)} {_q(of.name)}"


def _q(name: str) -> str:
    """Return a name of the cluster as one word of a shell."""
    return shlex.quote(name)
