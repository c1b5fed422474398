"""A healthy installation of Helm's as facts, made to be broken in one place by a test."""

from __future__ import annotations

from policies.facts.base import ObjectKey, Setting
from policies.facts.cluster import ClusterFacts, Crd
from policies.facts.helm import (
    CONTROL_PLANE,
    CRDS,
    HelmObject,
    HelmRelease,
    HelmRevision,
    chart_version,
)
from policies.skew.hops import Hop
from suites.policy.builders import SOURCE, TARGET, change, cluster, config, values

GATEWAY = tuple(
    f"{plural}.gateway.networking.k8s.io"
    for plural in ("grpcroutes", "httproutes", "tcproutes", "tlsroutes")
)
OWN = ("servers.policy.linkerd.io", "serviceprofiles.linkerd.io")
HOP = Hop(number=1, source_tag=SOURCE, destination_tag=TARGET)
ISSUER = {
    "identity.issuer.tls.crtPEM": "sha256:1",
    "identity.issuer.tls.keyPEM": "sha256:2",
    "identityTrustAnchorsPEM": "sha256:3",
}
"""What every user of Helm gives."""


def settings(**texts: str) -> tuple[Setting, ...]:
    """Settings; `__` stands for the dot, values are JSON text."""
    return of({k.replace("__", "."): v for k, v in texts.items()})


def of(texts: dict[str, str]) -> tuple[Setting, ...]:
    return tuple(sorted(Setting(path=p, value=v) for p, v in texts.items()))


def chart_defaults(release: str, **more: str) -> tuple[Setting, ...]:
    """A few defaults of linkerd-control-plane of a release."""
    empty = dict.fromkeys(ISSUER, '""')
    texts = {k.replace("__", "."): v for k, v in more.items()}
    return of(
        {
            **empty,
            "linkerdVersion": f'"{release}"',
            "proxy.image.version": '""',
            "proxy.logLevel": '"warn"',
            "proxy.nativeSidecar": "false",
            "podAnnotations": "{}",
            **texts,
        }
    )


def crd_object(name: str, *, keep: bool = True) -> HelmObject:
    key = ObjectKey(group="apiextensions.k8s.io", kind="CustomResourceDefinition", name=name)
    return HelmObject(key=key, keep=keep)


def deployment(name: str, release: str) -> HelmObject:
    key = ObjectKey(group="apps", kind="Deployment", namespace="linkerd", name=name)
    images = (("main", f"controller:{release}"), ("linkerd-proxy", f"proxy:{release}"))
    return HelmObject(key=key, images=images, control_plane="linkerd")


def crds_release(source: str = SOURCE, **fields: object) -> HelmRelease:
    release = HelmRelease(
        name=CRDS,
        namespace="linkerd",
        revision=1,
        status="deployed",
        revisions=(HelmRevision(revision=1, status="deployed", secret="crds.v1"),),
        chart=CRDS,
        chart_version=chart_version(source),
        values=settings(installGatewayAPI="true"),
        defaults=settings(installGatewayAPI="false"),
        objects=tuple(crd_object(name) for name in (*GATEWAY, *OWN)),
    )
    return change(release, **fields)


def plane_release(source: str = SOURCE, **fields: object) -> HelmRelease:
    release = HelmRelease(
        name=CONTROL_PLANE,
        namespace="linkerd",
        revision=1,
        status="deployed",
        chart=CONTROL_PLANE,
        chart_version=chart_version(source),
        app_version=source,
        values=of(ISSUER),
        defaults=chart_defaults(source),
        objects=(deployment("linkerd-identity", source),),
    )
    return change(release, **fields)


def live_crds(**fields: object) -> tuple[Crd, ...]:
    """CRDs as they live, owned by the release."""
    return tuple(
        change(
            Crd(
                name=name,
                uid=f"crd-{name}",
                helm_owned=True,
                helm_keep=name in GATEWAY,
                helm_release="linkerd/linkerd-crds",
                resources=3,
            ),
            **fields,
        )
        for name in (*GATEWAY, *OWN)
    )


def helm_cluster(*releases: HelmRelease, **fields: object) -> ClusterFacts:
    """The healthy cluster, as Helm would have installed it."""
    base = cluster()
    marked = config(
        SOURCE,
        values=values(SOURCE),
        overrides=None,
        overrides_present=False,
        helm_releases=("sh.helm.release.v1.linkerd-control-plane.v1",),
        created_by=f"linkerd/helm {SOURCE}",
    )
    workloads = tuple(
        change(
            w, created_by=w.created_by.replace("linkerd/cli", "linkerd/helm"),
        )
        for w in base.workloads
    )  # fmt: skip
    crds = tuple(change(c, created_by="", helm_release="linkerd/linkerd-crds") for c in base.crds)
    found = releases or (crds_release(), plane_release())
    objects = tuple(
        change(o, created_by=o.created_by.replace("linkerd/cli", "linkerd/helm"))
        for o in base.objects
    )
    facts = change(
        base, config=marked, workloads=workloads, crds=crds, objects=objects, helm=found
    )
    return change(facts, **fields)
