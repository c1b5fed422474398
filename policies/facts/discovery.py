"""Facts about discovery: Services, their EndpointSlices, and what a destination controller says.

Services and slices are only looked at to ask; what is kept for the ledger is `Discovery`.
"""

from __future__ import annotations

from policies.facts.base import Fact


class Address(Fact, frozen=True, kw_only=True, gc=False):
    """Where one pod answers for a Service."""

    ip: str
    port: int
    """Of the pod, not of the Service."""
    pod: str = ""

    @property
    def place(self) -> tuple[str, int]:
        """What is compared: the pod's name is for people."""
        return self.ip, self.port

    def __str__(self) -> str:
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{host}:{self.port}" + (f" (pod {self.pod})" if self.pod else "")


class ServicePort(Fact, frozen=True, kw_only=True):
    """One port of a Service; the slices name theirs after it."""

    name: str = ""
    port: int
    protocol: str = "TCP"


class ServiceSeen(Fact, frozen=True, kw_only=True):
    """A Service, as far as it decides whether and how discovery is asked for it."""

    namespace: str
    name: str
    ports: tuple[ServicePort, ...] = ()
    selects: bool = True
    """It has a selector: its endpoints are made by Kubernetes."""
    cluster_ip: bool = True
    """It has an address of its own: neither headless nor an external name."""
    node_local: bool = False
    """`internalTrafficPolicy: Local`: the answer depends on the node of whoever asks."""


class SliceEndpoint(Fact, frozen=True, kw_only=True, gc=False):
    """One ready address of a slice; an unset `ready` means ready."""

    ip: str
    kind: str = "Pod"
    """Of what is behind it; empty when the slice does not say."""
    namespace: str = ""
    name: str = ""


class SliceSeen(Fact, frozen=True, kw_only=True):
    """An EndpointSlice: its ready endpoints only."""

    namespace: str
    service: str
    """Label `kubernetes.io/service-name`."""
    family: str = "IPv4"
    """`addressType`."""
    ports: tuple[tuple[str, int], ...] = ()
    """(name, port)."""
    endpoints: tuple[SliceEndpoint, ...] = ()


class ServiceAnswer(Fact, frozen=True, kw_only=True):
    """What was answered for one Service, beside what its EndpointSlices said."""

    namespace: str
    name: str
    ports: tuple[int, ...] = ()
    """Of the Service, that were asked for; the answer does not tell them apart."""
    ready: tuple[Address, ...] = ()
    """Ready in the slices both before and after the question."""
    moved: tuple[Address, ...] = ()
    """Ready in only one of the two looks: either answer is right."""
    answered: tuple[Address, ...] = ()


class Discovery(Fact, frozen=True, kw_only=True, tag_field="type", tag="discovery"):
    """The last answer of one pod of the destination controller."""

    pod: str = ""
    """Empty when none could be asked."""
    pods: int = 0
    """Pods of the destination controller that were ready; a bounded number of them is asked."""
    services: tuple[ServiceAnswer, ...] = ()
    left_out: int = 0
    """Services of meshed workloads that were not asked for: beyond the bound."""
    asked: int = 1
    """How often it was asked until it agreed, or no more."""
    seconds: float = 0.0
    """Wall seconds from the first question to this answer."""
    unreadable: str = ""
    """Why there is no answer; empty when there is one."""
