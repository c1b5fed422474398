"""Plan the way from one release to another: hops, why each, what blocks, which Kubernetes.

Rules and where they come from:

- Order and distance: Linkerd's upgrade guide. A control plane skips no logical version.
- A waypoint is the anchor of its logical version, unless the project advises against it or it does
  not support the Kubernetes that runs: then the next edge that nothing is said against. From a
  stable release on, waypoints are the newest stable of each logical version, where there are any,
  as the guide of that time asked.
- A destination that is `not-recommended` blocks; `conditional` and `skip-suggested` are told as
  notes. None of the three is ever a waypoint. A source advised against is a note: one must get
  away.
- Kubernetes: each hop runs on a version that both its releases support.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.planning.blockers import (
    advised_against,
    bad_kubernetes,
    kubernetes_blockers,
    no_way,
    too_far,
    unusable,
    wrong_direction,
)
from policies.planning.route import OPEN, Leg, Route, Stop, search
from policies.planning.stops import between, bounds, stop_of
from policies.releases import catalogue
from policies.releases.versions import Version, logical, logical_text, newer_than_known
from policies.skew.hops import Blocker, Hop, Plan
from policies.skew.kubernetes import parse_kubernetes
from policies.skew.rule import control_plane_versions, judge
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.wording import number as counted

if TYPE_CHECKING:
    from policies.facts.cluster import ClusterFacts

__all__ = [
    "Blocker",
    "Hop",
    "Plan",
    "blockers_of_hop",
    "path_is_legal",
    "plan",
    "way_is_open",
]


def plan(source: Version, destination: Version, *, kubernetes: str = "") -> Plan:
    """Plan the way from source to destination; what is against it is in `blockers`, never raised.

    Args:
        source: Release that runs, e.g. `edge-24.11.8`.
        destination: Release to reach.
        kubernetes: Version of the cluster, `1.29` or `v1.29.4+k3s1`; empty when not known.
    """
    blockers = (*unusable(source, "source"), *unusable(destination, "destination"))
    running = parse_kubernetes(kubernetes) if kubernetes else None
    if kubernetes and (running is None or running.major != 1):
        blockers = (*blockers, bad_kubernetes(kubernetes))
    blockers = blockers or wrong_direction(source, destination)
    if blockers:
        return Plan(
            source_tag=source.text,
            destination_tag=destination.text,
            blockers=blockers,
            kubernetes=kubernetes,
        )
    minor = running.minor if running else None
    first, last = stop_of(source), stop_of(destination)
    stops = between(first, last)
    route = search(first, last, stops, minor)
    unreachable = route is None
    if route is None:
        opened = [bounds(stop, 0, OPEN) for stop in (first, last, *stops)]
        route = search(opened[0], opened[1], opened[2:], None)
    if route is None:
        return Plan(
            source_tag=source.text,
            destination_tag=destination.text,
            blockers=(no_way(source, destination),),
        )
    hops = tuple(_hop(n, leg, last, minor) for n, leg in enumerate(route.legs, start=1))
    found = [*advised_against(destination)]
    if unreachable:
        found += [b for hop in hops for b in kubernetes_blockers(hop, kubernetes)]
        found = found or [no_way(source, destination)]
    upgrades = () if unreachable else _upgrades(route, known=minor is not None)
    return Plan(
        source_tag=source.text,
        destination_tag=destination.text,
        hops=hops,
        blockers=tuple(found),
        kubernetes_upgrades=upgrades,
        notes=_notes(source, destination, hops),
        kubernetes=kubernetes,
    )


def blockers_of_hop(hop: Hop, kubernetes: str = "") -> tuple[Blocker, ...]:
    """Return what stands against one hop by itself, on this Kubernetes version, if known."""
    start, end = hop.source, hop.destination
    blockers = (*unusable(start, "source"), *unusable(end, "destination"))
    blockers = blockers or wrong_direction(start, end) or too_far(start, end)
    if blockers:
        return blockers
    return (*advised_against(hop.destination), *kubernetes_blockers(hop, kubernetes))


def path_is_legal(plan: Plan, hop: Hop, facts: ClusterFacts) -> Verdict:
    """Judge whether nothing blocks the path, and the hop starts at what runs (PRE-03).

    Kubernetes is left to PRE-04, which judges what the cluster says of itself.
    """
    items = [
        Item(subject=b.what, expected="a legal path", seen=f"{b.why} {b.remedy}".strip())
        for b in (*plan.blockers, *blockers_of_hop(hop))
        if b.kind != "kubernetes"
    ]
    running = control_plane_versions(facts)
    if not items and not running:
        return not_assessed("no running control plane pod was seen, so the start is not known")
    end = hop.destination
    open_ends = [v for v in running if judge(end, v).state == "unknown"]
    for version in running:
        skew = judge(end, version)
        if version in open_ends and newer_than_known(end) and version == hop.source:
            continue
        if version != hop.source or not skew.safe:
            items.append(
                Item(
                    subject="control plane",
                    expected=f"{hop.source}, where {hop.label} starts",
                    seen=skew.reason if version == hop.source else version.text,
                )
            )
    if open_ends and not items:
        return not_assessed(
            f"{end.text} is newer than every release known here (knowledge of "
            f"{catalogue().date}), so how many logical versions it leads by is not known. "
            "Next: rehearse releases update"
        )
    return judged(
        list(dict.fromkeys(items)),
        holds_as=f"{hop.label} is one logical version at most, and nothing is said against it.",
        violated_as=f"{hop.label} is not a legal hop.",
        expected="at most one logical version, from what runs, to no release advised against",
        cause="The path was not planned, or the cluster is not where the plan starts.",
        next_command=f"rehearse plan --from {plan.source} --to {plan.destination}",
    )


def way_is_open(plan: Plan, facts: ClusterFacts) -> Verdict:
    """Judge a whole path before its first hop (PRE-03): it starts at what runs, each hop is legal.

    Kubernetes is left to PRE-04, as for a single hop.
    """
    first = path_is_legal(plan, plan.hops[0], facts) if plan.hops else None
    against = [*plan.blockers, *(b for hop in plan.hops[1:] for b in blockers_of_hop(hop))]
    items = [*first.items] if first is not None and first.status == "violated" else []
    items += [
        Item(subject=b.what, expected="a legal path", seen=f"{b.why} {b.remedy}".strip())
        for b in against
        if b.kind != "kubernetes"
    ]
    if not items and first is not None and first.status != "holds":
        return first
    if not items and first is None:
        return not_assessed("Kubernetes leaves no hop to judge: PRE-04 says which it asks for")
    hops = counted(len(plan.hops), "hop")
    return judged(
        list(dict.fromkeys(items)),
        holds_as=f"{plan.destination} is {hops} away, each of one logical version at most, and "
        "nothing is said against any of them",
        violated_as=f"The way from {plan.source} to {plan.destination} is not open",
        expected="hops of one logical version at most, through no release advised against",
        cause="a release that is not one, is advised against or lies behind what runs; or an "
        "upgrade that was not finished",
        next_command=f"rehearse plan --from {plan.source} --to {plan.destination}",
    )


def _hop(number: int, leg: Leg, last: Stop, minor: int | None) -> Hop:
    source, destination = leg.source.version, leg.destination.version
    ends = (stop_of(source), stop_of(destination))
    low, high = max(s.low for s in ends), min(s.high for s in ends)
    return Hop(
        number=number,
        source_tag=source.text,
        destination_tag=destination.text,
        source_logical=logical_text(source),
        destination_logical=logical_text(destination),
        reasons=_reasons(leg, last, minor),
        kubernetes=_range_text(low, high),
    )


def _assumed(version: Version) -> tuple[str, ...]:
    """Say what is assumed of a release that is newer than what is known."""
    if not newer_than_known(version):
        return ()
    known, belongs = catalogue(), logical(version)
    return (
        f"{version.text} is newer than every release known here ({known.newest_edge.tag}, "
        f"knowledge of {known.date}). Assumed: it is of {belongs} or of the next logical version, "
        f"so the path passes {belongs}. How far it leads is not known: rehearse releases update, "
        f'or state it in the scenario: [releases."{version.text}"] logical = "..."',
    )


def _range_text(low: int, high: int) -> str:
    if low > high:
        return "none"
    if high >= OPEN:
        return f"1.{low} or newer" if low else ""
    return f"1.{low} to 1.{high}"


def _reasons(leg: Leg, last: Stop, minor: int | None) -> tuple[str, ...]:
    source, reached = logical(leg.source.version), logical(leg.destination.version)
    release = leg.destination.version
    if newer_than_known(release):
        ahead = f"{release} is of {reached} or a later one: the path starts it in {source}"
        return (ahead, f"{last.version} is the release asked for")
    distance = (
        f"stays in {reached}"
        if source == reached
        else f"{reached} follows {source}, and no logical version may be skipped"
    )
    if release == last.version:
        return (distance, f"{last.version} is the release asked for")
    anchor = catalogue().anchor(str(reached))
    if leg.destination.channel == "stable":
        return (distance, f"{release} is the newest stable release of {reached}")
    if anchor is None or anchor.version == release:
        return (distance, f"{release} is the anchor of {reached}")
    if anchor.advice and anchor.advice.against:
        why = f"is advised against: {anchor.advice.why}"
    else:
        wanted = catalogue().kubernetes_range(anchor.version)
        on = f"Kubernetes 1.{minor if minor is not None else leg.kubernetes}"
        why = f"supports Kubernetes {wanted}, not what this path needs from {on} on"
    return (distance, f"{release}, since the anchor {anchor.tag} {why}")


def _upgrades(route: Route, *, known: bool) -> tuple[str, ...]:
    found: list[str] = []
    for number, leg in enumerate(route.legs, start=1):
        if leg.kubernetes == leg.kubernetes_before:
            continue
        wanted = catalogue().kubernetes_range(leg.destination.version)
        assumed = "" if known or found else " (its version was not given; the newest possible)"
        found.append(
            f"before hop {number}: Kubernetes 1.{leg.kubernetes_before} -> 1.{leg.kubernetes}"
            f"{assumed}: {leg.destination.version} supports {wanted}"
        )
    return tuple(found)


def _notes(start: Version, end: Version, hops: tuple[Hop, ...]) -> tuple[str, ...]:
    known = catalogue()
    found: list[str] = [*_assumed(start), *_assumed(end)]
    unknown: list[str] = []
    if (advice := known.advice(start)) and advice.against:
        found.append(
            f"The source {start.text} is advised against ({advice.status}): {advice.why}."
        )
    if (advice := known.advice(end)) and advice.status in ("conditional", "skip-suggested"):
        other = f" {advice.instead} is named instead." if advice.instead else ""
        found.append(f"The destination {end.text} is {advice.status}: {advice.why}.{other}")
    if start.channel != end.channel:
        found.append(f"The path changes the channel from {start.channel} to {end.channel}.")
    for tag in dict.fromkeys(t for hop in hops for t in (hop.source, hop.destination)):
        wanted = known.kubernetes_range(tag)
        if wanted.disagreement:
            found.append(f"Kubernetes for {tag}: {wanted.disagreement}; taken here: {wanted}.")
        elif not (wanted.minimum or wanted.maximum):
            unknown.append(tag.text)
    if unknown:
        found.append(f"No Kubernetes range is known of {', '.join(unknown)}.")
    return tuple(found)
