"""What changes between two learnt releases: computed from what each of them renders.

Nothing is read of notes in prose. What only names the release itself (its tag in images, labels
and values) is no change. What one of both left open is left out, and said by `not_compared`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

from msgspec.structs import replace

from apimachinery.quantities import amount
from oci import reference
from policies.facts.base import Fact
from policies.releases.learnt import (
    Learnt,
    LearntContainer,
    LearntCrd,
    LearntObject,
    LearntPod,
    LearntRule,
    LearntWebhook,
)
from policies.releases.types import Component

Kind = Literal[
    "value changed",
    "value new",
    "value gone",
    "object gone",
    "object new",
    "rights grow",
    "rights shrink",
    "crd version unserved",
    "crd storage",
    "crd version new",
    "crd schema",
    "image new",
    "image gone",
    "image tag",
    "ports",
    "probes",
    "security",
    "requests",
    "replicas",
    "webhook",
    "kubernetes",
]
RELEASE = "<release>"
_MOST_SHOWN = 200
_VARIANT_OF = {
    "control_plane_ha": "control_plane",
    "multicluster_ha": "multicluster",
    "crds_with_gateway_api": "crds",
}


class Change(Fact, frozen=True, kw_only=True):
    """One difference between two releases."""

    kind: Kind
    component: str
    """`control_plane`, `viz` ...; `values` for default values."""
    subject: str
    """What changes: a value's path, an object's key, a container of a workload, an image."""
    before: str = ""
    """Empty: not there."""
    after: str = ""
    variant: str = ""
    """`cniEnabled=true`: only where this cluster has that value; empty: everywhere."""

    @property
    def place(self) -> str:
        """Component, with the value it has there."""
        return f"{self.component}, {self.variant}" if self.variant else self.component


def compare(before: Learnt, after: Learnt) -> tuple[Change, ...]:
    """Return every difference between two releases, by kind in the order of `Kind`."""
    changes = [*_values(before, after), *_kubernetes(before, after)]
    images: dict[str, tuple[set[str], set[str]]] = {}
    for name in shared(before, after):
        old = {o.key: o for o in before.objects(name)}
        new = {o.key: o for o in after.objects(name)}
        if not name.endswith("_ha"):
            images[name] = (set(before.images(name)), set(after.images(name)))
            changes += _objects(name, old, new)
        changes += _cost(name, old.values(), new.values())
        for key in sorted(old.keys() & new.keys()):
            changes += _object(name, old[key], new[key], before.tag, after.tag)
    changes += _images(images, before.tag, after.tag)
    changes += _variants(before, after, frozenset(changes))
    order = get_args(Kind)
    return tuple(sorted(_once(changes), key=lambda c: order.index(c.kind)))


def _variants(before: Learnt, after: Learnt, plain: frozenset[Change]) -> Iterator[Change]:
    """Yield what changes only where a value is another than the default."""
    name = "control_plane"
    for variant in before.variants:
        other = after.variant(str(variant))
        if other is None:
            continue
        old = {o.key: o for o in before.varied(variant)}
        new = {o.key: o for o in after.varied(other)}
        changes = [*_objects(name, old, new)]
        for key in sorted(old.keys() & new.keys()):
            changes += _object(name, old[key], new[key], before.tag, after.tag)
        yield from (replace(c, variant=str(variant)) for c in changes if c not in plain)


def _once(changes: Iterable[Change]) -> Iterator[Change]:
    """Leave out what a component only shares with the one it is a variant of."""
    every = dict.fromkeys(changes)
    for change in every:
        plain = _VARIANT_OF.get(change.component, change.component)
        if plain == change.component or replace(change, component=plain) not in every:
            yield change


def shared(before: Learnt, after: Learnt) -> tuple[Component, ...]:
    """Return the components that were learnt of both."""
    return tuple(c.name for c in before.components if after.component(c.name) is not None)


def not_compared(before: Learnt, after: Learnt) -> tuple[str, ...]:
    """Say what could not be compared, a sentence each."""
    both = set(shared(before, after))
    said = [
        f"{c.name} was learnt of {one.tag} alone"
        for one in (before, after)
        for c in one.components
        if c.name not in both
    ]
    said += [
        f"the control plane with {variant} was learnt of {one.tag} alone"
        for one, other in ((before, after), (after, before))
        for variant in one.variants
        if other.variant(str(variant)) is None
    ]
    said += [f"{one.tag}: {text}" for one in (before, after) for text in one.left_open]
    return tuple(said)


def _values(before: Learnt, after: Learnt) -> Iterator[Change]:
    old = {p: _neutral(v, before.tag) for p, v in before.values}
    new = {p: _neutral(v, after.tag) for p, v in after.values}
    for path in sorted(old.keys() | new.keys()):
        was, now = old.get(path), new.get(path)
        if was == now:
            continue
        kind: Kind = "value changed"
        if was is None:
            kind = "value new"
        elif now is None:
            kind = "value gone"
        yield Change(
            kind=kind, component="values", subject=path, before=_cut(was), after=_cut(now)
        )


def _kubernetes(before: Learnt, after: Learnt) -> Iterator[Change]:
    was, now = before.chart_kubernetes, after.chart_kubernetes
    if was and now and was != now:
        yield Change(
            kind="kubernetes",
            component="control_plane",
            subject="kubeVersion",
            before=was,
            after=now,
        )


def _objects(
    name: str, old: Mapping[str, LearntObject], new: Mapping[str, LearntObject]
) -> Iterator[Change]:
    for key in sorted(old.keys() - new.keys()):
        yield Change(kind="object gone", component=name, subject=key, before="rendered")
    for key in sorted(new.keys() - old.keys()):
        yield Change(kind="object new", component=name, subject=key, after="rendered")
        yield from _rights(name, key, (), new[key].rules)


def _object(
    name: str, old: LearntObject, new: LearntObject, source: str, destination: str
) -> Iterator[Change]:
    yield from _rights(name, old.key, old.rules, new.rules)
    yield from _webhooks(name, old, new)
    if old.ports != new.ports:
        yield _change("ports", name, old.key, _list(old.ports), _list(new.ports))
    if old.crd is not None and new.crd is not None:
        yield from _crd(name, old.key, old.crd, new.crd)
    if old.pod is not None and new.pod is not None:
        yield from _pod(name, old.key, old.pod, new.pod)


def _rights(
    name: str, key: str, old: Iterable[LearntRule], new: Iterable[LearntRule]
) -> Iterator[Change]:
    was, now = set(_singles(old)), set(_singles(new))
    if more := sorted(now - was):
        yield _change("rights grow", name, key, "", _list(more))
    if less := sorted(was - now):
        yield _change("rights shrink", name, key, _list(less), "")


def _singles(rules: Iterable[LearntRule]) -> Iterator[str]:
    """Yield each right by itself, so that rules written in another way are no change."""
    for rule in rules:
        only = f" only {','.join(rule.names)}" if rule.names else ""
        for verb in rule.verbs:
            for url in rule.urls:
                yield f"{verb} {url}"
            for resource in rule.resources:
                for group in rule.groups or ("",):
                    yield f"{verb} {resource}{f'.{group}' if group else ''}{only}"


def _webhooks(name: str, old: LearntObject, new: LearntObject) -> Iterator[Change]:
    was, now = ({w.name: w for w in each.webhooks} for each in (old, new))
    for hook in sorted(was.keys() | now.keys()):
        left, right = was.get(hook), now.get(hook)
        if left == right:
            continue
        before, after = _told(left, right), _told(right, left)
        yield _change("webhook", name, f"{new.key} {hook}", before, after)


def _told(hook: LearntWebhook | None, other: LearntWebhook | None) -> str:
    """Return what of a webhook differs from the other, or that it is there at all."""
    if hook is None:
        return ""
    fields = (
        ("failurePolicy", hook.failure_policy, other and other.failure_policy),
        ("timeout", f"{hook.timeout_seconds} s", other and f"{other.timeout_seconds} s"),
        ("rules", _list(hook.rules), other and _list(other.rules)),
        ("namespaces", hook.namespace_selector, other and other.namespace_selector),
        ("objects", hook.object_selector, other and other.object_selector),
        ("service", hook.service, other and other.service),
        ("sideEffects", hook.side_effects, other and other.side_effects),
    )
    if other is None:
        return f"failurePolicy {hook.failure_policy}, {_list(hook.rules)}"
    return ", ".join(
        f"{key} {value or 'none'}" for key, value, theirs in fields if value != theirs
    )


def _crd(name: str, key: str, old: LearntCrd, new: LearntCrd) -> Iterator[Change]:
    was, now = {v.name: v for v in old.versions}, {v.name: v for v in new.versions}
    crd = key.rsplit("/", 1)[-1]
    for version, kept in was.items():
        there = now.get(version)
        if kept.served and not (there and there.served):
            yield _change("crd version unserved", name, f"{crd} {version}", "served", "")
        elif there and there.schema_sha256 != kept.schema_sha256:
            yield _change(
                "crd schema",
                name,
                f"{crd} {version}",
                kept.schema_sha256[:12],
                there.schema_sha256[:12],
            )
    for version, came in now.items():
        if came.served and not (version in was and was[version].served):
            yield _change("crd version new", name, f"{crd} {version}", "", "served")
    stored = [next((v.name for v in each.versions if v.storage), "") for each in (old, new)]
    if stored[0] != stored[1]:
        yield _change("crd storage", name, crd, stored[0], stored[1])


def _pod(name: str, key: str, old: LearntPod, new: LearntPod) -> Iterator[Change]:
    if old.replicas != new.replicas:
        yield _change("replicas", name, key, str(old.replicas), str(new.replicas))
    was, now = {c.name: c for c in old.containers}, {c.name: c for c in new.containers}
    for container in sorted(was.keys() & now.keys()):
        yield from _container(name, f"{key} {container}", was[container], now[container])
    if old.security != new.security:
        yield _change("security", name, f"{key} pod", old.security, new.security)
    asked = (_requests(old.containers), _requests(new.containers))
    if asked[0] != asked[1]:
        yield _change("requests", name, key, asked[0], asked[1])


def _container(
    name: str, subject: str, old: LearntContainer, new: LearntContainer
) -> Iterator[Change]:
    if old.ports != new.ports:
        yield _change("ports", name, subject, _list(old.ports), _list(new.ports))
    if old.probes != new.probes:
        same = set(old.probes) & set(new.probes)
        before, after = (_pairs(p for p in c.probes if p not in same) for c in (old, new))
        yield _change("probes", name, subject, before, after)
    if old.security != new.security:
        yield _change("security", name, subject, old.security, new.security)


def _cost(name: str, old: Iterable[LearntObject], new: Iterable[LearntObject]) -> Iterator[Change]:
    """Compare what all pods of a component ask for, replicas counted: what the hop costs."""
    before, after = _total(old), _total(new)
    if before != after:
        yield _change("requests", name, f"all pods of {name}", before, after)


def _total(objects: Iterable[LearntObject]) -> str:
    asked: Counter[str] = Counter()
    for pod in (o.pod for o in objects if o.pod):
        for resource, quantity in (r for c in pod.containers for r in c.requests):
            asked[resource] += round(amount(quantity) * (pod.replicas or 1) * 1000)
    return ", ".join(f"{name} {_shown(name, value)}" for name, value in sorted(asked.items()))


def _shown(resource: str, thousandths: int) -> str:
    if resource == "memory":
        return f"{round(thousandths / 1000 / 2**20)}Mi"
    return f"{thousandths}m"


def _requests(containers: Iterable[LearntContainer]) -> str:
    return ", ".join(
        f"{c.name} {resource} {quantity}" for c in containers for resource, quantity in c.requests
    )


def _images(
    images: Mapping[str, tuple[set[str], set[str]]], source: str, destination: str
) -> Iterator[Change]:
    for name, (old, new) in images.items():
        was, now = _by_name(old, source), _by_name(new, destination)
        for image in sorted(was.keys() - now.keys()):
            yield _change("image gone", name, image, was[image], "")
        for image in sorted(now.keys() - was.keys()):
            yield _change("image new", name, image, "", now[image])
        for image in sorted(was.keys() & now.keys()):
            if was[image] != now[image]:
                yield _change("image tag", name, image, was[image], now[image])


def _by_name(images: Iterable[str], tag: str) -> dict[str, str]:
    """Return tags by image; the release's own tag is the same in each release."""
    tags: dict[str, str] = {}
    for text in images:
        image = reference.parse(text)
        tags[image.with_tag("")] = _neutral(image.tag, tag)
    return tags


def _change(kind: Kind, component: str, subject: str, before: str, after: str) -> Change:
    return Change(
        kind=kind,
        component=component,
        subject=subject,
        before=_cut(before),
        after=_cut(after),
    )


def _neutral(text: str, tag: str) -> str:
    return text.replace(tag, RELEASE) if tag else text


def _cut(text: str | None) -> str:
    shown = text or ""
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[: _MOST_SHOWN - 3]}..."


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{key} {value}" for key, value in pairs)
