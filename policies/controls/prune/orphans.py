"""What an upgrade leaves behind: labelled objects, webhooks, API services that nothing renders."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from oci.reference import parse as reference
from policies.controls.extensions.installed import retired
from policies.controls.prune.pruning import inventory, is_linkerds, labelled, whose
from policies.facts.cluster import ClusterFacts, LabelledObject, ObjectKey, Webhook
from policies.facts.observations import Rendered
from policies.releases.grammar import Version, parse
from policies.verdicts.findings import Item, Verdict, judged, not_assessed


def no_orphans(
    facts: ClusterFacts, destination: Version, *, rendered: Iterable[Rendered] = ()
) -> Verdict:
    """Judge whether anything of an older version is left: webhooks, objects and more (PRN-03).

    A labelled object that no release rendered is no orphan but somebody's: it is explained.
    """
    why = facts.cannot_read("mutatingwebhookconfigurations.admissionregistration.k8s.io")
    if why:
        return not_assessed(f"webhook configurations could not be read ({why})")
    if not facts.objects or not facts.namespaces:
        return not_assessed("no labelled object, or no namespace, was seen")
    keys = frozenset(o.key for r in rendered for o in r.objects) or inventory(destination, facts)
    running = dict(old_components(facts, keys)) if keys else {}
    items = [i for w in facts.webhooks if (i := _dangling(w, facts)) is not None]
    items += _api_services(facts)
    if keys:
        items += [
            Item(
                subject=str(o.key),
                expected=f"gone: {destination} does not render it",
                seen=_left_behind(o, running.get(o.key, "")),
                explained=""
                if is_linkerds(o) or o.key in running
                else "not known to be Linkerd's; see PRN-01",
            )
            for o in labelled(facts)
            if o.key not in keys and not _belongs_to_webhook(o.key, items)
        ]
    items += _retired_extensions(facts, destination)
    if not keys and all(item.explained for item in items):
        return not_assessed(f"which objects {destination} renders is not known")
    return judged(
        items,
        holds_as="Nothing of an older version is orphaned",
        violated_as="Something of an older version is orphaned",
        expected=f"only objects {destination} renders, webhooks and APIServices that answer",
        cause="a prune that was left out or could not see a kind, or an extension that Linkerd no "
        "longer has",
        next_command="linkerd prune",
    )


def _left_behind(one: LabelledObject, runs: str) -> str:
    if runs:
        return f"left behind, and runs {runs}"
    if is_linkerds(one):
        return f"left behind, created by {one.created_by or 'an older release'}"
    return whose(one.key)


def old_components(
    facts: ClusterFacts, rendered: Collection[ObjectKey]
) -> Iterator[tuple[ObjectKey, str]]:
    """Yield labelled workloads that nothing renders and that run an image of a Linkerd release.

    Components older than any inspected release are in no inventory: their images say what they
    are. A proxy that was injected by hand makes no component.
    """
    images = {(w.kind, w.namespace, w.name): w.images for w in facts.workloads}
    for one in labelled(facts):
        key = one.key
        if key in rendered or one.extension:
            continue
        for container, image in images.get((key.kind, key.namespace, key.name), ()):
            release = parse(reference(image).tag)
            ours = release.known and "linkerd" in reference(image).path
            if ours and container not in ("linkerd-proxy", "linkerd-init"):
                yield key, image
                break


def _belongs_to_webhook(key: ObjectKey, items: Iterable[Item]) -> bool:
    return any(i.subject.endswith(f" {key.name}") for i in items)


def _dangling(webhook: Webhook, facts: ClusterFacts) -> Item | None:
    """Tell of a webhook whose Service is gone; of foreign ones if their namespace is, too."""
    if not webhook.service_name:
        return None
    place = (webhook.service_namespace, webhook.service_name)
    services = {(o.key.namespace, o.key.name) for o in facts.objects if o.key.kind == "Service"}
    services |= {(e.namespace, e.name) for e in facts.endpoints}
    gone = place[0] not in {n.name for n in facts.namespaces}
    ours = webhook.control_plane != "" or webhook.configuration.startswith("linkerd-")
    if place in services or not (ours or gone):
        return None
    return Item(
        subject=f"{webhook.configuration_kind} {webhook.configuration}",
        expected=f"Service {'/'.join(place)}",
        seen=f"the {'namespace' if gone else 'Service'} is gone; every call fails "
        f"({webhook.failure_policy})",
    )


def _api_services(facts: ClusterFacts) -> Iterator[Item]:
    namespaces = {n.name for n in facts.namespaces}
    for service in facts.api_services:
        ours = service.control_plane or service.extension or "linkerd" in service.service_namespace
        if not ours or (service.available and service.service_namespace in namespaces):
            continue
        gone = service.service_namespace not in namespaces
        yield Item(
            subject=f"APIService {service.name}",
            expected="available",
            seen=f"namespace {service.service_namespace} is gone" if gone else service.reason,
        )


def _retired_extensions(facts: ClusterFacts, destination: Version) -> Iterator[Item]:
    for namespace in facts.namespaces:
        if retired(namespace.extension, destination):
            yield Item(
                subject=f"namespace {namespace.name}",
                expected=f"gone: {destination} has no extension {namespace.extension}",
                seen="still there, with cluster-wide objects nothing removes",
                explained="extensions have a step of their own; judged by EXT-05",
            )
