"""What can stand against a path or a hop, each with a remedy."""

from __future__ import annotations

from difflib import get_close_matches

from policies.releases import catalogue
from policies.releases.versions import Order, Version, compare, logical, newer_than_known
from policies.skew.hops import Blocker, Hop
from policies.skew.kubernetes import outside, parse_kubernetes
from policies.skew.rule import judge


def unusable(version: Version, role: str) -> tuple[Blocker, ...]:
    """Return blockers when nothing is known of a release."""
    known = catalogue()
    what = f"{role} {version.text or '(empty)'}"
    release = known.release(version)
    if release is not None and release.channel == "version":
        anchor = known.anchor(release.logical)
        remedy = f"Use {anchor.tag}, the edge of {release.logical}." if anchor else ""
        why = "It is a tag in git, not a release."
        return (Blocker(kind="release", what=what, why=why, remedy=remedy),)
    if release is not None or (version.known and version.channel == "enterprise"):
        return ()
    if newer_than_known(version) or known.stated(version):
        return ()
    if not version.known:
        why = f"It is not a release: {version.reason}."
    elif version.channel in ("dev", "git", "preview"):
        why = f"A {version.channel} build has no place in the order of releases."
    else:
        why = f"No release with this name is known (knowledge of {known.date})."
    return (Blocker(kind="release", what=what, why=why, remedy=_nearest(version)),)


def _nearest(version: Version) -> str:
    known = catalogue()
    releases = known.stables if version.channel == "stable" else known.edges
    if not version.numbers:
        every = [r.tag for r in (*known.edges, *known.stables)]
        alike = get_close_matches(version.text, every, n=2)
        if alike:
            return f"Did you mean {' or '.join(alike)}?"
        anchor = known.anchor(version.text.removeprefix("v"))
        if anchor is not None:
            return f"{version.text} is a logical version: name a release of it, as {anchor.tag}."
        return f"Name a release such as {known.edges[-1].tag}."
    older = [r.tag for r in releases if r.version.numbers <= version.numbers][-1:]
    newer = [r.tag for r in releases if r.version.numbers > version.numbers][:1]
    return f"The nearest known: {', '.join([*older, *newer])}."


def bad_kubernetes(text: str) -> Blocker:
    return Blocker(
        kind="kubernetes",
        what=f"Kubernetes {text}",
        why="It is not a Kubernetes version.",
        remedy="Give it as 1.31 or v1.31.14.",
    )


def wrong_direction(start: Version, end: Version) -> tuple[Blocker, ...]:
    what = f"{start.text} -> {end.text}"
    order = compare(start, end)
    if order is Order.EQUAL:
        why = "Source and destination are the same release: there is nothing to upgrade."
        return (Blocker(kind="direction", what=what, why=why, remedy="Name another destination."),)
    if order is Order.GREATER:
        why = f"{end.text} is older than {start.text}: this is a way back, not an upgrade."
        remedy = "Swap source and destination, and rehearse the way back with --rollback."
        return (Blocker(kind="direction", what=what, why=why, remedy=remedy),)
    if order is Order.INCOMPARABLE:
        channels = f"{start.channel} and {end.channel}"
        why = f"Both belong to {logical(start)}, where no rule orders {channels} releases."
        remedy = "Choose a destination in the next logical version, or one of the same channel."
        return (Blocker(kind="direction", what=what, why=why, remedy=remedy),)
    return ()


def too_far(start: Version, end: Version) -> tuple[Blocker, ...]:
    skew = judge(end, start)
    if skew.safe or (skew.state == "unknown" and newer_than_known(end)):
        return ()
    return (
        Blocker(
            kind="distance",
            what=f"{start.text} -> {end.text}",
            why=f"One hop may not do this: {skew.reason}.",
            remedy=f"Plan it: rehearse plan --from {start.text} --to {end.text}",
        ),
    )


def no_way(start: Version, end: Version) -> Blocker:
    return Blocker(
        kind="distance",
        what=f"{start.text} -> {end.text}",
        why="No way of legal hops is known between them: a release to stop at is missing.",
        remedy="Plan the parts one by one, naming a release of each logical version between.",
    )


def advised_against(release: Version) -> tuple[Blocker, ...]:
    advice = catalogue().advice(release)
    if advice is None or advice.status != "not-recommended":
        return ()
    remedy = f"Use {advice.instead} instead." if advice.instead else ""
    why = f"The project advises against it: {advice.why} ({advice.source})."
    return (Blocker(kind="advice", what=f"destination {release}", why=why, remedy=remedy),)


def kubernetes_blockers(hop: Hop, kubernetes: str) -> tuple[Blocker, ...]:
    version = parse_kubernetes(kubernetes)
    if version is None:
        return ()
    blockers: list[Blocker] = []
    for tag in (hop.source, hop.destination):
        wanted = catalogue().kubernetes_range(tag)
        if why := outside(version, wanted):
            low = parse_kubernetes(wanted.minimum)
            remedy = (
                f"Upgrade Kubernetes to {wanted.minimum} first."
                if low and version < low
                else "Kubernetes cannot be taken back: choose other releases, or accept it."
            )
            what = f"{hop.label} on Kubernetes {version.short}"
            blockers.append(Blocker(kind="kubernetes", what=what, why=f"{why}.", remedy=remedy))
    return tuple(blockers)
