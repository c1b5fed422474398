from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.controls.whole_run.differences import (
    Difference,
    changed_pointers,
    compare_objects,
    reapply_changes_only_regenerated,
)
from policies.facts.cluster import ObjectKey

INJECTOR = ObjectKey(
    group="apps", kind="Deployment", namespace="linkerd", name="linkerd-proxy-injector"
)
SECRET = ObjectKey(kind="Secret", namespace="linkerd", name="linkerd-sp-validator-k8s-tls")
HOOK = ObjectKey(
    group="admissionregistration.k8s.io",
    kind="MutatingWebhookConfiguration",
    name="linkerd-proxy-injector-webhook-config",
)
HEARTBEAT = ObjectKey(group="batch", kind="CronJob", namespace="linkerd", name="linkerd-heartbeat")
IDENTITY = ObjectKey(group="apps", kind="Deployment", namespace="linkerd", name="linkerd-identity")
CHECKSUM = "/spec/template/metadata/annotations/checksum~1config"
RECORDED = (
    Difference(key=HOOK, paths=("/webhooks/0/clientConfig/caBundle",)),
    Difference(key=SECRET, paths=("/data/tls.crt", "/data/tls.key")),
    Difference(key=INJECTOR, paths=(CHECKSUM,)),
    Difference(key=HEARTBEAT, paths=("/spec/schedule",)),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a/b", "~"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "a/b", "m~n", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_what_each_render_makes_anew_is_explained() -> None:
    verdict = reapply_changes_only_regenerated(RECORDED)

    assert verdict.status == "holds"
    assert len(verdict.explained) == 4


@pytest.mark.parametrize(
    "other",
    [
        Difference(key=IDENTITY, paths=(CHECKSUM,)),
        Difference(key=INJECTOR, paths=("/spec/replicas",)),
        Difference(key=INJECTOR, paths=(CHECKSUM, "/spec/template/spec/containers/0/image")),
        Difference(key=HOOK, paths=("/webhooks/0/failurePolicy",)),
        Difference(key=HEARTBEAT, created=True),
        Difference(
            key=ObjectKey(kind="Secret", namespace="linkerd", name="linkerd-identity-issuer"),
            paths=("/data/crt.pem",),
        ),
    ],
    ids=lambda d: f"{d.key.name} {','.join(d.paths)}",
)
def test_anything_else_is_a_violation(other: Difference) -> None:
    verdict = reapply_changes_only_regenerated((*RECORDED, other))

    assert [i.subject for i in verdict.violations] == [str(other.key)]


@pytest.mark.parametrize("nothing", [None, ()])
def test_nothing_compared_is_not_assessed(nothing: tuple[Difference, ...] | None) -> None:
    assert reapply_changes_only_regenerated(nothing).status == "not assessed"


def test_bookkeeping_is_left_out() -> None:
    before: dict[str, Any] = {
        "metadata": {
            "generation": 1,
            "annotations": {"deployment.kubernetes.io/revision": "1", "checksum/config": "a"},
        },
        "status": {"replicas": 1},
    }
    after: dict[str, Any] = {
        "metadata": {
            "generation": 2,
            "resourceVersion": "7",
            "annotations": {"deployment.kubernetes.io/revision": "2", "checksum/config": "b"},
        },
        "status": {},
    }

    assert compare_objects(IDENTITY, before, after).paths == (
        "/metadata/annotations/checksum~1config",
    )


def test_an_object_that_does_not_live_would_be_created() -> None:
    assert compare_objects(IDENTITY, None, {"spec": {}}).created


def test_a_difference_survives_json() -> None:
    for one in RECORDED:
        assert msgspec.json.decode(msgspec.json.encode(one), type=Difference) == one


@given(JSON)
def test_equal_values_differ_nowhere(value: object) -> None:
    assert not list(changed_pointers(value, value))


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), JSON, JSON)
def test_one_change_is_found_where_it_is(around: dict[str, Any], old: object, new: object) -> None:
    found = list(changed_pointers({**around, "a/b~": [old]}, {**around, "a/b~": [new]}))

    assert all(p.startswith("/a~1b~0/0") for p in found)
    assert bool(found) == (_plain(old) != _plain(new))


def _plain(value: object) -> object:
    """JSON without keys of null, which the API server does not tell from absent ones."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return (type(value), value)
