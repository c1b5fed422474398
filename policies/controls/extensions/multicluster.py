"""Linked clusters: links, credentials, mirrors, gateways and the controllers that keep them.

A mirror is a Service that clients call; a controller keeps its address, holding a lease. An
upgrade must leave the identity of both, and pass the lease on. Source: Linkerd's guides on
multicluster; measured between two real clusters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.controls.extensions.linked import agree
from policies.facts.cluster import ClusterFacts, ObjectKey, Workload
from policies.facts.links import Lease, Link, Mirror, Multicluster
from policies.releases.versions import Version
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import number

_DURATION = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+")
DURATIONS_SINCE = (25, 1, 2)
"""Edge from which `probeSpec.period` must be a duration."""


def consistent(before: ClusterFacts, after: ClusterFacts, destination: Version) -> Verdict:
    """Judge whether links, credentials, mirrors, gateways and controllers are whole (EXT-04).

    Args:
        before: Before the step.
        after: After it.
        destination: Of the hop.
    """
    if why := after.cannot_read("links.multicluster.linkerd.io", "services", "endpoints"):
        return not_assessed(f"links or mirrors could not be read ({why})")
    was, now = before.multicluster, after.multicluster
    unseen = before.cannot_read("links.multicluster.linkerd.io", "services", "endpoints")
    if now is None and was is None:
        if unseen:
            return not_assessed(f"links or mirrors could not be read before ({unseen})")
        return not_applicable("the multicluster extension is not installed")
    was, now = was or Multicluster(), now or Multicluster()
    why = after.cannot_read("secrets/metadata", "leases.coordination.k8s.io")
    if now.links and why:
        return not_assessed(f"credentials or leases could not be read ({why})")
    items = [*_identities(was, now)]
    for link in now.links:
        items += _link(link, now, destination)
        items += _controllers(link, now, after)
    items += _mirrors(now)
    linked = len(now.links)
    if not any(m.links or m.mirrors or m.gateways for m in (was, now)) and not unseen:
        return not_applicable("no cluster is linked with this one, by a link or a gateway")
    return judged(
        items,
        holds_as=f"{number(linked, 'link')} with {number(len(now.mirrors), 'mirror')}, consistent"
        if linked
        else "The multicluster extension is installed, and no cluster is linked",
        violated_as="Links, mirrors or gateways are not consistent",
        expected="every link with its credentials, its controller and its mirrors, all of them "
        "the same objects as before",
        cause="an extension installed again without its `controllers`, a link made by a release "
        "that the destination does not understand, or a mirror whose link is gone",
        next_command="linkerd multicluster check; linkerd multicluster gateways",
    )


def linked(
    before: ClusterFacts, after: ClusterFacts, destination: Version, there: ClusterFacts | None
) -> Verdict:
    """Judge all of EXT-04: `consistent`, and in agreement with the other cluster where it is seen.

    Args:
        before: Before the step, or before the first one.
        after: After it.
        destination: Of the hop.
        there: The newest facts of the cluster it is linked with; None where there are none.
    """
    own = consistent(before, after, destination)
    if there is None:
        return own
    other = agree(after, there)
    return combined([own, other], holds_as=f"{own.summary}; {other.summary}")


def _identities(was: Multicluster, now: Multicluster) -> Iterator[Item]:
    """Yield objects that others know by address: they must be the same objects still."""
    for what, old, new in (
        ("Link", was.links, now.links),
        ("mirror Service", was.mirrors, now.mirrors),
        ("gateway Service", was.gateways, now.gateways),
    ):
        uids = {(o.namespace, o.name): o.uid for o in new}
        for one in old:
            uid = uids.get((one.namespace, one.name), "")
            if uid != one.uid:
                yield Item(
                    subject=f"{what} {one.namespace}/{one.name}",
                    expected=f"the same object ({one.uid})",
                    seen=f"another object ({uid})" if uid else "gone",
                )
    addresses = {(g.namespace, g.name): g.addresses for g in now.gateways}
    for gateway in was.gateways:
        seen = addresses.get((gateway.namespace, gateway.name))
        if seen is not None and seen != gateway.addresses:
            yield Item(
                subject=f"gateway Service {gateway.namespace}/{gateway.name}",
                expected=", ".join(gateway.addresses) or "no address",
                seen=", ".join(seen) or "no address",
            )


def _link(link: Link, now: Multicluster, destination: Version) -> Iterator[Item]:
    subject = f"Link {link.namespace}/{link.name}"
    wanted = {
        (link.namespace, link.credentials or f"cluster-credentials-{link.cluster}"),
        ("linkerd", f"cluster-credentials-{link.cluster}"),
    }
    for namespace, name in sorted(wanted - {(c.namespace, c.name) for c in now.credentials}):
        key = ObjectKey(kind="Secret", namespace=namespace, name=name)
        yield Item(subject=subject, expected=str(key), seen="no such Secret")
    strict = destination.channel != "edge" or destination.numbers >= DURATIONS_SINCE
    if strict and link.probe_period and not _DURATION.fullmatch(link.probe_period):
        yield Item(
            subject=subject,
            expected="probeSpec.period as a duration",
            seen=f"{link.probe_period}, made by {link.created_by or 'an unknown release'}",
        )
    made = link.created_by.rpartition(" ")[2]
    if made != destination.text:
        yield Item(
            subject=subject,
            expected=f"made by {destination}",
            seen=f"made by {made or 'an unknown release'}",
            explained="a Link of an older release is served on; made again it changes nothing",
        )


def _controllers(link: Link, now: Multicluster, facts: ClusterFacts) -> Iterator[Item]:
    subject = f"Link {link.namespace}/{link.name}"
    names = {f"controller-{link.cluster}", f"linkerd-service-mirror-{link.cluster}"}
    workloads: list[Workload] = [
        w for w in facts.workloads if w.namespace == link.namespace and w.name in names
    ]
    if len(workloads) != 1:
        seen = ", ".join(w.name for w in workloads) or "none"
        yield Item(subject=subject, expected="one controller that mirrors it", seen=seen)
        return
    if workloads[0].available < 1:
        yield Item(subject=subject, expected=f"{workloads[0].name} available", seen="no pod is")
    lease = _lease(link, now)
    if not _is_held(link, now, facts):
        yield Item(
            subject=f"lease service-mirror-write-{link.cluster}",
            expected=f"held by a ready pod of {workloads[0].name}",
            seen=f"held by {lease.holder}, which is not ready" if lease else "no such lease",
        )


def leases_held(facts: ClusterFacts) -> bool:
    """Return whether a ready pod holds each link's lease: a new one takes it after the old went.

    A holder that ends in order gives it back; of one that does not it is free after 30 s.
    Source: linkerd2, multicluster/service-mirror, its leader election.
    """
    now = facts.multicluster
    return now is None or all(_is_held(link, now, facts) for link in now.links)


def _lease(link: Link, now: Multicluster) -> Lease | None:
    return next((x for x in now.leases if x.name == f"service-mirror-write-{link.cluster}"), None)


def _is_held(link: Link, now: Multicluster, facts: ClusterFacts) -> bool:
    lease = _lease(link, now)
    alive = {
        p.name for p in facts.pods if p.namespace == link.namespace and p.ready and not p.deleting
    }
    return lease is not None and lease.holder in alive


def _mirrors(now: Multicluster) -> Iterator[Item]:
    links = {link.cluster: link for link in now.links}
    for mirror in now.mirrors:
        link = links.get(mirror.cluster)
        if mirror.cluster and link is None:
            yield Item(
                subject=f"mirror Service {mirror.namespace}/{mirror.name}",
                expected=f"a Link to {mirror.cluster}",
                seen=f"none; its address stays {', '.join(mirror.addresses) or 'empty'}",
            )
        elif link is not None:
            yield from _address(mirror, link)


def _address(mirror: Mirror, link: Link) -> Iterator[Item]:
    if mirror.discovered or not link.gateway:
        return
    gateways = {a.strip() for a in link.gateway.split(",")}
    by_name = any(not re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]+", g) for g in gateways)
    if mirror.addresses and (by_name or set(mirror.addresses) <= gateways):
        return
    yield Item(
        subject=f"mirror Service {mirror.namespace}/{mirror.name}",
        expected=f"the gateway of {link.cluster}: {link.gateway}",
        seen=", ".join(mirror.addresses) or "no endpoints",
    )
