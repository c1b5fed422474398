"""Facts of linked clusters: links, mirrored Services, gateways, leases, credentials."""

from __future__ import annotations

from policies.facts.base import Fact, ObjectKey


class Link(Fact, frozen=True, kw_only=True):
    """A Link of the multicluster extension: another cluster that this one mirrors."""

    namespace: str
    name: str
    uid: str
    cluster: str
    """`targetClusterName`."""
    created_by: str = ""
    """Annotation `linkerd.io/created-by`: the release that rendered it."""
    gateway: str = ""
    """Addresses of the other cluster's gateway as written; empty without a gateway."""
    gateway_identity: str = ""
    probe_period: str = ""
    """As written: a number of seconds in old releases, a duration since edge-25.1.2."""
    credentials: str = ""
    """Secret in the same namespace."""


class Mirror(Fact, frozen=True, kw_only=True):
    """A Service that mirrors one of another cluster, or the probe of that cluster's gateway."""

    namespace: str
    name: str
    uid: str
    cluster: str = ""
    """Label `mirror.linkerd.io/cluster-name`; empty for a federated Service."""
    probe: bool = False
    """Label `mirror.linkerd.io/mirrored-gateway`."""
    discovered: bool = False
    """Its endpoints are discovered remotely: it has none of its own."""
    addresses: tuple[str, ...] = ()
    """Of its Endpoints: the other cluster's gateway."""


class Gateway(Fact, frozen=True, kw_only=True):
    """The Service other clusters come in by."""

    namespace: str
    name: str
    uid: str
    addresses: tuple[str, ...] = ()
    """IPs or host names of `status.loadBalancer`."""
    identity: str = ""
    """Annotation `mirror.linkerd.io/gateway-identity`: what a Link to it says."""


class Lease(Fact, frozen=True, kw_only=True):
    """Who does a work that only one may do."""

    namespace: str
    name: str
    holder: str = ""
    """Name of a pod."""


class Multicluster(Fact, frozen=True, kw_only=True):
    """What the multicluster extension links, mirrors and serves."""

    links: tuple[Link, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    leases: tuple[Lease, ...] = ()
    """Those in the extension's namespace."""
    credentials: tuple[ObjectKey, ...] = ()
    """Secrets `cluster-credentials-*` in its namespace and in the control plane's."""
    exported: tuple[ObjectKey, ...] = ()
    """Services with the label `mirror.linkerd.io/exported`, for other clusters to mirror."""
