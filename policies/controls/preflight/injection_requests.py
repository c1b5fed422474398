"""What asks for injection in words or places that the injector does not look at (PRE-15).

The injector reads annotations, of the pod and of its namespace; it knows three values of
`linkerd.io/inject` and a fixed set of keys below `config.linkerd.io/`. Anything else is ignored
without a word. Source: linkerd2, `pkg/inject`, `pkg/k8s/labels.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from policies.facts.cluster import ClusterFacts, Pod
from policies.skew.planes import not_seen
from policies.verdicts.findings import Item, Verdict, judged, not_assessed

INJECT = "linkerd.io/inject"
VALUES = ("enabled", "disabled", "ingress")
MEANT = {
    "enabled": ("enable", "true", "yes", "on", "1", "inject", "injected", "auto"),
    "disabled": ("disable", "false", "no", "off", "0", "none", "skip", "ignore"),
}
CONFIG = ("config.linkerd.io", "config.alpha.linkerd.io", "config.beta.linkerd.io")
NAMES = frozenset(
    {
        "access-log", "admin-port", "close-wait-timeout", "control-port", "debug-image",
        "debug-image-pull-policy", "debug-image-version", "default-inbound-policy",
        "disable-identity", "disable-tap", "enable-debug-sidecar", "enable-external-profiles",
        "enable-gateway", "image-pull-policy", "inbound-port", "init-image",
        "init-image-version", "opaque-ports", "outbound-port", "pod-inbound-ports",
        "proxy-additional-env", "proxy-admin-shutdown", "proxy-await", "proxy-cpu-limit",
        "proxy-cpu-ratio-limit", "proxy-cpu-request",
        "proxy-disable-inbound-protocol-detect-timeout",
        "proxy-disable-outbound-protocol-detect-timeout", "proxy-enable-native-sidecar",
        "proxy-ephemeral-storage-limit", "proxy-ephemeral-storage-request", "proxy-gid",
        "proxy-image", "proxy-inbound-connect-timeout",
        "proxy-inbound-discovery-cache-unused-timeout", "proxy-log-format",
        "proxy-log-http-headers", "proxy-log-level", "proxy-memory-limit",
        "proxy-memory-request", "proxy-metrics-hostname-labels",
        "proxy-outbound-connect-timeout", "proxy-outbound-discovery-cache-unused-timeout",
        "proxy-outbound-transport-mode", "proxy-require-identity-inbound-ports", "proxy-uid",
        "proxy-version", "proxy-wait-before-exit-seconds", "shutdown-grace-period",
        "skip-inbound-ports", "skip-outbound-ports", "skip-subnets", "trace-collector",
        "trace-collector-service-account", "admission-webhooks",
    }
)  # fmt: skip
"""Below `config.linkerd.io/`, in any release."""
OTHERS = frozenset({"inject", "created-by", "is-control-plane", "extension", "cni-resource"})
"""Below `linkerd.io/`, that somebody may write by hand."""
LABELS = frozenset({"admission-webhooks"})
"""Of those below `config.linkerd.io/`, which are labels."""
SURE = 0.8
"""How alike two keys must be for one to be a mistyped other."""


def understood(facts: ClusterFacts) -> Verdict:
    """Judge whether each request for a proxy, or setting of one, is where it is looked for."""
    if why := not_seen(facts, "namespaces", "deployments.apps"):
        return not_assessed(f"namespaces or workloads could not be read ({why})")
    return judged(
        [*_namespaces(facts), *_workloads(facts), *_bare(facts)],
        holds_as="What asks for injection asks in words that the injector understands",
        violated_as="Something asks for injection in a way that nobody reads",
        expected="annotations of the pod template or the namespace, with a value or a key that "
        "the injector knows",
        cause="a mistyped value or key, a label in the place of an annotation, or an annotation "
        "of the workload in the place of its template's: the injector ignores it without a word",
        next_command="kubectl get namespaces,deployments,statefulsets,daemonsets -A -o yaml "
        "| grep -n linkerd.io/",
    )


def nearest(value: str) -> str:
    """Return the value of `linkerd.io/inject` that was probably meant; empty if none is near."""
    plain = value.strip().strip("\"'").lower()
    for meant, words in MEANT.items():
        if plain == meant or plain in words:
            return meant
    return next(iter(get_close_matches(plain, VALUES, n=1)), "")


def _namespaces(facts: ClusterFacts) -> Iterator[Item]:
    for space in facts.namespaces:
        subject = f"namespace {space.name}"
        label = dict(space.labels).get(INJECT)
        yield from _value(subject, space.inject)
        if label and not space.inject:
            yield _misplaced(subject, label, "a label", "an annotation")
        yield from _keys(subject, space.linkerd_keys)


def _workloads(facts: ClusterFacts) -> Iterator[Item]:
    for workload in facts.workloads:
        yield from _value(f"pod template of {workload.key}", workload.inject)
        keys = workload.linkerd_keys
        at = {place: value for place, key, value in keys if key == INJECT and value}
        wanted = next((at[p] for p in ("label", "annotation", "template label") if p in at), "")
        if wanted and not workload.inject and not workload.hand_injected:
            place = next(p for p in ("template label", "annotation", "label") if p in at)
            yield _misplaced(
                workload.key,
                at[place],
                f"a {place}" if place != "annotation" else "an annotation of the workload",
                "an annotation of its pod template",
            )
        yield from _keys(workload.key, keys)


def _bare(facts: ClusterFacts) -> Iterator[Item]:
    known = {(w.kind, w.namespace, w.name) for w in facts.workloads}
    for pod in facts.pods:
        if pod.inject and not _owned(pod, known):
            yield from _value(f"pod {pod.key}", pod.inject)


def _owned(pod: Pod, known: set[tuple[str, str, str]]) -> bool:
    return (pod.owner_kind, pod.namespace, pod.owner_name) in known


def _value(subject: str, value: str) -> Iterator[Item]:
    if value and value not in VALUES:
        meant = nearest(value)
        yield Item(
            subject=subject,
            expected=f"{INJECT}: {meant or ', '.join(VALUES)}",
            seen=f"{INJECT}: {value!r}, which means nothing to the injector"
            + (f"; nearest: {meant}" if meant else ""),
        )


def _misplaced(subject: str, value: str, seen: str, expected: str) -> Item:
    meant = value if value in VALUES else nearest(value) or "enabled"
    return Item(
        subject=subject,
        expected=f"{INJECT}: {meant} as {expected}",
        seen=f"{INJECT}: {value} as {seen}, where the injector does not look: it reads {expected}",
    )


def _keys(subject: str, keys: tuple[tuple[str, str, str], ...]) -> Iterator[Item]:
    """Yield keys that are nearly one that the injector knows."""
    for place, key, _ in keys:
        prefix, _, name = key.partition("/")
        if prefix in CONFIG and name not in NAMES:
            near = get_close_matches(name.lower(), sorted(NAMES), n=1, cutoff=SURE)
        elif prefix in CONFIG and place.endswith("label") and name not in LABELS:
            near = [name]
        elif prefix.endswith("linkerd.io") and prefix not in CONFIG and prefix != "linkerd.io":
            near = [name] if name in NAMES and _alike(prefix) else []
        elif prefix == "linkerd.io" and name not in OTHERS:
            near = get_close_matches(name.lower(), ["inject"], n=1, cutoff=SURE)
            if near:
                yield Item(subject=subject, expected=INJECT, seen=f"{place} {key}")
            continue
        else:
            continue
        if near:
            where = "" if near[0] in LABELS else " as an annotation"
            expected = f"{prefix if prefix in CONFIG else CONFIG[0]}/{near[0]}{where}"
            yield Item(subject=subject, expected=expected, seen=f"{place} {key}")


def _alike(prefix: str) -> bool:
    return bool(get_close_matches(prefix, CONFIG, n=1, cutoff=SURE))
