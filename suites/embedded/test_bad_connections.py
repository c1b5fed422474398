"""Odd bytes, slow, half-open and many connections; what is bound, and what the log says."""

from __future__ import annotations

import contextlib
import json
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.embedded.process import EmbeddedProcess
from suites.embedded.client import Client
from suites.embedded.raw_client import Raw, status_of
from suites.embedded.test_bad_requests import MEBIBYTE, config_map

WATCHERS = 300


@pytest.fixture(scope="module")
def raw(kubeconfig: Path) -> Raw:
    return Raw.of(kubeconfig)


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
