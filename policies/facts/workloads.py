"""Facts about pods and the workloads that make them: who owns them, which proxy they run."""

from __future__ import annotations

from datetime import datetime

from policies.facts.base import Fact, ObjectKey


class Proxy(Fact, frozen=True, kw_only=True, gc=False):
    """The Linkerd proxy of one pod."""

    image: str
    version: str
    """Annotation `linkerd.io/proxy-version`, else the image tag; empty when neither says."""
    injected_by: str = ""
    """Annotation `linkerd.io/created-by`: `linkerd/proxy-injector V`, `linkerd/cli V`."""
    native: bool = False
    """An init container with restartPolicy Always (native sidecar)."""
    ready: bool = False
    running: bool = False
    restarts: int = 0
    trust_root: str = ""
    """Annotation `linkerd.io/trust-root-sha256`."""
    identity: bool = True
    """Mounts an identity volume, so it must hold a certificate before it is ready."""


class Pod(Fact, frozen=True, kw_only=True, gc=False):
    """One pod."""

    namespace: str
    name: str
    uid: str
    created: datetime
    owner_kind: str = ""
    """The workload it belongs to in the end (Deployment, not ReplicaSet); empty for a bare pod."""
    owner_name: str = ""
    owner_group: str = ""
    """API group of the owner's kind; empty for the core group, and where it was not seen."""
    restart_policy: str = "Always"
    """`spec.restartPolicy`: with Never or OnFailure the pod ends by itself."""
    applied: bool = False
    """`kubectl apply` left its manifest on it, so that it can be created again."""
    phase: str = ""
    reason: str = ""
    """`status.reason`, e.g. Evicted."""
    ready: bool = False
    deleting: bool = False
    node: str = ""
    component: str = ""
    """Label `linkerd.io/control-plane-component`."""
    control_plane: str = ""
    """Label `linkerd.io/control-plane-ns`: the mark of a meshed pod."""
    extension: str = ""
    inject: str = ""
    """Annotation `linkerd.io/inject` of the pod."""
    pinned: str = ""
    """Annotation `config.linkerd.io/proxy-version`: a proxy version set by the user."""
    host_network: bool = False
    mounts_token: bool = True
    """False when automountServiceAccountToken is false: not injected without projection."""
    udp: bool = False
    static: bool = False
    """A mirror of a static pod: the kubelet owns it, no webhook sees it."""
    scheduler: str = "default-scheduler"
    images: tuple[tuple[str, str], ...] = ()
    """(container, image) of all containers but the proxy's, init containers included."""
    restarts: int = 0
    oom_killed: int = 0
    application_ended: bool = False
    """Every regular container but the proxy has terminated."""
    failed: tuple[tuple[str, int], ...] = ()
    """(container, exit code) of regular containers but the proxy that ended with an error."""
    waiting: tuple[tuple[str, str], ...] = ()
    """(container, reason) of containers that wait, e.g. ImagePullBackOff."""
    proxy: Proxy | None = None

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


class Condition(Fact, frozen=True, kw_only=True):
    """A status condition; the message is shown, never matched."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class Workload(Fact, frozen=True, kw_only=True):
    """A Deployment, StatefulSet, DaemonSet, Job or CronJob."""

    kind: str
    namespace: str
    name: str
    uid: str
    created_by: str = ""
    """Annotation `linkerd.io/created-by`: `linkerd/cli V` or `linkerd/helm V`."""
    managed_by: str = ""
    """A GitOps tool that marked it, `Argo CD (NAME)`, `Flux (NAME)`; empty without one."""
    helm_release: str = ""
    """`NAMESPACE/NAME` of the Helm release that it is part of; empty for none."""
    component: str = ""
    extension: str = ""
    inject: str = ""
    """Annotation `linkerd.io/inject` of the pod template."""
    linkerd_keys: tuple[tuple[str, str, str], ...] = ()
    """(place, key, value) of what looks like a request to the injector; the place is `label`,
    `annotation`, or one of these of the `template`."""
    pinned: str = ""
    hand_injected: bool = False
    """The template itself has a linkerd-proxy container."""
    generation: int = 0
    observed_generation: int = 0
    desired: int = 0
    current: int = 0
    """Pods that exist (status.replicas, currentNumberScheduled)."""
    updated: int = 0
    ready: int = 0
    available: int = 0
    max_surge: str = ""
    max_unavailable: str = ""
    update_strategy: str = ""
    partition: int = 0
    """`rollingUpdate.partition` of a StatefulSet: lower numbers keep the old template."""
    first_number: int = 0
    """`spec.ordinals.start` of a StatefulSet."""
    owner: ObjectKey | None = None
    """What controls it, such as an operator's custom resource."""
    paused: bool = False
    conditions: tuple[Condition, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    """(container, image) of the template, init containers included."""
    restarted_at: str = ""
    """Annotation `kubectl.kubernetes.io/restartedAt` of the template."""
    required_anti_affinity: str = ""
    """Topology key of a required pod anti-affinity; empty without one."""

    @property
    def key(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"
