"""Differences between an object as it lives and as it would be after being applied again.

`linkerd upgrade` makes some things anew at each render, so "a second upgrade changes nothing" is
false; that it changes nothing *else* is the invariant (recorded: the second `kubectl diff` of each
walk).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from apimachinery.annotations import LAST_APPLIED
from apimachinery.pointers import escape
from policies.facts.cluster import Fact, ObjectKey
from policies.verdicts.findings import Item, Verdict, judged, not_assessed


class Difference(Fact, frozen=True, kw_only=True, tag_field="type", tag="difference"):
    """What differs between two states of one object; never a value, which may be secret."""

    key: ObjectKey
    paths: tuple[str, ...] = ()
    """JSON pointers (RFC 6901) of what differs, e.g. `/webhooks/0/clientConfig/caBundle`."""
    created: bool = False
    """The object does not live and would be created."""


_BOOKKEEPING = re.compile(
    r"/metadata/(resourceVersion|generation|managedFields|creationTimestamp|uid)(/.*)?"
    rf"|/metadata/annotations/({re.escape(escape(LAST_APPLIED))}"
    r"|deployment\.kubernetes\.io~1revision)"
    r"|/status(/.*)?"
)
"""What the API server and its controllers keep for themselves."""

_REGENERATED: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = (
    (
        "Secret",
        re.compile(r"linkerd-(proxy-injector|sp-validator|policy-validator)-k8s-tls"),
        re.compile(r"/(data|stringData)/tls\.(crt|key)"),
    ),
    (
        "MutatingWebhookConfiguration",
        re.compile(r"linkerd-proxy-injector-webhook-config"),
        re.compile(r"/webhooks/\d+/clientConfig/caBundle"),
    ),
    (
        "ValidatingWebhookConfiguration",
        re.compile(r"linkerd-(sp|policy)-validator-webhook-config"),
        re.compile(r"/webhooks/\d+/clientConfig/caBundle"),
    ),
    (
        "Deployment",
        re.compile(r"linkerd-(destination|proxy-injector)"),
        re.compile(r"/spec/template/metadata/annotations/checksum~1config"),
    ),
    ("CronJob", re.compile(r"linkerd-heartbeat"), re.compile(r"/spec/schedule")),
)
"""(kind, names, pointers) that each render of `linkerd upgrade` makes anew."""


def compare_objects(
    key: ObjectKey, before: Mapping[str, object] | None, after: Mapping[str, object]
) -> Difference:
    """Return where two states of an object differ, the API server's bookkeeping left out."""
    if before is None:
        return Difference(key=key, paths=("",), created=True)
    pointers = (p for p in changed_pointers(before, after) if not _BOOKKEEPING.fullmatch(p))
    return Difference(key=key, paths=tuple(pointers))


def changed_pointers(before: object, after: object, at: str = "") -> Iterator[str]:
    """Yield JSON pointers of the smallest parts in which two JSON values differ, in order."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in (*before, *(k for k in after if k not in before)):
            inner = f"{at}/{escape(str(name))}"
            if name not in before or name not in after:
                if before.get(name) is not None or after.get(name) is not None:
                    yield inner
            else:
                yield from changed_pointers(before[name], after[name], inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from changed_pointers(*pair, f"{at}/{index}")
    elif before != after or type(before) is not type(after):
        yield at


def reapply_changes_only_regenerated(differences: Sequence[Difference] | None) -> Verdict:
    """Judge whether applying again changes only what Linkerd makes anew at each render (VER-03).

    Args:
        differences: One for each object that would change; None when nothing was compared. An
            empty sequence means that nothing was compared either: webhook certificates are made
            anew at each render, unless they are managed from outside.
    """
    if not differences:
        return not_assessed("a second upgrade was not compared with what lives")
    return judged(
        [item for d in differences for item in _items(d)],
        holds_as="Applying again changes only what Linkerd makes anew",
        includes=True,
        violated_as="Applying again changes more than what Linkerd makes anew",
        expected="changes only in webhook certificates, caBundles, checksum annotations and the "
        "heartbeat's schedule",
        cause="an object was not applied, was changed by hand, or has another owner that changes "
        "it back",
        next_command="linkerd upgrade | kubectl diff -f -",
    )


def _items(difference: Difference) -> Iterator[Item]:
    subject = str(difference.key)
    if difference.created:
        yield Item(subject=subject, expected="to live already", seen="would be created")
        return
    paths = [p for p in difference.paths if not _BOOKKEEPING.fullmatch(p)]
    expected = [p for p in paths if _is_regenerated(difference.key, p)]
    other = [p for p in paths if p not in expected]
    if expected:
        yield Item(
            subject=subject,
            seen=", ".join(expected),
            explained="made anew at each render",
        )
    if other:
        yield Item(subject=subject, expected="unchanged", seen=", ".join(other))


def _is_regenerated(key: ObjectKey, pointer: str) -> bool:
    return any(
        key.kind == kind and names.fullmatch(key.name) and pointers.fullmatch(pointer)
        for kind, names, pointers in _REGENERATED
    )
