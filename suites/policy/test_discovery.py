"""Discovery beside the EndpointSlices: equal sets hold, any difference is violated and named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policies.controls.control_plane.discovery import agrees, answers_match
from policies.controls.control_plane.service_addresses import (
    MOST_AUTHORITIES,
    MOST_SERVICES,
    addresses,
    beside,
    choose,
)
from policies.facts.cluster import ClusterFacts
from policies.facts.discovery import (
    Address,
    Discovery,
    ServicePort,
    ServiceSeen,
    SliceEndpoint,
    SliceSeen,
)

FACTS = ClusterFacts(taken_at=datetime(2026, 1, 1, tzinfo=UTC))
POD = "linkerd-destination-5d4f-abcde"
WEB = ServiceSeen(namespace="shop", name="web", ports=(ServicePort(name="http", port=80),))


def slice_of(
    *ips: str, service: str = "web", namespace: str = "shop", **more: object
) -> SliceSeen:
    """One slice whose endpoints are pods named after their addresses."""
    said = SliceSeen(
        namespace=namespace,
        service=service,
        ports=(("http", 8080),),
        endpoints=tuple(
            SliceEndpoint(ip=ip, namespace=namespace, name=f"{service}-{ip}") for ip in ips
        ),
    )
    return msgspec.structs.replace(said, **more)


def found(
    ready: Iterable[Address],
    answered: Iterable[Address],
    *,
    later: Iterable[Address] | None = None,
    **more: object,
) -> Discovery:
    before = frozenset(ready)
    after = before if later is None else frozenset(later)
    answer = beside(WEB, before, after, answered)
    return msgspec.structs.replace(Discovery(pod=POD, pods=1, services=(answer,)), **more)


ADDRESS = st.builds(
    Address,
    ip=st.integers(1, 9).map(lambda n: f"10.42.0.{n}"),
    port=st.sampled_from([8080, 9090]),
)
SETS = st.frozensets(ADDRESS, max_size=6)


@given(SETS)
def test_equal_sets_hold(ready: frozenset[Address]) -> None:
    assume(ready)

    verdict = answers_match([found(ready, sorted(ready, key=lambda a: a.place))], FACTS)

    assert verdict.status == "holds"


@given(SETS, SETS)
def test_any_difference_is_violated_and_named(
    ready: frozenset[Address], answered: frozenset[Address]
) -> None:
    assume(ready != answered)

    seen = found(ready, answered)
    verdict = answers_match([seen], FACTS)

    assert verdict.status == "violated"
    assert not agrees(seen)
    (item,) = verdict.items
    assert item.subject == f"Service shop/web by {POD}"
    assert all(str(a) in item.seen for a in ready ^ answered)
    assert not any(str(a) in item.seen for a in ready & answered)


@given(SETS, SETS, SETS)
def test_what_moved_while_it_was_asked_is_right_either_way(
    before: frozenset[Address], after: frozenset[Address], some: frozenset[Address]
) -> None:
    answered = (before & after) | (some & (before ^ after))

    verdict = answers_match([found(before, answered, later=after)], FACTS)

    assert verdict.status == "holds"


@given(SETS, SETS)
def test_a_difference_to_both_looks_stays_one(
    before: frozenset[Address], after: frozenset[Address]
) -> None:
    stale = Address(ip="10.99.0.1", port=8080, pod="web-old")

    verdict = answers_match([found(before, before | {stale}, later=after)], FACTS)

    assert verdict.status == "violated"
    assert "answered, not ready: 10.99.0.1:8080 (pod web-old)" in verdict.seen


def test_a_stale_pod_and_a_missing_one_are_told_apart() -> None:
    old = Address(ip="10.42.0.1", port=8080, pod="web-old")
    new = Address(ip="10.42.0.2", port=8080, pod="web-new")

    verdict = answers_match([found([new], [old], asked=4, seconds=31.52)], FACTS)

    assert verdict.items[0].seen == (
        "answered, not ready: 10.42.0.1:8080 (pod web-old); "
        "ready, not answered: 10.42.0.2:8080 (pod web-new) (asked 4 times in 31.5 s)"
    )
    assert verdict.items[0].expected == "10.42.0.2:8080 (pod web-new)"


def test_one_pod_of_several_that_differs_is_enough() -> None:
    one = Address(ip="10.42.0.1", port=8080)
    verdict = answers_match([found([one], [one]), found([one], [], pod="other")], FACTS)

    assert [i.subject for i in verdict.items] == ["Service shop/web by other"]


def test_a_lag_that_ended_holds_and_is_told() -> None:
    one = Address(ip="10.42.0.1", port=8080)

    verdict = answers_match(
        [found([one], [one], asked=2, seconds=6.24, pods=5, left_out=3)], FACTS
    )

    assert verdict.status == "holds"
    assert verdict.seen == (
        "1 of 4 Services, 1 address, by 1 of 5 destination pods; "
        f"{POD} agreed when asked 2 times, after 6.2 s"
    )


@pytest.mark.parametrize(
    ("said", "facts", "reason"),
    [
        ([], FACTS, "discovery was not asked"),
        (
            [],
            msgspec.structs.replace(FACTS, simulated=True),
            "no destination controller runs in a simulated cluster",
        ),
        ([Discovery(pod="a", pods=1)], FACTS, "no Service of a meshed workload"),
        (
            [found([], []), Discovery(pod="b", unreadable="exit code 1: refused")],
            FACTS,
            "discovery did not answer: b: exit code 1: refused",
        ),
        ([Discovery(unreadable="this user may not ask")], FACTS, "answer: this user may not ask"),
    ],
    ids=["nobody asked", "simulated", "nothing to ask for", "one is silent", "no right"],
)
def test_what_was_not_answered_is_not_assessed(
    said: list[Discovery], facts: ClusterFacts, reason: str
) -> None:
    verdict = answers_match(said, facts)

    assert verdict.status == "not assessed"
    assert reason in verdict.reason


def test_a_silent_pod_hides_no_violation_of_another() -> None:
    one = Address(ip="10.42.0.1", port=8080)

    verdict = answers_match([Discovery(pod="a", unreadable="hangs"), found([one], [])], FACTS)

    assert verdict.status == "violated"


def test_the_slice_port_with_the_name_of_the_service_port_is_expected() -> None:
    service = ServiceSeen(
        namespace="shop",
        name="web",
        ports=(
            ServicePort(name="http", port=80),
            ServicePort(name="grpc", port=90),
            ServicePort(name="dns", port=53, protocol="UDP"),
        ),
    )
    slices = [
        slice_of("10.42.0.1", ports=(("http", 8080), ("grpc", 9090), ("dns", 5353))),
        slice_of("10.42.0.2", ports=(("http", 8081),)),
        slice_of("10.42.0.3", service="other"),
        slice_of("10.42.0.4", namespace="bank"),
    ]

    found = {a.place for a in addresses(service, slices)}

    assert found == {("10.42.0.1", 8080), ("10.42.0.1", 9090), ("10.42.0.2", 8081)}


@pytest.mark.parametrize(
    ("ipv6", "expected"),
    [
        (False, {"10.42.0.1", "10.42.0.2"}),
        (True, {"fd00::1", "10.42.0.2"}),
    ],
)
def test_ipv6_takes_the_place_of_ipv4_where_the_installation_has_it(
    ipv6: bool, expected: set[str]
) -> None:
    both = SliceEndpoint(ip="fd00:0:0::1", namespace="shop", name="web-10.42.0.1")
    slices = [
        slice_of("10.42.0.1", "10.42.0.2"),
        slice_of(family="IPv6", endpoints=(both,)),
    ]

    assert {a.ip for a in addresses(WEB, slices, ipv6=ipv6)} == expected


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"selects": False}, "a mirror, or endpoints made by hand"),
        ({"cluster_ip": False}, "headless: proxies look pods up by their address"),
        ({"node_local": True}, "the answer depends on the node"),
        ({"ports": ()}, "nothing to ask for"),
        ({"ports": (ServicePort(port=53, protocol="UDP"),)}, "proxies carry TCP"),
        ({"name": "other"}, "no ready endpoint"),
    ],
)
def test_some_services_are_not_asked_for(more: dict[str, object], why: str) -> None:
    slices = [slice_of("10.42.0.1")]
    meshed = {"shop/web-10.42.0.1"}

    assert choose([WEB], slices, meshed).services == (WEB,)
    changed = msgspec.structs.replace(WEB, **more)
    assert choose([changed], slices, meshed) == ((), 0), why
    assert choose([WEB], slices, {"shop/another"}) == ((), 0), "of no meshed pod"


def test_a_service_of_more_than_pods_is_not_asked_for() -> None:
    outside = SliceEndpoint(ip="192.0.2.1", kind="ExternalWorkload", name="vm")
    slices = [slice_of("10.42.0.1"), slice_of(endpoints=(outside,))]

    assert choose([WEB], slices, {"shop/web-10.42.0.1"}) == ((), 0)


@given(st.integers(0, 40), st.integers(0, 8), st.integers(1, 12))
def test_the_choice_is_bounded_the_same_each_time_and_begins_with_linkerds_own(
    others: int, own: int, ports: int
) -> None:
    def service(namespace: str, number: int) -> ServiceSeen:
        return ServiceSeen(
            namespace=namespace,
            name=f"s{number}",
            ports=tuple(ServicePort(name=f"p{p}", port=p + 1) for p in range(ports)),
        )

    services = [service("linkerd", n) for n in range(own)]
    services += [service("shop", n) for n in range(others)]
    slices = [slice_of("10.42.0.1", service=s.name, namespace=s.namespace) for s in services]
    meshed = {f"{s.namespace}/{s.service}-10.42.0.1" for s in slices}

    chosen = choose(services, slices, meshed)
    again = choose(services[::-1], slices[::-1], meshed)

    assert chosen == again
    assert len(chosen.services) <= MOST_SERVICES
    assert sum(len(s.ports) for s in chosen.services) <= MOST_AUTHORITIES
    assert len(chosen.services) + chosen.left_out == len(services)
    mine = [s for s in chosen.services if s.namespace == "linkerd"]
    assert list(chosen.services[: len(mine)]) == mine
    assert len(mine) == min(own, MOST_SERVICES, MOST_AUTHORITIES // ports)


def test_it_survives_the_ledger() -> None:
    one = Address(ip="10.42.0.1", port=8080, pod="web-1")
    said = found([one], [one], asked=2, seconds=1.5, left_out=4)

    assert msgspec.json.decode(msgspec.json.encode(said), type=Discovery) == said
