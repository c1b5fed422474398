"""Operators whose pods are often meshed: what they are called, and how they renew a pod.

Commands are those that each project documents for a rolling restart. A kind that is not here is
renewed by its own controller all the same; only its command is not known.
"""

from __future__ import annotations

from policies.facts.base import Fact


class Operator(Fact, frozen=True, kw_only=True):
    """What renews the pods of one kind of custom resource."""

    name: str
    command: str = ""
    """With the fields `namespace`, `name` and `pod`; empty where the project documents none."""


_ANNOTATE = "kubectl -n {namespace} annotate"

OPERATORS: dict[tuple[str, str], Operator] = {
    ("Cluster", "postgresql.cnpg.io"): Operator(
        name="CloudNativePG", command="kubectl cnpg restart {name} -n {namespace}"
    ),
    ("Rollout", "argoproj.io"): Operator(
        name="Argo Rollouts", command="kubectl argo rollouts restart {name} -n {namespace}"
    ),
    ("Workflow", "argoproj.io"): Operator(name="Argo Workflows"),
    ("StrimziPodSet", "core.strimzi.io"): Operator(
        name="Strimzi",
        command=f"{_ANNOTATE} strimzipodset {{name}} strimzi.io/manual-rolling-update=true",
    ),
    ("CloneSet", "apps.kruise.io"): Operator(
        name="OpenKruise",
        command="kubectl kruise rollout restart cloneset/{name} -n {namespace}",
    ),
    ("StatefulSet", "apps.kruise.io"): Operator(name="OpenKruise"),
    ("DaemonSet", "apps.kruise.io"): Operator(name="OpenKruise"),
    ("EphemeralRunner", "actions.github.com"): Operator(name="Actions Runner Controller"),
    ("Runner", "actions.summerwind.dev"): Operator(name="Actions Runner Controller"),
    ("SparkApplication", "sparkoperator.k8s.io"): Operator(name="the Spark operator"),
    ("TaskRun", "tekton.dev"): Operator(name="Tekton"),
    ("Job", "batch.volcano.sh"): Operator(name="Volcano"),
    ("RayCluster", "ray.io"): Operator(name="KubeRay"),
    ("VirtualMachineInstance", "kubevirt.io"): Operator(
        name="KubeVirt", command="virtctl migrate {name} -n {namespace}"
    ),
}
"""(kind, API group) -> its operator."""

RUNS_TO_ITS_END = frozenset(
    {
        ("EphemeralRunner", "actions.github.com"),
        ("Job", "batch.volcano.sh"),
        ("SparkApplication", "sparkoperator.k8s.io"),
        ("TaskRun", "tekton.dev"),
        ("Workflow", "argoproj.io"),
    }
)
"""Kinds whose pods end by themselves, whatever restart policy they have."""
