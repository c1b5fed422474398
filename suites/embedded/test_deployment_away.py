"""A Deployment that is away for a while: the fault by name."""

from __future__ import annotations

import pytest

from fixtures.embedded.kernel import ApiError, Obj
from suites.embedded.in_process import SPACE, Watch, cluster, scene, workload

AWAY: Obj = {"namespace": SPACE, "name": "web", "seconds": 10}


def replicas(kernel: object) -> int:
    found = kernel.get("deployments.apps", SPACE, "web")  # pyright: ignore[reportAttributeAccessIssue]
    return int(found["spec"]["replicas"])


@scene
async def test_it_has_no_pod_for_so_long_and_then_as_many_as_before() -> None:
    async with cluster() as on:
        watch = Watch("web")
        on.kernel.subscribe(["pods"], watch.heard)
        await on.kernel.create("deployments.apps", workload("Deployment", "web", {"replicas": 3}))
        await on.until(lambda: sum(p.ready for p in on.pods(app="web")) == 3, "three pods")

        watch.watching = True
        on.kernel.faults.enable("deployment-away", AWAY)
        assert replicas(on.kernel) == 0

        await on.until(lambda: watch.fewest_ready == 0, "no pod that serves")
        await on.until(lambda: replicas(on.kernel) == 3, "asked for three again")
        await on.until(lambda: sum(p.ready for p in on.pods(app="web")) == 3, "three again")


@scene
async def test_who_was_scaled_meanwhile_is_left_so() -> None:
    async with cluster() as on:
        await on.kernel.create("deployments.apps", workload("Deployment", "web", {"replicas": 3}))
        on.kernel.faults.enable("deployment-away", AWAY)

        def scale(obj: Obj) -> None:
            obj["spec"]["replicas"] = 1

        on.change("deployments.apps", "web", scale)
        on.kernel.faults.disable("deployment-away")
        assert replicas(on.kernel) == 1


@pytest.mark.parametrize(
    "changed",
    [{"seconds": -1}, {"seconds": "10"}, {"seconds": True}, {"name": "none"}, {"more": 1}],
)
@scene
async def test_bad_arguments_are_refused_by_name(changed: Obj) -> None:
    async with cluster() as on:
        await on.kernel.create("deployments.apps", workload("Deployment", "web"))
        with pytest.raises(ApiError, match="deployment-away") as caught:
            on.kernel.faults.enable("deployment-away", {**AWAY, **changed})
        assert caught.value.code == 422
        with pytest.raises(ApiError):
            on.kernel.faults.enable("deployment-away", {})


@pytest.mark.parametrize("left_out", AWAY)
@scene
async def test_a_missing_argument_is_named_with_all_that_it_takes(left_out: str) -> None:
    async with cluster() as on:
        given = {key: value for key, value in AWAY.items() if key != left_out}
        said = f"no {left_out}; it takes namespace, name, seconds"
        with pytest.raises(ApiError, match=said):
            on.kernel.faults.enable("deployment-away", given)
