"""Protobuf request bodies, as typed Go clients write them.

Documentation: Kubernetes API concepts, "Alternate representations of resources" (the envelope
begins with the bytes `k8s` and 0, then comes a message with type, raw object and encoding).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.protobuf.fields import Field, fields_of
from apimachinery.protobuf.messages import MESSAGES, ROOTS
from apimachinery.protobuf.statuses import ANSWERED
from fixtures.embedded.api.schema.published import Definitions
from fixtures.embedded.api.wire import protobuf
from fixtures.embedded.kernel import ApiError
from suites.embedded.client import Client, Obj
from suites.embedded.protobuf_writer import (
    cut_offs,
    entry,
    envelope,
    number,
    part,
    varint,
    whole_number,
)

_EMPTY_META = part(1, part(1, ""), part(2, ""), part(3, ""), part(4, ""), part(8))


def metadata(name: str, *more: bytes) -> bytes:
    """Metadata with the empty values that Go writes for what is not set."""
    empty = (part(2, ""), part(3, ""), part(4, ""), part(5, ""), part(6, ""), number(7, 0))
    return part(1, part(1, name), *empty, part(8), *more)


def deployment() -> bytes:
    probe = part(
        10,
        part(1, part(2, part(1, "/live"), whole_number(2, 4191), part(3, ""), part(4, "HTTP"))),
        number(2, 0),
        number(3, 1),
    )
    container = part(
        2,
        part(1, "main"),
        part(2, "web:1"),
        part(5, ""),
        part(7, part(1, "A"), part(2, ""), part(3, part(1, part(1, "v1"), part(2, "spec.x")))),
        part(8, entry(1, "cpu", part(1, "250m"))),
        probe,
        number(16, 0),
    )
    volume = part(1, part(1, "tls"), part(2, part(6, part(1, "keys"), number(3, 0o644))))
    labelled = part(1, part(1, ""), part(8), entry(11, "app", "web"))
    pod = part(3, labelled, part(2, volume, container, part(3, ""), number(4, 0)))
    rolling = part(2, whole_number(1, 0), part(2, number(1, 1), number(2, 0), part(3, "25%")))
    spec = part(
        2,
        number(1, 0),
        part(2, entry(1, "app", "web")),
        pod,
        part(4, part(1, ""), rolling),
        number(5, 0),
        number(7, 0),
    )
    status = part(3, number(1, 0), number(2, 0))
    return envelope("apps/v1", "Deployment", metadata("web"), spec, status)


def test_empty_values_are_kept_only_where_they_mean_something() -> None:
    """Replicas 0 and maxUnavailable 0 are pointers; minReadySeconds 0 is what JSON leaves out."""
    spec = protobuf.decode(deployment())["spec"]

    assert spec == {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "volumes": [{"name": "tls", "secret": {"secretName": "keys", "defaultMode": 420}}],
                "containers": [
                    {
                        "name": "main",
                        "image": "web:1",
                        "env": [
                            {
                                "name": "A",
                                "valueFrom": {
                                    "fieldRef": {"apiVersion": "v1", "fieldPath": "spec.x"}
                                },
                            }
                        ],
                        "resources": {"limits": {"cpu": "250m"}},
                        "livenessProbe": {
                            "httpGet": {"path": "/live", "port": 4191, "scheme": "HTTP"},
                            "timeoutSeconds": 1,
                        },
                    }
                ],
                "terminationGracePeriodSeconds": 0,
            },
        },
    }


def test_type_comes_from_the_envelope_and_status_is_left_out() -> None:
    decoded = protobuf.decode(deployment())

    assert set(decoded) == {"kind", "apiVersion", "metadata", "spec"}
    assert (decoded["kind"], decoded["apiVersion"]) == ("Deployment", "apps/v1")
    assert decoded["metadata"] == {"name": "web"}


def test_bytes_times_and_maps_become_their_json_forms() -> None:
    moment = part(8, number(1, 1_700_000_000), number(2, 0))
    body = envelope(
        "v1",
        "Secret",
        part(1, part(1, "s"), moment, entry(11, "a", "b")),
        entry(2, "k", b"\xff\x00"),
        entry(2, "empty"),
        part(3, "Opaque"),
        number(5, 0),
    )

    decoded = protobuf.decode(body)

    assert decoded["metadata"] == {
        "name": "s",
        "creationTimestamp": "2023-11-14T22:13:20Z",
        "labels": {"a": "b"},
    }
    assert decoded["data"] == {"k": "/wA=", "empty": ""}
    assert decoded["immutable"] is False


def test_small_times_keep_microseconds() -> None:
    spec = part(2, part(1, "me"), part(4, number(1, 1), number(2, 5_000_000)))

    decoded = protobuf.decode(envelope("coordination.k8s.io/v1", "Lease", spec))

    assert decoded["spec"]["renewTime"] == "1970-01-01T00:00:01.005000Z"


@pytest.mark.parametrize("packed", [True, False])
def test_lists_of_numbers_are_read_in_both_forms(packed: bool) -> None:
    numbers = (7, -1)
    groups = (
        part(4, *(varint(value) for value in numbers))
        if packed
        else b"".join(number(4, value) for value in numbers)
    )

    decoded = protobuf.decode(envelope("v1", "Pod", part(2, part(14, groups))))

    assert decoded["spec"]["securityContext"] == {"supplementalGroups": [7, -1]}


def test_fields_of_newer_clients_are_ignored() -> None:
    newer = number(900, 1) + part(901, "x") + varint(902 << 3 | 5) + b"\0" * 4

    decoded = protobuf.decode(envelope("v1", "ConfigMap", entry(2, "a", "b"), newer))

    assert decoded["data"] == {"a": "b"}


def test_unknown_volume_is_refused_rather_than_lost() -> None:
    volume = part(1, part(1, "v"), part(2, part(27, part(1, "x"))))

    with pytest.raises(ApiError, match="field 27 of VolumeSource") as error:
        protobuf.decode(envelope("v1", "Pod", part(2, volume)))

    assert error.value.code == 400


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "does not begin"),
        (b'{"kind":"Pod"}', "does not begin"),
        (envelope("v1", "ConfigMap", number(1, 3)), "metadata: a number stands"),
        (envelope("v1", "ConfigMap", part(2, part(1, b"\xff"))), "data: a text is not UTF-8"),
        (envelope("v1", "ConfigMap", b"\x0b"), "wire type 3"),
        (envelope("v1", "ConfigMap", b"\x02\x00"), "number 0"),
        (envelope("v1", "Pod", part(2, part(4, "x"))), "terminationGracePeriodSeconds: a text"),
        (b"k8s\x00" + b"\xff" * 11, "a number is too long"),
    ],
)
def test_damaged_bodies_are_bad_requests_that_name_the_field(body: bytes, said: str) -> None:
    with pytest.raises(ApiError, match=said) as error:
        protobuf.decode(body)

    assert (error.value.code, error.value.reason) == (400, "BadRequest")


def test_kind_that_is_not_in_the_tables_is_another_media_type() -> None:
    with pytest.raises(ApiError, match="Widget in particular") as error:
        protobuf.decode(envelope("v1", "Widget"))

    assert error.value.code == 415


def test_deep_nesting_is_refused() -> None:
    content = b""
    for _ in range(200):
        content = part(1, content)

    with pytest.raises(ApiError, match="400"):
        protobuf.decode(envelope("v1", "Pod", part(2, part(18, content))))


def test_cut_off_bodies_end_in_a_refusal() -> None:
    codes = [_refusal(body) for body in cut_offs(deployment())]

    assert set(codes) <= {None, 400, 415}
    assert codes.count(400) > len(codes) // 2


@given(st.sampled_from(sorted(ROOTS)), st.binary(max_size=60))
def test_any_bytes_end_in_an_object_or_a_bad_request(root: str, content: bytes) -> None:
    kind, api_version = root.split()

    assert _refusal(envelope(api_version, kind, content)) in (None, 400)


def _refusal(body: bytes) -> int | None:
    try:
        decoded = protobuf.decode(body)
    except ApiError as error:
        return error.code
    assert decoded["kind"]
    return None


def test_every_message_of_the_table_is_known_and_reached() -> None:
    leaves = {"Time", "MicroTime", "Quantity", "IntOrString", "FieldsV1", "ExtraValue"}
    reached, waiting = set[str](), {*ROOTS.values(), *ANSWERED}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        named = {field.message for field in fields_of(name).values()}
        waiting |= named - leaves - reached - {""}

    assert reached == set(MESSAGES)


@pytest.mark.parametrize("root", sorted(set(ROOTS) - {"DeleteOptions v1"}))
def test_fields_have_the_names_and_types_of_the_published_schema(root: str) -> None:
    kind, api_version = root.split()
    group, _, version = api_version.rpartition("/")
    definitions = Definitions(33)
    found = definitions.kind(group, version, kind)
    if found is None:
        pytest.skip(f"the package of published schemas has no {root}")

    assert list(_differences(definitions, found, ROOTS[root], "")) == []


def test_a_stored_pod_has_the_names_and_types_of_the_published_schema() -> None:
    definitions = Definitions(33)
    found = definitions.kind("", "v1", "Pod")
    assert found is not None

    assert list(_differences(definitions, found, "StoredPod", "")) == []


def _differences(definitions: Definitions, node: Obj, message: str, path: str) -> list[str]:
    """Where the table and the schema disagree; each pair of types once per path."""
    different: list[str] = []
    for field in fields_of(message).values():
        if path.count(".") > 14:
            continue
        if field.inline:
            different += _differences(definitions, node, field.message, path)
            continue
        here = f"{path}.{field.name}"
        child = definitions.child(node, field.name)
        if child is None:
            different.append(f"{here} is not in the schema")
        else:
            different += _type_differences(definitions, child, field, here)
    return different


def _type_differences(definitions: Definitions, child: Obj, field: Field, here: str) -> list[str]:
    node = definitions.resolve(child)
    if field.many == "%":
        node = definitions.resolve(node.get("additionalProperties") or {})
    elif field.many:
        node = definitions.resolve(node.get("items") or {})
    if field.message in MESSAGES:
        return _differences(definitions, node, field.message, here)
    if field.message:
        return []
    wanted = {"#": "integer", "!": "boolean"}.get(field.scalar, "string")
    given: Any = node.get("type")
    types = given if isinstance(given, list) else [given]
    different = [] if wanted in types else [f"{here} is {types}, the table says {wanted}"]
    if (node.get("format") == "byte") != (field.scalar == "@"):
        different.append(f"{here}: bytes in one, not in the other")
    return different


def test_cluster_takes_protobuf_and_answers_json(api: Client, namespace: str) -> None:
    kind = "application/vnd.kubernetes.protobuf"
    accept = {"Accept": f"{kind},application/json"}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"

    created = api.request("POST", path, deployment(), content_type=kind, headers=accept)
    options = envelope("apps/v1", "DeleteOptions", part(4, "Foreground"))
    gone = api.request("DELETE", f"{path}/web", options, content_type=kind, headers=accept)

    assert created.code == 201
    assert created.body["spec"]["replicas"] == 0
    assert created.body["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"
    assert gone.body["metadata"]["finalizers"] == ["foregroundDeletion"]


def test_access_is_asked_in_protobuf(api: Client) -> None:
    """What `linkerd check --pre` and `kubectl auth can-i` send."""
    attributes = part(1, part(1, "linkerd"), part(2, "create"), part(3, ""), part(5, "secrets"))
    body = envelope(
        "authorization.k8s.io/v1", "SelfSubjectAccessReview", _EMPTY_META, part(2, attributes)
    )

    answer = api.request(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        body,
        content_type="application/vnd.kubernetes.protobuf",
    )

    assert answer.code == 201
    assert answer.body["status"]["allowed"] is True


def test_damaged_body_is_answered_with_a_status(api: Client, config_maps: str) -> None:
    answer = api.request(
        "POST", config_maps, b"k8s\x00\xff", content_type="application/vnd.kubernetes.protobuf"
    )

    assert (answer.code, answer.reason) == (400, "BadRequest")
