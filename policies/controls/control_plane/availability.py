"""Availability: rollouts and disruption budgets; restarts, jobs and scheduling are told beside.

A rollout is complete by the status of its Deployment, StatefulSet or DaemonSet (the rule of
`kubectl rollout status`), never by one ready pod: an old pod that still serves hides a new one
that cannot start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from policies.controls.control_plane.scheduling import schedulable_ha
from policies.controls.data_plane.jobs import jobs_complete
from policies.controls.data_plane.restarts import no_new_restarts, stable
from policies.facts.cluster import ClusterFacts, Event, Workload
from policies.skew.planes import (
    ENDED,
    ROLLED_KINDS,
    WORKLOADS,
    is_rolled,
    meshed_workloads,
    not_seen,
    owner,
)
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import number, verb
from policies.workloads.preexisting import NOTHING, Preexisting, at_baseline, lacking

__all__ = [
    "budgets_met",
    "control_plane_rollouts",
    "data_plane_rollouts",
    "jobs_complete",
    "no_new_restarts",
    "rollouts_complete",
    "schedulable_ha",
    "stable",
]

_FAILURES = frozenset({"FailedCreate", "FailedScheduling", "Failed", "BackOff", "FailedMount"})


def control_plane_rollouts(facts: ClusterFacts) -> Verdict:
    """Judge whether the control plane's rollouts are complete, no pod of it pending (CP-02)."""
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
    facts: ClusterFacts,
    *,
    baseline: ClusterFacts | None = None,
    ignore_namespaces: Collection[str] = (),
) -> Verdict:
    """Judge whether meshed workloads are rolled out and disruption budgets are met (DP-05).

    What was red at the baseline and is no worse now is explained.
    """
    red = at_baseline(baseline)
    chosen = meshed_workloads(facts, ignore_namespaces)
    had = baseline is not None and meshed_workloads(baseline, ignore_namespaces)
    if not chosen and not had and not not_seen(facts, "namespaces", *WORKLOADS):
        return not_applicable("no workload asks for a proxy")
    namespaces = {w.namespace for w in chosen}
    rollouts, budgets = (
        rollouts_complete(facts, chosen, red),
        budgets_met(facts, namespaces, red),
    )
    met = "no disruption budget" if budgets.status == "not applicable" else "budgets are met"
    count = number(len(chosen), "meshed workload")
    return combined([rollouts, budgets], holds_as=f"Rollouts of {count} are complete, {met}")


def rollouts_complete(
    facts: ClusterFacts, workloads: Iterable[Workload], red: Preexisting = NOTHING
) -> Verdict:
    """Judge whether each workload runs its newest template in all its pods, all available."""
    if why := not_seen(facts, "deployments.apps"):
        return not_assessed(f"Deployments or pods could not be read ({why})")
    chosen = list(workloads)
    unfit = _unfit_pods(facts, {w.key for w in chosen})
    events = _failures(facts.events)
    items = [
        item
        for w in chosen
        if (item := _rollout(w, unfit.get(w.key, []), events, red)) is not None
    ]
    named = next((i.subject for i in items if not i.explained), "")
    first = next((w for w in chosen if w.key == named), None)
    command = (
        f"kubectl -n {first.namespace} rollout status {first.kind.lower()}/{first.name}"
        if first
        else ""
    )
    return judged(
        items,
        holds_as=f"{number(len(chosen), 'rollout')} {verb(len(chosen), 'is', 'are')} complete",
        violated_as="Rollouts are not complete",
        expected="every pod updated, available and of the newest template, none pending",
        cause="new pods cannot be created, scheduled or started, while old ones still serve",
        next_command=command,
    )


def budgets_met(
    facts: ClusterFacts, namespaces: Collection[str], red: Preexisting = NOTHING
) -> Verdict:
    """Judge whether each PodDisruptionBudget of these namespaces has the healthy pods it needs."""
    if why := facts.cannot_read("poddisruptionbudgets.policy"):
        return not_assessed(f"disruption budgets could not be read ({why})")
    if not any(b.namespace in namespaces for b in facts.budgets):
        return not_applicable("there is no disruption budget in these namespaces")
    return judged(
        [
            Item(
                subject=f"PodDisruptionBudget {b.namespace}/{b.name}",
                expected=f"{b.desired_healthy} healthy pods",
                seen=f"{b.healthy} of {b.expected}",
                explained=red.budget(b),
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
    """Return each workload's pods that are not ready, and why; pods that go away do not count."""
    found: dict[str, list[str]] = {}
    for pod in facts.pods:
        if pod.ready or pod.deleting or pod.phase in ENDED or not is_rolled(pod):
            continue
        key = owner(pod)
        if key in owners:
            waiting = ", ".join(f"{c} {r}" for c, r in pod.waiting)
            found.setdefault(key, []).append(f"{pod.name} {waiting or pod.phase or 'not ready'}")
    return found


def _failures(events: Iterable[Event]) -> Mapping[tuple[str, str], str]:
    """Return the newest failing event by namespace and object name."""
    found: dict[tuple[str, str], str] = {}
    for event in events:
        if event.reason in _FAILURES:
            found[event.namespace, event.name] = f"{event.reason}: {event.message}".rstrip(": ")
    return found


def _rollout(
    workload: Workload,
    unfit: list[str],
    events: Mapping[tuple[str, str], str],
    red: Preexisting,
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
    return Item(
        subject=workload.key,
        expected=f"{_wanted(workload)} updated and available pods",
        seen="; ".join(faults),
        explained=red.rollout(workload)
        if unfit or workload.ready < workload.desired
        else _held_on_purpose(workload) or red.rollout(workload),
    )


def _held_on_purpose(workload: Workload) -> str:
    """Return why a rollout that stands still is what its owner asked for; empty when it is not.

    A partition is no reason: what it asks for is what is expected. Of the control plane nothing
    may be held back.
    """
    if workload.component:
        return ""
    if workload.update_strategy == "OnDelete":
        return "update strategy OnDelete: its pods change when they are deleted"
    if workload.paused and workload.kind == "Deployment":
        return "paused: nothing of it is rolled out until it is resumed"
    return ""


def _wanted(workload: Workload) -> int:
    """Count the pods that are to be of the newest template: those at or above a partition."""
    held = max(0, workload.partition - workload.first_number)
    return max(0, workload.desired - held)


def _faults(workload: Workload) -> Iterator[str]:
    if workload.observed_generation < workload.generation:
        yield f"generation {workload.observed_generation} of {workload.generation} observed"
    wanted = _wanted(workload)
    if workload.updated < wanted:
        yield f"{workload.updated} of {wanted} updated"
    if wanted == workload.desired and workload.current > workload.updated >= workload.desired:
        yield f"{workload.current - workload.updated} pods of an older template remain"
    if missing := lacking(workload):
        yield f"{workload.desired - missing} of {workload.desired} available"
    if workload.paused:
        yield "paused"
    for condition in workload.conditions:
        if (condition.type, condition.status) in (
            ("Progressing", "False"),
            ("ReplicaFailure", "True"),
        ):
            yield f"{condition.type} {condition.reason}: {condition.message}".rstrip(": ")
