"""Availability: rollouts, restarts, jobs, schedulability, and calm through the soak.

A rollout is complete by the status of its Deployment, StatefulSet or DaemonSet (the rule of
`kubectl rollout status`), never by one ready pod: an old pod that still serves hides a new one that
cannot start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from policies.combining import combined
from policies.facts import ClusterFacts, Event, Pod, Workload
from policies.findings import Item, Verdict, holds, judged, not_assessed
from policies.planes import ENDED, JOB_KINDS, ROLLED_KINDS, is_control_plane, owner

_FAILURES = frozenset({"FailedCreate", "FailedScheduling", "Failed", "BackOff", "FailedMount"})
_WANTED = ("enabled", "ingress")


def control_plane_rollouts(facts: ClusterFacts) -> Verdict:
    """The control plane's rollouts are complete and none of its pods is pending (CP-02)."""
    namespace = facts.control_plane_namespace
    chosen = [
        w
        for w in facts.workloads
        if w.namespace == namespace and w.component and w.kind in ROLLED_KINDS
    ]
    if not chosen and not facts.cannot_read("deployments.apps"):
        return judged(
            [Item(subject=f"namespace {namespace}", expected="Deployments", seen="none")],
            holds_as="",
            violated_as="There is no control plane to look at",
            expected="the Deployments of destination, identity and proxy-injector",
            next_command="linkerd check",
        )
    return rollouts_complete(facts, chosen)


def data_plane_rollouts(
    facts: ClusterFacts, *, ignore_namespaces: Collection[str] = ()
) -> Verdict:
    """Rollouts of every meshed workload are complete, disruption budgets are met (DP-05)."""
    meshed = {owner(p) for p in facts.pods if p.proxy is not None}
    asking = {n.name for n in facts.namespaces if n.inject in _WANTED}
    chosen = [
        w
        for w in facts.workloads
        if w.kind in ROLLED_KINDS
        and w.namespace not in ignore_namespaces
        and not (w.component and w.namespace == facts.control_plane_namespace)
        and (
            w.key in meshed
            or w.hand_injected
            or w.inject in _WANTED
            or (w.namespace in asking and not w.inject)
        )
    ]
    namespaces = {w.namespace for w in chosen}
    return combined(
        [rollouts_complete(facts, chosen), budgets_met(facts, namespaces)],
        holds_as=f"Rollouts of {len(chosen)} meshed workloads are complete, budgets are met",
    )


def rollouts_complete(facts: ClusterFacts, workloads: Iterable[Workload]) -> Verdict:
    """Every one of these workloads runs its newest template in all its pods, all available."""
    if why := facts.cannot_read("deployments.apps", "pods"):
        return not_assessed(f"Deployments or pods could not be read ({why})")
    chosen = list(workloads)
    unfit = _unfit_pods(facts, {w.key for w in chosen})
    events = _failures(facts.events)
    items = [
        item for w in chosen if (item := _rollout(w, unfit.get(w.key, []), events)) is not None
    ]
    first = next((w for w in chosen if items and w.key == items[0].subject), None)
    command = (
        f"kubectl -n {first.namespace} rollout status {first.kind.lower()}/{first.name}"
        if first
        else ""
    )
    return judged(
        items,
        holds_as=f"{len(chosen)} rollouts are complete",
        violated_as="Rollouts are not complete",
        expected="every pod updated, available and of the newest template, none pending",
        cause="new pods cannot be created, scheduled or started, while old ones still serve",
        next_command=command,
    )


def budgets_met(facts: ClusterFacts, namespaces: Collection[str]) -> Verdict:
    """Every PodDisruptionBudget of these namespaces has the healthy pods it asks for."""
    if why := facts.cannot_read("poddisruptionbudgets.policy"):
        return not_assessed(f"disruption budgets could not be read ({why})")
    return judged(
        [
            Item(
                subject=f"PodDisruptionBudget {b.namespace}/{b.name}",
                expected=f"{b.desired_healthy} healthy pods",
                seen=f"{b.healthy} of {b.expected}",
            )
            for b in facts.budgets
            if b.namespace in namespaces and b.expected and b.healthy < b.desired_healthy
        ],
        holds_as="Disruption budgets are met",
        violated_as="Disruption budgets are not met",
        expected="as many healthy pods as each budget asks for",
        next_command="kubectl get poddisruptionbudgets --all-namespaces",
    )


def _unfit_pods(facts: ClusterFacts, owners: Collection[str]) -> Mapping[str, list[str]]:
    """Per workload: its pods that are not ready, and why. Pods that go away do not count."""
    found: dict[str, list[str]] = {}
    for pod in facts.pods:
        if pod.ready or pod.deleting or pod.phase in ENDED or pod.owner_kind not in ROLLED_KINDS:
            continue
        key = owner(pod)
        if key in owners:
            waiting = ", ".join(f"{c} {r}" for c, r in pod.waiting)
            found.setdefault(key, []).append(f"{pod.name} {waiting or pod.phase or 'not ready'}")
    return found


def _failures(events: Iterable[Event]) -> Mapping[tuple[str, str], str]:
    """Newest failing event by namespace and object name."""
    found: dict[tuple[str, str], str] = {}
    for event in events:
        if event.reason in _FAILURES:
            found[event.namespace, event.name] = f"{event.reason}: {event.message}".rstrip(": ")
    return found


def _rollout(
    workload: Workload, unfit: list[str], events: Mapping[tuple[str, str], str]
) -> Item | None:
    faults = list(_faults(workload))
    if unfit:
        faults.append(f"pods not ready: {'; '.join(unfit[:5])}")
    if not faults:
        return None
    told = next(
        (
            text
            for (namespace, name), text in events.items()
            if namespace == workload.namespace
            and (name == workload.name or name.startswith(f"{workload.name}-"))
        ),
        "",
    )
    if told:
        faults.append(told)
    by_hand = workload.update_strategy == "OnDelete" and workload.ready >= workload.desired
    return Item(
        subject=workload.key,
        expected=f"{workload.desired} updated and available pods",
        seen="; ".join(faults),
        explained="update strategy OnDelete: its pods change when they are deleted"
        if by_hand and not unfit
        else "",
    )


def _faults(workload: Workload) -> Iterator[str]:
    if workload.observed_generation < workload.generation:
        yield f"generation {workload.observed_generation} of {workload.generation} observed"
    if workload.updated < workload.desired:
        yield f"{workload.updated} of {workload.desired} updated"
    if workload.current > workload.updated and workload.updated >= workload.desired:
        yield f"{workload.current - workload.updated} pods of an older template remain"
    available = workload.ready if workload.kind == "StatefulSet" else workload.available
    if available < workload.desired:
        yield f"{available} of {workload.desired} available"
    if workload.paused:
        yield "paused"
    for condition in workload.conditions:
        if (condition.type, condition.status) in (
            ("Progressing", "False"),
            ("ReplicaFailure", "True"),
        ):
            yield f"{condition.type} {condition.reason}: {condition.message}".rstrip(": ")


def no_new_restarts(
    before: ClusterFacts, after: ClusterFacts, *, ignore_namespaces: Collection[str] = ()
) -> Verdict:
    """No container of a meshed or control plane pod restarted or was killed for memory (DP-07).

    A pod new since `before` counts from zero. Restarts of a workload that restarted before as well
    are explained, unless memory was the reason.
    """
    if why := before.cannot_read("pods") or after.cannot_read("pods"):
        return not_assessed(f"pods could not be read ({why})")
    known = {p.uid: p for p in before.pods if _counts(p, before)}
    unruly = {owner(p) for p in known.values() if p.restarts or (p.proxy and p.proxy.restarts)}
    items: list[Item] = []
    for pod in after.pods:
        proxy = pod.proxy
        if not pod.restarts and not pod.oom_killed and (proxy is None or not proxy.restarts):
            continue
        if pod.namespace in ignore_namespaces or not _counts(pod, after):
            continue
        item = _restarts(pod, known.get(pod.uid), unruly)
        if item is not None:
            items.append(item)
    return judged(
        items,
        holds_as="No container restarted or was killed for memory",
        violated_as="Containers restarted or were killed for memory",
        expected="no restart since the step began",
        cause="a limit that is too low for the new proxy, a failing probe, or a crash at start",
        next_command="kubectl get pods --all-namespaces --sort-by=.status.startTime",
    )


def _counts(pod: Pod, facts: ClusterFacts) -> bool:
    return pod.proxy is not None or is_control_plane(pod, facts.control_plane_namespace)


def _restarts(pod: Pod, old: Pod | None, unruly: Collection[str]) -> Item | None:
    proxy_now = pod.proxy.restarts if pod.proxy else 0
    proxy_then = old.proxy.restarts if old and old.proxy else 0
    restarts = pod.restarts - (old.restarts if old else 0)
    proxy = proxy_now - proxy_then
    killed = pod.oom_killed - (old.oom_killed if old else 0)
    if restarts <= 0 and proxy <= 0 and killed <= 0:
        return None
    counted = ((restarts, "restarts"), (proxy, "of the proxy"), (killed, "killed for memory"))
    return Item(
        subject=f"pod {pod.key}",
        expected="no restart",
        seen=", ".join(f"{n} {what}" for n, what in counted if n > 0),
        explained=f"{owner(pod)} restarted before the step as well"
        if owner(pod) in unruly and killed <= 0 and proxy <= 0
        else "",
    )


def jobs_complete(facts: ClusterFacts, before: ClusterFacts | None = None) -> Verdict:
    """Jobs end (DP-08).

    A Job's pod whose application has ended while its proxy runs on is explained; with a native
    sidecar, which the kubelet ends by itself, it is a violation. So is a Job that failed, unless
    it had failed before.
    """
    if why := facts.cannot_read("jobs.batch", "pods"):
        return not_assessed(f"Jobs or pods could not be read ({why})")
    failed = {w.uid for w in before.workloads if _failed(w)} if before else set[str]()
    items = [
        Item(
            subject=w.key,
            expected="complete, or running",
            seen="; ".join(f"{c.reason}: {c.message}" for c in w.conditions if c.type == "Failed"),
            explained="it had failed before the step" if w.uid in failed else "",
        )
        for w in facts.workloads
        if w.kind == "Job" and _failed(w)
    ]
    items += [
        Item(
            subject=f"pod {p.key}",
            expected="Succeeded",
            seen=f"{p.phase or 'Running'}: the application has ended, the proxy runs on",
            explained=""
            if p.proxy.native
            else "a proxy that is not a native sidecar does not end with a Job's application",
        )
        for p in facts.pods
        if p.application_ended
        and p.owner_kind in JOB_KINDS
        and p.proxy is not None
        and p.phase not in ENDED
        and not p.deleting
    ]
    return judged(
        items,
        holds_as="Jobs complete"
        + (", those whose proxy runs on are explained" if any(i.explained for i in items) else ""),
        violated_as="Jobs do not complete",
        expected="every Job complete or still running its application",
        cause="the Job itself failed, or its sidecar was not ended by the kubelet",
        next_command="kubectl get jobs --all-namespaces",
    )


def _failed(workload: Workload) -> bool:
    return workload.kind == "Job" and any(
        c.type == "Failed" and c.status == "True" for c in workload.conditions
    )


def schedulable_ha(facts: ClusterFacts, *, replicas: int | None = None) -> Verdict:
    """Required anti-affinity finds a node, or zone, for every control plane replica (PRE-11).

    Args:
        facts: Nodes, workloads and configuration.
        replicas: How many the target wants; by default what the Deployments and values say.
    """
    if facts.cannot_read("nodes") or not facts.nodes:
        why = facts.cannot_read("nodes") or "none were listed"
        return not_assessed(f"nodes could not be read ({why})")
    spread = [
        w
        for w in facts.workloads
        if w.component
        and w.namespace == facts.control_plane_namespace
        and w.required_anti_affinity
    ]
    if not spread and not _highly_available(facts):
        return holds("The control plane is not highly available: one node is enough")
    keys = {w.required_anti_affinity for w in spread} or {"kubernetes.io/hostname"}
    wanted = replicas or max((w.desired for w in spread), default=0) or _replicas(facts)
    items = [_places(facts, key, wanted) for key in sorted(keys)]
    return judged(
        [i for i in items if i is not None],
        holds_as=f"{wanted} replicas of each component can be scheduled",
        violated_as="The replicas of the control plane cannot all be scheduled",
        expected=f"{wanted} nodes that take pods, one for each replica",
        cause="required anti-affinity on fewer nodes than replicas",
        next_command="kubectl get nodes",
    )


def _highly_available(facts: ClusterFacts) -> bool:
    return facts.config is not None and facts.config.value("highAvailability") == "true"


def _replicas(facts: ClusterFacts) -> int:
    text = (facts.config.value("controllerReplicas") if facts.config else None) or ""
    return int(text) if text.isdecimal() else 3


def _places(facts: ClusterFacts, key: str, wanted: int) -> Item | None:
    zone = key.endswith("/zone")
    places = {(n.zone if zone else n.hostname or n.name) for n in facts.nodes if _takes_pods(n)}
    places.discard("")
    subject = f"anti-affinity by {key}"
    if len(places) < wanted:
        return Item(subject=subject, expected=f"{wanted} places", seen=f"{len(places)}")
    if len(places) == wanted:
        return Item(
            subject=subject,
            expected="a place to spare for the surge pod",
            seen=f"exactly {wanted}",
            explained="the surge pod stays Pending and the rollout goes on by one pod at a time",
        )
    return None


def _takes_pods(node: object) -> bool:
    return bool(getattr(node, "ready", False) and getattr(node, "schedulable", False))


def stable(
    before: ClusterFacts, after: ClusterFacts, *, ignore_namespaces: Collection[str] = ()
) -> Verdict:
    """Nothing restarted, was replaced or changed through the soak (VER-02)."""
    restarts = no_new_restarts(before, after, ignore_namespaces=ignore_namespaces)
    if restarts.status == "not assessed":
        return restarts
    changed = judged(
        [*_replaced(before, after, ignore_namespaces), *_changed(before, after)],
        holds_as="Nothing was replaced or changed",
        violated_as="Something was replaced or changed in the soak",
        expected="the same pods, templates and configuration as when the soak began",
        cause="a rollout that had not ended, an eviction, or another owner that changes things",
        next_command="kubectl get events --all-namespaces --sort-by=.lastTimestamp",
    )
    return combined([restarts, changed], holds_as="Nothing restarted or changed in the soak")


def _replaced(
    before: ClusterFacts, after: ClusterFacts, ignore: Collection[str]
) -> Iterator[Item]:
    now = {p.uid for p in after.pods if not p.deleting}
    desired = {w.key: w.desired for w in before.workloads}
    scaled = {w.key for w in after.workloads if w.desired < desired.get(w.key, 0)}
    for pod in before.pods:
        if pod.uid in now or pod.deleting or pod.phase in ENDED or pod.namespace in ignore:
            continue
        if pod.owner_kind in JOB_KINDS or not _counts(pod, before):
            continue
        yield Item(
            subject=f"pod {pod.key}",
            expected="still there",
            seen="gone",
            explained=f"{owner(pod)} was scaled down" if owner(pod) in scaled else "",
        )


def _changed(before: ClusterFacts, after: ClusterFacts) -> Iterator[Item]:
    old = {w.uid: w for w in before.workloads}
    for workload in after.workloads:
        if not workload.component or workload.namespace != after.control_plane_namespace:
            continue
        was = old.get(workload.uid)
        if workload.kind in ROLLED_KINDS and was and was.generation != workload.generation:
            seen = f"generation {was.generation} -> {workload.generation}"
            yield Item(subject=workload.key, expected="unchanged", seen=seen)
    if before.config is not None and before.config != after.config:
        seen = after.config.version if after.config else "gone"
        yield Item(subject="ConfigMap linkerd-config", expected="unchanged", seen=seen)
    bundles = {w.name: w.ca_bundle for w in before.webhooks if w.control_plane}
    for webhook in after.webhooks:
        was_bundle = bundles.get(webhook.name)
        if was_bundle and webhook.ca_bundle and was_bundle.sha256 != webhook.ca_bundle.sha256:
            yield Item(
                subject=f"webhook {webhook.name}", expected="the same caBundle", seen="another"
            )
