"""PRE-10 and quotas: a full quota stops what asks for room first, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.preflight.dry_runs import pods_admissible
from policies.facts.cluster import Workload
from policies.facts.observations import DryRun, OverQuota
from policies.workloads.replacing import old_goes_first
from suites.policy.builders import cluster, with_workloads, workload

FULL = OverQuota(quota="team", resource="pods", requested=1, used=3, limited=3)


def refused(
    what: str, over: tuple[OverQuota, ...] = (FULL,), freed: Any = (("pods", 1.0),)
) -> Any:
    return DryRun(
        what=what, accepted=False, refusals=((what, "Forbidden"),), over=over, freed=freed
    )


HOW: list[tuple[dict[str, Any], bool]] = [
    ({"kind": "StatefulSet"}, True),
    ({"kind": "StatefulSet", "update_strategy": "OnDelete"}, True),
    ({"kind": "DaemonSet"}, True),
    ({"kind": "DaemonSet", "max_surge": "10%"}, False),
    ({"update_strategy": "Recreate"}, True),
    ({"max_surge": "25%", "max_unavailable": "25%", "replicas": 2}, False),
    ({"max_surge": "25%", "max_unavailable": "25%", "replicas": 4}, True),
    ({"max_surge": "1", "max_unavailable": "0"}, False),
    ({"max_surge": "0", "max_unavailable": "1"}, True),
    ({"max_surge": "0", "max_unavailable": "0"}, True),
    ({"replicas": 3}, False),
    ({"kind": "CronJob"}, False),
]


@pytest.mark.parametrize(("fields", "first"), HOW, ids=[str(f) for f, _ in HOW])
def test_a_full_quota_is_judged_by_how_pods_are_replaced(
    fields: dict[str, Any], first: bool
) -> None:
    one = workload("x", **fields)
    verdict = pods_admissible([refused(one.key)], with_workloads(cluster(), one))

    assert old_goes_first(one) is first
    assert verdict.status == ("holds" if first else "violated")
    assert bool(verdict.explained) is first


@pytest.mark.parametrize("kind", ["ReplicaSet", "ReplicationController"])
def test_what_is_renewed_by_deletion_makes_room(kind: str) -> None:
    assert pods_admissible([refused(f"{kind} shop/x")], cluster()).status == "holds"


@pytest.mark.parametrize(
    "run",
    [
        refused("StatefulSet shop/store", over=()),
        refused("StatefulSet shop/store", freed=()),
        refused("StatefulSet shop/store", over=(OverQuota(
            quota="team", resource="pods", requested=1, used=5, limited=3),)),
    ],
    ids=["another refusal", "frees nothing", "is over it already"],
)  # fmt: skip
def test_no_other_refusal_is_forgiven(run: DryRun) -> None:
    facts = with_workloads(cluster(), workload("store", kind="StatefulSet"))

    assert pods_admissible([run], facts).status == "violated"


@given(
    kind=st.sampled_from(["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"]),
    surge=st.sampled_from(["", "0", "1", "25%", "100%", "x"]),
    missing=st.sampled_from(["", "0", "1", "25%", "100%", "-3"]),
    replicas=st.integers(0, 200),
    strategy=st.sampled_from(["", "Recreate", "RollingUpdate", "OnDelete"]),
)
def test_a_quota_with_no_room_after_the_old_pod_went_is_never_forgiven(
    kind: str, surge: str, missing: str, replicas: int, strategy: str
) -> None:
    one: Workload = workload(
        "x", kind=kind, replicas=replicas, max_surge=surge, max_unavailable=missing,
        update_strategy=strategy,
    )  # fmt: skip
    facts = with_workloads(cluster(workloads=1), one)

    assert pods_admissible([refused(one.key, freed=())], facts).status == "violated"
    assert (pods_admissible([refused(one.key)], facts).status == "holds") == old_goes_first(one)
