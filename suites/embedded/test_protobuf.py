"""Protobuf request bodies, as typed Go clients send them."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.protobuf.fields import MEDIA_TYPE
from fixtures.embedded.api.wire.protobuf import decode
from fixtures.embedded.kernel import ApiError
from suites.embedded.client import Client, Obj

WALK = Path(__file__).parents[2].parent / "shared" / "recordings" / "edge-25.4.4-to-edge-25.10.7"


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field; all that the tests send are short."""
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def text(number: int, value: str) -> bytes:
    return field(number, value.encode())


def enveloped(api_version: str, kind: str, raw: bytes) -> bytes:
    type_ = text(1, api_version) + text(2, kind)
    return b"k8s\x00" + field(1, type_) + field(2, raw)


def post(api: Client, path: str, body: bytes) -> tuple[int, Obj]:
    answer = api.request("POST", path, body, content_type=MEDIA_TYPE)
    return answer.code, answer.body


def test_access_review_is_answered(api: Client) -> None:
    attributes = text(1, "linkerd") + text(2, "create") + text(3, "apps") + text(5, "deployments")
    body = enveloped(
        "authorization.k8s.io/v1", "SelfSubjectAccessReview", field(2, field(1, attributes))
    )

    code, answer = post(api, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)

    assert (code, answer["status"]) == (201, {"allowed": True})
    assert answer["spec"]["resourceAttributes"] == {
        "namespace": "linkerd",
        "verb": "create",
        "group": "apps",
        "resource": "deployments",
    }


def test_config_map_is_created(api: Client, config_maps: str) -> None:
    pair = text(1, "a") + text(2, "b")
    raw = field(1, text(1, "c") + field(11, text(1, "k") + text(2, "v"))) + field(2, pair)

    code, made = post(api, config_maps, enveloped("v1", "ConfigMap", raw))

    assert (code, made["data"]) == (201, {"a": "b"})
    assert made["metadata"]["labels"] == {"k": "v"}


def test_kind_that_is_not_read_says_so(api: Client, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/controllerrevisions"

    code, answer = post(api, path, enveloped("apps/v1", "ControllerRevision", b""))

    assert (code, answer["reason"]) == (415, "UnsupportedMediaType")


def test_recorded_config_map_is_read() -> None:
    dump = WALK / "dumps" / "settled.json.gz"
    exchanges = WALK / "http"
    if not dump.exists():
        pytest.skip("the recording ../shared/recordings/edge-25.4.4-to-edge-25.10.7 is not here")
    recorded = {
        item["metadata"]["name"]: item
        for item in json.loads(gzip.decompress(dump.read_bytes()))["items"]
        if item["kind"] == "ConfigMap" and item["metadata"]["namespace"] == "linkerd"
    }

    compared = 0
    for path in sorted(exchanges.glob("04*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            exchange = json.loads(line)
            answer = exchange["resp"]
            wanted = "/namespaces/linkerd/configmaps/" in exchange["url"]
            if not wanted or exchange["status"] != 200 or "b64" not in answer:
                continue
            read = decode(base64.b64decode(answer["b64"]))
            same = recorded[read["metadata"]["name"]]
            assert read["data"] == same["data"]
            assert read["metadata"]["uid"] == same["metadata"]["uid"]
            assert read["metadata"]["creationTimestamp"] == same["metadata"]["creationTimestamp"]
            assert read["metadata"]["labels"] == same["metadata"]["labels"]
            compared += 1

    assert compared > 0


@given(content=st.binary(max_size=200), kind=st.sampled_from(["ConfigMap", "Secret", "Lease"]))
def test_damaged_bodies_are_bad_requests(content: bytes, kind: str) -> None:
    for body in (content, b"k8s\x00" + content, enveloped("v1", kind, content[:100])):
        assert code_of(body) in (0, 400, 415)


def code_of(body: bytes) -> int:
    """The code that a body is refused with; 0 when it can be read."""
    try:
        decode(body)
    except ApiError as error:
        return error.code
    return 0
