"""What the destination renders, object by object: does it live once it was applied?

`linkerd check` asks for a few objects by name. A Service that every proxy names, or a binding
whose loss shows only at a controller's next start, can be gone without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from policies.controls.prune import pruning
from policies.facts.base import ObjectKey
from policies.facts.cluster import ClusterFacts
from policies.facts.observations import Rendered, RenderedObject
from policies.releases.grammar import Version
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.wording import number

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
RESOURCES = {
    "APIService": "apiservices.apiregistration.k8s.io",
    "ClusterRole": f"clusterroles.{_RBAC}",
    "ClusterRoleBinding": f"clusterrolebindings.{_RBAC}",
    "ConfigMap": "configmaps",
    "CronJob": "cronjobs.batch",
    "CustomResourceDefinition": "customresourcedefinitions.apiextensions.k8s.io",
    "DaemonSet": "daemonsets.apps",
    "Deployment": "deployments.apps",
    "MutatingWebhookConfiguration": f"mutatingwebhookconfigurations.{_ADMISSION}",
    "Namespace": "namespaces",
    "PodDisruptionBudget": "poddisruptionbudgets.policy",
    "ReplicationController": "replicationcontrollers",
    "Role": f"roles.{_RBAC}",
    "RoleBinding": f"rolebindings.{_RBAC}",
    "Secret": "secrets/metadata",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "StatefulSet": "statefulsets.apps",
    "ValidatingWebhookConfiguration": f"validatingwebhookconfigurations.{_ADMISSION}",
}
"""Kinds of which facts hold every object with Linkerd's label, as RBAC names them."""


def all_live(
    rendered: Rendered | None, before: ClusterFacts, after: ClusterFacts, source: Version
) -> Verdict:
    """Judge whether every object that the destination rendered lives after it was applied (CP-11).

    What was absent before as well, although the source renders it, is left out by somebody (a
    GitOps tool's filter, a policy that cleans up): explained, as is a Gateway API CRD, which may
    be another owner's. Kinds and objects that facts do not hold are named and not compared.

    Args:
        rendered: What the client rendered, and was applied; None where it was not recorded.
        before: Facts before it was applied.
        after: Facts once it was.
        source: The release of before.
    """
    if rendered is None or not rendered.objects:
        return not_assessed("what the destination renders was not recorded")
    if not after.objects:
        return not_assessed("no object with Linkerd's label was seen")
    alive = _alive(after)
    known, items, hidden = 0, list[Item](), list[Item]()
    usual = pruning.inventory(source, before) - _alive(before)
    for one in rendered.objects:
        if one.key in alive or _placed(one.key, after) in alive:
            known += 1
        elif why := _not_held(one):
            items.append(Item(subject=str(one.key), seen="not compared", explained=why))
        elif why := after.cannot_read(RESOURCES[one.key.kind]):
            hidden.append(Item(subject=str(one.key), seen=why))
        else:
            items.append(_absent(one.key, source.text if one.key in usual else ""))
    return judged(
        items,
        unknown=hidden,
        unknown_as="objects could not be read",
        holds_as=f"{number(known, 'object')} that {rendered.version} renders live",
        violated_as=f"Objects that {rendered.version} renders are absent",
        expected=f"each of {number(len(rendered.objects), 'object')} lives",
        cause="it was not applied, or somebody deletes it: a GitOps tool that prunes, a clean-up "
        "policy, a command by hand",
        next_command="linkerd upgrade | kubectl apply -f -",
    )


def _alive(facts: ClusterFacts) -> frozenset[ObjectKey]:
    """Return the keys of all that facts hold, labelled or not."""
    return frozenset((*(o.key for o in facts.objects), *_told_apart(facts)))


def _placed(key: ObjectKey, facts: ClusterFacts) -> ObjectKey:
    """Return where a chart's object lives that names no namespace: in its release's."""
    return msgspec.structs.replace(key, namespace=key.namespace or facts.control_plane_namespace)


def _told_apart(facts: ClusterFacts) -> Iterator[ObjectKey]:
    """Yield what facts hold without Linkerd's label as well."""
    for namespace in facts.namespaces:
        yield ObjectKey(kind="Namespace", name=namespace.name)
    for crd in facts.crds:
        group = "apiextensions.k8s.io"
        yield ObjectKey(group=group, kind="CustomResourceDefinition", name=crd.name)
    for secret in facts.secrets:
        yield ObjectKey(kind="Secret", namespace=secret.namespace, name=secret.name)


def _not_held(one: RenderedObject) -> str:
    """Return why facts cannot say that an object is absent; empty where they can."""
    if one.key.kind == "CustomResourceDefinition" and pruning.GATEWAY_GROUP in one.key.name:
        return "a Gateway API CRD may be another owner's; PRE-05 judges it"
    if one.key.kind not in RESOURCES:
        return "objects of this kind are not read"
    if one.key.kind in ("Namespace", "CustomResourceDefinition"):
        return ""
    return "" if one.control_plane else "it carries no label to find it by"


def _absent(key: ObjectKey, left_out_at: str) -> Item:
    return Item(
        subject=str(key),
        expected="lives, with label linkerd.io/control-plane-ns",
        seen="absent",
        explained=f"absent before as well, though {left_out_at} renders it: somebody leaves it out"
        if left_out_at
        else "",
    )
