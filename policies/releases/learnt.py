"""What one artefact, a client or a release's charts, says of its release.

Everything here was rendered by the release itself with default values, with no cluster. What it
does not say is named in `left_open`, never guessed. Texts that are compared and shown, never read
again (a probe, a security context, a selector), are canonical JSON: sorted keys, no blanks.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from policies.facts.base import Fact, ObjectKey
from policies.releases.keys import object_key
from policies.releases.types import Component

Text = Annotated[str, Meta(max_length=4096)]
Key = Annotated[
    str, Meta(max_length=600, pattern=r"^[a-z0-9.-]+/[A-Za-z0-9]+/[a-z0-9-]+/[^\s/]+\Z")
]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Few = Meta(max_length=100)
"""How many a list within one object may hold."""
Many = Meta(max_length=2000)
"""How many objects or values a release may have."""
Pairs = Annotated[tuple[tuple[Text, Text], ...], Few]
Texts = Annotated[tuple[Text, ...], Few]


class LearntContainer(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One container of a pod template."""

    name: Text
    image: Text
    init: bool = False
    sidecar: bool = False
    """An init container with `restartPolicy: Always`."""
    ports: Texts = ()
    """`linkerd-admin 4191/TCP`."""
    probes: Pairs = ()
    """(`livenessProbe`, `readinessProbe` or `startupProbe`, canonical JSON)."""
    security: Text = ""
    """Its security context, canonical JSON; empty where there is none."""
    requests: Pairs = ()
    """(resource, quantity), sorted."""
    limits: Pairs = ()


class LearntPod(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pod template of a workload, and how many pods of it there are."""

    replicas: int | None = None
    """None for what does not count its pods: a DaemonSet, a CronJob."""
    service_account: Text = ""
    host_network: bool = False
    priority_class: Text = ""
    security: Text = ""
    containers: Annotated[tuple[LearntContainer, ...], Few] = ()
    """Init containers first, as the template has them."""


class LearntRule(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True, order=True):
    """One RBAC rule; every part is sorted."""

    verbs: Texts = ()
    groups: Texts = ()
    resources: Texts = ()
    names: Texts = ()
    urls: Texts = ()


class LearntBinding(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is given a role."""

    role: Text
    """`ClusterRole/linkerd-policy`."""
    subjects: Texts = ()
    """`ServiceAccount/linkerd/linkerd-destination`, `User/-/name`; sorted."""


class LearntWebhook(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One webhook of an admission configuration."""

    name: Text
    service: Text = ""
    """`linkerd/linkerd-proxy-injector/path`."""
    failure_policy: Text = ""
    timeout_seconds: int | None = None
    side_effects: Text = ""
    rules: Texts = ()
    """`CREATE,UPDATE policy.linkerd.io/v1alpha1,v1beta1 servers`; sorted."""
    namespace_selector: Text = ""
    object_selector: Text = ""


class LearntCrdVersion(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a custom resource."""

    name: Text
    served: bool = False
    storage: bool = False
    deprecated: bool = False
    schema_sha256: Sha256
    """Of the schema's canonical JSON, descriptions left out: they are no rules."""


class LearntCrd(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A definition of custom resources."""

    bundle: Text = ""
    """Annotation `gateway.networking.k8s.io/bundle-version`."""
    versions: Annotated[tuple[LearntCrdVersion, ...], Few] = ()


class LearntObject(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One object that a release renders, with what its kind is compared by."""

    key: Key
    """`apps/Deployment/linkerd/linkerd-identity`; `core` and `-` stand for empty."""
    pod: LearntPod | None = None
    ports: Texts = ()
    """Of a Service: `grpc 8080/TCP to 8080`."""
    rules: Annotated[tuple[LearntRule, ...], Few] = ()
    binding: LearntBinding | None = None
    webhooks: Annotated[tuple[LearntWebhook, ...], Few] = ()
    crd: LearntCrd | None = None

    @property
    def identity(self) -> ObjectKey:
        return object_key(self.key)


class LearntComponent(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one component has, beside what it shares with another; `Learnt.objects` adds it up."""

    name: Component
    like: Component | None = None
    """Has this one's objects too (high availability: the plain one's), but for `absent`."""
    absent: Annotated[tuple[Key, ...], Many] = ()
    objects: Annotated[tuple[LearntObject, ...], Many] = ()
    """Sorted by key; those with a key that `like` has take its place."""


class LearntVariant(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the control plane has beside the default one where one value is another."""

    path: Text
    """`cniEnabled`."""
    value: Text
    """JSON text: `true`."""
    absent: Annotated[tuple[Key, ...], Many] = ()
    objects: Annotated[tuple[LearntObject, ...], Many] = ()
    """Sorted by key; those with a key that the default one has take its place."""

    def __str__(self) -> str:
        return f"{self.path}={self.value}"


class Learnt(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was learnt of one release."""

    tag: Annotated[str, Meta(max_length=100)]
    source: Literal["client", "charts"]
    sha256: Sha256
    """Of the client, or of the charts' files."""
    learnt_at: date
    components: Annotated[tuple[LearntComponent, ...], Meta(max_length=20)] = ()
    variants: Annotated[tuple[LearntVariant, ...], Meta(max_length=30)] = ()
    """Of the control plane, for values that change its objects."""
    values: Annotated[tuple[tuple[Text, Text], ...], Many] = ()
    """Default values of the control plane: (path of a leaf, JSON text), sorted by path."""
    ha_values: Annotated[tuple[tuple[Text, Text], ...], Many] = ()
    """Those that are others with high availability."""
    chart_kubernetes: Text = ""
    """`kubeVersion` of the control plane's chart; empty: not learnt, see `left_open`."""
    native_sidecar: bool | None = None
    """Default of `proxy.nativeSidecar`; None where the release has no such value."""
    left_open: Texts = ()
    """What this artefact does not say, a sentence each."""

    def component(self, name: Component) -> LearntComponent | None:
        """Return what is kept of a component; None where the release has none, or it is open."""
        return next((c for c in self.components if c.name == name), None)

    def objects(self, name: Component) -> tuple[LearntObject, ...]:
        """Return every object of a component, sorted by key; empty where there is none."""
        kept = self.component(name)
        if kept is None:
            return ()
        # One level only: data that points in circles cannot keep a reader.
        like = self.component(kept.like) if kept.like else None
        return _beside(like.objects if like else (), kept)

    def variant(self, name: str) -> LearntVariant | None:
        """Return the variant that is called `PATH=VALUE`; None where it was not learnt."""
        return next((v for v in self.variants if str(v) == name), None)

    def varied(self, variant: LearntVariant) -> tuple[LearntObject, ...]:
        """Return every object of the control plane with this value, sorted by key."""
        return _beside(self.objects("control_plane"), variant)

    def keys(self, name: Component) -> frozenset[ObjectKey]:
        """Return the identities of a component's objects."""
        return frozenset(o.identity for o in self.objects(name))

    def images(self, name: Component) -> tuple[str, ...]:
        """Return every image that a component's pods run, sorted."""
        pods = (o.pod for o in self.objects(name) if o.pod)
        return tuple(sorted({c.image for pod in pods for c in pod.containers}))

    @property
    def installs_gateway_api(self) -> bool | None:
        """Whether `install --crds` brings Gateway API by default; None where not learnt."""
        objects = self.objects("crds")
        if not objects:
            return None
        return any(o.identity.name.endswith(".gateway.networking.k8s.io") for o in objects)


def _beside(
    plain: tuple[LearntObject, ...], kept: LearntComponent | LearntVariant
) -> tuple[LearntObject, ...]:
    """Add up what is kept of one with what it shares with the plain one."""
    shared = {o.key: o for o in plain}
    for key in kept.absent:
        shared.pop(key, None)
    merged = {**shared, **{o.key: o for o in kept.objects}}
    return tuple(merged[key] for key in sorted(merged))
