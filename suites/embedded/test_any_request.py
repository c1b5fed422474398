"""Any method, path, query and body: an answer comes back, and no fault of the server."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from suites.embedded.client import Answer, Client
from suites.embedded.test_bad_requests import config_map

SPARE = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

_WORDS = (
    "api apis v1 apps namespaces default configmaps pods deployments a status scale log proxy "
    "eviction token openapi v3 version _embedded .. . %00 %2e%2e %ff"
)
_OPTIONS = (
    "labelSelector fieldSelector limit continue resourceVersion resourceVersionMatch "
    "fieldManager fieldValidation dryRun force gracePeriodSeconds propagationPolicy "
    "includeObject pretty"
)
SEGMENTS = st.sampled_from(_WORDS.split())
PATHS = st.lists(SEGMENTS | st.text(max_size=8).map(lambda text: quote(text, safe="")), max_size=9)
QUERIES = st.dictionaries(
    st.sampled_from(_OPTIONS.split()),
    st.sampled_from(["", "0", "1", "-1", "9" * 30, "a", "a=b", "a in (b", "All", "Strict"])
    | st.text(max_size=10),
    max_size=4,
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
TYPES = st.sampled_from(
    [
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
        "application/merge-patch+json",
        "application/json-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
        "a/b; c",
        "",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())


def is_answer(answer: Answer) -> bool:
    """No fault of the server; a failure is a Status, save where no resource is."""
    if answer.code in (200, 201, 304):
        return True
    plain = answer.body in ("", "404 page not found\n")
    refused = answer.code < 500 or answer.reason == "Timeout"
    return refused and (plain or answer.body["code"] == answer.code)


@SPARE
@given(METHODS, PATHS, QUERIES, TYPES, BODIES)
@example("GET", ["api", "v1", "pods"], {"resourceVersion": "9" * 30}, "", b"")
@example("DELETE", ["api", "v1", "namespaces", "a"], {"gracePeriodSeconds": "a"}, "", b"")
def test_any_request_is_answered(
    api: Client, method: str, path: list[str], query: dict[str, str], kind: str, body: bytes
) -> None:
    if path and path[0] == "_embedded" and method != "GET":
        path = ["embedded"]

    target = "/" + "/".join(path) + ("?" + urlencode(query) if query else "")
    answer = api.request(method, target, body, content_type=kind)

    assert is_answer(answer), (answer.code, answer.body)


@SPARE
@given(TYPES, BODIES | JSON.map(lambda value: json.dumps({"metadata": value}).encode()))
@example("application/json-patch+json", b'[{"op":"move","from":"","path":"/metadata/name"}]')
@example("application/merge-patch+json", b'{"metadata":null}')
@example("application/merge-patch+json", b'{"metadata":{"managedFields":[1]}}')
@example("application/merge-patch+json", b'{"metadata":{"ownerReferences":[null]}}')
@example("application/strategic-merge-patch+json", b'{"$patch":"replace"}')
@example("application/apply-patch+yaml", b"metadata: {name: fuzz, finalizers: 1}")
def test_any_patch_is_answered(api: Client, kind: str, body: bytes) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    api.post(path, config_map("fuzz"))

    answer = api.request(
        "PATCH", f"{path}/fuzz", body, content_type=kind, fieldManager="m", dryRun="All"
    )

    assert is_answer(answer), (answer.code, answer.body)
