"""Jobs: a meshed one ends only when its proxy does."""

from __future__ import annotations

from policies.facts.cluster import ClusterFacts, Pod, Proxy
from policies.skew.planes import ENDED, asks_for_proxy, is_of_job, not_seen
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.workloads.preexisting import Preexisting, at_baseline, failed_job


def jobs_complete(facts: ClusterFacts, baseline: ClusterFacts | None = None) -> Verdict:
    """Judge whether the Jobs of the mesh end (DP-08).

    A Job's pod whose application has ended well while its proxy runs on is explained; with a
    native sidecar, which the kubelet ends by itself, it is a violation. So is one whose
    application ended with an error, which the proxy that runs on hides from the Job, and a Job
    that failed, unless it, or an earlier run of its CronJob, had failed by the baseline. A Job
    that has and asks for no proxy is nobody's of Linkerd's.
    """
    if why := not_seen(facts, "jobs.batch"):
        return not_assessed(f"Jobs or pods could not be read ({why})")
    red = at_baseline(baseline)
    asks = asks_for_proxy(facts)
    items = [
        Item(
            subject=w.key,
            expected="complete, or running",
            seen="; ".join(f"{c.reason}: {c.message}" for c in w.conditions if c.type == "Failed"),
            explained=red.job(w),
        )
        for w in facts.workloads
        if failed_job(w) and asks(w)
    ]
    items += [
        _runs_on(p, p.proxy, red)
        for p in facts.pods
        if p.application_ended
        and is_of_job(p)
        and p.proxy is not None
        and p.phase not in ENDED
        and not p.deleting
    ]
    if not items and not any(map(_has_meshed_jobs, filter(None, (baseline, facts)))):
        return not_applicable("no meshed Job was seen")
    return judged(
        items,
        holds_as="Jobs complete"
        + (", those whose proxy runs on are explained" if any(i.explained for i in items) else ""),
        violated_as="Jobs do not complete",
        expected="every Job complete or still running its application",
        cause="the Job itself failed, its application ended with an error, or its sidecar was not "
        "ended by the kubelet",
        next_command="kubectl get jobs --all-namespaces",
    )


def _runs_on(pod: Pod, proxy: Proxy, red: Preexisting) -> Item:
    """Describe a Job's pod whose proxy outlives the application."""
    subject = f"pod {pod.key}"
    # With OnFailure the kubelet is about to start the container again: nothing has failed yet.
    if pod.failed and pod.restart_policy == "Never":
        codes = ", ".join(f"container {name} with exit code {code}" for name, code in pod.failed)
        return Item(
            subject=subject,
            expected="the application ended with exit code 0",
            seen=f"the application failed ({codes}), the proxy runs on: the Job never knows",
            explained=red.failed_run(pod),
        )
    return Item(
        subject=subject,
        expected="Succeeded",
        seen=f"{pod.phase or 'Running'}: the application has ended, the proxy runs on",
        explained=""
        if proxy.native
        else "a proxy that is not a native sidecar does not end with a Job's application",
    )


def _has_meshed_jobs(facts: ClusterFacts) -> bool:
    asks = asks_for_proxy(facts)
    return any(w.kind == "Job" and asks(w) for w in facts.workloads) or any(
        is_of_job(p) and p.proxy is not None for p in facts.pods
    )
