"""Whether a cluster is as it was: what a rehearsal may rely on when it goes on after a break.

Compared is what somebody must have decided: the cluster itself, its Kubernetes, namespaces, the
specification of workloads, meshed pods that no controller would make again, webhooks, CRDs,
Linkerd's configuration, Secrets and certificates, Helm's releases and links. What comes and goes
by itself is not: a controller's pods, restarts, Jobs, nodes, replica counts (an autoscaler's),
endpoints, mirrored Services, events, budgets and quotas as used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from policies.facts.cluster import Bundle, ClusterFacts, LinkerdConfig, Workload
from policies.verdicts.findings import Item

ABSENT = "absent"
POD = "Pod"
IDENTITY = "kube-system"
"""Namespace whose UID is the cluster's identity."""


def identity(facts: ClusterFacts) -> str:
    """Return the UID of namespace kube-system; empty where namespaces could not be read."""
    return next((n.uid for n in facts.namespaces if n.name == IDENTITY), "")


def differences(
    then: ClusterFacts, now: ClusterFacts, *, own: frozenset[str] = frozenset()
) -> tuple[Item, ...]:
    """Return what was changed between two readings of a cluster, in a fixed order.

    Args:
        then: The earlier reading.
        now: The later one.
        own: Namespaces of the rehearsal itself: they come and go with it.
    """
    earlier, later = dict(_matters(then, own)), dict(_matters(now, own))
    return tuple(
        item
        for subject in sorted(earlier.keys() | later.keys())
        if (item := _compare(subject, earlier.get(subject), later.get(subject))) is not None
    )


def _compare(
    subject: str, then: Mapping[str, str] | None, now: Mapping[str, str] | None
) -> Item | None:
    if then is None or now is None:
        return Item(
            subject=subject,
            expected=ABSENT if then is None else "there",
            seen=ABSENT if now is None else "there",
        )
    changed = [k for k in sorted(then.keys() | now.keys()) if then.get(k) != now.get(k)]
    if not changed:
        return None
    return Item(
        subject=subject,
        expected=", ".join(f"{k} {then.get(k) or 'none'}" for k in changed),
        seen=", ".join(f"{k} {now.get(k) or 'none'}" for k in changed),
    )


def _matters(facts: ClusterFacts, own: frozenset[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield (subject, field -> text) of everything that is compared."""
    yield "cluster", {"uid": identity(facts), "Kubernetes": facts.kubernetes}
    for namespace in facts.namespaces:
        if namespace.name not in own:
            yield f"Namespace {namespace.name}", _fields(namespace, "name")
    for workload in facts.workloads:
        if workload.kind != "Job" and workload.namespace not in own:
            yield workload.key, _specified(workload)
    yield from _bare_pods(facts, own)
    for webhook in facts.webhooks:
        said = {
            **_fields(webhook, "configuration_kind", "configuration", "name", "ca_bundle"),
            "caBundle": webhook.ca_bundle.sha256 if webhook.ca_bundle else "",
        }
        yield f"{webhook.configuration_kind} {webhook.configuration} {webhook.name}", said
    for crd in facts.crds:
        yield f"CustomResourceDefinition {crd.name}", _fields(crd, "name", "resources")
    for obj in facts.objects:
        if obj.key.namespace not in own:
            yield str(obj.key), _fields(obj, "key")
    for secret in facts.secrets:
        yield (
            f"Secret {secret.namespace}/{secret.name}",
            {
                **_fields(secret, "namespace", "name", "values"),
                **dict(secret.values),
            },
        )
    if facts.config is not None:
        yield "ConfigMap linkerd-config", _config(facts.config)
    yield from _bundles(facts)
    for release in facts.helm:
        yield release.label, {"revision": str(release.revision), "status": release.status}
    for link in facts.multicluster.links if facts.multicluster else ():
        yield f"Link {link.namespace}/{link.name}", _fields(link, "namespace", "name")
    for missing in facts.unreadable:
        yield f"{missing.resource} (reading them)", {"refused": missing.reason}


def _bare_pods(
    facts: ClusterFacts, own: frozenset[str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield meshed pods without a controller: the data plane's step makes them anew by hand.

    One that is being deleted is as good as gone.
    """
    for pod in facts.pods:
        bare = pod.proxy is not None and not pod.owner_kind and not pod.static
        if bare and not pod.deleting and pod.namespace not in own:
            yield f"{POD} {pod.key}", {"uid": pod.uid}


def _specified(workload: Workload) -> dict[str, str]:
    """Return what a workload's specification says, replicas and status aside."""
    return _fields(
        workload,
        *("kind", "namespace", "name", "conditions", "generation", "observed_generation"),
        *("desired", "current", "updated", "ready", "available"),
    )


def _config(config: LinkerdConfig) -> dict[str, str]:
    overrides = {f"override {s.path}": s.value for s in config.overrides or ()}
    values = {s.path: s.value for s in config.values}
    return {"uid": config.uid, "created-by": config.created_by, **values, **overrides}


def _bundles(facts: ClusterFacts) -> Iterator[tuple[str, Mapping[str, str]]]:
    found: list[Bundle | None] = [facts.trust_roots, facts.issuer, *facts.webhook_certificates]
    for bundle in found:
        if bundle is not None:
            yield f"certificates in {bundle.place}", {"sha256": bundle.sha256}


def _fields(fact: msgspec.Struct, *but: str) -> dict[str, str]:
    """Return a fact's fields as JSON text, defaults left out."""
    encoded = {
        name: msgspec.json.encode(getattr(fact, name)).decode().strip('"')
        for name in fact.__struct_fields__
        if name not in but
    }
    return {name: text for name, text in encoded.items() if text not in ("", "null", "[]")}
