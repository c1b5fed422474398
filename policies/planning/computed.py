"""Advisories computed from two learnt releases, beside those that somebody wrote.

Each change becomes an advisory with a condition over facts: whether this cluster overrides the
value, has the object, stores the version. Severities: M where somebody has to act or a default
changes, I where it informs; nothing computed says for certain that something breaks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

from policies.releases.comparison import Change, compare
from policies.releases.from_learnt import lowest_minor
from policies.releases.types import Advisory
from policies.releases.versions import logical, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from policies.releases.comparison import Kind
    from policies.releases.learnt import Learnt

COMPUTED = "computed-"
"""What the id of a computed advisory begins with."""
MOST = 12
"""Changes that one advisory names; how many more there are is said."""
_SLUG = re.compile(r"[^A-Za-z0-9.]+")


class Rule(NamedTuple):
    """What a kind of change means for a cluster."""

    severity: Literal["M", "I"]
    title: str
    """Of one change; `{}` is its subject."""
    condition: str
    arguments: Callable[[Change], tuple[str, ...]]
    each: bool = False
    """An advisory per change; else one for all of the kind and component."""


def _none(change: Change) -> tuple[str, ...]:
    return ()


def _subject(change: Change) -> tuple[str, ...]:
    return (change.subject,)


def _bound(change: Change) -> tuple[str, ...]:
    return (lowest_minor(change.after) or "0.0",)


def _words(change: Change) -> tuple[str, ...]:
    return tuple(change.subject.split())


RULES: dict[Kind, Rule] = {
    "value changed": Rule("M", "The default of {} changes", "default is in force", _subject, True),
    "value gone": Rule("M", "Value {} is no longer read", "value is set", _subject, True),
    "value new": Rule("I", "New values", "always", _none),
    "object gone": Rule("I", "Objects that go: prune takes them", "always", _none),
    "object new": Rule("I", "Objects that come", "always", _none),
    "rights grow": Rule("M", "Linkerd is given more rights", "always", _none),
    "rights shrink": Rule("I", "Linkerd has fewer rights", "always", _none),
    "crd version unserved": Rule("M", "{} is no longer served", "crd serves", _words, True),
    "crd storage": Rule("I", "Another version of a CRD is stored", "always", _none),
    "crd version new": Rule("I", "CRDs serve new versions", "always", _none),
    "crd schema": Rule("I", "Schemas of CRDs change", "always", _none),
    "image new": Rule("M", "Images that come: mirrors and allow-lists need them", "always", _none),
    "image gone": Rule("I", "Images that go", "always", _none),
    "image tag": Rule("M", "Images with another tag: mirrors need it", "always", _none),
    "ports": Rule("M", "Ports change: network policies may name them", "always", _none),
    "probes": Rule("I", "Probes change", "always", _none),
    "security": Rule("M", "Security contexts change", "always", _none),
    "requests": Rule("I", "Resource requests change", "always", _none),
    "replicas": Rule("I", "Numbers of replicas change", "always", _none),
    "webhook": Rule("M", "Webhooks change", "always", _none),
    "kubernetes": Rule(
        "M",
        "The minimum of Kubernetes changes",
        "kubernetes below",
        _bound,
    ),
}
"""What each kind of change means; complete, as a test says."""


def advisories(before: Learnt, after: Learnt) -> tuple[Advisory, ...]:
    """Return the advisories of a hop between two learnt releases."""
    parts = _parts(compare(before, after))
    return tuple(_advisory(rule, part, before, after) for rule, part in parts)


def _parts(changes: Iterable[Change]) -> Iterator[tuple[Rule, list[Change]]]:
    grouped: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        rule = RULES[change.kind]
        by = change.subject if rule.each else ""
        grouped[change.kind, by, change.variant].append(change)
    for part in grouped.values():
        yield RULES[part[0].kind], part


def _advisory(
    rule: Rule,
    part: list[Change],
    before: Learnt,
    after: Learnt,
) -> Advisory:
    first = part[0]
    name = f"{first.kind} {first.variant} {first.subject if rule.each else ''}".strip()
    title = rule.title.format(first.subject)
    return Advisory(
        id=f"{COMPUTED}{_SLUG.sub('-', name)}"[:80],
        source_logical=_logical(before),
        target_logical=_logical(after),
        since=after.tag,
        severity=rule.severity,
        title=f"{title}, with {first.variant}" if first.variant else title,
        note="; ".join(_note(part)),
        condition="value is" if first.variant else rule.condition,
        arguments=tuple(first.variant.split("=")) if first.variant else rule.arguments(first),
        source=f"computed from what {before.tag} and {after.tag} render",
    )


def _logical(learnt: Learnt) -> str:
    return str(logical(parse(learnt.tag)) or "")


def _note(part: list[Change]) -> Iterator[str]:
    for change in part[:MOST]:
        yield told(change)
    if len(part) > MOST:
        yield f"and {len(part) - MOST} more"


def told(change: Change) -> str:
    """Say one change in a line."""
    if change.before and change.after:
        return f"{change.subject}: {change.before} -> {change.after}"
    if change.kind in ("object gone", "object new"):
        return change.subject
    return f"{change.subject} {change.before or change.after}".strip()
