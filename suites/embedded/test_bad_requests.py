"""Whatever is sent, a Status comes back; nothing crashes, grows, or says what it should not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suites.embedded.client import Answer, Client, Obj

MEBIBYTE = 1 << 20
MERGE = {"content_type": "application/merge-patch+json"}
REFUSALS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "AlreadyExists",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
}


def config_map(name: str = "a") -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def is_refusal(answer: Answer, code: int) -> bool:
    """A Status of this code, whole, with the reason that belongs to it."""
    body: Any = answer.body
    return (
        answer.code == code
        and body["kind"] == "Status"
        and body["apiVersion"] == "v1"
        and body["status"] == "Failure"
        and body["code"] == code
        and body["reason"] == REFUSALS[code]
        and bool(body["message"])
    )


# One of each code


@pytest.mark.parametrize(
    ("code", "method", "path", "body", "more"),
    [
        (400, "POST", "", b'{"kind": "Conf', {}),
        (400, "POST", "", b"", {}),
        (400, "POST", "", b'"text"', {}),
        (400, "POST", "", b'{"metadata":{"name":"\xff\xfe"}}', {}),
        (400, "POST", "", b'{"metadata":' * 5_000, {}),
        (400, "POST", "", b"[" * MEBIBYTE, {}),
        (400, "POST", "", b'{"metadata":[]}', {}),
        (400, "POST", "", {"metadata": {"name": 7}}, {}),
        (400, "POST", "", {**config_map(), "kind": "Secret"}, {}),
        (400, "GET", "?limit=many", None, {}),
        (400, "GET", "?labelSelector=%3D%3D", None, {}),
        (400, "GET", "?fieldSelector=spec.nothing%3D1", None, {}),
        (400, "GET", "?continue=%21", None, {}),
        (404, "GET", "/absent", None, {}),
        (404, "PATCH", "/absent", {}, MERGE),
        (404, "DELETE", "/absent", None, {}),
        (405, "PUT", "", config_map(), {}),
        (405, "POST", "/a", config_map(), {}),
        (406, "GET", "", None, {"headers": {"Accept": "image/png"}}),
        (413, "POST", "", b" " * (3 * MEBIBYTE + 1), {}),
        (413, "PATCH", "/a", b" " * (3 * MEBIBYTE + 1), MERGE),
        (415, "POST", "", b"a=b", {"content_type": "text/plain"}),
        (415, "PATCH", "/a", b"{}", {"content_type": "application/json"}),
        (422, "POST", "", b"null", {}),
        (422, "POST", "", {"metadata": {"name": "No_Name"}}, {}),
        (422, "POST", "?dryRun=some", config_map(), {}),
    ],
)
def test_bad_requests_are_refused_with_their_code(
    api: Client,
    config_maps: str,
    code: int,
    method: str,
    path: str,
    body: Any,
    more: dict[str, Any],
) -> None:
    api.post(config_maps, config_map("a"))

    answer = api.request(method, config_maps + path, body, **more)

    assert is_refusal(answer, code), answer
    assert api.get("/readyz").code == 200


def test_a_second_create_is_a_409(api: Client, config_maps: str) -> None:
    api.post(config_maps, config_map())

    assert is_refusal(api.post(config_maps, config_map()), 409)


def test_a_page_that_is_forgotten_is_a_410(api: Client, config_maps: str) -> None:
    for name in "abc":
        api.post(config_maps, config_map(name))
    token = api.get(config_maps, limit=1).body["metadata"]["continue"]
    for _ in range(70):
        api.get(config_maps, limit=1)

    assert is_refusal(api.get(config_maps, limit=1, **{"continue": token}), 410)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic YTpi", "Bearer é"])
@pytest.mark.parametrize("path", ["/api/v1/pods", "/version", "/_embedded/clock", "/absent"])
def test_without_the_token_there_is_only_401(api: Client, authorization: str, path: str) -> None:
    headers = {"Authorization": authorization}

    assert is_refusal(api.request("GET", path, headers=headers), 401)


def test_a_service_account_may_only_do_what_it_was_given(
    api: Client, kubeconfig: Path, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    token = api.post(path, {"spec": {}}).body["status"]["token"]
    other = Client(kubeconfig, token)

    assert is_refusal(other.get("/api/v1/pods"), 403)
    assert is_refusal(other.post("/_embedded/load", {"kind": "List", "items": []}), 403)


def test_an_eviction_against_the_budget_is_a_429(api: Client, namespace: str) -> None:
    core, labels = f"/api/v1/namespaces/{namespace}", {"app": "a"}
    container = {"name": "c", "image": "c:1"}
    pod = {"metadata": {"name": "a", "labels": labels}, "spec": {"containers": [container]}}
    budget = {
        "metadata": {"name": "a"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": labels}},
    }
    api.post(f"{core}/pods", {**pod, "spec": {**pod["spec"], "nodeName": "n"}})
    running = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    api.strategic(f"{core}/pods/a/status", running)
    api.post(f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets", budget)

    answer = api.post(f"{core}/pods/a/eviction", {"metadata": {"name": "a"}})

    assert (answer.code, answer.reason) == (429, "TooManyRequests")


# Bodies


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
def test_names_given_twice_are_told(api: Client, config_maps: str, validation: str) -> None:
    body = b'{"metadata":{"name":"twice","name":"b"},"data":{"x":"1","x":"2"}}'

    answer = api.post(config_maps, body, fieldValidation=validation)

    said = 'duplicate field "data.x"'
    if validation == "Strict":
        assert is_refusal(answer, 400)
        assert said in answer.body["message"]
    else:
        assert answer.body["data"] == {"x": "2"}
        warnings = answer.headers.get_all("Warning") or []
        assert any("data.x" in text for text in warnings) is (validation == "Warn")


def test_a_body_just_below_the_limit_is_read(api: Client, config_maps: str) -> None:
    padding = b" " * (3 * MEBIBYTE - 100)

    assert api.post(config_maps, b'{"metadata":{"name":"a"}}' + padding).code == 201


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n"
            for i in range(12)
        ),
        "metadata: &m {name: a, labels: *m}\n",
        "metadata: {name: a}\n? [list, as, key]\n: x\n",
        "[" * 5_000,
        "a: 'never closed",
        "\x00",
    ],
    ids=["aliases", "itself", "key", "deep", "open", "nul"],
)
def test_yaml_that_is_no_json_is_refused(api: Client, config_maps: str, text: str) -> None:
    kind = "application/yaml"

    answer = api.request("POST", config_maps, text.encode(), content_type=kind)

    assert is_refusal(answer, 400)


def test_dates_and_binary_in_yaml_are_text(api: Client, config_maps: str) -> None:
    text = b"metadata: {name: a}\ndata: {day: 2020-01-01, x: !!binary aGk=}\n"

    answer = api.request("POST", config_maps, text, content_type="application/yaml")

    assert answer.body["data"] == {"day": "2020-01-01", "x": "hi"}
