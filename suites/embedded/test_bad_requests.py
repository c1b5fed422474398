"""Whatever is sent, a Status comes back; nothing crashes, grows, or says what it should not."""

from __future__ import annotations

import contextlib
import json
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fixtures.targets.embedded.process import EmbeddedProcess
from suites.embedded.client import Answer, Client, Obj
from suites.embedded.raw_client import Raw, status_of

MEBIBYTE = 1 << 20
WATCHERS = 300
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
SPARE = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def raw(kubeconfig: Path) -> Raw:
    return Raw.of(kubeconfig)


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


# Connections


@pytest.mark.parametrize(
    "content",
    [
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00" * 50 + b"\r\n\r\n",
        b"GET /api/v1/pods HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 3 * MEBIBYTE + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 3 * MEBIBYTE + b"\r\n\r\n",
        b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_are_refused(api: Client, raw: Raw, content: bytes) -> None:
    assert raw.status(content) in (0, 400, 401, 431, 505)
    assert api.get("/readyz").code == 200


def test_speaking_without_tls_is_no_answer(api: Client, raw: Raw) -> None:
    with raw.plain() as connection:
        connection.sendall(b"GET /version HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert not connection.recv(100).startswith(b"HTTP/1.1 200")
    assert api.get("/readyz").code == 200


def test_a_slow_client_holds_up_no_one(api: Client, config_maps: str, raw: Raw) -> None:
    body = json.dumps(config_map("slow")).encode()
    length = f"Content-Length: {len(body)}"
    head = raw.head(f"POST {config_maps} HTTP/1.1", length, "Content-Type: application/json")
    with raw.open() as connection:
        for part in (head[:20], head[20:], body[:5]):
            connection.sendall(part)
            assert api.get(config_maps).code == 200
        connection.sendall(body[5:])
        assert status_of(connection) == 201


def test_a_body_that_never_comes_writes_nothing(api: Client, config_maps: str, raw: Raw) -> None:
    head = raw.head(f"POST {config_maps} HTTP/1.1", "Content-Length: 100")
    with raw.open() as connection:
        connection.sendall(head + b'{"metadata":{"name":"half"}}')
    assert api.get(f"{config_maps}/half").code == 404


def test_half_open_connections_hold_up_no_one(api: Client, raw: Raw) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(raw.plain())
        for _ in range(20):
            stack.enter_context(raw.open())
        assert api.get("/version").code == 200


def watch_and_leave(raw: Raw, path: str, stack: contextlib.ExitStack) -> ssl.SSLSocket:
    connection = stack.enter_context(raw.open())
    connection.sendall(raw.head(f"GET {path}?watch=true HTTP/1.1"))
    assert status_of(connection) == 200
    return connection


def test_idle_watchers_cost_little_and_leave_nothing(
    api: Client, process: EmbeddedProcess, config_maps: str, raw: Raw
) -> None:
    def watches() -> int:
        return process.get("/_embedded/state")["watches"]

    before, memory = watches(), resident(process)
    with contextlib.ExitStack() as stack:
        for _ in range(WATCHERS):
            watch_and_leave(raw, config_maps, stack)
        assert watches() == before + WATCHERS
        assert api.post(config_maps, config_map("while-watched")).code == 201
        assert resident(process) - memory < WATCHERS * 300_000
    assert falls_to(before, watches)


def test_a_reset_connection_ends_its_watch(
    process: EmbeddedProcess, config_maps: str, raw: Raw
) -> None:
    import socket

    def watches() -> int:
        return process.get("/_embedded/state")["watches"]

    before = watches()
    with contextlib.ExitStack() as stack:
        connection = watch_and_leave(raw, config_maps, stack)
        assert watches() == before + 1
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert falls_to(before, watches)


def falls_to(number: int, count: Callable[[], int]) -> bool:
    """Whether a count comes down within the time in which the cluster looks after it."""
    waiter = threading.Event()
    for _ in range(300):
        if count() <= number:
            return True
        waiter.wait(0.05)
    return False


def resident(process: EmbeddedProcess) -> int:
    """Bytes of memory that the cluster's process holds."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(item for item in status.splitlines() if item.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def test_large_bodies_leave_no_memory_behind(
    api: Client, process: EmbeddedProcess, config_maps: str
) -> None:
    bodies = (b" " * (4 * MEBIBYTE), b"[" * (3 * MEBIBYTE), b'{"a":' * (MEBIBYTE // 2))

    def round_of_them() -> None:
        for _ in range(5):
            for body in bodies:
                assert api.post(config_maps, body).code in (400, 413)

    round_of_them()
    before = resident(process)
    round_of_them()

    assert resident(process) - before < 30 * MEBIBYTE


# What may be seen from outside


def test_only_loopback_is_bound(process: EmbeddedProcess) -> None:
    addresses = list(listening(process.pid))

    assert addresses
    assert set(addresses) <= {"0100007F", "00000000000000000000000001000000"}


def listening(pid: int) -> Iterator[str]:
    """Addresses, as the kernel writes them, on which a process listens."""
    own: set[str] = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            own.add(str(link.readlink()))
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                yield fields[1].partition(":")[0]


def test_token_and_keys_are_in_no_log(
    api: Client, process: EmbeddedProcess, config_maps: str, raw: Raw
) -> None:
    api.get(f"{config_maps}/absent", token=raw.token)
    api.request("GET", f"/api/v1/{raw.token}")
    api.post(config_maps, raw.token.encode())
    raw.status(raw.head("NONSENSE"))
    raw.status(f"GET / HTTP/1.1\r\n{raw.token}\r\n\r\n".encode())
    state = process.kubeconfig.parent
    secrets = [raw.token, "PRIVATE KEY"]

    logs = [path for path in state.iterdir() if path.suffix == ".log"]

    assert len(logs) == 2
    for log in logs:
        text = log.read_text(errors="replace")
        assert [secret for secret in secrets if secret in text] == []
        assert "Traceback" not in text


# Anything at all

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
