"""What was red at the baseline already, and so is nothing that the upgrade did.

Every control of the data plane compares with the baseline here. Only what is no worse than it was
is explained: a workload that lacked one pod of three then and lacks two now is a violation.
Nothing of Linkerd's control plane is ever excused by its own past: PRE-01 judges that beforehand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from policies.facts.cluster import ClusterFacts, DisruptionBudget, Pod, Workload
from policies.skew.planes import ENDED, is_control_plane, owner, run_of
from policies.verdicts.wording import number, verb

RED_BEFORE = "red before the upgrade: "
"""How each explanation begins."""


def none_at_all() -> Mapping[str, int]:
    """Return a baseline that nothing was red in."""
    return {}


@dataclass(frozen=True, slots=True)
class Preexisting:
    """What was red at the baseline; with no baseline to compare with, nothing was."""

    lacking: Mapping[str, int] = field(default_factory=none_at_all)
    """Workload -> available pods that it lacked."""
    unready_proxies: Mapping[str, int] = field(default_factory=none_at_all)
    """Owner of pods -> pods whose proxy was not ready."""
    restarting: Collection[str] = ()
    """Owners of pods that had restarted."""
    killed: Collection[str] = ()
    """Owners of pods that had been killed for memory."""
    unmeshed: Collection[str] = ()
    """Uids of running pods without a proxy."""
    budgets: Mapping[str, int] = field(default_factory=none_at_all)
    """`NAMESPACE/NAME` of a disruption budget -> healthy pods that it lacked."""
    failed_jobs: Collection[str] = ()
    """Uids of Jobs that had failed."""
    failed_runs: Collection[str] = ()
    """`NAMESPACE/NAME` of CronJobs one of whose Jobs had failed."""
    failing: Collection[str] = ()
    """Owners of pods whose application had ended with an error."""

    def rollout(self, workload: Workload) -> str:
        """Return why an incomplete rollout is nothing new; empty when it is worse than it was."""
        then, now = self.lacking.get(workload.key, 0), lacking(workload)
        if not then or now > then:
            return ""
        return (
            f"{RED_BEFORE}{then} of its pods {verb(then, 'was', 'were')} not available "
            "at the baseline"
        )

    def stuck(self, pod: Pod) -> str:
        """Return why a pod could not be replaced: its workload was red, its rollout stands."""
        then = self.lacking.get(owner(pod), 0)
        if not then:
            return ""
        return (
            f"{RED_BEFORE}{then} of {owner(pod)} {verb(then, 'was', 'were')} not available, "
            "so no restart completes"
        )

    def budget(self, budget: DisruptionBudget) -> str:
        """Return why a budget that is not met is nothing new; empty when it is."""
        then = self.budgets.get(f"{budget.namespace}/{budget.name}", 0)
        if not then or budget.desired_healthy - budget.healthy > then:
            return ""
        return f"{RED_BEFORE}it lacked {number(then, 'healthy pod')} at the baseline"

    def proxy(self, pod: Pod, unready: Mapping[str, int]) -> str:
        """Return why a proxy that is not ready is nothing new.

        Args:
            pod: Whose proxy it is.
            unready: How many proxies of each owner are not ready now.
        """
        then = self.unready_proxies.get(owner(pod), 0)
        if not then or unready.get(owner(pod), 0) > then:
            return ""
        return (
            f"{RED_BEFORE}{number(then, 'proxy', 'proxies')} of {owner(pod)} "
            f"{verb(then, 'was', 'were')} not ready at the baseline"
        )

    def restarts(self, pod: Pod, *, proxy: int, killed: int) -> str:
        """Return why restarts of an application are nothing new; those of a proxy always are."""
        if proxy > 0 or owner(pod) not in self.restarting:
            return ""
        if killed > 0 and owner(pod) not in self.killed:
            return ""
        what = "was killed for memory" if killed > 0 else "restarted"
        return f"{RED_BEFORE}{owner(pod)} {what} by the baseline as well"

    def unmeshed_pod(self, pod: Pod) -> str:
        """Return why a pod without its proxy is nothing new: it is the same pod, as it was."""
        if pod.uid not in self.unmeshed:
            return ""
        return f"{RED_BEFORE}this pod had no proxy at the baseline, and nothing renewed it"

    def job(self, workload: Workload) -> str:
        """Return why a failed Job is nothing new: it, or an earlier run of it, had failed."""
        if workload.uid in self.failed_jobs:
            return f"{RED_BEFORE}it had failed by the baseline"
        if (run := run_of(workload)) and run in self.failed_runs:
            return f"{RED_BEFORE}an earlier run of CronJob {run} had failed"
        return ""

    def failed_run(self, pod: Pod) -> str:
        """Return why an application that ended with an error is nothing new; empty when it is."""
        runs_of = f"CronJob {pod.namespace}/{pod.owner_name.rpartition('-')[0]}"
        if not {owner(pod), runs_of} & set(self.failing):
            return ""
        return f"{RED_BEFORE}a pod of {owner(pod)} had failed by the baseline as well"


NOTHING = Preexisting()


def at_baseline(facts: ClusterFacts | None) -> Preexisting:
    """Return what was red in these facts; nothing, where there are none."""
    if facts is None:
        return NOTHING
    space = facts.control_plane_namespace
    pods = [p for p in facts.pods if not p.deleting and not is_control_plane(p, space)]
    live = [p for p in pods if p.phase not in ENDED]
    workloads = [w for w in facts.workloads if not (w.component and w.namespace == space)]
    failed = [w for w in workloads if failed_job(w)]
    crons = {f"{w.namespace}/{w.name}" for w in workloads if w.kind == "CronJob"}
    ended_badly = {owner(p) for p in pods if p.failed}
    return Preexisting(
        lacking={w.key: n for w in workloads if (n := lacking(w))},
        unready_proxies=unready_proxies(facts),
        restarting={owner(p) for p in pods if p.restarts or (p.proxy and p.proxy.restarts)},
        killed={owner(p) for p in pods if p.oom_killed},
        unmeshed={p.uid for p in live if p.proxy is None},
        budgets={
            f"{b.namespace}/{b.name}": b.desired_healthy - b.healthy
            for b in facts.budgets
            if b.expected and b.healthy < b.desired_healthy
        },
        failed_jobs={w.uid for w in failed},
        failed_runs={run for w in failed if (run := run_of(w)) in crons},
        failing={
            *ended_badly,
            *(f"CronJob {run_of(w)}" for w in workloads if w.key in ended_badly and run_of(w)),
        },
    )


def lacking(workload: Workload) -> int:
    """Count the available pods that a workload lacks of those it asks for."""
    if workload.kind in ("Job", "CronJob"):
        return 0
    have = workload.ready if workload.kind == "StatefulSet" else workload.available
    return max(workload.desired - have, 0)


def unready_proxies(facts: ClusterFacts) -> Mapping[str, int]:
    """Return owner -> its pods whose proxy is not ready, but those that end or have ended."""
    return Counter(
        owner(p)
        for p in facts.pods
        if p.proxy is not None
        and not p.proxy.ready
        and not (p.deleting or p.application_ended or p.phase in ENDED)
    )


def failed_job(workload: Workload) -> bool:
    """Return whether a Job has failed for good."""
    return workload.kind == "Job" and any(
        c.type == "Failed" and c.status == "True" for c in workload.conditions
    )
