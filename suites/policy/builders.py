"""Facts of a healthy cluster, made to be broken in one place by a test.

The control plane, its certificates and webhooks are those of a default installation with the CLI;
workloads are Deployments in namespaces that ask for injection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal, cast

from oci.reference import parse as reference
from policies.facts.cluster import (
    ClusterFacts,
    Endpoints,
    Namespace,
    Node,
    Pod,
    Proxy,
    SecretKeys,
    Workload,
)
from policies.facts.observations import Canary, CheckCategory, CheckDocument, CheckResult, CheckRun
from policies.releases import catalogue
from policies.releases.grammar import parse
from suites.policy.installation import (
    ANCHOR,
    ANCHORS,
    ISSUER,
    NOW,
    OLDER,
    ROOT,
    SOURCE,
    STORED,
    TARGET,
    WEBHOOKS,
    bundle,
    certificate,
    change,
    config,
    crds,
    issuer,
    objects,
    overrides,
    sha,
    values,
    webhook,
    webhook_secret,
)

__all__ = [
    "ANCHOR", "ANCHORS", "FROM", "ISSUER", "NOW", "OLDER", "ROOT", "SOURCE", "STORED", "TARGET",
    "TO", "WEBHOOKS", "bundle", "canaries", "certificate", "change", "check_run", "cluster",
    "component_images", "config", "control_plane_pods", "control_plane_workloads", "crds",
    "issuer", "namespace", "nodes", "objects", "overrides", "pod", "proxy", "sha", "values",
    "webhook", "webhook_secret", "with_pods", "with_workloads", "workload",
]  # fmt: skip

FROM, TO = parse(SOURCE), parse(TARGET)
"""What a hop goes between; `SOURCE` and `TARGET` are what a cluster says of them."""

Outcome = Literal["injected", "unmeshed", "refused", "unobserved"]


def namespace(name: str, inject: str = "enabled", **fields: object) -> Namespace:
    labels = (("kubernetes.io/metadata.name", name),)
    return change(Namespace(name=name, uid=f"ns-{name}", inject=inject, labels=labels), **fields)


def proxy(version: str, **fields: object) -> Proxy:
    return change(
        Proxy(
            image=f"cr.l5d.io/linkerd/proxy:{version}",
            version=version,
            injected_by=f"linkerd/proxy-injector {version}",
            ready=True,
            running=True,
            trust_root=ROOT,
        ),
        **fields,
    )


def pod(
    name: str,
    owner: str = "web",
    *,
    version: str | None = SOURCE,
    within: str = "shop",
    kind: str = "Deployment",
    **fields: object,
) -> Pod:
    """A running, ready pod; `version` of None leaves it without a proxy."""
    return change(
        Pod(
            namespace=within,
            name=name,
            uid=f"{within}-{name}",
            created=NOW - timedelta(hours=1),
            owner_kind=kind,
            owner_name=owner if kind else "",
            phase="Running",
            ready=True,
            node="node-1",
            control_plane="linkerd" if version else "",
            inject="enabled" if version else "",
            images=(("app", "app:1"),),
            proxy=proxy(version) if version else None,
        ),
        **fields,
    )


def workload(
    name: str,
    *,
    within: str = "shop",
    kind: str = "Deployment",
    replicas: int = 2,
    **fields: object,
) -> Workload:
    """A workload whose rollout is complete."""
    return change(
        Workload(
            kind=kind,
            namespace=within,
            name=name,
            uid=f"{kind}-{within}-{name}",
            generation=2,
            observed_generation=2,
            desired=replicas,
            current=replicas,
            updated=replicas,
            ready=replicas,
            available=replicas,
            images=(("app", "app:1"),),
        ),
        **fields,
    )


_CONTAINERS = {
    "destination": ("destination", "sp-validator", "policy"),
    "identity": ("identity",),
    "proxy-injector": ("proxy-injector",),
}


def component_images(component: str, version: str) -> tuple[tuple[str, str], ...]:
    """(container, image) of a control plane pod, without its proxy."""
    release = catalogue().release(parse(version))
    init = release.proxy_init if release else ""
    first = f"proxy-init:{init}" if init else f"proxy:{version}"
    images = [("linkerd-init", f"cr.l5d.io/linkerd/{first}")]
    known = catalogue().images(parse(version))
    for container in _CONTAINERS[component]:
        split = container == "policy" and known and known.policy_controller
        name = reference(known.policy_controller).name if known and split else "controller"
        images.append((container, f"cr.l5d.io/linkerd/{name}:{version}"))
    return tuple(images)


def control_plane_pods(version: str, replicas: int = 1) -> tuple[Pod, ...]:
    return tuple(
        pod(
            f"linkerd-{c}-{n}",
            f"linkerd-{c}",
            version=version,
            within="linkerd",
            component=c,
            inject="",
            images=component_images(c, version),
        )
        for c in _CONTAINERS
        for n in range(replicas)
    )


def control_plane_workloads(version: str, replicas: int = 1) -> tuple[Workload, ...]:
    return tuple(
        workload(
            f"linkerd-{c}",
            within="linkerd",
            replicas=replicas,
            component=c,
            created_by=f"linkerd/cli {version}",
            images=(
                *component_images(c, version),
                ("linkerd-proxy", f"cr.l5d.io/linkerd/proxy:{version}"),
            ),
        )
        for c in _CONTAINERS
    )


def nodes(number: int = 1) -> tuple[Node, ...]:
    return tuple(Node(name=f"node-{n}", hostname=f"node-{n}") for n in range(1, number + 1))


def cluster(
    version: str = SOURCE,
    *,
    proxies: str = "",
    workloads: int = 2,
    replicas: int = 2,
    per_namespace: int = 50,
) -> ClusterFacts:
    """A healthy cluster.

    Args:
        version: Of the control plane.
        proxies: Version of the data plane; the control plane's when empty.
        workloads: Meshed Deployments.
        replicas: Pods of each.
        per_namespace: Deployments in one namespace; the first namespace is `shop`.
    """
    names = [f"web-{n}" if n else "web" for n in range(workloads)]
    places = [
        "shop" if not n // per_namespace else f"shop-{n // per_namespace}"
        for n in range(workloads)
    ]
    placed = list(zip(names, places, strict=True))
    meshed = tuple(
        pod(f"{name}-{n}", name, version=proxies or version, within=within)
        for name, within in placed
        for n in range(replicas)
    )
    return ClusterFacts(
        taken_at=NOW,
        kubernetes="v1.31.14",
        namespaces=(
            namespace(
                "linkerd",
                "disabled",
                labels=(
                    ("config.linkerd.io/admission-webhooks", "disabled"),
                    ("kubernetes.io/metadata.name", "linkerd"),
                ),
            ),
            namespace("kube-system", ""),
            namespace("plain", ""),
            *(namespace(n) for n in dict.fromkeys(places)),
        ),
        nodes=nodes(),
        pods=(
            *control_plane_pods(version),
            pod("dns", "dns", version=None, within="kube-system"),
            pod("client", "client", version=None, within="plain"),
            *meshed,
        ),
        workloads=(
            *control_plane_workloads(version),
            *(workload(name, within=within, replicas=replicas) for name, within in placed),
        ),
        webhooks=tuple(webhook(short) for short in WEBHOOKS),
        crds=crds(version),
        objects=objects(version),
        secrets=(SecretKeys(namespace="linkerd", name="linkerd-identity-issuer", uid="secret-1"),),
        config=config(version),
        trust_roots=ANCHORS,
        issuer=issuer(ISSUER),
        webhook_certificates=tuple(webhook_secret(short) for short in WEBHOOKS),
        endpoints=tuple(
            Endpoints(namespace="linkerd", name=f"linkerd-{short}", ready=1) for short in WEBHOOKS
        ),
    )


def with_pods(facts: ClusterFacts, *more: Pod) -> ClusterFacts:
    return change(facts, pods=(*facts.pods, *more))


def with_workloads(facts: ClusterFacts, *more: Workload) -> ClusterFacts:
    """The same cluster with these workloads added, or in place of those of the same key."""
    keys = {w.key for w in more}
    kept = tuple(w for w in facts.workloads if w.key not in keys)
    return change(facts, workloads=(*kept, *more))


def canaries(
    outcomes: Sequence[str],
    *,
    version: str = TARGET,
    every: float = 0.25,
) -> tuple[Canary, ...]:
    """One canary per outcome, `every` seconds."""
    known = cast("Sequence[Outcome]", outcomes)
    return tuple(
        Canary(
            at=NOW + timedelta(seconds=n * every),
            name=f"canary-{n}",
            outcome=outcome,
            version=version if outcome == "injected" else "",
            injected_by=f"linkerd/proxy-injector {version}" if outcome == "injected" else "",
            reason="x509: certificate signed by unknown authority" if outcome == "refused" else "",
        )
        for n, outcome in enumerate(known)
    )


def check_run(
    label: str,
    categories: Iterable[str],
    *,
    failed: str = "",
    warned: str = "",
    exit_code: int = 0,
) -> CheckRun:
    """A check with one result in each category."""

    def result(name: str) -> CheckResult:
        if name == failed:
            return CheckResult(description="is right", result="error", error="it is not")
        if name == warned:
            return CheckResult(description="is new", result="warning", error="it is old")
        return CheckResult(description="is right", result="success")

    found = tuple(CheckCategory(name=n, checks=(result(n),)) for n in categories)
    document = CheckDocument(success=not failed, categories=found)
    return CheckRun(label=label, exit_code=exit_code, documents=(document,))
