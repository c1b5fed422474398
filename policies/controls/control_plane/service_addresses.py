"""Which Services discovery is asked for, and what it must answer by their EndpointSlices.

What the destination controller makes of a Service was read from its source (linkerd2,
`controller/api/destination`), alike in edge-25.4.4, edge-25.10.7 and edge-26.6.3: ready endpoints
(unset means ready, `serving` does not count), on the slice's port that has the name of the
Service's; IPv6 only where the installation has it, and then instead of IPv4; zones do not count
for whoever asks without naming a node, and of a Service of `internalTrafficPolicy: Local` such a
one gets nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from policies.facts.discovery import (
    Address,
    ServiceAnswer,
    ServicePort,
    ServiceSeen,
    SliceSeen,
)

MOST_SERVICES = 20
"""Services that one question names: the control plane's own and a sample of the others."""
MOST_AUTHORITIES = 60
"""Services times their ports."""


class Chosen(NamedTuple):
    """Services to ask for."""

    services: tuple[ServiceSeen, ...]
    left_out: int
    """Others that could be asked for as well."""


def choose(
    services: Iterable[ServiceSeen],
    slices: Iterable[SliceSeen],
    meshed: Collection[str],
    control_plane_namespace: str = "linkerd",
) -> Chosen:
    """Choose the Services discovery is asked for: the control plane's first, then a sample.

    Headless Services are left out: a proxy looks a pod's own address up, never their name. So are
    those whose endpoints are not all pods, and node-local ones.

    Args:
        services: All.
        slices: All.
        meshed: `NAMESPACE/NAME` of pods with a proxy.
        control_plane_namespace: Its Services come first; others follow by the digest of their
            name, so that the sample is spread and the same each time.
    """
    behind: dict[tuple[str, str], list[SliceSeen]] = {}
    for each in slices:
        behind.setdefault((each.namespace, each.service), []).append(each)

    def fits(service: ServiceSeen) -> bool:
        found = [e for s in behind.get((service.namespace, service.name), ()) for e in s.endpoints]
        return (
            service.selects
            and service.cluster_ip
            and not service.node_local
            and bool(tcp_ports(service))
            and all(e.kind == "Pod" for e in found)
            and any(f"{e.namespace}/{e.name}" in meshed for e in found)
        )

    def order(service: ServiceSeen) -> tuple[bool, str, str]:
        key = f"{service.namespace}/{service.name}"
        own = service.namespace == control_plane_namespace
        return not own, "" if own else hashlib.sha256(key.encode()).hexdigest(), key

    fitting = sorted((s for s in services if fits(s)), key=order)
    taken: list[ServiceSeen] = []
    authorities = 0
    for service in fitting:
        ports = len(tcp_ports(service))
        if len(taken) < MOST_SERVICES and authorities + ports <= MOST_AUTHORITIES:
            taken.append(service)
            authorities += ports
    return Chosen(tuple(taken), len(fitting) - len(taken))


def tcp_ports(service: ServiceSeen) -> tuple[ServicePort, ...]:
    """Return the ports to ask for; of two with one number the first decides, as in Linkerd."""
    first: dict[int, ServicePort] = {}
    for port in service.ports:
        first.setdefault(port.port, port)
    return tuple(p for p in first.values() if p.protocol == "TCP")


def addresses(
    service: ServiceSeen, slices: Iterable[SliceSeen], *, ipv6: bool = False
) -> frozenset[Address]:
    """Return what discovery must answer for a Service, by its slices: all its ports together.

    Args:
        service: Which.
        slices: All, or those of the Service.
        ipv6: The installation has IPv6 (`disableIPv6` is false).
    """
    key = service.namespace, service.name
    own = [s for s in slices if (s.namespace, s.service) == key]
    return frozenset(a for port in tcp_ports(service) for a in _of_port(port, own, ipv6=ipv6))


def _of_port(port: ServicePort, slices: Sequence[SliceSeen], *, ipv6: bool) -> Iterator[Address]:
    found: dict[tuple[str, str], dict[str, Address]] = {}
    for each in slices:
        number = next((n for name, n in each.ports if name == port.name), 0)
        if not number or (each.family == "IPv6" and not ipv6):
            continue
        for e in each.endpoints:
            address = Address(ip=canonical(e.ip), port=number, pod=e.name)
            found.setdefault((e.namespace, e.name), {})[each.family] = address
    for families in found.values():
        if "IPv6" in families:
            yield families["IPv6"]
        else:
            yield from families.values()


def canonical(ip: str) -> str:
    """Return an address as it is compared; what is none stays as it is."""
    try:
        return ip_address(ip).compressed
    except ValueError:
        return ip


def beside(
    service: ServiceSeen,
    before: frozenset[Address],
    after: frozenset[Address],
    answered: Iterable[Address],
) -> ServiceAnswer:
    """Return an answer beside what the slices said before and after the question."""

    def ordered(found: Iterable[Address]) -> tuple[Address, ...]:
        return tuple(sorted(set(found), key=lambda a: (a.place, a.pod)))

    return ServiceAnswer(
        namespace=service.namespace,
        name=service.name,
        ports=tuple(p.port for p in tcp_ports(service)),
        ready=ordered(before & after),
        moved=ordered(before ^ after),
        answered=ordered(answered),
    )
