"""Two linked clusters held against each other: what one says of the other, and what is there.

One cluster alone cannot tell that a link leads nowhere, that its peer has another trust anchor, or
that a mirror's Service is no longer exported. Source: Linkerd's guide on multicluster.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.facts.cluster import Bundle, ClusterFacts
from policies.facts.links import Link, Multicluster
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.wording import number


def agree(here: ClusterFacts, there: ClusterFacts) -> Verdict:
    """Judge whether link, mirrors and anchors are those of the other cluster (part of EXT-04).

    Args:
        here: The cluster that mirrors.
        there: The one that exports; Links here name it as its facts do.
    """
    name = there.cluster
    for facts in (here, there):
        if why := facts.cannot_read("links.multicluster.linkerd.io", "services", "configmaps"):
            return not_assessed(f"cluster {facts.cluster} could not be read ({why})")
    mine, other = here.multicluster or Multicluster(), there.multicluster or Multicluster()
    link = next((x for x in mine.links if x.cluster == name), None)
    items: list[Item] = []
    if link is None:
        items.append(Item(subject=f"Link to {name}", expected="there", seen="none"))
    else:
        items += _gateway(link, other, name)
        items += _mirrors(here, mine, other, name)
    anchors, others = here.trust_roots, there.trust_roots
    if anchors is not None and others is not None:
        items += _anchors(anchors, others, name)
    elif not items:
        unread = here.cluster if anchors is None else name
        return not_assessed(f"cluster {unread} shows no trust anchors: their ConfigMap is absent")
    same = [*_compared(link, other), "anchors", number(len(other.exported), "exported Service")]
    return judged(
        items,
        holds_as=f"{here.cluster} and {name} agree: {', '.join(same)}",
        violated_as=f"{here.cluster} does not agree with {name}, which it is linked to",
        expected="a link to the gateway that is there, one trust anchor at least in common, a "
        "mirror for each exported Service and no other",
        cause="the other cluster's gateway, anchors or exports changed in its upgrade, or its "
        "link was not made again",
        next_command=f"linkerd --context={name} multicluster link-gen --cluster-name {name} | "
        "kubectl apply -f -; linkerd multicluster check",
    )


def _compared(link: Link | None, other: Multicluster) -> list[str]:
    """Return what of the gateway both sides name; nothing where the Link needs none."""
    if link is None or not link.gateway:
        return []
    address = any(g.addresses for g in other.gateways)
    identity = any(g.identity for g in other.gateways)
    return [*(["gateway"] if address else []), *(["identity"] if identity else [])]


def _anchors(here: Bundle, there: Bundle, name: str) -> Iterator[Item]:
    known = {c.sha256 for c in here.certificates}
    if not known & {c.sha256 for c in there.certificates}:
        yield Item(
            subject=here.place,
            expected=f"an anchor that {name} has as well",
            seen="none in common: no gateway accepts the other's clients",
        )


def _gateway(link: Link, other: Multicluster, name: str) -> Iterator[Item]:
    subject = f"Link {link.namespace}/{link.name}"
    if not link.gateway:
        return
    if not other.gateways:
        yield Item(subject=subject, expected=f"a gateway in {name}", seen="none is there")
        return
    wanted = {a for g in other.gateways for a in g.addresses}
    seen = {a.strip() for a in link.gateway.split(",")}
    if wanted and not seen & wanted:
        yield Item(
            subject=subject, expected=f"the gateway at {', '.join(sorted(wanted))}",
            seen=link.gateway,
        )  # fmt: skip
    identities = {g.identity for g in other.gateways} - {""}
    if identities and link.gateway_identity not in identities:
        yield Item(
            subject=subject, expected=f"gateway identity {', '.join(sorted(identities))}",
            seen=link.gateway_identity or "none",
        )  # fmt: skip


def _mirrors(
    here: ClusterFacts, mine: Multicluster, other: Multicluster, name: str
) -> Iterator[Item]:
    spaces = {n.name for n in here.namespaces}
    exported = {(e.namespace, f"{e.name}-{name}"): e for e in other.exported}
    mirrors = {
        (m.namespace, m.name): m
        for m in mine.mirrors
        if m.cluster == name and not m.probe and not m.discovered
    }
    for place, service in sorted(exported.items()):
        if place not in mirrors and place[0] in spaces:
            subject = f"mirror Service {place[0]}/{place[1]}"
            yield Item(subject=subject, expected=f"there: {service} is exported", seen="none")
    for place in sorted(mirrors.keys() - exported.keys()):
        yield Item(
            subject=f"mirror Service {place[0]}/{place[1]}",
            expected=f"an exported Service in {name}",
            seen="none: its requests end at a gateway that knows no such Service",
        )
