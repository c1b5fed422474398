"""Who owns an extension, and whether it is upgraded that way.

What Helm installed, `linkerd NAME install | kubectl apply` changes without Helm's knowledge: the
next `helm upgrade` puts its own back, and fields get two owners. The other way round Helm refuses
to install over objects that are not its own. Source: linkerd.io, "Upgrading extensions"; helm.sh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from policies.controls.extensions.installed import (
    COMPONENTS,
    NONE,
    Installed,
    blind,
    installed,
    retired,
)
from policies.controls.helm.values import FLAGS, ValueMode
from policies.facts.cluster import ClusterFacts, Fact
from policies.facts.helm import ChartValues
from policies.releases.grammar import Version
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed

Owner = Literal["cli", "helm", "both", "unknown"]
CHARTS: Mapping[str, str] = {name: f"linkerd-{name}" for name in COMPONENTS}
"""Extension -> its chart."""
VERSION = "linkerdVersion"
"""Value of an extension's chart that names its release; the chart's own default is right."""


class Owned(Fact, frozen=True, kw_only=True):
    """Whose an extension is."""

    owner: Owner
    release: str = ""
    """`NAMESPACE/NAME` of Helm's release."""


def owned(facts: ClusterFacts, one: Installed) -> Owned:
    """Tell the owner by the marks of its workloads: Helm's annotation, `linkerd.io/created-by`."""
    ours = [w for w in facts.workloads if w.namespace == one.namespace and w.kind != "Job"]
    releases = sorted({w.helm_release for w in ours if w.helm_release})
    helm = bool(releases) or any(w.created_by.startswith("linkerd/helm ") for w in ours)
    cli = any(w.created_by.startswith("linkerd/cli ") for w in ours)
    if helm:
        both = cli and bool(releases)
        return Owned(owner="both" if both else "helm", release=releases[0] if releases else "")
    return Owned(owner="cli" if cli else "unknown")


def ways_are_open(
    facts: ClusterFacts,
    charts: Iterable[ChartValues],
    reaches: Mapping[str, Version],
    destination: Version,
    mode: ValueMode,
) -> Verdict:
    """Judge whether every extension can be upgraded by its owner's way (part of PRE-07).

    Args:
        facts: Before anything changes.
        charts: Those of extensions that are at hand, for the release each is to reach.
        reaches: Extension -> release, where it is not the hop's destination.
        destination: Of the hop.
        mode: How Helm treats the values of extensions.
    """
    if why := blind(facts):
        return not_assessed(f"the extensions could not be read ({why})")
    each = {e: reaches.get(e.name, destination) for e in installed(facts) if e.name in COMPONENTS}
    ours = [one for one, release in each.items() if not retired(one.name, release)]
    there = {(c.chart, c.release): c for c in charts}
    items = [
        item
        for extension in ours
        for item in _items(facts, extension, there, each[extension], mode)
    ]
    if not ours:
        return not_applicable(NONE)
    return judged(
        items,
        holds_as="each extension is upgraded by its owner's way",
        violated_as="Extensions cannot be upgraded by their owner's way",
        expected="an extension of Helm's by `helm upgrade`, any other by its client",
        cause="`linkerd NAME install | kubectl apply` over what is Helm's is undone by the next "
        "`helm upgrade`",
        next_command="put helm into DIR and linkerd-NAME-VERSION.tgz into DIR/charts/RELEASE, "
        "and give --tools DIR",
    )


def _items(
    facts: ClusterFacts,
    one: Installed,
    charts: Mapping[tuple[str, str], ChartValues],
    destination: Version,
    mode: ValueMode,
) -> Iterator[Item]:
    found, subject = owned(facts, one), f"extension {one.name}"
    if found.owner == "both":
        yield Item(
            subject=subject,
            expected="one owner",
            seen=f"release {found.release}, and workloads that the CLI made since",
        )
    if found.owner not in ("helm", "both"):
        return
    chart = charts.get((CHARTS[one.name], destination.text))
    if not found.release:
        yield Item(
            subject=subject,
            expected="upgraded as it was installed",
            seen="rendered by Helm and applied by something else, which is not here",
        )
    elif chart is None:
        yield Item(
            subject=subject,
            expected=f"chart {CHARTS[one.name]} of {destination}, and helm",
            seen=f"release {found.release} of Helm's, no chart at hand: its client is refused",
        )
    elif mode == "reuse" and any(s.path == VERSION for s in chart.values):
        yield Item(
            subject=subject,
            expected=f"{VERSION} of the new chart",
            seen=f"{' '.join(FLAGS[mode])} keeps the old one: exit code 0, old images",
        )
