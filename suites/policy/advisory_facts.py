"""Facts that conditions of advisories are asked of."""

from __future__ import annotations

import msgspec

from policies.facts.cluster import (
    ClusterFacts,
    Crd,
    LinkerdConfig,
    Namespace,
    Node,
    Proxy,
    Setting,
    Webhook,
    Workload,
)
from policies.planning.conditions.resources import HTTP_ROUTES
from policies.planning.path import Hop
from suites.policy import strategies as sts

ROWS = {"14": 3, "15": 8, "16": 11, "17": 7, "18": 14, "19": 13, "20": 11, "value": 9}
"""Notes per logical version of Linkerd's releases, and renamed values."""
OTHERS = {f"n-{n}" for n in ("1", "2", "2b", "3", "4", "5")} | {
    f"old-2.{minor}" for minor in range(9, 14)
}

SERVERS = "servers.policy.linkerd.io"


def hop(source: str = "edge-25.4.4", target: str = "edge-25.10.7") -> Hop:
    return Hop(number=1, source_tag=source, destination_tag=target)


def with_values(*overrides: str, **values: str) -> ClusterFacts:
    """Facts with these overrides set, and values whose `_` stand for dots."""
    found = tuple(Setting(path=k.replace("_", "."), value=v) for k, v in values.items())
    chosen = tuple(Setting(path=path, value="sha256:0") for path in overrides)
    config = LinkerdConfig(
        uid="u",
        version="edge-25.4.4",
        values=found,
        overrides=chosen,
        overrides_present=True,
        created_by="linkerd/cli edge-25.4.4",
    )
    return sts.cluster("edge-25.4.4", ["edge-25.4.4"], config=config)


def with_crds(*crds: Crd, **more: object) -> ClusterFacts:
    return sts.cluster("edge-25.4.4", ["edge-25.4.4"], crds=crds, **more)


def crd(name: str = HTTP_ROUTES, **fields: object) -> Crd:
    return Crd(name=name, uid=name, **fields)  # pyright: ignore[reportArgumentType]


def namespace(extension: str) -> ClusterFacts:
    found = Namespace(name=f"linkerd-{extension}", uid="n", extension=extension)
    return sts.cluster("edge-25.4.4", namespaces=(found,))


def cni(tag: str) -> ClusterFacts:
    found = Workload(
        kind="DaemonSet",
        namespace="linkerd-cni",
        name="linkerd-cni",
        uid="d",
        images=(("install-cni", f"cr.l5d.io/linkerd/cni-plugin:{tag}"),),
    )
    return sts.cluster("edge-25.4.4", workloads=(found,))


def pods(*found: object) -> ClusterFacts:
    return sts.cluster("edge-25.4.4", found)  # pyright: ignore[reportArgumentType]


def native_pod() -> ClusterFacts:
    proxy = Proxy(image="p:edge-25.4.4", version="edge-25.4.4", native=True)
    return pods(sts.pod("edge-25.4.4", proxy=proxy))


def by_helm() -> ClusterFacts:
    config = LinkerdConfig(
        uid="u",
        version="edge-25.4.4",
        overrides_present=False,
        helm_releases=("sh.helm.release.v1.linkerd-control-plane.v1",),
        created_by="linkerd/helm edge-25.4.4",
    )
    return sts.cluster("edge-25.4.4", config=config)


def closed(policy: str) -> ClusterFacts:
    webhook = Webhook(
        configuration_kind="ValidatingWebhookConfiguration",
        configuration="linkerd-policy-validator-webhook-config",
        uid="w",
        name="linkerd-policy-validator.linkerd.io",
        failure_policy=policy,
    )
    return with_crds(crd(), webhooks=(webhook,))


def nodes(*architectures: str) -> ClusterFacts:
    found = tuple(Node(name=f"n{n}", architecture=a) for n, a in enumerate(architectures))
    return sts.cluster("edge-25.4.4", nodes=found)


def arm_node(*, meshed: bool) -> ClusterFacts:
    where = "n1" if meshed else "n0"
    pod = msgspec.structs.replace(sts.pod("edge-25.4.4"), node=where)
    found = tuple(Node(name=f"n{n}", architecture=a) for n, a in enumerate(("amd64", "arm")))
    return sts.cluster("edge-25.4.4", (pod,), nodes=found)
