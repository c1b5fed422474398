"""Restarts, and calm through the soak: what changed between two moments that should not have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from policies.facts.cluster import ClusterFacts, Pod
from policies.skew.planes import (
    ENDED,
    ROLLED_KINDS,
    ends_by_itself,
    is_control_plane,
    not_placed,
    not_seen,
    owner,
)
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.workloads.preexisting import Preexisting, at_baseline


def no_new_restarts(
    before: ClusterFacts,
    after: ClusterFacts,
    *,
    baseline: ClusterFacts | None = None,
    ignore_namespaces: Collection[str] = (),
) -> Verdict:
    """Judge whether a meshed or control plane container restarted or ran out of memory (DP-07).

    A pod new since `before` counts from zero. Restarts of a workload that restarted before the
    step, or by the baseline, are explained; if memory was the reason, only where it was at the
    baseline as well.
    """
    if why := not_seen(before) or not_seen(after):
        return not_assessed(f"pods could not be read ({why})")
    suspects = [
        p
        for p in after.pods
        if (p.restarts or p.oom_killed or (p.proxy is not None and p.proxy.restarts))
        and p.namespace not in ignore_namespaces
        and _counts(p, after)
    ]
    return judged(
        _restarted(suspects, before, at_baseline(baseline)) if suspects else (),
        holds_as="No container restarted or was killed for memory",
        violated_as="Containers restarted or were killed for memory",
        expected="no restart since the step began",
        cause="a limit that is too low for the new proxy, a failing probe, or a crash at start",
        next_command="kubectl get pods --all-namespaces --sort-by=.status.startTime",
    )


def _restarted(suspects: Iterable[Pod], before: ClusterFacts, red: Preexisting) -> Iterator[Item]:
    known = {p.uid: p for p in before.pods if _counts(p, before)}
    unruly = {owner(p) for p in known.values() if p.restarts or (p.proxy and p.proxy.restarts)}
    for pod in suspects:
        item = _restarts(pod, known.get(pod.uid), unruly, red)
        if item is not None:
            yield item


def _counts(pod: Pod, facts: ClusterFacts) -> bool:
    return pod.proxy is not None or is_control_plane(pod, facts.control_plane_namespace)


def _restarts(pod: Pod, old: Pod | None, unruly: Collection[str], red: Preexisting) -> Item | None:
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
        else red.restarts(pod, proxy=proxy, killed=killed),
    )


def stable(
    before: ClusterFacts,
    after: ClusterFacts,
    *,
    baseline: ClusterFacts | None = None,
    ignore_namespaces: Collection[str] = (),
) -> Verdict:
    """Judge whether nothing restarted, was replaced or changed through the soak (VER-02)."""
    restarts = no_new_restarts(
        before, after, baseline=baseline, ignore_namespaces=ignore_namespaces
    )
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
        if ends_by_itself(pod) or not_placed(pod) or not _counts(pod, before):
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
