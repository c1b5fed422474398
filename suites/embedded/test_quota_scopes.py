"""A quota counts the pods of its scopes alone, and asks init containers as well."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fixtures.embedded.api.admission.quota import check, covers
from fixtures.embedded.api.core import ApiKernel
from fixtures.embedded.kernel import ApiError, Clock, Obj


def pod(*, init: Obj | None = None, wants: Obj | None = None, **spec: Any) -> Obj:
    container: Obj = {"name": "app", "image": "app:1"}
    if wants:
        container["resources"] = {"requests": wants}
    inits = [{"name": "before", "image": "app:1", **init}] if init is not None else []
    whole = {"containers": [container], "initContainers": inits, **spec}
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": whole}


def of_class(operator: str, *values: str) -> Obj:
    rule = {"scopeName": "PriorityClass", "operator": operator, "values": list(values)}
    return {"scopeSelector": {"matchExpressions": [rule]}}


@pytest.mark.parametrize(
    ("quota", "one", "counted"),
    [
        ({}, pod(), True),
        ({"scopes": ["Terminating"]}, pod(), False),
        ({"scopes": ["Terminating"]}, pod(activeDeadlineSeconds=60), True),
        ({"scopes": ["NotTerminating"]}, pod(), True),
        ({"scopes": ["BestEffort"]}, pod(), True),
        ({"scopes": ["BestEffort"]}, pod(wants={"cpu": "1"}), False),
        ({"scopes": ["NotBestEffort", "NotTerminating"]}, pod(wants={"memory": "1Mi"}), True),
        (of_class("In", "high"), pod(), False),
        (of_class("In", "high"), pod(priorityClassName="high"), True),
        (of_class("NotIn", "high"), pod(), True),
        (of_class("Exists"), pod(), False),
        (of_class("DoesNotExist"), pod(), True),
        ({"scopes": ["VolumeAttributesClass"]}, pod(), False),
    ],
)
def test_a_quota_covers_the_pods_of_all_its_scopes(quota: Obj, one: Obj, counted: bool) -> None:
    assert covers(quota, one) == counted


def refusal(hard: Obj, one: Obj, **more: Any) -> str:
    """What a quota says of a pod; empty where it has room."""

    async def asked() -> str:
        kernel = ApiKernel(Clock(500.0), 31, seed=1)
        meta = {"name": "q", "namespace": "shop", "uid": "q"}
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta}
        kernel.store.put("resourcequotas", {**quota, "spec": {"hard": hard, **more}})
        try:
            check(kernel, "shop", one)
        except ApiError as error:
            return str(error)
        return ""

    return asyncio.run(asked())


def test_a_quota_of_other_scopes_has_nothing_against_a_pod() -> None:
    assert refusal({"pods": "0"}, pod(), scopes=["Terminating"]) == ""
    assert "exceeded quota: q" in refusal({"pods": "0"}, pod(), scopes=["NotTerminating"])


def test_init_containers_must_say_what_they_want() -> None:
    said = refusal({"requests.cpu": "4"}, pod(init={}, wants={"cpu": "1"}))

    assert "must specify requests.cpu for: before" in said


def test_an_init_container_that_wants_more_counts_alone() -> None:
    big = {"resources": {"requests": {"cpu": "3"}}}
    one = pod(init=big, wants={"cpu": "1"})

    assert refusal({"requests.cpu": "3"}, one) == ""
    assert "requested: requests.cpu=3" in refusal({"requests.cpu": "2"}, one)
    beside = pod(init={**big, "restartPolicy": "Always"}, wants={"cpu": "1"})
    assert "requested: requests.cpu=4" in refusal({"requests.cpu": "3"}, beside)
