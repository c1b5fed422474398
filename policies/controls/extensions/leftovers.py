"""What an extension's upgrade leaves behind, and extensions that a release no longer has.

Nothing removes what a new release of an extension no longer renders, but its prune, which not
every extension has; and nothing at all removes an extension that Linkerd gave up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from policies.controls.extensions import smi
from policies.controls.extensions.installed import (
    COMPONENTS,
    NONE,
    RETIRED,
    Installed,
    blind,
    installed,
    names,
    retired,
    without,
)
from policies.controls.prune.pruning import PRUNED
from policies.facts.cluster import ClusterFacts, LabelledObject, ObjectKey, Pod
from policies.facts.observations import Rendered
from policies.releases import catalogue, remembered
from policies.releases.grammar import Version, parse
from policies.verdicts.findings import Item, Verdict, holds, judged, not_applicable, not_assessed
from policies.verdicts.wording import number, verb

_CLUSTER_WIDE = (
    "customresourcedefinitions.apiextensions.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
)
_MIRRORS = ("controller-", "linkerd-service-mirror-", "probe-", "cluster-credentials-")


@remembered
def ever_rendered(name: str) -> frozenset[ObjectKey]:
    """Return everything that some release of an extension is known to have made."""
    keys: set[ObjectKey] = set()
    for known in catalogue().logical_versions:
        for component in COMPONENTS.get(name, ()):
            inventory = catalogue().inventory(parse(known.anchor), component)
            keys |= inventory.keys if inventory else frozenset()
    return frozenset(keys)


def not_rendered(
    facts: ClusterFacts, name: str, rendered: Collection[ObjectKey]
) -> tuple[LabelledObject, ...]:
    """Return labelled objects, of kinds that prunes look at, that no render holds."""
    return tuple(
        o
        for o in facts.objects
        if o.extension == name and o.key.kind in PRUNED and o.key not in rendered
    )


def expected_prune(facts: ClusterFacts, name: str, rendered: Rendered) -> frozenset[ObjectKey]:
    """Compute what the new release does not render, and an older one is known to have rendered.

    What carries the label and is in no inventory may be the user's own (`viz allow-scrapes`
    makes such objects) or another extension's: jaeger labels one of its own as viz'.
    """
    keys = frozenset(o.key for o in rendered.objects)
    mine = ever_rendered(name)
    return frozenset(o.key for o in not_rendered(facts, name, keys) if o.key in mine)


def nothing_left(
    facts: ClusterFacts, renders: Mapping[str, Rendered], destination: Version
) -> Verdict:
    """Judge whether no object of an older release of an extension is left behind (EXT-03).

    Args:
        facts: After the step.
        renders: Extension -> what its `install` rendered; release data stands in without.
        destination: Of the hop.
    """
    if why := blind(facts):
        return not_assessed(f"the extensions could not be read ({why})")
    ours = [
        e for e in installed(facts) if e.name in COMPONENTS and not retired(e.name, destination)
    ]
    items, unknown = _without_extension(facts, destination), list[str]()
    if not ours and not items:
        return not_applicable(without(facts, destination))
    for extension in ours:
        render = renders.get(extension.name)
        keys = (
            frozenset(o.key for o in render.objects)
            if render
            else _inventory(extension, destination)
        )
        if not keys and render is None:
            unknown.append(extension.name)
            continue
        items += [_left(o, facts) for o in not_rendered(facts, extension.name, keys)]
    if unknown and all(item.explained for item in items):
        return not_assessed(f"what {', '.join(unknown)} of {destination} renders is not known")
    return judged(
        items,
        holds_as=f"{names(ours) or NONE}: nothing of an older release is left behind",
        violated_as="Objects of an older release of an extension are left behind",
        expected="only objects that the new release renders",
        cause="no prune, or none that the extension's client has; an object that a value of the "
        "installation made, installed again without that value",
        next_command="linkerd viz prune  # read the list before it is deleted",
    )


def _without_extension(facts: ClusterFacts, destination: Version) -> list[Item]:
    """Return what an extension left that is gone; the hop neither made nor left it."""
    there = {e.name for e in installed(facts)}
    return [
        Item(
            subject=str(one.key),
            expected="gone with its extension",
            seen="left behind",
            explained=f"extension {one.extension} is not installed; judged by PRN-03",
        )
        for one in facts.objects
        if one.extension in COMPONENTS
        and one.extension not in there
        and not retired(one.extension, destination)
    ]


def _inventory(one: Installed, destination: Version) -> frozenset[ObjectKey]:
    keys: frozenset[ObjectKey] = frozenset()
    for component in COMPONENTS[one.name]:
        known = catalogue().inventory(destination, component)
        keys |= known.keys if known else frozenset()
    return keys


def _left(labelled: LabelledObject, facts: ClusterFacts) -> Item:
    name = labelled.key.name
    links = {link.cluster for link in facts.multicluster.links} if facts.multicluster else set()
    made_for = next((c for c in links if name.endswith(f"-{c}") or name == c), "")
    explained = ""
    if labelled.key not in ever_rendered(labelled.extension):
        explained = "in no release's inventory: the user's own, or another extension's"
        if made_for:
            explained = f"made for the Link to {made_for}; judged by EXT-04"
        elif labelled.extension == "multicluster" and name.startswith(_MIRRORS):
            explained = ""
    return Item(
        subject=str(labelled.key),
        expected="gone: the new release does not render it",
        seen=f"left behind{f', created by {labelled.created_by}' if labelled.created_by else ''}",
        explained=explained,
    )


def retired_handled(
    facts: ClusterFacts,
    destination: Version,
    *,
    kept: Collection[str] = (),
    before: ClusterFacts | None = None,
) -> Verdict:
    """Judge whether extensions the destination lacks are gone whole, or kept knowingly (EXT-05).

    Deleting the namespace leaves what is cluster-wide: roles, and a webhook that goes on being
    called for every pod.

    Args:
        facts: After the step.
        destination: Of the hop.
        kept: Extensions that the scenario keeps without Linkerd's support.
        before: Before the step: what was there then has been handled.
    """
    if why := blind(facts):
        return not_assessed(f"the extensions could not be read ({why})")
    gone = [name for name in RETIRED if retired(name, destination)]
    items: list[Item] = [*smi.left_over(facts, kept=smi.NAME in kept)]
    split = [i for i in items if not i.explained]
    for name in gone:
        why = "kept by the scenario; no release maintains it" if name in kept else ""
        items += [
            Item(subject=subject, expected=f"gone: {destination} has no {name}", seen=seen,
                 explained=why)
            for subject, seen in _of_retired(facts, name)
        ]  # fmt: skip
    there = before is not None and _had(before, gone)
    if not items and (why := facts.cannot_read(*_CLUSTER_WIDE)):
        return not_assessed(f"what an extension leaves cluster-wide could not be read ({why})")
    if not items and not there:
        return not_applicable("no extension was installed that the destination does not have")
    if not items:
        return holds("No extension is left that the destination does not have")
    return judged(
        items,
        holds_as="Extensions that the destination no longer has are kept knowingly",
        violated_as="Extensions that the destination no longer has are left behind",
        expected=f"no object of {', '.join([*gone, smi.NAME])}",
        cause="no step of the guide removes it, and deleting its namespace leaves what is "
        "cluster-wide",
        next_command=smi.HOW
        if split
        else "linkerd jaeger uninstall | kubectl delete -f -  # with the client of the old "
        "release; or [extensions.jaeger] when_retired in the scenario",
    )


def _had(facts: ClusterFacts, gone: Collection[str]) -> bool:
    """Return whether anything of extensions that the destination does not have was there."""
    return any(smi.left_over(facts, kept=False)) or any(
        any(_of_retired(facts, name)) for name in gone
    )


def _of_retired(facts: ClusterFacts, name: str) -> Iterator[tuple[str, str]]:
    spaces = {e.namespace for e in installed(facts) if e.name == name} | {f"linkerd-{name}"}
    there = {n.name for n in facts.namespaces} & spaces
    for space in sorted(there):
        pods = sum(1 for p in facts.pods if p.namespace == space and _runs(p))
        yield (
            f"namespace {space}",
            f"still there, {number(pods, 'pod')} {verb(pods, 'runs', 'run')}",
        )
    told: set[str] = set()
    for one in facts.objects:
        if one.extension == name and not one.key.namespace:
            told.add(one.key.name)
            yield str(one.key), "left cluster-wide" if not there else "cluster-wide"
    for hook in facts.webhooks:
        if hook.service_namespace in spaces and hook.configuration not in told:
            told.add(hook.configuration)
            yield f"{hook.configuration_kind} {hook.configuration}", "called for every pod"


def _runs(pod: Pod) -> bool:
    return pod.phase == "Running" and not pod.deleting
