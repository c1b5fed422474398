"""Conditions over stored values, pins and what of them is a default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci.reference import version_text
from policies.planning.conditions.general import extension, native_pods
from policies.planning.conditions.registry import Answer, any_of, condition, listed
from policies.releases import catalogue
from policies.releases.versions import Order, compare, parse
from policies.skew import settings
from policies.skew.ownership import release_secrets
from policies.verdicts.wording import number, verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.facts.cluster import ClusterFacts
    from policies.skew.hops import Hop

    Arguments = tuple[str, ...]


CLI = "linkerd/cli "
"""Mark of a pod that was injected by hand."""


@condition("native sidecar with wait before exit", "pods")
def _native_and_wait(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    wait = settings.value(facts, "proxy.waitBeforeExitSeconds")
    native = settings.value(facts, "proxy.nativeSidecar")
    if wait not in (None, "0") and native == "true":
        return Answer(True, f"proxy.nativeSidecar true, proxy.waitBeforeExitSeconds {wait}")
    if wait in (None, "0") and native != "true" and not native_pods(facts):
        return Answer(False, "no native sidecar runs, and the values ask for none")
    return Answer(None, "annotations that set the wait per pod are not read")


@condition("wait before exit")
def _wait_before_exit(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    wait = settings.value(facts, "proxy.waitBeforeExitSeconds")
    if wait not in (None, "0"):
        return Answer(True, f"proxy.waitBeforeExitSeconds {wait}")
    return Answer(None, "annotations that set the wait per pod are not read")


@condition("native sidecar becomes default", "pods")
def _native_default(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    chosen = settings.is_set(facts, "proxy.nativeSidecar")
    if chosen.known and chosen.found:
        return Answer(False, f"{chosen.seen}: the choice is kept")
    before = sum(1 for p in facts.pods if p.proxy and not p.proxy.native)
    target = catalogue().release(hop.destination)
    if target is not None and target.native_sidecar is False:
        return Answer(False, f"{hop.destination} does not use native sidecars by default")
    told = f"{number(before, 'pod')} {verb(before, 'runs', 'run')}"
    return Answer(True, f"{told} the proxy as a container; new ones will not")


@condition("proxy pinned below", "pods", "workloads", "namespaces", takes="EDGE")
def _pinned_below(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    if settings.value(facts, "cniEnabled") == "true":
        return Answer(False, "linkerd-cni is used: there is no linkerd-init")
    places = list(pins(facts))
    text = version_text(settings.value(facts, "proxy.image.version") or "")
    value = settings.is_set(facts, "proxy.image.version")
    if text and (value.found or (not value.known and text != hop.source.text)):
        places.append(("value proxy.image.version", text))
    bound = parse(arguments[0])
    orders = [(place, text, compare(parse(text), bound)) for place, text in places]
    old = [f"{place} pinned to {text}" for place, text, order in orders if order is Order.LESS]
    if old:
        return Answer(True, listed(old))
    blind = [f"{place}: {text}" for place, text, order in orders if order is Order.INCOMPARABLE]
    if blind:
        return Answer(None, f"cannot be placed: {listed(blind)}")
    image = settings.is_set(facts, "proxy.image.name")
    if image.known and image.found:
        return Answer(None, f"{image.seen}: a build of its own")
    return Answer(False, "no proxy is pinned to an older release")


def pins(facts: ClusterFacts) -> Iterator[tuple[str, str]]:
    """Yield (what, version) of each pin that the injector obeys when it makes the next pod.

    A pod that a workload renews follows the template; what is injected by hand, or not at all, is
    no matter of the injector's.
    """
    spaces = {n.name: n for n in facts.namespaces}
    known: set[tuple[str, str, str]] = set()
    for workload in facts.workloads:
        known.add((workload.kind, workload.namespace, workload.name))
        space = spaces.get(workload.namespace)
        wanted = workload.inject or (space.inject if space else "")
        if workload.hand_injected or wanted not in ("enabled", "ingress"):
            continue
        if workload.pinned:
            yield workload.key, workload.pinned
        elif space and space.pinned:
            yield f"{workload.key}, by its namespace,", space.pinned
    for pod in facts.pods:
        renewed = (pod.owner_kind, pod.namespace, pod.owner_name) in known
        if pod.pinned and pod.proxy and not renewed and not pod.proxy.injected_by.startswith(CLI):
            yield f"pod {pod.key}", pod.pinned


@condition("installed by helm")
def _by_helm(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    if facts.config is None:
        return Answer(None, "linkerd-config could not be read")
    if releases := release_secrets(facts):
        return Answer(True, f"Secret {releases[-1]}")
    helm = facts.config.created_by.startswith("linkerd/helm")
    return Answer(helm, facts.config.created_by or "no sign of Helm")


@condition("tracing is used", "namespaces")
def _tracing(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    jaeger = extension(facts, hop, ("jaeger",))
    if jaeger.applies:
        return jaeger
    switches = ("controlPlaneTracing", "proxy.tracing.enabled", "controller.tracing.enabled")
    on = [f"value {path} true" for path in switches if settings.value(facts, path) == "true"]
    if not on and facts.config is None:
        return Answer(None, "linkerd-config could not be read")
    return any_of(on, "no jaeger extension, and no value turns tracing on")


@condition("tracing with another trust domain", "namespaces")
def _tracing_domain(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    tracing = _tracing(facts, hop, ())
    if not tracing.applies:
        return tracing
    trust = settings.value(facts, "identityTrustDomain") or "cluster.local"
    cluster = settings.value(facts, "clusterDomain") or "cluster.local"
    return Answer(trust != cluster, f"trust domain {trust}, cluster domain {cluster}")


@condition("value is set", takes="PATH ...")
def _value_is_set(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    chosen = settings.is_set(facts, *arguments)
    return Answer(chosen.found if chosen.known else None, chosen.seen)


@condition("value is not pinned", takes="PATH ...")
def _value_not_pinned(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    chosen = settings.is_set(facts, *arguments)
    if chosen.known and chosen.found:
        return Answer(False, f"{chosen.seen}: the choice is kept")
    return Answer(None, f"{chosen.seen}; whether the nodes mind is not known")


@condition("default is in force", takes="PATH ...")
def _default_in_force(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    """Answer whether a default reaches this cluster: nobody set the value, or what is above it."""
    chosen = settings.is_set(facts, *arguments)
    if not chosen.known:
        return Answer(None, chosen.seen)
    seen = chosen.seen if chosen.found else f"{' and '.join(arguments)} is not set by the user"
    return Answer(not chosen.found, seen)


@condition("value is", takes="PATH VALUE")
def _value_is(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    path, wanted = arguments
    text = settings.value(facts, path)
    if text is None:
        return Answer(None, f"value {path} is not known")
    return Answer(text == wanted, f"value {path} {text}")


@condition("value contains", takes="PATH TEXT")
def _value_contains(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    path, part = arguments
    text = settings.value(facts, path)
    if text is None:
        return Answer(None, f"value {path} is not known")
    return Answer(part in text, f"value {path} {text}")


@condition("issuer scheme and pem stored")
def _issuer_stored(facts: ClusterFacts, hop: Hop, arguments: Arguments) -> Answer:
    scheme = settings.is_set(facts, "identity.issuer.scheme")
    pem = settings.is_set(facts, "identity.issuer.tls.crtPEM")
    if not (scheme.known and pem.known):
        return Answer(None, scheme.seen)
    return Answer(scheme.found and pem.found, f"{scheme.seen}; {pem.seen}")
