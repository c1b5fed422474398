"""Which pods should be meshed, and whether they are; the injection gap is told in `canaries`.

The rules are those of Linkerd's injector (`pkg/inject`) and of the selectors in front of it: the
pod's own annotation wins over its namespace's; pods with host network, UDP ports, without a token,
or owned by the kubelet are never injected; namespaces and objects that the webhook does not select
never reach the injector.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from policies.controls.control_plane.canaries import Gap, canary_settled, gap, gaps
from policies.facts.cluster import ClusterFacts, Namespace, Pod, Selector, Webhook
from policies.skew.planes import ENDED, WANTED, not_seen, owner
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.workloads.preexisting import Preexisting, at_baseline
from policies.workloads.renewal import renewals
from policies.workloads.selectors import asks_for, matches

__all__ = [
    "Gap",
    "canary_settled",
    "expected_meshed",
    "expected_set",
    "gap",
    "gaps",
    "injector_webhook",
    "meshed_as_declared",
    "should_be_meshed",
    "undecidable",
    "why_not_meshed",
]

INJECTOR = "linkerd-proxy-injector.linkerd.io"
_COMPONENT = "linkerd.io/control-plane-component"
_CONTROL_PLANE = "linkerd.io/control-plane-ns"
_EXTENSION = "linkerd.io/extension"
_USUAL = Selector(
    expressions=(
        ("config.linkerd.io/admission-webhooks", "NotIn", ("disabled",)),
        ("kubernetes.io/metadata.name", "NotIn", ("kube-system", "cert-manager")),
    )
)
"""The namespace selector of Linkerd's chart, used where the webhook itself is absent."""


def injector_webhook(facts: ClusterFacts) -> Webhook | None:
    """Return the proxy injector's webhook, or None when it is not configured."""
    return next((w for w in facts.webhooks if w.name == INJECTOR), None)


def expected_meshed(
    pod: Pod,
    namespace: Namespace | None,
    webhook: Webhook | None,
    *,
    token_projection: bool = True,
) -> bool:
    """Return whether a pod created now would be given a proxy."""
    return not why_not_meshed(pod, namespace, webhook, token_projection=token_projection)


def why_not_meshed(
    pod: Pod,
    namespace: Namespace | None,
    webhook: Webhook | None,
    *,
    token_projection: bool = True,
) -> str:
    """Return why a pod is not given a proxy by the injector; empty when it is.

    Args:
        pod: The pod as it asks to be created.
        namespace: Its namespace, None when that was not read.
        webhook: The injector's webhook, None when it is absent: the chart's selector then counts.
        token_projection: The value `identity.serviceAccountTokenProjection`, true by default.
    """
    return (
        _annotation(pod, namespace)
        or _pod_itself(pod, token_projection=token_projection)
        or _not_selected(pod, namespace, webhook)
    )


def _annotation(pod: Pod, namespace: Namespace | None) -> str:
    wanted = pod.inject or (namespace.inject if namespace else "")
    if wanted in WANTED:
        return ""
    whose = "pod" if pod.inject else "namespace"
    if not wanted:
        return "neither pod nor namespace has annotation linkerd.io/inject"
    if wanted == "disabled":
        return f"annotation linkerd.io/inject of the {whose} is disabled"
    return f"annotation linkerd.io/inject of the {whose} is {wanted!r}, which means nothing"


def _pod_itself(pod: Pod, *, token_projection: bool) -> str:
    if pod.static:
        return "a static pod: the kubelet owns it and no webhook sees it"
    if pod.host_network:
        return "the pod uses the host's network"
    if pod.udp:
        return "the pod has UDP ports"
    if not pod.mounts_token and not token_projection:
        return "the pod mounts no service account token, and tokens are not projected"
    return ""


def _not_selected(pod: Pod, namespace: Namespace | None, webhook: Webhook | None) -> str:
    if namespace is not None:
        labels = dict(namespace.labels)
        labels.setdefault("kubernetes.io/metadata.name", namespace.name)
        selector = webhook.namespace_selector if webhook else _USUAL
        if not matches(selector, labels):
            return f"the webhook does not select namespace {namespace.name}"
    if pod.component and webhook is None:
        return "a pod of the control plane gets its proxy from the chart"
    if webhook is None or webhook.object_selector == Selector():
        return ""
    labels = {
        key: value
        for key, value in (
            (_COMPONENT, pod.component),
            (_CONTROL_PLANE, pod.control_plane),
            (_EXTENSION, pod.extension),
        )
        if value
    }
    return (
        "" if matches(webhook.object_selector, labels) else "the webhook does not select the pod"
    )


def undecidable(webhook: Webhook | None) -> frozenset[str]:
    """Return labels that the webhook's object selector looks at and that are not known of pods."""
    if webhook is None:
        return frozenset()
    known = {_COMPONENT, _CONTROL_PLANE, _EXTENSION, "linkerd.io/cni-resource"}
    return asks_for(webhook.object_selector) - known


def meshed_as_declared(
    facts: ClusterFacts,
    *,
    baseline: ClusterFacts | None = None,
    elsewhere: Collection[str] = (),
    ignore_namespaces: Collection[str] = (),
) -> Verdict:
    """Judge whether pods that ask for a proxy have one, and no others do (DP-01).

    Pods of the control plane get theirs from the chart and are judged by its images. Pods being
    deleted are left out; pods that ended without a proxy are explained, and those that had none
    at the baseline and are still the same. A workload that was meshed at the baseline and is not
    any more has left the mesh, whatever the rules say of its pods now; that it says `disabled` by
    itself explains it.

    Args:
        facts: Now.
        baseline: Before anything changed.
        elsewhere: Who else decides about pods on the real cluster, and is not asked here.
        ignore_namespaces: Of the rehearsal itself.
    """
    if why := not_seen(facts, "namespaces"):
        return not_assessed(f"pods or namespaces could not be read ({why})")
    webhook = injector_webhook(facts)
    if unknown := undecidable(webhook):
        return not_assessed(f"the injector selects pods by labels not read: {sorted(unknown)}")
    seen = [m for m in (facts, baseline) if m is not None]
    if not any(_concerns_mesh(m, ignore_namespaces) for m in seen):
        return not_applicable("no pod asks for a proxy, and none has one")
    red = at_baseline(baseline)
    bad = list(_deviating(facts, webhook, red, ignore_namespaces))
    first = next((p for p, i in bad if not i.explained), None)
    left = left_the_mesh(baseline, facts, elsewhere, ignore_namespaces) if baseline else ()
    return judged(
        [*(item for _, item in bad), *left],
        holds_as="Every pod that should be meshed is, and no other",
        violated_as="Pods are not meshed as declared",
        expected="a proxy in every pod that asks for one by annotation, and in no other",
        cause="created while the injector could not be called (the injection gap), before the "
        "annotation was set, or before Linkerd was installed",
        next_command=renewals(facts)(first).command if first else "",
    )


def left_the_mesh(
    before: ClusterFacts,
    facts: ClusterFacts,
    elsewhere: Collection[str],
    ignore: Collection[str],
) -> Iterator[Item]:
    """Yield workloads that were meshed, and whose pods now neither have a proxy nor would get one.

    Pods that would get one are told of by themselves.
    """
    was = _meshed_owners(before, ignore)
    namespaces = {n.name: n for n in facts.namespaces}
    webhook, projected = injector_webhook(facts), _token_projection(facts)
    reasons: dict[str, str] = {}
    for pod in facts.pods:
        if pod.proxy is not None or pod.deleting or pod.phase in ENDED or owner(pod) not in was:
            continue
        namespace = namespaces.get(pod.namespace)
        why = why_not_meshed(pod, namespace, webhook, token_projection=projected)
        if why:
            reasons[owner(pod)] = why
    for name, why in reasons.items():
        explained = "it says so itself" if why.endswith(" is disabled") else ""
        if elsewhere and not explained:
            explained = (
                f"{', '.join(sorted(elsewhere))} would be asked as well on the real cluster"
            )
        yield Item(
            subject=name,
            expected="meshed, as at the baseline",
            seen=f"pods without a proxy: {why}",
            explained=explained,
        )


def _meshed_owners(facts: ClusterFacts, ignore: Collection[str]) -> frozenset[str]:
    """Return owners all of whose running pods have a proxy."""
    has: set[str] = set()
    lacks: set[str] = set()
    space = facts.control_plane_namespace
    for pod in facts.pods:
        if pod.phase in ENDED or pod.deleting or pod.namespace in ignore or not pod.owner_kind:
            continue
        if not (pod.component and pod.namespace == space):
            (lacks if pod.proxy is None else has).add(owner(pod))
    return frozenset(has - lacks)


def _concerns_mesh(facts: ClusterFacts, ignore: Collection[str]) -> bool:
    """Return whether a pod beside the control plane's has a proxy, or asks for one."""
    asking = {n.name for n in facts.namespaces if n.inject in WANTED}
    return any(
        pod.proxy is not None
        or pod.inject in WANTED
        or (not pod.inject and pod.namespace in asking)
        for pod in facts.pods
        if pod.namespace not in ignore
        and not (pod.component and pod.namespace == facts.control_plane_namespace)
    )


def _deviating(
    facts: ClusterFacts, webhook: Webhook | None, red: Preexisting, ignore: Collection[str]
) -> Iterator[tuple[Pod, Item]]:
    namespaces = {n.name: n for n in facts.namespaces}
    control_plane = facts.control_plane_namespace
    projected = _token_projection(facts)
    selected = _selected_namespaces(namespaces, webhook)
    for pod in facts.pods:
        namespace = namespaces.get(pod.namespace)
        wanted = pod.inject or (namespace.inject if namespace else "")
        # The two common cases first: this loop runs over every pod of the cluster.
        if pod.proxy is None:
            if wanted not in WANTED or pod.deleting:
                continue
        elif wanted in WANTED and pod.namespace in selected and _plain(pod, projected=projected):
            continue
        if pod.namespace in ignore or (pod.component and pod.namespace == control_plane):
            continue
        why = why_not_meshed(pod, namespace, webhook, token_projection=projected)
        if pod.proxy is None and not why:
            yield pod, _unmeshed(pod, red)
        elif pod.proxy is not None and why and not pod.deleting:
            yield pod, _meshed(pod, why)


def _plain(pod: Pod, *, projected: bool) -> bool:
    """Return whether nothing but annotation and namespace decides about this pod."""
    return not (
        pod.host_network
        or pod.udp
        or pod.static
        or pod.component
        or not (pod.mounts_token or projected)
    )


def _selected_namespaces(
    namespaces: Mapping[str, Namespace], webhook: Webhook | None
) -> frozenset[str]:
    selector = webhook.namespace_selector if webhook else _USUAL
    return frozenset(
        name
        for name, namespace in namespaces.items()
        if matches(selector, {"kubernetes.io/metadata.name": name, **dict(namespace.labels)})
    )


def _token_projection(facts: ClusterFacts) -> bool:
    if facts.config is None:
        return True
    return facts.config.value("identity.serviceAccountTokenProjection") != "false"


def _unmeshed(pod: Pod, red: Preexisting) -> Item:
    ended = pod.phase in ENDED
    return Item(
        subject=f"pod {pod.key}",
        expected="a linkerd-proxy container",
        seen=f"none; created {pod.created:%Y-%m-%d %H:%M:%S}Z, of {owner(pod)}",
        explained=f"the pod has ended ({pod.phase}) and carries no traffic"
        if ended
        else red.unmeshed_pod(pod),
    )


def _meshed(pod: Pod, why: str) -> Item:
    by = pod.proxy.injected_by if pod.proxy else ""
    explained = ""
    if pod.phase in ENDED:
        explained = f"the pod has ended ({pod.phase})"
    elif by.startswith("linkerd/cli "):
        explained = "injected by hand, which needs no annotation"
    return Item(
        subject=f"pod {pod.key}",
        expected=f"no proxy: {why}",
        seen=f"a proxy, injected by {by or 'nobody known'}",
        explained=explained,
    )


def should_be_meshed(pod: Pod, namespace: Namespace | None) -> bool:
    """Return whether a running pod should have a proxy, by the chart's own webhook selectors."""
    return not pod.component and expected_meshed(pod, namespace, None)


def expected_set(facts: ClusterFacts) -> frozenset[str]:
    """Return UIDs of the pods that should have a proxy from the injector."""
    namespaces = {n.name: n for n in facts.namespaces}
    webhook, projected = injector_webhook(facts), _token_projection(facts)
    return frozenset(
        pod.uid
        for pod in facts.pods
        if not (pod.component and pod.namespace == facts.control_plane_namespace)
        and expected_meshed(
            pod, namespaces.get(pod.namespace), webhook, token_projection=projected
        )
    )
