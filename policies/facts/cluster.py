"""Facts: what was observed of a cluster, typed, never judged.

Every record is a frozen struct that survives JSON unchanged (``msgspec.json`` both ways). Secrets
appear as digests and certificate fields only. Times are UTC, durations seconds of cluster time.

The meaning of Kubernetes fields is the one of the Kubernetes API reference; where Linkerd puts a
fact (an annotation, a label, a key) the docstring of the field names it.
"""

from __future__ import annotations

from datetime import datetime

from policies.facts.base import Fact, ObjectKey, Setting
from policies.facts.helm import HelmRelease
from policies.facts.links import Multicluster
from policies.facts.workloads import Condition as Condition
from policies.facts.workloads import Pod, Workload
from policies.facts.workloads import Proxy as Proxy


class Unreadable(Fact, frozen=True, kw_only=True):
    """A kind of object that could not be read, and why (rights, not served, not in a snapshot)."""

    resource: str
    """Plural with group, as in RBAC: `pods`, `deployments.apps`."""
    reason: str


class Certificate(Fact, frozen=True, kw_only=True):
    """Fields of one X.509 certificate; never its key."""

    sha256: str
    """Hex digest of the DER bytes."""
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    is_ca: bool = False
    dns_names: tuple[str, ...] = ()
    algorithm: str = ""
    """Public key algorithm and size, e.g. `EC P-256`, `RSA 2048`."""
    verified_by: tuple[str, ...] = ()
    """Digests of the certificates, among those read at the same moment, whose key signed it."""


class Bundle(Fact, frozen=True, kw_only=True):
    """A PEM bundle in one place of the cluster."""

    place: str
    """Where it was read, e.g. `ConfigMap linkerd/linkerd-identity-trust-roots ca-bundle.crt`."""
    sha256: str
    """Digest of the bundle's text, stripped."""
    as_annotated: tuple[str, ...] = ()
    """Digests that pods are annotated with that were given this bundle: of the text as it stands,
    and with one line end; empty where no pod is given it."""
    certificates: tuple[Certificate, ...] = ()
    unreadable: str = ""
    """Why it could not be parsed; empty when it could."""


class Selector(Fact, frozen=True, kw_only=True):
    """A Kubernetes label selector; both parts must match."""

    match_labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(key, operator, values); operators In, NotIn, Exists, DoesNotExist."""


class Namespace(Fact, frozen=True, kw_only=True):
    """A namespace with the labels and annotations that decide about injection."""

    name: str
    uid: str
    phase: str = "Active"
    inject: str = ""
    """Annotation `linkerd.io/inject`."""
    pinned: str = ""  # annotation config.linkerd.io/proxy-version, which its pods inherit
    labels: tuple[tuple[str, str], ...] = ()
    """All labels, sorted."""
    pod_security: str = ""
    """Label `pod-security.kubernetes.io/enforce`."""
    extension: str = ""
    """Label `linkerd.io/extension`."""
    linkerd_keys: tuple[tuple[str, str, str], ...] = ()
    """(`label` or `annotation`, key, value) of what looks like a request to the injector."""


class Node(Fact, frozen=True, kw_only=True):
    """A node as far as scheduling and versions go."""

    name: str
    ready: bool = True
    schedulable: bool = True
    """Not cordoned, no NoSchedule or NoExecute taint."""
    architecture: str = ""
    kubelet: str = ""
    runtime: str = ""
    hostname: str = ""
    zone: str = ""
    images: tuple[str, ...] = ()
    """`status.images[].names`, the images present on the node as far as the kubelet lists them."""
    added_by: str = ""
    """The autoscaler that added it to a copy, where a pod found no room; empty for all others."""


class Webhook(Fact, frozen=True, kw_only=True):
    """One webhook of an admission configuration."""

    configuration_kind: str
    configuration: str
    uid: str
    name: str
    failure_policy: str = "Fail"
    timeout_seconds: int = 10
    service_namespace: str = ""
    service_name: str = ""
    ca_bundle: Bundle | None = None
    namespace_selector: Selector = Selector()
    object_selector: Selector = Selector()
    resources: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    control_plane: str = ""


class Crd(Fact, frozen=True, kw_only=True):
    """A CustomResourceDefinition."""

    name: str
    uid: str
    established: bool = True
    served: tuple[str, ...] = ()
    storage: str = ""
    deprecated: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    """`status.storedVersions`."""
    created_by: str = ""
    control_plane: str = ""
    bundle_version: str = ""
    """Annotation `gateway.networking.k8s.io/bundle-version`."""
    bundle_channel: str = ""
    helm_owned: bool = False
    helm_keep: bool = False
    """Annotation `helm.sh/resource-policy: keep`."""
    helm_chart: str = ""
    """Label `helm.sh/chart`, `linkerd-crds-2025.10.7`: all that Helm's CRDs say of theirs."""
    helm_release: str = ""
    """Annotations `meta.helm.sh/release-namespace` and `-name`, as `NAMESPACE/NAME`."""
    managed_by: str = ""
    """A GitOps tool that marked it; empty without one."""
    resources: int = -1
    """How many custom resources exist; -1 when they were not counted."""


class LabelledObject(Fact, frozen=True, kw_only=True):
    """An object of a kind that `linkerd prune` looks at and that carries Linkerd's label."""

    key: ObjectKey
    uid: str
    control_plane: str = ""
    """Label `linkerd.io/control-plane-ns`."""
    extension: str = ""
    created_by: str = ""
    helm_release: str = ""
    """`NAMESPACE/NAME` of the Helm release that it says it is part of; empty for none."""


class SecretKeys(Fact, frozen=True, kw_only=True):
    """A Secret by its keys and the digests of their values."""

    namespace: str
    name: str
    uid: str
    type: str = ""
    values: tuple[tuple[str, str], ...] = ()
    """(key, sha256 of the value); empty when only metadata was read."""


class LinkerdConfig(Fact, frozen=True, kw_only=True):
    """ConfigMap `linkerd-config` and Secret `linkerd-config-overrides`."""

    uid: str
    version: str
    """Value `linkerdVersion`: what the configuration claims, not what pods run."""
    values: tuple[Setting, ...] = ()
    overrides: tuple[Setting, ...] | None = None
    """Stored overrides (values as digests); None when the Secret is absent or unreadable."""
    overrides_present: bool | None = None
    """None: not known (no right to read it)."""
    helm_releases: tuple[str, ...] = ()
    """Names of Helm release Secrets, e.g. `sh.helm.release.v1.linkerd-control-plane.v1`."""
    created_by: str = ""

    def value(self, path: str) -> str | None:
        """Return the JSON text of one value, or None."""
        return next((s.value for s in self.values if s.path == path), None)


class Endpoints(Fact, frozen=True, kw_only=True):
    """Endpoints behind a Service, from its EndpointSlices."""

    namespace: str
    name: str
    ready: int = 0
    not_ready: int = 0


class DisruptionBudget(Fact, frozen=True, kw_only=True):
    """A PodDisruptionBudget."""

    namespace: str
    name: str
    allowed: int = 0
    healthy: int = 0
    desired_healthy: int = 0
    expected: int = 0


class ApiService(Fact, frozen=True, kw_only=True):
    """An APIService served by a Service (local ones are left out)."""

    name: str
    service_namespace: str = ""
    service_name: str = ""
    available: bool = True
    reason: str = ""
    extension: str = ""
    control_plane: str = ""


class Event(Fact, frozen=True, kw_only=True):
    """A Kubernetes event that tells of a refused or failed creation, pull or injection."""

    namespace: str
    kind: str
    name: str
    reason: str
    count: int = 1
    last_seen: datetime | None = None
    message: str = ""
    """Shown, never matched."""


class ResourceQuota(Fact, frozen=True, kw_only=True):
    """What a quota leaves in a namespace; quantities as base units (cores, bytes, count)."""

    namespace: str
    name: str
    left: tuple[tuple[str, float], ...] = ()


class ClusterFacts(Fact, frozen=True, kw_only=True):
    """All that was observed of one cluster at one moment."""

    cluster: str = "main"
    taken_at: datetime
    """Cluster time (real time on a real cluster, the simulated clock on the embedded one)."""
    kubernetes: str = ""
    """`gitVersion` of the API server, e.g. `v1.31.14`."""
    simulated: bool = False
    control_plane_namespace: str = "linkerd"
    namespaces: tuple[Namespace, ...] = ()
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    workloads: tuple[Workload, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    crds: tuple[Crd, ...] = ()
    objects: tuple[LabelledObject, ...] = ()
    secrets: tuple[SecretKeys, ...] = ()
    config: LinkerdConfig | None = None
    trust_roots: Bundle | None = None
    """ConfigMap `linkerd-identity-trust-roots`."""
    issuer: Bundle | None = None
    """Certificate of Secret `linkerd-identity-issuer` (`crt.pem` or `tls.crt`)."""
    webhook_certificates: tuple[Bundle, ...] = ()
    """`tls.crt` of the webhooks' Secrets; `place` is `Secret NAMESPACE/NAME tls.crt`."""
    endpoints: tuple[Endpoints, ...] = ()
    budgets: tuple[DisruptionBudget, ...] = ()
    api_services: tuple[ApiService, ...] = ()
    events: tuple[Event, ...] = ()
    quotas: tuple[ResourceQuota, ...] = ()
    helm: tuple[HelmRelease, ...] = ()
    """Helm releases of the control plane's namespace, each in its newest revision."""
    multicluster: Multicluster | None = None
    """None where the extension is not installed."""
    unreadable: tuple[Unreadable, ...] = ()

    def cannot_read(self, *resources: str) -> str:
        """Return reasons why any of these resources is missing here, or an empty string."""
        found = [f"{u.resource}: {u.reason}" for u in self.unreadable if u.resource in resources]
        return "; ".join(found)
