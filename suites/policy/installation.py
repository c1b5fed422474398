"""What a default installation with the CLI leaves: certificates, webhooks, values, objects."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from policies.facts.cluster import (
    Bundle,
    Certificate,
    Crd,
    Fact,
    LabelledObject,
    LinkerdConfig,
    Selector,
    Setting,
    Webhook,
)
from policies.releases import catalogue
from policies.releases.grammar import parse

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
        for c in catalogue().crds(parse(version))
        if "multicluster" not in c.name
    )


def objects(version: str) -> tuple[LabelledObject, ...]:
    """Every labelled object a default render of this release has."""
    found = catalogue().inventory(parse(version), "control_plane")
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
