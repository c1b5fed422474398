"""Counts, ports, probes and volumes that a real API server refuses, and near ones it accepts."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from suites.embedded.client import Client, Obj

Change = tuple[tuple[str | int, ...], Any]


def changed(obj: Obj, *changes: Change) -> Obj:
    """A copy with values set at their paths; lists and maps on the way are made."""
    found = copy.deepcopy(obj)
    for path, value in changes:
        at: Any = found
        for step in path[:-1]:
            at = at[step] if isinstance(step, int) else at.setdefault(step, {})
        at[path[-1]] = value
    return found


CONTAINER = ("spec", "template", "spec", "containers", 0)
ROLLING = ("spec", "strategy", "rollingUpdate")


def probe(**fields: Any) -> Change:
    return (*CONTAINER, "livenessProbe"), {"httpGet": {"path": "/", "port": 80}, **fields}


REFUSED: dict[str, tuple[Change, str]] = {
    "surge as digits": (((*ROLLING, "maxSurge"), "1"), "maxSurge"),
    "unavailable below zero": (((*ROLLING, "maxUnavailable"), -1), "maxUnavailable"),
    "unavailable above all": (((*ROLLING, "maxUnavailable"), "101%"), "maxUnavailable"),
    "strategy unknown": ((("spec", "strategy", "type"), "Rolling"), "spec.strategy.type"),
    "deadline before ready": ((("spec", "progressDeadlineSeconds"), 0), "progressDeadline"),
    "port zero": (((*CONTAINER, "ports"), [{"containerPort": 0}]), "containerPort"),
    "port name too long": (
        ((*CONTAINER, "ports"), [{"containerPort": 80, "name": "a-name-of-a-port"}]),
        "ports[0].name",
    ),
    "probe at digits": (probe(httpGet={"path": "/", "port": "8080"}), "httpGet.port"),
    "probe without handler": (((*CONTAINER, "livenessProbe"), {"periodSeconds": 1}), "liveness"),
    "probe with two": (probe(exec={"command": ["true"]}), "livenessProbe"),
    "alive twice": (probe(successThreshold=2), "successThreshold"),
    "amount": (((*CONTAINER, "resources"), {"requests": {"cpu": "half"}}), "requests"),
    "two mounts": (
        ((*CONTAINER, "env"), [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {}}}]),
        "valueFrom",
    ),
}
ACCEPTED: dict[str, Change] = {
    "surge in percent": ((*ROLLING, "maxSurge"), "150%"),
    "unavailable as number": ((*ROLLING, "maxUnavailable"), 0),
    "probe by name": probe(httpGet={"path": "/", "port": "http-2"}),
    "long port name": ((*CONTAINER, "ports"), [{"containerPort": 80, "name": "a-name-of-aport"}]),
    "amounts": ((*CONTAINER, "resources"), {"requests": {"cpu": 0.5, "memory": "1.5Gi"}}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_deployment_is_refused(
    api: Client, deployments: str, deployment: Obj, case: str
) -> None:
    change, field = REFUSED[case]

    answer = api.post(deployments, changed(deployment, change))

    assert (answer.code, answer.reason) == (422, "Invalid")
    assert [f for _, f in answer.causes if field in f], answer.causes


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_deployment_is_accepted(
    api: Client, deployments: str, deployment: Obj, case: str
) -> None:
    answer = api.post(deployments, changed(deployment, ACCEPTED[case]))

    assert answer.code == 201, answer.body


@pytest.mark.parametrize(
    ("value", "code"), [("1", 422), ("-1%", 422), ("101%", 422), (-1, 422), (1, 201), ("50%", 201)]
)
@pytest.mark.parametrize("field", ["maxUnavailable", "minAvailable"])
def test_budgets_count_pods(
    api: Client, namespace: str, field: str, value: object, code: int
) -> None:
    body: Obj = {
        "metadata": {"name": "web"},
        "spec": {field: value, "selector": {"matchLabels": {"app": "web"}}},
    }

    answer = api.post(f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets", body)

    assert answer.code == code
    if code == 422:
        assert answer.causes == [("FieldValueInvalid", f"spec.{field}")]


@pytest.mark.parametrize(
    ("target", "code"), [("8080", 422), (70000, 422), ("http", 201), (8080, 201)]
)
def test_target_ports_are_numbers_or_names(
    api: Client, namespace: str, target: object, code: int
) -> None:
    body: Obj = {
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 80, "targetPort": target}]},
    }

    answer = api.post(f"/api/v1/namespaces/{namespace}/services", body)

    assert answer.code == code
    if code == 422:
        assert answer.causes[0] == ("FieldValueInvalid", "spec.ports[0].targetPort")


def test_ports_of_a_service_are_told_apart(api: Client, namespace: str) -> None:
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 80}, {"name": "a", "port": 81}]

    answer = api.post(
        f"/api/v1/namespaces/{namespace}/services",
        {"metadata": {"name": "a"}, "spec": {"ports": ports}},
    )

    assert answer.causes == [
        ("FieldValueDuplicate", "spec.ports[1]"),
        ("FieldValueDuplicate", "spec.ports[2].name"),
    ]


def test_mounts_and_volumes_are_unambiguous(api: Client, namespace: str) -> None:
    mount = {"name": "a", "mountPath": "/a"}
    body: Obj = {
        "metadata": {"name": "a"},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "main:1",
                    "volumeMounts": [mount, {**mount, "subPath": "../b"}],
                }
            ],
            "volumes": [{"name": "a", "emptyDir": {}, "configMap": {"name": "a"}}],
        },
    }

    answer = api.post(f"/api/v1/namespaces/{namespace}/pods", body)

    fields = {field for _, field in answer.causes}
    assert {
        "spec.volumes[0].configMap",
        "spec.containers[0].volumeMounts[1].mountPath",
        "spec.containers[0].volumeMounts[1].subPath",
    } == fields


def test_daemon_sets_take_one_way(api: Client, namespace: str, deployment: Obj) -> None:
    template = deployment["spec"]["template"]
    body: Obj = {
        "metadata": {"name": "a"},
        "spec": {
            "selector": deployment["spec"]["selector"],
            "template": template,
            "updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
        },
    }

    answer = api.post(f"/apis/apps/v1/namespaces/{namespace}/daemonsets", body)

    assert answer.causes == [("FieldValueInvalid", "spec.updateStrategy.rollingUpdate.maxSurge")]
