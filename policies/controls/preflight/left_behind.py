"""The data plane before a hop: what is too old already, and what the hop's restart will not renew.

A proxy must be of the source's logical version before the next one begins. What a restart does not
renew stays as it is through every later hop of the path, so its skew is known before the first:
within one logical version the guide lets it follow later, beyond it the path must not begin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from policies.facts.base import Fact
from policies.facts.cluster import ClusterFacts, Pod
from policies.planning.conditions.chosen import pins
from policies.releases.grammar import Version
from policies.skew.planes import (
    NO_PROXY,
    UNPLACED,
    behind,
    data_plane_pods,
    has_finished,
    not_seen,
    owner,
    placed,
)
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import every, number, verb
from policies.workloads.renewal import Renewal, renewals

ALLOWED = 1
"""Logical versions a control plane may lead its proxies by."""


class _Seen(Fact, frozen=True, kw_only=True):
    """What is said of the pods of one workload."""

    subject: str
    expected: str
    seen: str
    explained: str
    unplaced: bool = False
    """Its version is no release that is known: neither right nor wrong."""


def data_plane_current(
    facts: ClusterFacts,
    source: Version,
    destination: Version | None = None,
    *,
    later: Sequence[Version] = (),
    lazy: bool = False,
    ignore_namespaces: Collection[str] = (),
) -> Verdict:
    """Judge whether every proxy may go through the hop, and through what comes after it (PRE-02).

    Args:
        facts: Before the hop.
        source: The release the control plane runs.
        destination: Of the hop; None where nothing is upgraded. Within the source's logical
            version older proxies may stay.
        later: Destinations of the path's later hops.
        lazy: Nothing is restarted in any hop.
        ignore_namespaces: Namespaces that are not looked at.
    """
    if why := not_seen(facts):
        return not_assessed(f"pods could not be read ({why})")
    pods = list(data_plane_pods(facts, ignore_namespaces=ignore_namespaces))
    crosses = destination is None or behind(source.text, destination) != 0
    if crosses and not pods:
        return not_applicable(NO_PROXY)
    ahead = (destination, *later) if destination is not None else ()
    renewal_of = renewals(facts)
    counts: Counter[_Seen] = Counter()
    command = ""
    for pod in pods:
        renewal = renewal_of(pod)
        found = _too_old(pod, source) if crosses else None
        found = found or _left(pod, renewal, ahead, lazy=lazy)
        if found is not None:
            counts[found] += 1
            quiet = found.explained or found.unplaced
            command = command or ("" if quiet else renewal.command)
    told = {one.subject for one in counts}
    counts.update(_pinned_ahead(facts, ahead, told, lazy=lazy, apart=ignore_namespaces))
    named = len({one.subject for one in counts})
    unknown = Counter({one: n for one, n in counts.items() if one.unplaced})
    return judged(
        _items(counts - unknown),
        unknown=_items(unknown),
        unknown_as=UNPLACED,
        holds_as=(
            f"{every(len(pods), 'proxy', 'proxies')} of {source}'s logical version"
            if crosses
            else f"{source} and {destination} are of one logical version: older proxies may stay"
        )
        + (
            f"; {number(named, 'owner')} of pods that no restart renews "
            f"{verb(named, 'is', 'are')} named"
            if named
            else ""
        ),
        violated_as=f"The data plane is not ready for the way from {source}",
        expected=f"every proxy of {source}'s logical version, and none that stays behind by more "
        "than one",
        cause="workloads that were not restarted since the last upgrade, or that no restart "
        "renews: they would be two logical versions behind",
        next_command=command,
    )


def _items(counts: Counter[_Seen]) -> Iterator[Item]:
    for one, count in counts.items():
        yield Item(
            subject=one.subject,
            expected=one.expected,
            seen=one.seen if count == 1 else f"{count} pods at {one.seen}",
            explained=one.explained,
        )


def _too_old(pod: Pod, source: Version) -> _Seen | None:
    version = pod.proxy.version if pod.proxy else ""
    if version == source.text or behind(version, source) == 0:
        return None
    image = pod.proxy.image if pod.proxy else ""
    ended = "its application has ended; its proxy keeps the version it was created with"
    return _Seen(
        subject=owner(pod),
        expected=f"a proxy of {source}'s logical version",
        seen=_pinned_or(pod, version) or f"unknown version ({image})",
        explained=ended if has_finished(pod) else "",
        unplaced=not has_finished(pod) and not placed(version),
    )


def _pinned_or(pod: Pod, version: str) -> str:
    return f"{version}, pinned by annotation" if version and pod.pinned == version else version


def _pinned_ahead(
    facts: ClusterFacts,
    ahead: Sequence[Version],
    told: Collection[str],
    *,
    lazy: bool,
    apart: Collection[str],
) -> Iterator[_Seen]:
    """Yield workloads whose next pods a pin decides, of the template or of the namespace.

    Their pods of today may be without it: it was set after they were created.
    """
    for place, version in pins(facts) if ahead else ():
        subject = place.partition(",")[0]
        space = subject.partition(" ")[2].partition("/")[0]
        if subject in told or space in apart or version == ahead[-1].text:
            continue
        far = [t for t in ahead if (behind(version, t) or 0) > ALLOWED]
        where = "by its namespace" if "by its namespace" in place else "by annotation"
        yield _Seen(
            subject=subject,
            expected=f"new pods at {ahead[-1]}" if not far else f"a pin that {far[0]} may lead",
            seen=f"new pods are pinned to {version}, {where}",
            explained=""
            if far and not lazy
            else "its restart makes pods with that version, until the pin is taken off",
        )


def _left(pod: Pod, renewal: Renewal, ahead: Sequence[Version], *, lazy: bool) -> _Seen | None:
    """Tell what no restart of the hops ahead renews, or renews to a version that is too old."""
    version = pod.pinned or (pod.proxy.version if pod.proxy else "")
    far = next(((t, n) for t in ahead if (n := behind(version, t) or 0) > ALLOWED), None)
    stays = renewal.stays or (f"pinned to {pod.pinned}" if pod.pinned else "")
    if far is None:
        if not (ahead and renewal.stays) or has_finished(pod):
            return None
        return _Seen(
            subject=owner(pod),
            expected="renewed by the restart of the guide, or allowed to follow later",
            seen=version,
            explained=f"{stays}; {ahead[-1]} may lead it, so that it may follow later",
        )
    if not stays and not lazy:
        return None
    release, distance = far
    ends = renewal.way == "end"
    return _Seen(
        subject=owner(pod),
        expected=f"at most one logical version behind {release}",
        seen=f"{version}, {distance} logical versions behind: "
        f"{stays or 'nothing is restarted, the data plane is lazy'}",
        explained=f"it ends by itself, and must have ended before the hop to {release}"
        if ends
        else "",
    )
