"""Extensions against the baseline: lost from sight, and Jobs that do not end."""

from __future__ import annotations

import pytest

from policies.controls.extensions.installed import ready
from policies.controls.extensions.kept import as_at_first, jobs_ended, kept_in_sight, open_jobs
from policies.facts.cluster import ClusterFacts, Condition, ObjectKey, Unreadable, Workload
from policies.releases.grammar import parse
from policies.verdicts.findings import Verdict
from suites.policy.builders import TARGET, TO, change, cluster, namespace, with_workloads, workload
from suites.policy.test_extensions import SPACE, VIZ, with_viz

LATER_GONE = "edge-25.10.7"
DONE = Condition(type="Complete", status="True")
FAILED = Condition(type="Failed", status="True", reason="BackoffLimitExceeded")
BEFORE = with_viz(cluster(TARGET))


def job(name: str = "namespace-metadata", within: str = SPACE, **fields: object) -> Workload:
    return change(workload(name, within=within, kind="Job", extension=VIZ), **fields)


def labelled_as(label: str) -> ClusterFacts:
    spaces = [change(n, extension=label) if n.name == SPACE else n for n in BEFORE.namespaces]
    return change(BEFORE, namespaces=tuple(spaces))


def judged_now(facts: ClusterFacts) -> Verdict:
    return as_at_first(ready(facts), BEFORE, facts, TO)


def test_extensions_as_they_were_hold() -> None:
    assert kept_in_sight(BEFORE, BEFORE, TO).status == "holds"


@pytest.mark.parametrize("label", ["", "vizz"])
def test_a_namespace_that_lost_its_label_is_a_violation(label: str) -> None:
    verdict = kept_in_sight(BEFORE, labelled_as(label), TO)

    assert f"namespace {SPACE}" in {i.subject for i in verdict.violations}


def test_an_extension_that_is_gone_is_a_violation_though_nothing_of_it_is_left() -> None:
    gone = cluster(TARGET)

    assert "extension viz" in kept_in_sight(BEFORE, gone, TO).seen
    assert ready(gone).status == "not applicable"
    assert judged_now(gone).status == "violated"


def test_a_namespace_that_never_had_the_label_is_fine() -> None:
    helms = labelled_as("")

    assert kept_in_sight(helms, helms, TO).status == "holds"


@pytest.mark.parametrize("name", ["jaeger", "failover"])
def test_an_extension_that_is_retired_or_anothers_may_go(name: str) -> None:
    facts = cluster(LATER_GONE)
    had = change(facts, namespaces=(*facts.namespaces, namespace(f"x-{name}", extension=name)))

    assert kept_in_sight(had, facts, parse(LATER_GONE)).status == "holds"


@pytest.mark.parametrize(
    ("conditions", "seen"), [((), "has not completed"), ((FAILED,), "BackoffLimitExceeded")]
)
def test_a_job_that_came_and_did_not_complete_is_a_violation(
    conditions: tuple[Condition, ...], seen: str
) -> None:
    facts = with_workloads(BEFORE, job(conditions=conditions))

    assert seen in jobs_ended(BEFORE, facts).seen
    assert judged_now(facts).status == "violated"


@pytest.mark.parametrize(
    "one",
    [
        job(conditions=(DONE,)),
        job(within="shop"),
        job(owner=ObjectKey(group="batch", kind="CronJob", namespace=SPACE, name="report")),
    ],
    ids=["complete", "elsewhere", "a CronJob's run"],
)
def test_other_jobs_hold(one: Workload) -> None:
    assert jobs_ended(BEFORE, with_workloads(BEFORE, one)).status == "holds"


def test_a_job_that_stood_at_the_baseline_is_nothing_new() -> None:
    stood = with_workloads(BEFORE, job())

    assert jobs_ended(stood, stood).status == "holds"


def test_a_suspended_job_is_explained_and_not_waited_for() -> None:
    suspended = job(paused=True)
    verdict = jobs_ended(BEFORE, with_workloads(BEFORE, suspended))

    assert verdict.status == "holds"
    assert verdict.explained
    assert open_jobs([suspended, job(conditions=(FAILED,)), job()]) == (job(),)


def test_what_cannot_be_read_is_not_assessed() -> None:
    hidden = change(BEFORE, unreadable=(Unreadable(resource="namespaces", reason="no"),))

    assert judged_now(hidden).status == "not assessed"
    assert as_at_first(ready(cluster()), cluster(), cluster(), TO).status == "not applicable"
