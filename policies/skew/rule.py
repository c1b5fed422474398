"""How far proxies and their control plane may be apart while an upgrade runs.

The rule (Linkerd's upgrade guide): a control plane may lead its data plane by at most one logical
version, never the other way. What it leaves open is decided here, on the safe side:

- A proxy newer than its control plane is `ahead` also within one logical version (a newer edge):
  nobody tests that pair, and the guide's order never makes it.
- Within one logical version every older proxy is `within`, also of another channel.
- What cannot be placed is `unknown`, and unknown is never within. Equal builds without an order
  (`dev-`, `git-`, `preview-`) are within: both sides were built from the same.
- While a control plane rolls, its old and new pods run side by side, and the new injector's pods
  meet old ones for seconds. Over time a proxy is ahead when it is newer than every control plane
  version of that moment; at rest, when it is newer than any.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from policies.facts.cluster import ClusterFacts, Fact, Pod
from policies.releases import remembered
from policies.releases.versions import (
    Order,
    Version,
    compare,
    from_image,
    logical,
    newer_than_known,
    own_build,
    parse,
)
from policies.skew.planes import (
    ENDED,
    NO_PROXY,
    control_plane_pods,
    data_plane_pods,
    has_finished,
    is_of_job,
)
from policies.verdicts.findings import SHOWN, Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policies.facts.observations import Sighting

ALLOWED = 1
"""Logical versions a control plane may lead its proxies by."""

FINISHED = "its application has ended; its proxy keeps the version it was created with"

COMPONENT_CONTAINERS = frozenset(
    {"identity", "destination", "sp-validator", "policy", "proxy-injector"}
)
"""Containers whose image is the control plane's own; others in its pods may be anybody's."""

State = Literal["within", "too far", "ahead", "unknown"]


class Skew(Fact, frozen=True, kw_only=True):
    """One control plane against one proxy."""

    state: State
    distance: int | None = None
    """Logical versions the control plane leads by; None when not known."""
    reason: str

    @property
    def safe(self) -> bool:
        """Only `within` is safe."""
        return self.state == "within"


@remembered
def judge(control_plane: Version, proxy: Version) -> Skew:
    """Judge whether this proxy may run under this control plane, and why."""
    pair = f"control plane {control_plane.text or '(none)'}, proxy {proxy.text or '(none)'}"
    if control_plane == proxy and control_plane.known:
        return Skew(state="within", distance=0, reason=f"{pair}: the same")
    upper, lower = logical(control_plane), logical(proxy)
    if upper is None or lower is None:
        blind = control_plane if upper is None else proxy
        why = blind.reason or (
            f"{blind.text} is a build of its own, and what it holds nobody published"
            if own_build(blind)
            else f"no logical version is known of {blind.text}"
        )
        return Skew(state="unknown", reason=f"{pair}: {why}")
    distance = upper.distance(lower)
    if distance is None:
        return Skew(state="unknown", reason=f"{pair}: {upper} and {lower} are not comparable")
    if newer_than_known(control_plane) or newer_than_known(proxy):
        return _beyond_the_table(control_plane, proxy, distance, pair)
    if distance > ALLOWED:
        reason = f"{pair}: the control plane leads by {distance} logical versions"
        return Skew(state="too far", distance=distance, reason=reason)
    if distance < 0:
        reason = f"{pair}: the proxy is {number(-distance, 'logical version')} ahead"
        return Skew(state="ahead", distance=distance, reason=reason)
    if distance == 0 and compare(control_plane, proxy) is Order.LESS:
        reason = f"{pair}: the proxy is a newer release of {lower}"
        return Skew(state="ahead", distance=0, reason=reason)
    reason = f"{pair}: the control plane leads by {number(distance, 'logical version')}"
    return Skew(state="within", distance=distance, reason=reason)


def _beyond_the_table(control_plane: Version, proxy: Version, distance: int, pair: str) -> Skew:
    """Judge with an edge newer than every known one: only a lower bound of it is known."""
    if compare(control_plane, proxy) is Order.LESS:
        return Skew(state="ahead", reason=f"{pair}: the proxy is newer than its control plane")
    if distance > ALLOWED and newer_than_known(control_plane) and not newer_than_known(proxy):
        reason = f"{pair}: the control plane leads by at least {distance} logical versions"
        return Skew(state="too far", distance=distance, reason=reason)
    newer = control_plane if newer_than_known(control_plane) else proxy
    return Skew(
        state="unknown",
        reason=f"{pair}: {newer.text} is newer than every release known here, so it leads by "
        f"{max(distance, 0)} logical versions or more (rehearse releases update)",
    )


def may_move_to(control_plane: Version, proxies: Iterable[Version]) -> tuple[Skew, ...]:
    """Return what stands against moving the control plane to this version; empty if nothing."""
    skews = (judge(control_plane, proxy) for proxy in dict.fromkeys(proxies))
    return tuple(skew for skew in skews if not skew.safe)


def control_plane_versions(facts: ClusterFacts) -> tuple[Version, ...]:
    """Return distinct versions of the running control plane components, by their images' tags.

    Pods on their way out count only when nothing else is there; the heartbeat's Job never.
    """
    pods = [
        pod for pod in control_plane_pods(facts) if pod.phase not in ENDED and not is_of_job(pod)
    ]
    staying = [pod for pod in pods if not pod.deleting]
    images = dict.fromkeys(image for pod in staying or pods for image in _component_images(pod))
    return tuple(dict.fromkeys(from_image(image) for image in images))


def _component_images(pod: Pod) -> tuple[str, ...]:
    return tuple(image for name, image in pod.images if name in COMPONENT_CONTAINERS)


def proxy_version(pod: Pod) -> Version:
    """Return the version of a pod's proxy: what it says of itself, else its image's tag."""
    if pod.proxy is None:
        return parse("")
    return parse(pod.proxy.version) if pod.proxy.version else from_image(pod.proxy.image)


def never_more_than_one(sightings: Sequence[Sighting], facts: ClusterFacts) -> Verdict:
    """Judge whether a proxy was ever seen more than one logical version behind (DP-03).

    Judges every sighting against every control plane version of its moment, then the pods as they
    are now. Pinned pods and Jobs count like any other; only a finished Job's proxy is explained.
    """
    return _verdict(
        sightings,
        facts,
        wrong="too far",
        holds_as="No proxy was ever more than one logical version behind its control plane.",
        violated_as="A proxy was more than one logical version behind its control plane.",
        expected="every proxy at most one logical version behind its control plane, at any moment",
        cause="The control plane moved on before these pods were restarted, or they are pinned.",
    )


def no_proxy_ahead(facts: ClusterFacts, sightings: Sequence[Sighting] = ()) -> Verdict:
    """Judge whether a proxy is, or was ever seen, newer than its control plane (DP-04)."""
    return _verdict(
        sightings,
        facts,
        wrong="ahead",
        holds_as="No proxy is newer than its control plane.",
        violated_as="A proxy is newer than its control plane.",
        expected="no proxy newer than its control plane",
        cause="The data plane was upgraded first, or the control plane was taken back.",
    )


def _verdict(
    sightings: Sequence[Sighting],
    facts: ClusterFacts,
    *,
    wrong: State,
    holds_as: str,
    violated_as: str,
    expected: str,
    cause: str,
) -> Verdict:
    if missing := facts.cannot_read("pods"):
        return not_assessed(f"pods cannot be read: {missing}")
    upper, pods = control_plane_versions(facts), tuple(data_plane_pods(facts))
    if not upper:
        return not_assessed("no running control plane pod was seen to compare the proxies with")
    if not pods and not any(count for s in sightings for _, count in s.proxies):
        return not_applicable(NO_PROXY)
    found = [*_past(sightings, pods, wrong), *_now(pods, upper, wrong)]
    bad = [item for state, item in found if state == wrong]
    blind = [item for state, item in found if state == "unknown" and not item.explained]
    if blind and all(item.explained for item in bad):
        named = "; ".join(f"{item.subject}: {item.seen}" for item in blind[:SHOWN])
        return not_assessed(f"{number(len(blind), 'version')} cannot be placed: {named}")
    return judged(
        bad,
        holds_as=f"{holds_as} Seen: {_summary(pods)}; control plane {_names(upper)}.",
        violated_as=violated_as,
        expected=expected,
        cause=cause,
        next_command="linkerd version --proxy",
    )


def _now(
    pods: Iterable[Pod], upper: Sequence[Version], wrong: State
) -> Iterable[tuple[State, Item]]:
    """Yield items for the pods as they are; judged once per version, as clusters have few."""
    by_version: dict[tuple[str, str], Skew | None] = {}
    for pod in pods:
        if pod.proxy is None:
            continue
        key = (pod.proxy.version, "" if pod.proxy.version else pod.proxy.image)
        if key not in by_version:
            version = proxy_version(pod)
            by_version[key] = _worst([judge(control, version) for control in upper], wrong)
        bad = by_version[key]
        if bad is not None:
            item = Item(
                subject=f"pod {pod.key}",
                expected=f"at most one logical version behind {_names(upper)}, never ahead",
                seen=bad.reason,
                explained=FINISHED if has_finished(pod) else "",
            )
            yield bad.state, item


def _past(
    sightings: Iterable[Sighting], pods: Iterable[Pod], wrong: State
) -> Iterable[tuple[State, Item]]:
    """Yield items for what was seen over time: one per pair of versions, with its span.

    Sightings count pods by version: they are explained when never more pods of that version were
    seen than pods that ran to their end hold now.
    """
    finished = Counter(proxy_version(pod).text for pod in pods if has_finished(pod))
    spans: dict[tuple[tuple[str, ...], str], list[Sighting]] = {}
    most: Counter[tuple[tuple[str, ...], str]] = Counter()
    for sighting in sightings:
        for proxy, pods_seen in sighting.proxies:
            pair = (sighting.control_plane, proxy)
            if pods_seen > 0 and _worst_over_time(*pair, wrong) is not None:
                spans.setdefault(pair, []).append(sighting)
                most[pair] = max(most[pair], pods_seen)
    for pair, moments in spans.items():
        skew = _worst_over_time(*pair, wrong)
        if skew is None:
            continue
        span = f"{moments[0].at:%H:%M:%S} to {moments[-1].at:%H:%M:%S} UTC"
        item = Item(
            subject=f"up to {number(most[pair], 'pod')} with proxy {pair[1] or '(unknown)'}",
            expected="at most one logical version behind, never ahead",
            seen=f"{skew.reason}, seen from {span}",
            explained=FINISHED if most[pair] <= finished[parse(pair[1]).text] else "",
        )
        yield skew.state, item


@remembered
def _worst_over_time(control_plane: tuple[str, ...], proxy: str, wrong: State) -> Skew | None:
    skews = [judge(parse(text), parse(proxy)) for text in control_plane]
    if wrong == "ahead" and any(s.state != "ahead" for s in skews):
        skews = [s for s in skews if s.state != "ahead"]
    return _worst(skews, wrong)


def _worst(skews: Sequence[Skew], wrong: State) -> Skew | None:
    """Return the first that is wrong, else the first that is unknown, else None."""
    for state in (wrong, "unknown"):
        for skew in skews:
            if skew.state == state:
                return skew
    return None


def _names(versions: Iterable[Version]) -> str:
    return ", ".join(v.text or "(unknown)" for v in versions) or "(none)"


def _summary(pods: Iterable[Pod]) -> str:
    counted = Counter(p.proxy.version or p.proxy.image for p in pods if p.proxy)
    return ", ".join(f"{n} x {name}" for name, n in sorted(counted.items())) or "no proxy"
