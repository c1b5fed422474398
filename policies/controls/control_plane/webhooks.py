"""Webhooks: they can be called, and they inject the destination's proxy.

Objects say whether a caBundle verifies the certificate in the Secret; only a pod that was really
created says what the injector that runs serves and injects. The injection canary is that pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.controls.control_plane.certificates import is_linkerd, webhook_trust
from policies.facts.cluster import ClusterFacts
from policies.facts.observations import Canary, ValidatorTried
from policies.releases.grammar import Version
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.wording import number
from policies.workloads.selectors import matches

LAST = 3
"""How many of a step's last canaries must be right."""


def answer_and_inject(
    facts: ClusterFacts,
    canaries: Sequence[Canary],
    destination: Version,
    validators: Sequence[ValidatorTried] = (),
) -> Verdict:
    """Judge whether the webhooks answer over verified TLS, and the last canaries are injected.

    Args:
        facts: Taken after the rollouts.
        canaries: Those of the step, in any order.
        destination: The release the proxies must have.
        validators: What came of asking them; the last of each counts.
    """
    return combined(
        [
            webhook_trust(facts),
            _callable(facts),
            *([system_exempt(facts)] if facts.namespaces else []),
            inject_target(canaries, destination),
            *([validators_asked(validators)] if validators else []),
        ],
        holds_as=f"The webhooks answer with verified certificates and inject {destination}",
    )


def system_exempt(facts: ClusterFacts) -> Verdict:
    """Judge whether no webhook that must be asked is asked about the system's own pods.

    With failurePolicy Fail, while the injector is away, none of these could be created any more:
    what runs the cluster, the plugin that sets up pods, and the injector itself.
    """
    labels = {n.name: dict(n.labels) for n in facts.namespaces}
    return judged(
        [
            Item(
                subject=f"webhook {webhook.name}",
                expected=f"leaves out {what} in namespace {space}",
                seen="asked about them, with failurePolicy Fail: while it is away none is created",
            )
            for webhook in facts.webhooks
            if webhook.failure_policy == "Fail"
            and "pods" in webhook.resources
            and is_linkerd(webhook, facts)
            for space, what, pod in _system(facts)
            if space in labels
            and matches(webhook.namespace_selector, labels[space])
            and matches(webhook.object_selector, pod)
        ],
        holds_as="No webhook that must be asked stands in the way of the system's own pods",
        violated_as="A webhook stands in the way of the system's own pods",
        expected="with failurePolicy Fail, the system's namespaces left out by a selector",
        cause="a value that replaces the webhook's namespaceSelector or objectSelector",
        next_command="kubectl get mutatingwebhookconfigurations "
        "linkerd-proxy-injector-webhook-config -o yaml",
    )


def _system(facts: ClusterFacts) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield (namespace, whose pods, their labels) of what must come up without the injector."""
    space = facts.control_plane_namespace
    yield "kube-system", "pods", {}
    mark = {"linkerd.io/control-plane-component": "proxy-injector"}
    yield space, "the control plane's pods", {**mark, "linkerd.io/control-plane-ns": space}
    for namespace in facts.namespaces:
        if CNI in dict(namespace.labels):
            yield namespace.name, "the CNI plugin's pods", {CNI: "true"}


CNI = "linkerd.io/cni-resource"
"""Label of the CNI plugin's namespace and pods."""


def validators_asked(tried: Sequence[ValidatorTried]) -> Verdict:
    """Judge whether each validator was asked: it refuses what only it refuses, and no more.

    An API that refuses the right object for another reason, such as a missing right, tells nothing
    of the validator.
    """
    last = {t.webhook: t for t in tried}.values()
    return judged(
        [i for t in last if t.status in (0, *CALL_FAILED) and (i := _unasked(t)) is not None],
        unknown=[
            Item(subject=f"webhook {t.webhook}", seen=t.reason)
            for t in last
            if t.status not in (0, *CALL_FAILED)
        ],
        unknown_as="the API refuses the right object, so whether a validator is asked is unknown",
        holds_as=f"Asked in a dry run: {', '.join(t.webhook for t in last)}",
        violated_as="A validator is not asked about new objects",
        expected="in a dry run the right object accepted, the wrong one refused by the validator",
        cause="the validator serves another certificate than its caBundle verifies, or does not "
        "answer; with failurePolicy Ignore what it should refuse is stored",
        next_command="kubectl -n linkerd rollout restart deployment/linkerd-destination",
    )


CALL_FAILED = (500, 502, 503, 504)
"""Answers of the API where a webhook could not be called and failurePolicy is Fail."""


def _unasked(tried: ValidatorTried) -> Item | None:
    subject = f"webhook {tried.webhook}"
    if tried.status:
        return Item(subject=subject, expected=f"{tried.kind} accepted", seen=tried.reason)
    if tried.refuses:
        return None
    seen = f"a wrong {tried.kind} is accepted: nobody asked the validator"
    return Item(subject=subject, expected=f"a wrong {tried.kind} refused", seen=seen)


def inject_target(canaries: Sequence[Canary], destination: Version) -> Verdict:
    """Judge whether the last observed canaries have the destination's proxy, by its injector."""
    last = sorted((c for c in canaries if c.outcome != "unobserved"), key=_moment)[-LAST:]
    if not last:
        return not_assessed(
            "no canary was observed in this step, so nothing shows what is injected"
        )
    return judged(
        [item for c in last if (item := _wrong(c, destination)) is not None],
        holds_as=f"Injected with {destination}: the last "
        f"{number(len(last), 'canary', 'canaries')}",
        violated_as="New pods are not injected with the destination's proxy",
        expected=f"the last {number(len(last), 'canary', 'canaries')} injected "
        f"by and with {destination}",
        cause="the old injector still answers, or the new one cannot be called",
        next_command="kubectl -n linkerd rollout status deployment/linkerd-proxy-injector",
    )


def _moment(canary: Canary) -> float:
    return canary.at.timestamp()


def _wrong(canary: Canary, destination: Version) -> Item | None:
    by = canary.injected_by.rpartition(" ")[2]
    if (
        canary.outcome == "injected"
        and canary.version == destination.text
        and by in ("", destination.text)
    ):
        return None
    if canary.outcome == "injected":
        seen = f"proxy {canary.version or 'of unknown version'} by {canary.injected_by}"
    elif canary.outcome == "refused":
        seen = f"refused: {canary.reason}"
    else:
        seen = "created without a proxy"
    subject = f"canary {canary.name} at {canary.at:%H:%M:%S}Z"
    return Item(subject=subject, expected=f"proxy {destination}", seen=seen)


def _callable(facts: ClusterFacts) -> Verdict:
    """Judge whether every webhook's Service has a ready endpoint."""
    if not facts.endpoints and (why := facts.cannot_read("endpointslices.discovery.k8s.io")):
        return not_assessed(f"the webhooks' endpoints could not be read ({why})")
    return judged(
        _unanswered(facts),
        holds_as="Every webhook has a ready endpoint",
        violated_as="A webhook has no ready endpoint",
        expected="at least one ready endpoint behind each webhook's Service",
        cause="no pod of the component is ready",
        next_command=f"kubectl -n {facts.control_plane_namespace} get pods",
    )


def _unanswered(facts: ClusterFacts) -> Iterator[Item]:
    ready = {(e.namespace, e.name): e.ready for e in facts.endpoints}
    for webhook in facts.webhooks:
        if not is_linkerd(webhook, facts) or not webhook.service_name:
            continue
        place = (webhook.service_namespace, webhook.service_name)
        if not ready.get(place):
            yield Item(
                subject=f"webhook {webhook.name}",
                expected="a ready endpoint",
                seen=f"none behind Service {'/'.join(place)}",
            )
