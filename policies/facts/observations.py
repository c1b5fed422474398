"""Facts observed over time or by running a program: commands, checks, canaries, sightings."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from policies.facts.cluster import Fact, ObjectKey


class CommandRun(Fact, frozen=True, kw_only=True):
    """One command of the upgrade guide, run to its end."""

    argv: tuple[str, ...]
    """As a person would type it, program name first (`linkerd`, `kubectl`, `helm`)."""
    program: Literal["real", "stand-in"]
    program_version: str = ""
    exit_code: int
    seconds: float
    """Wall seconds."""
    started: datetime
    stdout_sha256: str = ""
    stdout_bytes: int = 0
    stdout_tail: str = ""
    """The last lines, redacted; kept for people, never matched."""
    stderr_tail: str = ""

    @property
    def line(self) -> str:
        return " ".join(self.argv)


class CheckResult(Fact, frozen=True, kw_only=True):
    """One check of `linkerd check -o json`."""

    description: str
    result: Literal["success", "warning", "error"]
    error: str = ""
    hint: str = ""


class CheckCategory(Fact, frozen=True, kw_only=True):
    name: str
    checks: tuple[CheckResult, ...] = ()


class CheckDocument(Fact, frozen=True, kw_only=True):
    """One JSON document of the stream: the core's, then one per extension."""

    success: bool
    categories: tuple[CheckCategory, ...] = ()


class CheckRun(Fact, frozen=True, kw_only=True, tag_field="type", tag="check"):
    """What one `linkerd check` said."""

    label: str
    """`check`, `check --proxy`, `check --crds`."""
    exit_code: int
    documents: tuple[CheckDocument, ...] = ()
    unreadable: str = ""
    """Why the output could not be parsed; empty when it could."""

    def failed(self) -> tuple[tuple[str, CheckResult], ...]:
        """Return (category, check) of every check whose result is `error`."""
        return tuple(
            (c.name, r)
            for d in self.documents
            for c in d.categories
            for r in c.checks
            if r.result == "error"
        )


class VersionReport(Fact, frozen=True, kw_only=True, tag_field="type", tag="version"):
    """What `linkerd version --proxy` said."""

    client: str = ""
    server: str = ""
    proxies: tuple[tuple[str, int], ...] = ()
    """(version, pods)."""


class Canary(Fact, frozen=True, kw_only=True, gc=False):
    """One pod of the injection canary: asked for injection, never scheduled, deleted at once."""

    at: datetime
    """Cluster time of the request."""
    name: str
    outcome: Literal["injected", "unmeshed", "refused", "unobserved"]
    """`unobserved`: the API itself did not answer; it says nothing about injection."""
    version: str = ""
    native: bool = False
    injected_by: str = ""
    reason: str = ""
    """The API's reason and message when refused."""


class NodeCanary(Fact, frozen=True, kw_only=True, tag_field="type", tag="node-canary"):
    """One pod that was pinned to a node, to see whether its network is set up there."""

    node: str
    outcome: Literal["meshed", "unmeshed", "stuck", "unobserved"]
    """`stuck`: it did not become ready; `unobserved`: it could not be created."""
    reason: str = ""
    """What its containers wait for, or the API's answer."""


class ValidatorTried(Fact, frozen=True, kw_only=True, tag_field="type", tag="validator"):
    """What came of dry runs of two objects that one of Linkerd's validators is asked about."""

    webhook: str
    kind: str
    """Of both objects."""
    status: int = 0
    """Of the API where it refuses the one that is right; 0: it accepts it."""
    reason: str = ""
    """The API's reason and message then."""
    refuses: bool = False
    """The one that only the validator refuses was refused."""


class Written(Fact, frozen=True, kw_only=True, tag_field="type", tag="written"):
    """One object of the control plane as it was last written."""

    key: ObjectKey
    version: str
    """Changes whenever what somebody decided of it does."""
    manager: str = ""
    """Of the newest entry of its managedFields, status aside; empty where none says."""
    at: datetime | None = None
    keeper: str = ""
    """Who is meant to write parts of it, by its annotations."""


class Sighting(Fact, frozen=True, kw_only=True, gc=False):
    """The versions that ran at one moment, seen by the watch on pods and configuration."""

    at: datetime
    control_plane: tuple[str, ...] = ()
    """Distinct versions of running control plane pods."""
    proxies: tuple[tuple[str, int], ...] = ()
    """(proxy version, running pods) of the data plane."""
    unmeshed: int = 0
    """Running pods in injected namespaces that should have a proxy and have none."""


class PodMoment(Fact, frozen=True, kw_only=True, gc=False):
    """One pod's proxy version from birth to end, as the watch saw it."""

    namespace: str
    name: str
    uid: str
    owner: str = ""
    proxy_version: str = ""
    component: str = ""
    born: datetime
    ready: datetime | None = None
    ended: datetime | None = None


class EndpointMoment(Fact, frozen=True, kw_only=True, gc=False):
    """How many ready endpoints a Service of the control plane had from this moment on."""

    at: datetime
    service: str
    ready: int


class PruneRun(Fact, frozen=True, kw_only=True, tag_field="type", tag="prune"):
    """What `linkerd prune` listed."""

    listed: tuple[ObjectKey, ...] = ()
    exit_code: int = 0
    unreadable: str = ""


class OverQuota(Fact, frozen=True, kw_only=True):
    """One resource that a pod asked more of than a quota has left; amounts in base units."""

    quota: str
    resource: str
    """As the quota names it: `pods`, `limits.cpu`."""
    requested: float
    used: float
    limited: float


class DryRun(Fact, frozen=True, kw_only=True, tag_field="type", tag="dry-run"):
    """A server-side dry run of rendered manifests, or of one pod in one namespace."""

    what: str
    accepted: bool
    rendered: bool = True
    """False: the client refused to render, so nothing was tried; its words are the refusal."""
    refusals: tuple[tuple[str, str], ...] = ()
    """(object, the API's reason and message)."""
    over: tuple[OverQuota, ...] = ()
    """What a quota refused the pod for."""
    freed: tuple[tuple[str, float], ...] = ()
    """(resource, amount) that a pod of the same workload counts for until it goes."""
    unmeshed: bool = False
    """The pod would be created without a proxy, though one of the same workload has one."""


class RenderedObject(Fact, frozen=True, kw_only=True):
    """One object of a rendered manifest: identity, images and container names; no bodies."""

    key: ObjectKey
    images: tuple[tuple[str, str], ...] = ()
    control_plane: str = ""


class Rendered(Fact, frozen=True, kw_only=True, tag_field="type", tag="rendered"):
    """What one render (`linkerd upgrade`, `upgrade --crds`) produced."""

    version: str
    objects: tuple[RenderedObject, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    """Flattened values of the rendered linkerd-config (see `facts.Setting`)."""


class ImageEvidence(Fact, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """Whether one image can be had on the nodes that will run it."""

    image: str
    outcome: Literal["present", "pulled", "failed", "unknown"]
    evidence: str = ""
