"""Extensions against the baseline: none is lost from sight, and the Jobs that install them end.

What finds an extension is a label on its namespace, of which `linkerd check`, Linkerd's web and
this suite know it. Without the label nothing looks any more, and nothing is red.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policies.controls.extensions.installed import COMPONENTS, blind, installed, retired
from policies.facts.cluster import ClusterFacts, Workload
from policies.releases.versions import Version
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged
from policies.verdicts.wording import number
from policies.workloads.preexisting import failed_job

LABEL = "linkerd.io/extension"


def as_at_first(
    ready: Verdict, first: ClusterFacts, facts: ClusterFacts, destination: Version
) -> Verdict:
    """Judge extensions by what they are now, and by what they were at the baseline (EXT-02).

    Args:
        ready: What is judged of them now.
        first: Facts of the baseline.
        facts: Now.
        destination: Of the hop.
    """
    if not installed(first) or blind(facts):
        return ready
    return combined(
        [ready, kept_in_sight(first, facts, destination), jobs_ended(first, facts)],
        holds_as=ready.summary,
    )


def kept_in_sight(first: ClusterFacts, facts: ClusterFacts, destination: Version) -> Verdict:
    """Judge whether each extension of the baseline is there, and its namespace says so (EXT-02).

    One that the destination no longer has is another control's, and so is one of somebody else
    that is gone.
    """
    before = installed(first)
    return judged(
        [*_gone(first, facts, destination), *_unlabelled(first, facts)],
        holds_as=f"{number(len(before), 'extension')} of the baseline are there, labelled as "
        "they were",
        violated_as="An extension of the baseline is lost from sight",
        expected=f"each extension of the baseline, its namespace labelled {LABEL}",
        cause="an apply of a namespace's manifest without the label, or a chart's Job that sets "
        "it and did not run",
        next_command=f"kubectl get namespaces -L {LABEL}",
    )


def _gone(first: ClusterFacts, facts: ClusterFacts, destination: Version) -> Iterator[Item]:
    there = {e.name for e in installed(facts)}
    for one in installed(first):
        if one.name in there or one.name not in COMPONENTS or retired(one.name, destination):
            continue
        yield Item(
            subject=f"extension {one.name}",
            expected=f"installed in namespace {one.namespace}, as at the baseline",
            seen="neither a labelled namespace nor a workload of it",
        )


def _unlabelled(first: ClusterFacts, facts: ClusterFacts) -> Iterator[Item]:
    now = {n.name: n for n in facts.namespaces}
    for was in first.namespaces:
        namespace = now.get(was.name)
        if was.extension and namespace is not None and namespace.extension != was.extension:
            yield Item(
                subject=f"namespace {was.name}",
                expected=f"label {LABEL}={was.extension}, as at the baseline",
                seen=f"{LABEL}={namespace.extension or 'none'}: nothing looks for the extension",
            )


def jobs_ended(first: ClusterFacts, facts: ClusterFacts) -> Verdict:
    """Judge whether the Jobs that came with the extensions since the baseline ended (EXT-02)."""
    return judged(
        [
            Item(
                subject=job.key,
                expected="complete",
                seen=_state(job),
                explained="suspended by its owner" if job.paused else "",
            )
            for job in waiting_jobs(first, facts)
        ],
        holds_as="the Jobs that install them ended",
        violated_as="Jobs of an extension do not complete",
        expected="every Job that came since the baseline complete",
        cause="a hook whose image, rights or proxy keep it from ending: Helm waits for it, or "
        "goes on without what it was to do",
        next_command="kubectl get jobs --all-namespaces",
    )


def waiting_jobs(first: ClusterFacts, facts: ClusterFacts) -> tuple[Workload, ...]:
    """Return Jobs of extensions that came since, or were then done, and have not completed."""
    spaces = {e.namespace for e in installed(facts)}
    stood = {w.uid for w in first.workloads if w.kind == "Job" and not _complete(w)}
    return tuple(
        w
        for w in facts.workloads
        if w.kind == "Job"
        and w.namespace in spaces
        and w.uid not in stood
        and not _complete(w)
        and (w.owner is None or w.owner.kind != "CronJob")
    )


def open_jobs(jobs: Iterable[Workload]) -> tuple[Workload, ...]:
    """Return those that may still complete: not failed, and not suspended."""
    return tuple(j for j in jobs if not (j.paused or failed_job(j)))


def _complete(job: Workload) -> bool:
    return any(c.type == "Complete" and c.status == "True" for c in job.conditions)


def _state(job: Workload) -> str:
    if failed_job(job):
        return "; ".join(f"{c.reason}: {c.message}" for c in job.conditions if c.type == "Failed")
    return "has not completed"
