"""What was learnt of a release: shared objects added up, foreign text refused."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from policies.releases.keys import key_text, object_key
from policies.releases.learnt import (
    Learnt,
    LearntComponent,
    LearntContainer,
    LearntObject,
    LearntPod,
)

IDENTITY = "apps/Deployment/linkerd/linkerd-identity"
BUDGET = "policy/PodDisruptionBudget/linkerd/linkerd-dst"
CONFIG = "core/ConfigMap/linkerd/linkerd-config"


def _deployment(replicas: int) -> LearntObject:
    container = LearntContainer(name="identity", image="cr.l5d.io/linkerd/controller:edge-26.9.1")
    return LearntObject(key=IDENTITY, pod=LearntPod(replicas=replicas, containers=(container,)))


def _learnt(*components: LearntComponent) -> Learnt:
    return Learnt(
        tag="edge-26.9.1",
        source="client",
        sha256="0" * 64,
        learnt_at=date(2026, 9, 1),
        components=components,
    )


PLAIN = LearntComponent(name="control_plane", objects=(_deployment(1), LearntObject(key=CONFIG)))


def test_high_availability_has_the_plain_objects_its_own_and_not_the_absent() -> None:
    ha = LearntComponent(
        name="control_plane_ha",
        like="control_plane",
        absent=(CONFIG,),
        objects=(_deployment(3), LearntObject(key=BUDGET)),
    )

    objects = _learnt(PLAIN, ha).objects("control_plane_ha")

    assert [o.key for o in objects] == [IDENTITY, BUDGET]
    assert objects[0].pod is not None
    assert objects[0].pod.replicas == 3


def test_components_that_point_at_each_other_end() -> None:
    ha = LearntComponent(name="control_plane_ha", like="control_plane")
    plain = LearntComponent(name="control_plane", like="control_plane_ha")

    assert _learnt(plain, ha).objects("control_plane") == ()


def test_what_was_not_learnt_is_empty_and_gateway_api_is_not_known() -> None:
    learnt = _learnt(PLAIN)

    assert learnt.keys("viz") == frozenset()
    assert learnt.installs_gateway_api is None
    assert learnt.images("control_plane") == ("cr.l5d.io/linkerd/controller:edge-26.9.1",)


def test_it_survives_json() -> None:
    learnt = _learnt(PLAIN)

    assert msgspec.json.decode(msgspec.json.encode(learnt), type=Learnt) == learnt


@pytest.mark.parametrize("key", [IDENTITY, CONFIG, "apps/DaemonSet/-/a:b"])
def test_a_key_is_spelt_as_it_is_read(key: str) -> None:
    assert key_text(object_key(key)) == key


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", "/etc/passwd"),
        ("sha256", "../../etc"),
        ("components", [{"name": "shell"}]),
        ("components", [{"name": "viz", "objects": [{"key": "no key"}]}]),
        ("values", [["a", "b"]] * 3000),
        ("chart_kubernetes", "x" * 5000),
    ],
)
def test_what_does_not_belong_there_is_refused(field: str, value: object) -> None:
    known = msgspec.to_builtins(_learnt(PLAIN))

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**known, field: value}, Learnt, strict=True)
