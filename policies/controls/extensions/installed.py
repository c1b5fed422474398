"""Linkerd's extensions: which a cluster has, whether they are at their release, and ready.

An extension has no upgrade of its own: it is installed again, and nothing says that it was not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from oci.reference import parse as reference
from policies.controls.control_plane.availability import rollouts_complete
from policies.controls.preflight.images import BY_DIGEST, UNKNOWN_AS, apart, by_digest_alone
from policies.controls.whole_run.checks import agrees
from policies.facts.cluster import ClusterFacts, Fact, Workload
from policies.facts.observations import CheckRun
from policies.releases import Component, catalogue
from policies.releases.versions import Version, logical
from policies.skew.planes import ENDED, not_seen
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed

COMPONENTS: Mapping[str, tuple[Component, ...]] = {
    "viz": ("viz",),
    "multicluster": ("multicluster", "multicluster_ha"),
    "jaeger": ("jaeger",),
}
"""Extensions that Linkerd itself releases -> their parts of the inventory."""
CATEGORIES = ("linkerd-viz", "linkerd-viz-data-plane", "linkerd-multicluster", "linkerd-jaeger")
"""Categories that `linkerd check` has of its extensions."""
RETIRED = {"jaeger": (2, 19)}
"""Extension -> the logical version from which Linkerd no longer has it."""
OWN_IMAGES = frozenset({"metrics-api", "tap", "web", "jaeger-webhook", "controller"})
"""Images that are tagged with Linkerd's release."""
PROXY_CONTAINERS = frozenset({"linkerd-proxy", "linkerd-init", "linkerd-network-validator"})
NONE = "no extension is installed"


class Installed(Fact, frozen=True, kw_only=True):
    """An extension by the label of its namespace."""

    name: str
    namespace: str


def installed(facts: ClusterFacts) -> tuple[Installed, ...]:
    """Return the extensions of a cluster, Linkerd's own and others', by name.

    Helm makes a namespace without the label; a Job of the chart adds it, unless that is turned
    off. The extension's own workloads carry it all the same.
    """
    found = {n.name: n.extension for n in facts.namespaces if n.extension}
    for workload in facts.workloads:
        if workload.extension and workload.kind != "Job":
            found.setdefault(workload.namespace, workload.extension)
    every = [Installed(name=name, namespace=space) for space, name in found.items()]
    return tuple(sorted(every, key=lambda e: (e.name, e.namespace)))


def retired(name: str, destination: Version) -> bool:
    """Return whether the destination no longer has this extension."""
    since, version = RETIRED.get(name), logical(destination)
    return bool(since and version and (version.major, version.minor) >= since)


def blind(facts: ClusterFacts) -> str:
    """Return why extensions cannot be judged; empty when they can."""
    why = not_seen(facts, "namespaces", "deployments.apps")
    return why or ("" if facts.namespaces else "no namespace at all was seen")


def images_at_destination(
    facts: ClusterFacts, reaches: Mapping[str, Version], destination: Version
) -> Verdict:
    """Judge whether every container of the extensions has the image of its release (EXT-01).

    Proxies are the data plane's and judged there. An extension of somebody else has a version of
    its own that Linkerd's release says nothing of: it is shown, and not assessed.

    Args:
        facts: After the step.
        reaches: Extension -> its release, where it differs from the destination.
        destination: Of the hop.
    """
    if why := blind(facts):
        return not_assessed(f"the extensions could not be read ({why})")
    ours = [
        e for e in installed(facts) if e.name in COMPONENTS and not retired(e.name, destination)
    ]
    others = [e for e in installed(facts) if e.name not in COMPONENTS]
    images = [(e.name, [*_images(facts, e, reaches.get(e.name, destination))]) for e in ours]
    items = [item for _, each in images for item in each]
    if others and not any(not i.explained for i in items):
        named = "; ".join(_shown(facts, e) for e in others)
        return not_assessed(f"not Linkerd's own, so their release is not known: {named}")
    if not ours:
        return not_applicable(without(facts, destination))
    known, by_digest = apart(items)
    behind = [name for name, each in images if any(not i.explained for i in each)]
    named = [(name, release.text) for name, release in reaches.items()]
    return judged(
        known,
        unknown=by_digest,
        unknown_as=UNKNOWN_AS,
        holds_as=f"{names(ours)}: every image is of the extension's release",
        violated_as="Images of extensions are not the destination's",
        expected=f"the images of {destination}"
        + "".join(f", {n} at {v}" for n, v in sorted(named) if v != destination.text),
        cause="the extension was not installed again with the new client, or not with the options "
        "it has: nothing remembers them",
        next_command=f"linkerd {[*behind, ours[0].name][0]} install | kubectl apply -f -",
    )


def without(facts: ClusterFacts, destination: Version) -> str:
    """Return why nothing is said of extensions: the destination has none of Linkerd's own."""
    others = installed(facts)
    return f"{NONE} but {names(others)}, not of {destination}" if others else NONE


def names(found: Iterable[Installed]) -> str:
    return ", ".join(e.name for e in found)


def _shown(facts: ClusterFacts, one: Installed) -> str:
    tags = {
        reference(image).tag or image
        for w in facts.workloads
        if w.namespace == one.namespace
        for _, image in w.images
    }
    return f"{one.name} ({', '.join(sorted(tags)) or 'no workload'})"


def _workloads(facts: ClusterFacts, namespaces: Collection[str]) -> list[Workload]:
    return [w for w in facts.workloads if w.namespace in namespaces and w.kind != "Job"]


def _images(facts: ClusterFacts, one: Installed, release: Version) -> Iterator[Item]:
    for workload in _workloads(facts, {one.namespace}):
        for container, image in workload.images:
            yield from _image(workload.key, container, image, release)
    for pod in facts.pods:
        if pod.namespace == one.namespace and not pod.deleting and pod.phase not in ENDED:
            for container, image in pod.images:
                yield from _image(f"pod {pod.key}", container, image, release)


def _image(subject: str, container: str, image: str, release: Version) -> Iterator[Item]:
    parts = reference(image)
    if container in PROXY_CONTAINERS:
        return
    if parts.name in OWN_IMAGES and parts.tag != release.text:
        seen = image + (BY_DIGEST if by_digest_alone(image) else "")
        yield Item(subject=f"{subject} container {container}", expected=release.text, seen=seen)
    known = catalogue().images(release)
    tag = known.viz_prometheus if known else ""
    if parts.name == "prometheus" and tag and parts.tag != tag:
        yield Item(
            subject=f"{subject} container {container}",
            expected=f"prometheus {tag}, the release's default",
            seen=image,
            explained="a program of others', whose version a value may choose",
        )


def ready(facts: ClusterFacts, checks: Sequence[CheckRun] = ()) -> Verdict:
    """Judge whether extensions are rolled out and can be called, and their checks agree (EXT-02).

    Args:
        facts: After the step.
        checks: What `linkerd EXTENSION check` said of each.
    """
    if why := blind(facts):
        return not_assessed(f"the extensions could not be read ({why})")
    extensions = installed(facts)
    services = [a for a in facts.api_services if a.extension]
    if not extensions and not services:
        why = facts.cannot_read("apiservices.apiregistration.k8s.io")
        unseen = f"whether an APIService of an extension is left is not known ({why})"
        return not_assessed(unseen) if why else not_applicable(NONE)
    spaces = {e.namespace for e in extensions}
    parts = [
        rollouts_complete(facts, _workloads(facts, spaces)),
        _answering(facts, spaces),
        *(agrees(check) for check in checks),
    ]
    return combined(
        parts, holds_as=f"{names(extensions)}: rolled out, and what they serve answers"
    )


def _answering(facts: ClusterFacts, namespaces: Collection[str]) -> Verdict:
    items = [
        Item(
            subject=f"APIService {service.name}",
            expected="available",
            seen=service.reason or "not available",
        )
        for service in facts.api_services
        if not service.available and (service.extension or service.service_namespace in namespaces)
    ]
    ready_behind = {(e.namespace, e.name): e.ready for e in facts.endpoints}
    items += [
        Item(
            subject=f"{hook.configuration_kind} {hook.configuration}",
            expected="a ready endpoint",
            seen=f"none behind Service {hook.service_namespace}/{hook.service_name}",
        )
        for hook in facts.webhooks
        if hook.service_namespace in namespaces
        and not ready_behind.get((hook.service_namespace, hook.service_name))
    ]
    return judged(
        items,
        holds_as="APIServices are available, webhooks have endpoints",
        violated_as="What an extension serves does not answer",
        expected="every APIService available, a ready endpoint behind each webhook",
        cause="no pod of the extension is ready, or its Service is gone; every client that "
        "discovers the API then waits for it",
        next_command="kubectl get apiservices; kubectl -n linkerd-viz get pods",
    )
