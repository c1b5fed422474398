"""Endpoints of the control plane through a step: was there one at every moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from policies.facts.cluster import ClusterFacts
from policies.facts.observations import EndpointMoment
from policies.verdicts.findings import Item, Verdict, judged, not_assessed

COMPONENTS = {
    "linkerd-dst": "destination",
    "linkerd-identity": "identity",
    "linkerd-policy": "policy",
    "linkerd-proxy-injector": "proxy-injector",
}
"""Service of the control plane -> the component behind it (Linkerd reference, architecture)."""


def ready_at_every_moment(moments: Sequence[EndpointMoment], facts: ClusterFacts) -> Verdict:
    """Judge whether every component had a ready endpoint at every moment of the step (CP-08).

    Args:
        moments: Changes in order, the state at the step's start first.
        facts: At the end of the step; its time closes a stretch that is still open.
    """
    watched = {m.service for m in moments}
    missing = [s for s in COMPONENTS if s not in watched]
    if missing:
        return not_assessed(f"endpoints were not observed: {', '.join(missing)}")
    by_service: dict[str, list[EndpointMoment]] = defaultdict(list)
    for moment in moments:
        by_service[moment.service].append(moment)
    items = [
        item
        for service in COMPONENTS
        for item in _gaps(service, by_service[service], facts.taken_at)
    ]
    return judged(
        items,
        holds_as="Every component had a ready endpoint at every moment",
        violated_as="A component was without a ready endpoint",
        expected="at least one ready endpoint behind each Service of the control plane",
        cause="one replica without surge, a new pod that is slow to become ready, or an eviction",
        next_command=f"kubectl -n {facts.control_plane_namespace} get endpointslices,pods",
    )


def _gaps(service: str, moments: Iterable[EndpointMoment], end: datetime) -> Iterator[Item]:
    since: datetime | None = None
    for moment in moments:
        if moment.ready == 0 and since is None:
            since = moment.at
        elif moment.ready and since is not None:
            yield _item(service, since, moment.at, "")
            since = None
    if since is not None:
        yield _item(service, since, end, " and still none")


def _item(service: str, since: datetime, until: datetime, after: str) -> Item:
    seconds = (until - since).total_seconds()
    return Item(
        subject=f"{COMPONENTS[service]} (Service {service})",
        expected="1 ready endpoint or more",
        seen=f"none for {seconds:.1f} s from {since:%H:%M:%S.%f}"[:-3] + f"Z{after}",
    )
