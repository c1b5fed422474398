"""What Helm stored of a release against what lives, and what an upgrade took away.

Helm needs no `linkerd prune`: it deletes what the old manifest had and the new one has not, unless
the live object carries `helm.sh/resource-policy: keep`. So the set is computed from the manifests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.facts.base import ObjectKey
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import HelmObject, HelmRelease
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.wording import number

_GROUPS: Mapping[str, str] = {
    "Deployment": "apps",
    "StatefulSet": "apps",
    "DaemonSet": "apps",
    "Job": "batch",
    "CronJob": "batch",
    "CustomResourceDefinition": "apiextensions.k8s.io",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io",
}
"""Kinds of which facts hold every object, so that one that is absent does not live."""
PROXY = "linkerd-proxy"
"""Facts of a workload have the images of all containers but the proxy's."""
_PLURALS: Mapping[str, str] = {
    "Deployment": "deployments.apps",
    "CronJob": "cronjobs.batch",
    "CustomResourceDefinition": "customresourcedefinitions.apiextensions.k8s.io",
}


def stored_as_live(facts: ClusterFacts) -> Verdict:
    """Judge whether each stored object lives, with the stored images and Helm's mark.

    A difference is what somebody changed beside Helm: the next upgrade is computed from the stored
    manifest, so it may leave such a change, or undo it.
    """
    releases = [r for r in facts.helm if not r.unread]
    if not releases:
        why = next((r.unread for r in facts.helm), "there is no Helm release")
        return not_assessed(f"no release was read in full ({why})")
    if why := facts.cannot_read(*_PLURALS.values()):
        return not_assessed(f"what lives could not be read ({why})")
    items = [item for release in releases for item in _differences(release, facts)]
    objects = sum(len(r.objects) for r in releases)
    return judged(
        items,
        holds_as=f"{number(objects, 'object')} of {number(len(releases), 'release')} "
        "as Helm stored them",
        violated_as="The cluster is not as Helm's releases say",
        expected="every stored object alive, with the stored images, owned by its release",
        cause="kubectl, the Linkerd CLI or another tool changed what Helm owns",
        next_command="helm -n linkerd get manifest linkerd-control-plane | kubectl diff -f -",
    )


def _differences(release: HelmRelease, facts: ClusterFacts) -> Iterator[Item]:
    living = live_keys(facts)
    images = {
        ObjectKey(group=_GROUPS[w.kind], kind=w.kind, namespace=w.namespace, name=w.name): w.images
        for w in facts.workloads
        if w.kind in _GROUPS
    }
    crds = {c.name: c for c in facts.crds}
    for stored in release.objects:
        subject = f"{stored.key} of {release.name}"
        if _complete(stored) and stored.key not in living:
            yield Item(subject=subject, expected="alive", seen="does not live")
        elif stored.images and stored.key in images:
            yield from _images(subject, dict(stored.images), dict(images[stored.key]))
        elif stored.key.kind == "CustomResourceDefinition":
            crd = crds[stored.key.name]
            own = f"{release.namespace}/{release.name}"
            if crd.helm_release != own:
                seen = crd.helm_release or "no mark of Helm"
                yield Item(subject=subject, expected=f"owned by {own}", seen=seen)
            elif crd.created_by.startswith("linkerd/cli "):
                seen = f"{crd.created_by} applied over it"
                yield Item(subject=subject, expected="as Helm rendered it", seen=seen)


def _images(subject: str, stored: dict[str, str], live: dict[str, str]) -> Iterator[Item]:
    for container, image in stored.items():
        if container == PROXY:
            continue
        now = live.get(container)
        if now != image:
            yield Item(
                subject=f"{subject}, container {container}",
                expected=image,
                seen=now or "no such container",
            )


def _complete(stored: HelmObject) -> bool:
    """Return whether the object would be among the facts if it lived."""
    return stored.key.kind in _GROUPS or bool(stored.control_plane)


def live_keys(facts: ClusterFacts) -> frozenset[ObjectKey]:
    """Return identities of everything that facts hold of Helm's kinds."""
    found = {o.key for o in facts.objects}
    found |= {
        ObjectKey(group=_GROUPS[w.kind], kind=w.kind, namespace=w.namespace, name=w.name)
        for w in facts.workloads
        if w.kind in _GROUPS
    }
    found |= {
        ObjectKey(
            group=_GROUPS[w.configuration_kind], kind=w.configuration_kind, name=w.configuration
        )
        for w in facts.webhooks
        if w.configuration_kind in _GROUPS
    }
    kind = "CustomResourceDefinition"
    found |= {ObjectKey(group=_GROUPS[kind], kind=kind, name=c.name) for c in facts.crds}
    return frozenset(found)


def dropped(before: ClusterFacts, after: ClusterFacts) -> frozenset[ObjectKey]:
    """Return objects that the releases had before and have no more."""
    old, new = _manifest(before), _manifest(after)
    return frozenset(old.keys() - new.keys())


def removed_by_helm(before: ClusterFacts, after: ClusterFacts) -> Verdict:
    """Judge whether Helm deleted what its new manifests dropped, but what carries `keep` (PRN-01).

    Args:
        before: Before `crds_upgraded`.
        after: After `control_plane_upgraded`.
    """
    for facts in (before, after):
        for release in facts.helm:
            if release.unread:
                return not_assessed(f"{release.label} was not read in full ({release.unread})")
    if not before.helm or not after.helm:
        return not_assessed("there is no Helm release to compare")
    gone, living = dropped(before, after), live_keys(after)
    keep = {c.name for c in before.crds if c.helm_keep}
    items = [_left(key, keep) for key in sorted(gone & living)]
    items += [
        Item(subject=str(key), expected="alive: the release still has it", seen="gone")
        for key in sorted((_known(before) & _manifest(after).keys()) - living)
    ]
    return judged(
        items,
        holds_as=f"Helm removed what its manifests dropped "
        f"({number(len(gone), 'object')}), nothing else",
        violated_as="What Helm removed is not what its manifests dropped",
        expected="every dropped object gone unless it carries `keep`, every other one alive",
        cause="a release that failed half way, or an object that somebody makes again",
        next_command="helm -n linkerd history linkerd-control-plane",
    )


def _left(key: ObjectKey, keep: set[str]) -> Item:
    kept = key.kind == "CustomResourceDefinition" and key.name in keep
    return Item(
        subject=str(key),
        expected="gone: the release dropped it",
        seen="still there",
        explained="it carries `helm.sh/resource-policy: keep`" if kept else "",
    )


def _known(before: ClusterFacts) -> frozenset[ObjectKey]:
    """Return stored objects that were seen alive before, so that their absence means something."""
    return frozenset(_manifest(before).keys() & live_keys(before))


def _manifest(facts: ClusterFacts) -> dict[ObjectKey, HelmObject]:
    return {o.key: o for release in facts.helm for o in release.objects}


def nothing_dropped_left(before: ClusterFacts, after: ClusterFacts) -> Verdict:
    """Judge whether something that Helm dropped was made again, at a later look (PRN-04)."""
    first = removed_by_helm(before, after)
    if first.status == "not assessed":
        return first
    back = dropped(before, after) & live_keys(after)
    keep = {c.name for c in before.crds if c.helm_keep}
    return judged(
        [_left(key, keep) for key in sorted(back)],
        holds_as="Nothing that Helm's releases dropped is left to prune",
        violated_as="Objects that Helm's releases dropped are there",
        expected="none, but what carries `keep`",
        cause="somebody makes them again, or the delete waits for a finalizer",
        next_command="kubectl -n linkerd get all --show-labels",
    )
