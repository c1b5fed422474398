"""What a pod counts for in a quota, and what a quota's refusal says."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.cluster.facts.pod_amounts import counted, over_quota
from policies.facts.observations import OverQuota


def test_a_refusal_by_quota_is_read_from_its_message() -> None:
    told = (
        'Forbidden: pods "store-2" is forbidden: exceeded quota: team, requested: '
        "limits.cpu=100m,pods=1, used: limits.cpu=1900m,pods=3, limited: limits.cpu=2,pods=3"
    )

    cpu, pods = over_quota(told)
    assert (cpu.quota, cpu.resource, cpu.limited) == ("team", "limits.cpu", 2.0)
    assert (cpu.requested, cpu.used) == pytest.approx((0.1, 1.9))
    assert pods == OverQuota(quota="team", resource="pods", requested=1, used=3, limited=3)
    assert over_quota("failed quota: team: must specify limits.cpu for: linkerd-proxy") == ()
    assert over_quota("exceeded quota: team, requested: , used: , limited: x") == ()


def test_a_pod_counts_for_its_containers_sidecars_and_largest_init_container() -> None:
    def container(cpu: str, **fields: Any) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu}}, **fields}

    pod = {"spec": {
        "containers": [container("100m"), container("1")],
        "initContainers": [container("3"), container("50m", restartPolicy="Always")],
    }}  # fmt: skip

    assert dict(counted(pod)) == {"count/pods": 1, "pods": 1, "cpu": 3, "requests.cpu": 3}
    pod["spec"]["initContainers"] = pod["spec"]["initContainers"][1:]
    assert dict(counted(pod))["requests.cpu"] == pytest.approx(1.15)
