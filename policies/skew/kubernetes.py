"""Kubernetes versions: reading them, and whether a cluster is inside what a release supports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from policies.facts.cluster import Fact
from policies.releases import catalogue
from policies.verdicts.findings import (
    Item,
    Verdict,
    holds,
    judged,
    not_applicable,
    not_assessed,
    violated,
)

if TYPE_CHECKING:
    from policies.facts.cluster import ClusterFacts
    from policies.facts.observations import CommandRun
    from policies.releases import KubernetesRange
    from policies.skew.hops import Hop

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,6}))?([-+].*)?", re.ASCII)


class KubernetesVersion(Fact, frozen=True, kw_only=True, order=True):
    """A Kubernetes version; build information (`+k3s1`, `-gke.100`) orders nothing."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def short(self) -> str:
        """`1.31`: what ranges are stated in."""
        return f"{self.major}.{self.minor}"


def parse_kubernetes(text: str) -> KubernetesVersion | None:
    """Read `v1.31.14+x`, `1.31` or `1.30.4-gke.1348000`; None for anything else."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    return KubernetesVersion(major=int(match[1]), minor=int(match[2]), patch=int(match[3] or 0))


def outside(version: KubernetesVersion, wanted: KubernetesRange) -> str:
    """Return why this Kubernetes is outside the range, or an empty string.

    Ranges are stated in minor versions: any patch of the documented maximum is inside. A bound
    that nothing states does not exclude.
    """
    low, high = parse_kubernetes(wanted.minimum), parse_kubernetes(wanted.maximum)
    if low and version < low:
        below_code = parse_kubernetes(wanted.code_minimum)
        where = "its code" if below_code and version < below_code else "its documentation"
        return f"{wanted.tag} needs Kubernetes {wanted.minimum} or newer, says {where}"
    if high and (version.major, version.minor) > (high.major, high.minor):
        return f"{wanted.tag} is documented for Kubernetes up to {wanted.maximum}"
    return ""


def in_range(facts: ClusterFacts, hop: Hop) -> Verdict:
    """Judge whether Kubernetes is inside the range of the hop's source and destination (PRE-04).

    Linkerd's `install` and `upgrade` do not look at the Kubernetes version; `check` and Helm do,
    at the minimum in code only. Source: `minAPIVersion` in code, and the documentation's ranges.
    """
    version = parse_kubernetes(facts.kubernetes)
    if version is None:
        seen = facts.kubernetes or "nothing"
        return not_assessed(f"the API server's version could not be read: {seen}")
    ranges = [catalogue().kubernetes_range(tag) for tag in (hop.source, hop.destination)]
    unknown = [r.tag for r in ranges if not (r.minimum or r.maximum)]
    if unknown:
        return not_assessed(f"no Kubernetes range is known of {' and '.join(unknown)}")
    items = [
        Item(subject=r.tag, expected=str(r), seen=f"{version.short}: {why}")
        for r in ranges
        if (why := outside(version, r))
    ]
    said = ", ".join(f"{r.tag} supports {r}" for r in ranges)
    too_old = any((low := parse_kubernetes(r.minimum)) and version < low for r in ranges)
    remedy = "Upgrade Kubernetes first" if too_old else "Plan the path"
    return judged(
        items,
        holds_as=f"Kubernetes {version} is inside the range of source and destination ({said}).",
        violated_as=f"Kubernetes {version} is outside the range of {items[0].subject}."
        if items
        else "",
        expected=said,
        cause=f"{remedy}: `linkerd upgrade` does not look at the Kubernetes version.",
        next_command=(
            f"rehearse plan --from {hop.source} --to {hop.destination} "
            f"--kubernetes {version.short}"
        ),
    )


def kubectl_within_skew(commands: Sequence[CommandRun], facts: ClusterFacts) -> Verdict:
    """Judge whether the kubectl that ran is within one minor of the API server (CLI-03)."""
    ran = [c for c in commands if c.argv[:1] == ("kubectl",)]
    if not ran:
        return not_applicable("no kubectl ran before the upgrade: Helm's way needs none")
    real = [c for c in ran if c.program == "real"]
    if not real:
        return not_assessed("no real kubectl ran: a stand-in speaks the cluster's own version")
    return kubectl_skew(real[-1].program_version, facts.kubernetes)


def kubectl_skew(client: str, server: str) -> Verdict:
    """Judge whether kubectl is one minor version older or newer than the API server at most.

    Source: the version skew policy of Kubernetes.
    """
    left, right = parse_kubernetes(client), parse_kubernetes(server)
    if left is None or right is None:
        bad = client if left is None else server
        return not_assessed(f"not a Kubernetes version: {bad or 'empty'}")
    seen = f"kubectl {left}, API server {right}"
    if left.major == right.major and abs(left.minor - right.minor) <= 1:
        return holds("kubectl is within one minor version of the API server.", seen=seen)
    return violated(
        "kubectl is more than one minor version away from the API server.",
        expected=f"kubectl {right.major}.{max(right.minor - 1, 0)} to "
        f"{right.major}.{right.minor + 1}",
        seen=seen,
        cause="kubectl was installed for another cluster.",
        next_command="kubectl version",
    )
