"""Discovery: do the addresses that proxies are told agree with the EndpointSlices."""

from __future__ import annotations

from collections.abc import Sequence

from policies.facts.cluster import ClusterFacts
from policies.facts.discovery import Address, Discovery, ServiceAnswer
from policies.verdicts.findings import SHOWN, Item, Verdict, holds, not_assessed, violated
from policies.verdicts.wording import number


def differences(answer: ServiceAnswer) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """Return (answered and not ready, ready and not answered)."""
    said = {a.place for a in answer.answered}
    ready = {a.place for a in answer.ready}
    known = ready | {a.place for a in answer.moved}
    extra = tuple(a for a in answer.answered if a.place not in known)
    return extra, tuple(a for a in answer.ready if a.place not in said)


def agrees(found: Discovery) -> bool:
    """Return whether it answered, and as the slices say."""
    return not found.unreadable and not any(any(differences(s)) for s in found.services)


def answers_match(found: Sequence[Discovery], facts: ClusterFacts) -> Verdict:
    """Judge whether discovery answers what the EndpointSlices say, Service by Service (CP-09).

    Ports of one Service are compared together: the answer names the pod's port only. An answer
    that agreed in the end holds; the lag is told.

    Args:
        found: The last answer of each pod of the destination controller that was asked.
        facts: At the end of the step.
    """
    items = [i for each in found for s in each.services if (i := _item(each, s)) is not None]
    if items:
        seen = "; ".join(f"{i.subject}: {i.seen}" for i in items[:SHOWN])
        return violated(
            "Discovery answers other addresses than the EndpointSlices",
            expected="the ready addresses of each Service's EndpointSlices",
            seen=seen + (f"; and {len(items) - SHOWN} more" if len(items) > SHOWN else ""),
            items=items,
            cause="a destination controller that lags behind the API server, or does not see it",
            next_command=f"kubectl -n {facts.control_plane_namespace} logs deploy/"
            "linkerd-destination -c destination",
        )
    if not found:
        return not_assessed(
            "no destination controller runs in a simulated cluster"
            if facts.simulated
            else "discovery was not asked"
        )
    silent = [f"{f.pod}: {f.unreadable}" if f.pod else f.unreadable for f in found if f.unreadable]
    if silent:
        return not_assessed(f"discovery did not answer: {'; '.join(silent)}")
    if not any(f.services for f in found):
        return not_assessed("no Service of a meshed workload has a ready endpoint")
    return holds("Discovery answers match the EndpointSlices", seen=_told(found))


def _item(found: Discovery, answer: ServiceAnswer) -> Item | None:
    extra, missing = differences(answer)
    parts = [
        f"{said}: {_named(those)}"
        for said, those in (("answered, not ready", extra), ("ready, not answered", missing))
        if those
    ]
    if not parts:
        return None
    return Item(
        subject=f"Service {answer.namespace}/{answer.name} by {found.pod}",
        expected=_named(answer.ready) or "no address",
        seen=f"{'; '.join(parts)} (asked {found.asked} times in {found.seconds:.1f} s)",
    )


def _named(found: Sequence[Address]) -> str:
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(str(a) for a in found[:SHOWN]) + more


def _told(found: Sequence[Discovery]) -> str:
    """Return how many were asked, of how many, and who agreed late."""
    most = max(found, key=lambda f: len(f.services))
    places = {a.place for s in most.services for a in s.answered}
    parts = [
        f"{len(most.services)} of "
        f"{number(len(most.services) + most.left_out, 'Service')}, "
        f"{number(len(places), 'address', 'addresses')}, "
        f"by {len(found)} of {number(most.pods, 'destination pod')}"
    ]
    parts += [
        f"{f.pod} agreed when asked {number(f.asked, 'time')}, after {f.seconds:.1f} s"
        for f in found
        if f.asked > 1
    ]
    return "; ".join(parts)
