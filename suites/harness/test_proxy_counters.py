"""The proxies' own counters: read through the API server, summed, bounded, or told why not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.access.patience import NONE
from fixtures.observers import proxy_counters
from fixtures.observers.proxy_counters import (
    MOST_BYTES,
    MOST_PODS,
    OF_A_WORKLOAD,
    CounterReader,
    TooLargeError,
    choose,
    sums_of,
)
from policies.facts.cluster import Pod
from policies.facts.proxy_counters import ProxyCounts
from policies.facts.workloads import Proxy
from suites.harness.scripted_api import Asked, Says, Script, refused, scripted_api

NOW = datetime(2026, 8, 21, 12, 0, tzinfo=UTC)
METRICS = b"""# HELP response_total Total count of HTTP responses.
# TYPE response_total counter
response_total{direction="inbound",tls="true",status_code="200",classification="success"} 90
response_total{direction="inbound",tls="true",status_code="503",classification="failure"} 7
response_total{direction="inbound",status_code="200",classification="failure",grpc_status="14"} 3
response_total{direction="outbound",dst_service="a,b}",status_code="200"} 40
response_total{direction="outbound",dst_service="cart",status_code="502"} 2
inbound_http_errors_total{error="i/o",target_addr="10.0.0.1:80"} 5
outbound_http_errors_total{error="failfast"} 4
outbound_http_errors_total{error="i/o"} 1
request_total{direction="inbound"} 1000
response_latency_ms_bucket{direction="inbound",le="1"} 88
response_total{direction="sideways",status_code="200"} 9
response_total{direction="inbound",status_code="200"} NaN
response_total garbage
"""


def pod(name: str, owner: str = "web", **more: object) -> Pod:
    plain = Pod(
        namespace="shop",
        name=name,
        uid=name,
        created=NOW,
        owner_kind="Deployment",
        owner_name=owner,
        phase="Running",
        proxy=Proxy(image="proxy:edge-25.4.4", version="edge-25.4.4"),
    )
    return replace(plain, **more)


def read(tmp_path: Path, script: Script, *pods: Pod) -> tuple[ProxyCounts, list[Asked]]:
    with scripted_api(tmp_path, script) as api:
        reader = CounterReader(Connection(api.kubeconfig, patience=NONE))
        found = reader.read(pods, at=NOW, step="settled", hop="", when="after")
        reader.stop()
    return found, api.asked


def test_the_series_that_are_wanted_are_added_up() -> None:
    assert sums_of([METRICS]) == {
        "received": 100,
        "received_5xx": 7,
        "sent": 42,
        "sent_5xx": 2,
        "refused": 5,
        "failfast": 4,
        "lost": 1,
    }


@given(st.lists(st.integers(1, 300), max_size=20))
def test_how_an_answer_is_cut_makes_no_difference(cuts: list[int]) -> None:
    pieces, rest = [], METRICS
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]

    assert sums_of([*pieces, rest]) == sums_of([METRICS])


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_whatever_a_proxy_says_is_read_or_left_out(pieces: list[bytes]) -> None:
    line = b'\nresponse_total{direction="inbound",status_code="200"} 1\n'

    assert sums_of([*pieces, line])["received"] >= 1


def test_an_endless_answer_and_an_endless_line_are_bounded() -> None:
    with pytest.raises(TooLargeError):
        sums_of(b"x" * 65536 for _ in range(MOST_BYTES // 65536 + 1))
    endless = b'response_total{direction="inbound",a="' + b"x" * 100_000 + b'"} 5\n'
    assert sums_of([endless, METRICS])["received"] == 100
    assert sums_of([b'response_total{direction="inbound",status_code="200"} 9e99\n'])[
        "received"
    ] == (1 << 53)


def test_each_proxy_is_asked_through_the_api_server(tmp_path: Path) -> None:
    found, asked = read(tmp_path, lambda _: Says(body=METRICS), pod("a"), pod("b", owner="cart"))

    assert {a.path for a in asked} == {
        "/api/v1/namespaces/shop/pods/a:4191/proxy/metrics",
        "/api/v1/namespaces/shop/pods/b:4191/proxy/metrics",
    }
    assert [(p.workload, p.received, p.failfast) for p in found.proxies] == [
        ("Deployment shop/web", 100, 4),
        ("Deployment shop/cart", 100, 4),
    ]
    assert (found.unread, found.reason) == ((), "")


def test_who_may_not_ask_is_told_once_and_asks_no_more(tmp_path: Path) -> None:
    pods = [pod(f"p{n}", owner=f"w{n}") for n in range(40)]

    found, asked = read(tmp_path, lambda _: refused(403, "Forbidden"), *pods)

    assert found.proxies == ()
    assert found.reason == "proxies cannot be asked: no right to get pods/proxy"
    assert len(asked) <= proxy_counters.THREADS


def test_a_pod_that_went_is_nothing_and_one_that_does_not_answer_is_told(tmp_path: Path) -> None:
    def script(asked: Asked) -> Says:
        if "/gone:" in asked.path:
            return refused(404, "NotFound")
        if "/mute:" in asked.path:
            return refused(503, "ServiceUnavailable")
        return Says(body=METRICS)

    found, _ = read(tmp_path, script, pod("a"), pod("gone", owner="x"), pod("mute", owner="y"))

    assert [p.pod for p in found.proxies] == ["shop/a"]
    assert found.unread == (("Deployment shop/y", "its proxy did not answer: ServiceUnavailable"),)
    assert found.reason == ""


def test_an_api_server_that_is_away_is_not_asked_for_each_pod(tmp_path: Path) -> None:
    pods = [pod(f"p{n}", owner=f"w{n}") for n in range(60)]

    found, asked = read(tmp_path, lambda _: Says(dropped=True), *pods)

    assert found.proxies == ()
    assert found.reason
    assert len(asked) < 60


def test_a_part_of_large_workloads_and_clusters_is_asked() -> None:
    large = [pod(f"l{n:03}", owner="large") for n in range(50)]
    many = [pod(f"m{n:03}", owner=f"w{n}") for n in range(MOST_PODS)]

    some, left_out = choose(large)
    chosen, rest = choose([*large, *many])

    assert (len(some), left_out) == (OF_A_WORKLOAD, 40)
    assert (len(chosen), rest) == (MOST_PODS, 50)
    assert len({p.owner_name for p in chosen}) == MOST_PODS  # one of each before a second


def test_what_has_no_running_proxy_is_not_asked() -> None:
    kept, _ = choose(
        [
            pod("a"),
            pod("b", proxy=None),
            pod("c", phase="Succeeded"),
            pod("d", component="destination"),
        ]
    )

    assert [p.name for p in kept] == ["a"]
