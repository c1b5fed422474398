"""What is left of the Service Mesh Interface: TrafficSplits, and the extension that read them.

Linkerd's core reads no TrafficSplit since 2.12; linkerd-smi translated them and is no longer
maintained. A split that nobody reads sends all traffic to its apex Service, without a word.
Source: Linkerd's release notes of 2.12; "Migrating from the SMI extension" to HTTPRoutes.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.facts.cluster import ClusterFacts
from policies.verdicts.findings import Item

NAME = "smi"
NAMESPACE = "linkerd-smi"
GROUP = "split.smi-spec.io"
HOW = (
    "rewrite each as an HTTPRoute with weighted backends; then kubectl delete crd "
    f"trafficsplits.{GROUP}; kubectl delete namespace {NAMESPACE}"
)


def left_over(facts: ClusterFacts, *, kept: bool) -> Iterator[Item]:
    """Yield items for each left-over: the extension, splits, their CRD.

    Args:
        facts: After the step.
        kept: The scenario keeps the extension although nobody maintains it.
    """
    why = "kept by the scenario; nobody maintains it" if kept else ""
    spaces = {n.name for n in facts.namespaces if n.extension == NAME or n.name == NAMESPACE}
    runs = any(p.namespace in spaces and p.phase == "Running" for p in facts.pods)
    for space in sorted(spaces):
        yield Item(
            subject=f"namespace {space}",
            expected="gone: linkerd-smi is no longer maintained",
            seen="still there, it runs" if runs else "still there, nothing runs",
            explained=why,
        )
    for crd in facts.crds:
        if not crd.name.endswith(f".{GROUP}"):
            continue
        splits = "an unknown number" if crd.resources < 0 else str(crd.resources)
        read = "which linkerd-smi translates" if runs else "which nobody reads"
        empty = "" if crd.resources else "empty, and Linkerd reads none: harmless"
        yield Item(
            subject=f"CRD {crd.name}",
            expected="gone, its TrafficSplits rewritten as HTTPRoutes",
            seen=f"{splits} TrafficSplits, {read}",
            explained=why or empty,
        )
