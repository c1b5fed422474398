"""Pruning: what `linkerd prune` may list, what must survive, and what is left behind.

The command lists whatever carries Linkerd's label and is not rendered; its list is piped into a
delete. So the computed set holds only objects that some release of Linkerd is known to have made:
an object nobody rendered may be the user's own, and listing it is a violation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from policies.facts.cluster import ClusterFacts, LabelledObject, ObjectKey
from policies.facts.observations import PruneRun, Rendered
from policies.releases import Component, catalogue, remembered
from policies.releases.grammar import Version, parse
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import number

NAMESPACED = frozenset(
    {
        "ConfigMap", "CronJob", "DaemonSet", "Deployment", "Job", "MeshTLSAuthentication",
        "NetworkAuthentication", "ReplicationController", "Secret", "Service", "ServiceProfile",
        "StatefulSet", "Role", "RoleBinding", "ServiceAccount", "PodDisruptionBudget", "Server",
        "ServerAuthorization", "AuthorizationPolicy", "Link", "HTTPRoute",
    }
)  # fmt: skip
CLUSTER_WIDE = frozenset(
    {
        "ClusterRole", "ClusterRoleBinding", "APIService", "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration", "CustomResourceDefinition",
    }
)  # fmt: skip
PRUNED = NAMESPACED | CLUSTER_WIDE
"""Kinds `linkerd prune` looks at (2.14 to 2.20)."""
GATEWAY_GROUP = "gateway.networking.k8s.io"
_COMPONENTS: tuple[Component, ...] = (
    "control_plane",
    "control_plane_ha",
    "crds",
    "crds_with_gateway_api",
)


def labelled(facts: ClusterFacts) -> Iterator[LabelledObject]:
    """Yield the objects `linkerd prune` looks at: its kinds, with the control plane's label."""
    return (
        o
        for o in facts.objects
        if o.control_plane
        and o.key.kind in PRUNED
        and not (o.key.kind == "HTTPRoute" and o.key.group == GATEWAY_GROUP)
    )


def not_rendered(facts: ClusterFacts, rendered: Iterable[Rendered]) -> tuple[LabelledObject, ...]:
    """Return what `linkerd prune` lists here: labelled objects that nothing renders now."""
    keys = rendered_keys(facts, rendered)
    return tuple(o for o in labelled(facts) if o.key not in keys)


def expected_prune(facts: ClusterFacts, rendered: Iterable[Rendered]) -> frozenset[ObjectKey]:
    """Compute what the destination does not render, and a Linkerd release is known to have made.

    Known is what carries `linkerd.io/created-by`, or is in the inventory of a release. What is
    needed all the same, and CRDs with resources, are never part of it.

    Args:
        facts: Before the prune.
        rendered: What its CLI renders with the stored values, CRDs and control plane;
            when empty, the inventory of the configured release stands in.
    """
    kept = frozenset(_needed(facts))
    dropped = not_rendered(facts, rendered)
    return frozenset(o.key for o in dropped if is_linkerds(o) and o.key not in kept)


def _needed(facts: ClusterFacts) -> Iterator[ObjectKey]:
    """Yield what must not be deleted although the target does not render it.

    Somebody else keeps it, and Linkerd's label is left on it from before: deleted, the trust of
    the whole mesh goes, or with a CRD every object of it.
    """
    for kind, names in NEEDED.items():
        for name in names:
            yield ObjectKey(kind=kind, namespace=facts.control_plane_namespace, name=name)
    for crd in facts.crds:
        if crd.resources != 0:
            group = "apiextensions.k8s.io"
            yield ObjectKey(group=group, kind="CustomResourceDefinition", name=crd.name)


NEEDED = {
    "ConfigMap": ("linkerd-config", "linkerd-identity-trust-roots"),
    "Secret": (
        "linkerd-config-overrides",
        "linkerd-identity-issuer",
        "linkerd-policy-validator-k8s-tls",
        "linkerd-proxy-injector-k8s-tls",
        "linkerd-sp-validator-k8s-tls",
    ),
}
"""What every release's control plane mounts or reads, whoever made it."""


def is_linkerds(one: LabelledObject) -> bool:
    return one.created_by != "" or one.key in ever_rendered()


def rendered_keys(facts: ClusterFacts, rendered: Iterable[Rendered]) -> frozenset[ObjectKey]:
    """Return keys of what the destination renders; from the release data without a render."""
    renders = tuple(rendered)
    if renders:
        return frozenset(o.key for r in renders for o in r.objects)
    return inventory(parse(facts.config.version if facts.config else ""), facts)


def inventory(release: Version, facts: ClusterFacts) -> frozenset[ObjectKey]:
    """Return what a release may render, by the release data, options included.

    Gateway API CRDs count where Linkerd owns them: the CLI then renders them again.
    """
    keys: set[ObjectKey] = set()
    for component in _COMPONENTS:
        known = catalogue().inventory(release, component)
        keys |= known.keys if known else frozenset()
    owned = {c.name for c in facts.crds if c.created_by}
    return frozenset(k for k in keys if GATEWAY_GROUP not in k.name or k.name in owned)


@remembered
def ever_rendered() -> frozenset[ObjectKey]:
    """Return what some inspected release renders, but for Gateway API CRDs."""
    keys: set[ObjectKey] = set()
    for known in catalogue().logical_versions:
        for component in _COMPONENTS:
            one = catalogue().inventory(parse(known.anchor), component)
            keys |= one.keys if one else frozenset()
    return frozenset(k for k in keys if GATEWAY_GROUP not in k.name)


def list_equals(run: PruneRun | None, expected: Collection[ObjectKey]) -> Verdict:
    """Judge whether `linkerd prune` listed exactly the computed set (PRN-01)."""
    if run is None:
        return not_assessed("`linkerd prune` was not run")
    if run.unreadable or run.exit_code:
        why = run.unreadable or f"exit code {run.exit_code}"
        return judged(
            [Item(subject="linkerd prune", expected="a list", seen=why)],
            holds_as="",
            violated_as="`linkerd prune` did not give a list",
            expected="a list of objects, possibly empty, exit code 0",
            cause="Helm owns the installation, or the stored values are incomplete",
            next_command="linkerd prune",
        )
    listed, computed = frozenset(run.listed), frozenset(expected)
    if not listed and not computed:
        return not_applicable("there was nothing to prune, and `linkerd prune` listed nothing")
    items = [
        Item(subject=str(key), expected="not listed", seen=f"listed: {whose(key)}")
        for key in sorted(listed - computed)
    ]
    items += [
        Item(
            subject=str(key),
            expected="listed: the target does not render it",
            seen="not listed; a kind that could not be listed is skipped silently",
        )
        for key in sorted(computed - listed)
    ]
    return judged(
        items,
        holds_as=f"The prune list equals the computed set ({number(len(listed), 'object')})",
        violated_as="The prune list differs from the computed set",
        expected=f"{number(len(computed), 'object')}: "
        f"{', '.join(map(str, sorted(computed))) or 'none'}",
        cause="objects that carry Linkerd's label without being Linkerd's, or rights that do not "
        "suffice to list every kind",
        next_command="linkerd prune  # read the list; take the label off what is yours",
    )


def whose(key: ObjectKey) -> str:
    """Tell whose an object may be that carries Linkerd's label and that no release rendered."""
    if key.kind == "CustomResourceDefinition" and GATEWAY_GROUP in key.name:
        return "a Gateway API CRD of another owner; deleting it deletes every route"
    if key.kind == "CustomResourceDefinition":
        return "a CRD no release renders; deleting it deletes every resource of it"
    if key.name in NEEDED.get(key.kind, ()):
        return "the control plane needs it, and somebody else keeps it; take the old label off"
    if key.kind == "Secret":
        return "no release renders it: maybe an external issuer's Secret, or a copy"
    if key.namespace and key.namespace != "linkerd":
        return f"in namespace {key.namespace}: maybe a user's, or another control plane's"
    return "no release renders it: maybe a user's object with a copied label"


def protected_kept(
    before: ClusterFacts,
    after: ClusterFacts,
    *,
    first: ClusterFacts | None = None,
    rendered: Iterable[Rendered] = (),
) -> Verdict:
    """Judge whether namespaces, CRDs, Secrets, webhooks and more kept their UIDs (PRN-02).

    Args:
        before: Facts before the step.
        after: Facts after it.
        first: Facts of the baseline: what is Linkerd's own is compared with them as well, since
            whoever makes an object anew may do so before the step.
        rendered: What the destination renders; what it does not may rightly be pruned.
    """
    if why := before.cannot_read("namespaces") or after.cannot_read("namespaces"):
        return not_assessed(f"namespaces could not be read ({why})")
    wanted = frozenset(o.key for r in rendered for o in r.objects)
    old = {**dict(_protected(before, wanted)), **(dict(_own(first, wanted)) if first else {})}
    new = dict(_protected(after))
    if not old:
        return not_assessed("no object to protect was seen before the step")
    return judged(
        [
            Item(
                subject=subject,
                expected=f"uid {uid}",
                seen="gone" if subject not in new else f"uid {new[subject]}: made again",
            )
            for subject, uid in old.items()
            if new.get(subject) != uid
        ],
        holds_as=f"{number(len(old), 'protected object')} kept as they were, by UID",
        violated_as="Protected objects were deleted or made again",
        expected="the same UIDs as before" + (" and as at the baseline" if first else ""),
        cause="the prune list was deleted without being read, an apply replaced objects, or "
        "another owner prunes what it takes for its own",
        next_command="linkerd prune",
    )


def _protected(
    facts: ClusterFacts, wanted: Collection[ObjectKey] = ()
) -> Iterator[tuple[str, str]]:
    """Yield what must keep its UID; `wanted`, where known, is what the destination renders."""
    for namespace in facts.namespaces:
        yield f"Namespace {namespace.name}", namespace.uid
    for secret in facts.secrets:
        # Helm deletes its oldest release Secrets by itself.
        ours = secret.namespace == facts.control_plane_namespace
        if ours and not secret.name.startswith("sh.helm.release."):
            yield f"Secret {secret.namespace}/{secret.name}", secret.uid
    yield from _own(facts, wanted)


def _own(facts: ClusterFacts, wanted: Collection[ObjectKey]) -> Iterator[tuple[str, str]]:
    """Yield what is Linkerd's and nobody else deletes in hours: CRDs, configuration, rendered."""
    names = frozenset(k.name for k in wanted)
    for crd in facts.crds:
        if not (crd.created_by and crd.resources == 0 and names) or crd.name in names:
            yield f"CRD {crd.name}", crd.uid
    if facts.config is not None:
        yield "ConfigMap linkerd-config", facts.config.uid
    rendered = ever_rendered()
    for one in facts.objects:
        if one.control_plane and one.key in rendered and (not wanted or one.key in wanted):
            yield str(one.key), one.uid


def second_prune_empty(run: PruneRun | None) -> Verdict:
    """Judge whether a second prune lists nothing (PRN-04)."""
    if run is None:
        return not_assessed("no second `linkerd prune` was run")
    if run.unreadable or run.exit_code:
        why = run.unreadable or f"exit code {run.exit_code}"
        return not_assessed(f"the second `linkerd prune` gave no list: {why}")
    return judged(
        [Item(subject=str(k), expected="deleted", seen="listed again") for k in run.listed],
        holds_as="A second prune is empty",
        violated_as="A second prune is not empty",
        expected="an empty list",
        cause="the delete failed, waits for a finalizer, or somebody makes the object again",
        next_command="linkerd prune | kubectl delete --dry-run=server -f -",
    )
