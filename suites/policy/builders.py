"""Facts of a healthy cluster, made to be broken in one place by a test.

The control plane, its certificates and webhooks are those of a default installation with the CLI;
workloads are Deployments in namespaces that ask for injection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from msgspec.structs import replace

from policies.facts import (
    Bundle,
    Certificate,
    ClusterFacts,
    Crd,
    Endpoints,
    Fact,
    LabelledObject,
    LinkerdConfig,
    Namespace,
    Node,
    Pod,
    Proxy,
    SecretKeys,
    Selector,
    Setting,
    Webhook,
    Workload,
)
from policies.images import reference
from policies.observations import Canary, CheckCategory, CheckDocument, CheckResult, CheckRun
from policies.releases import catalogue

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SOURCE = "edge-25.10.7"
TARGET = "edge-26.6.3"
OLDER = "edge-25.4.4"
ROOT = "ab" * 32
"""Digest of the trust bundle, as proxies carry it."""

F = TypeVar("F", bound=Fact)


def change(fact: F, **fields: object) -> F:
    """The same fact with some fields changed."""
    return replace(fact, **fields)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def certificate(
    subject: str, *, signer: Certificate | None = None, days: float = 3650, ca: bool = False
) -> Certificate:
    """A certificate valid since a day, `signer` of None makes it self-signed."""
    digest = sha(f"{subject} by {signer.subject if signer else subject}")
    names = () if ca else (subject,)
    return Certificate(
        sha256=digest,
        subject=subject,
        issuer=signer.subject if signer else subject,
        not_before=NOW - timedelta(days=1),
        not_after=NOW + timedelta(days=days),
        is_ca=ca,
        dns_names=names,
        verified_by=(signer.sha256 if signer else digest,),
    )


def bundle(place: str, *certificates: Certificate) -> Bundle:
    return Bundle(place=place, sha256=sha(place), certificates=certificates)


ANCHOR = certificate("root.linkerd.cluster.local", ca=True)
ISSUER = certificate("identity.linkerd.cluster.local", signer=ANCHOR, ca=True)
ANCHORS = bundle("ConfigMap linkerd/linkerd-identity-trust-roots ca-bundle.crt", ANCHOR)


def issuer(*certificates: Certificate) -> Bundle:
    return bundle("Secret linkerd/linkerd-identity-issuer crt.pem", *certificates)


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
    release = catalogue().release(version)
    init = release.proxy_init if release else ""
    first = f"proxy-init:{init}" if init else f"proxy:{version}"
    images = [("linkerd-init", f"cr.l5d.io/linkerd/{first}")]
    known = catalogue().images(version)
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


_NAMESPACES = Selector(
    expressions=(
        ("config.linkerd.io/admission-webhooks", "NotIn", ("disabled",)),
        ("kubernetes.io/metadata.name", "NotIn", ("kube-system", "cert-manager")),
    )
)
_OBJECTS = Selector(
    expressions=(
        ("linkerd.io/control-plane-component", "DoesNotExist", ()),
        ("linkerd.io/cni-resource", "DoesNotExist", ()),
    )
)


def served(service: str, days: float = 365) -> Certificate:
    return certificate(f"{service}.linkerd.svc", days=days)


def webhook(short: str) -> Webhook:
    """One of Linkerd's webhooks: proxy-injector, sp-validator, policy-validator."""
    service = f"linkerd-{short}"
    kind = "Mutating" if short == "proxy-injector" else "Validating"
    return Webhook(
        configuration_kind=f"{kind}WebhookConfiguration",
        configuration=f"{service}-webhook-config",
        uid=f"webhook-{short}",
        name=f"{service}.linkerd.io",
        failure_policy="Ignore",
        service_namespace="linkerd",
        service_name=service,
        ca_bundle=bundle(f"caBundle of {service}", served(service)),
        namespace_selector=_NAMESPACES,
        object_selector=_OBJECTS if short == "proxy-injector" else Selector(),
        control_plane="linkerd",
    )


WEBHOOKS = ("proxy-injector", "sp-validator", "policy-validator")


def webhook_secret(short: str) -> Bundle:
    service = f"linkerd-{short}"
    return bundle(f"Secret linkerd/{service}-k8s-tls tls.crt", served(service))


STORED = ("identity.issuer.tls.crtPEM", "identity.issuer.tls.keyPEM", "identityTrustAnchorsPEM")


def values(version: str, **more: str) -> tuple[Setting, ...]:
    """Values in force; `more` maps a path, with `__` for the dot, to JSON text."""
    texts = {
        "linkerdVersion": f'"{version}"',
        "cliVersion": f'"linkerd/cli {version}"',
        "identityTrustAnchorsPEM": f"sha256:{ROOT}",
        "proxy.logLevel": '"warn"',
        "proxy.nativeSidecar": "false",
    } | {k.replace("__", "."): v for k, v in more.items()}
    return tuple(sorted(Setting(path=p, value=v) for p, v in texts.items()))


def overrides(**more: str) -> tuple[Setting, ...]:
    """Stored overrides, as digests; `more` as in `values`."""
    texts = dict.fromkeys(STORED, f"sha256:{ROOT}")
    texts |= {k.replace("__", "."): f"sha256:{sha(v)}" for k, v in more.items()}
    return tuple(sorted(Setting(path=p, value=v) for p, v in texts.items()))


def config(version: str, **fields: object) -> LinkerdConfig:
    return change(
        LinkerdConfig(
            uid="config-1",
            version=version,
            values=values(version),
            overrides=overrides(),
            overrides_present=True,
            created_by=f"linkerd/cli {version}",
        ),
        **fields,
    )


def crds(version: str) -> tuple[Crd, ...]:
    """Every CRD Linkerd ships at this release, Linkerd's own Gateway API ones included."""
    return tuple(
        Crd(
            name=c.name,
            uid=f"crd-{c.name}",
            served=c.served,
            storage=c.storage,
            stored=(c.storage,),
            created_by=f"linkerd/cli {version}",
            control_plane="" if "multicluster" in c.name else "linkerd",
            bundle_version=c.bundle,
            resources=0,
        )
        for c in catalogue().crds(version)
        if "multicluster" not in c.name
    )


def objects(version: str) -> tuple[LabelledObject, ...]:
    """Every labelled object a default render of this release has."""
    found = catalogue().inventory(version, "control_plane")
    return tuple(
        LabelledObject(
            key=key,
            uid=f"object-{key}",
            control_plane="linkerd",
            created_by=f"linkerd/cli {version}" if key.kind in ("Deployment", "Service") else "",
        )
        for key in sorted(found.keys if found else ())
        if key.kind != "Namespace"
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
    outcomes: Sequence[Literal["injected", "unmeshed", "refused", "unobserved"]],
    *,
    version: str = TARGET,
    every: float = 0.25,
) -> tuple[Canary, ...]:
    """One canary per outcome, `every` seconds."""
    return tuple(
        Canary(
            at=NOW + timedelta(seconds=n * every),
            name=f"canary-{n}",
            outcome=outcome,
            version=version if outcome == "injected" else "",
            injected_by=f"linkerd/proxy-injector {version}" if outcome == "injected" else "",
            reason="x509: certificate signed by unknown authority" if outcome == "refused" else "",
        )
        for n, outcome in enumerate(outcomes)
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
