"""What a made-up cluster shows while a sample's steps are played: facts, canaries, versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from fixtures.evidence.records import (
    AnyBody,
    CanariesSeen,
    CommandRan,
    FactsTaken,
    Observed,
    PodsSeen,
    SightingsSeen,
    ToolUsed,
)
from policies.facts.cluster import ClusterFacts, Namespace, Node, Pod, Proxy, Unreadable
from policies.facts.observations import (
    Canary,
    CheckCategory,
    CheckDocument,
    CheckResult,
    CheckRun,
    CommandRun,
    PodMoment,
    Sighting,
)
from policies.planning.path import Hop

SECONDS = {
    "baseline": 20,
    "preflighted": 6,
    "cli_upgraded": 2,
    "crds_upgraded": 5,
    "control_plane_upgraded": 48,
    "pruned": 6,
    "extensions_upgraded": 4,
    "data_plane_upgraded": 64,
    "settled": 30,
}
GAP = (9.0, 21.3)
"""Seconds after the control plane's apply between which pods are unmeshed."""
COMMANDS = {
    "preflighted": ("linkerd check -o json", "linkerd check --proxy -o json"),
    "cli_upgraded": ("linkerd version --client --short",),
    "crds_upgraded": ("linkerd upgrade --crds", "kubectl apply -f -"),
    "control_plane_upgraded": ("linkerd upgrade", "kubectl apply -f -"),
    "pruned": ("linkerd prune", "kubectl delete -f -"),
    "data_plane_upgraded": (
        "kubectl -n shop rollout restart deployment/web",
        "kubectl -n shop rollout restart statefulset/db",
        "kubectl -n shop rollout restart daemonset/agent",
    ),
}

TOOLS = (
    ToolUsed(
        name="kubectl",
        version="v1.31.4",
        program="stand-in",
        reason="no kubectl of 1.29 or newer on PATH",
    ),
    ToolUsed(
        name="linkerd",
        version="edge-25.10.7",
        program="stand-in",
        reason="no linkerd edge-25.10.7 on PATH or in --tools",
    ),
)

Played = tuple[AnyBody, datetime]


class Scenery:
    """A cluster with `scale` meshed pods that moves from release to release."""

    def __init__(self, start: datetime, scale: int, release: str) -> None:
        self.now = start
        self.scale = scale
        self.control_plane = release
        self.proxies = {release: scale}
        self._canaries = 0

    def play(self, step: str, hop: Hop | None) -> Iterator[Played]:
        """The records of one step; time moves on by the step's length."""
        label = hop.label if hop else ""
        begun = self.now
        length = SECONDS[step]
        yield FactsTaken(step=step, hop=label, when="before", facts=self._facts()), begun
        yield from self._commands(step, label, hop, begun)
        if step == "preflighted":
            yield self._check(step, label), begun
        sightings = self._sightings(step, hop, begun)
        self.now = begun + timedelta(seconds=length)
        yield SightingsSeen(step=step, hop=label, sightings=sightings), self.now
        yield CanariesSeen(step=step, hop=label, canaries=self._seen(step, hop, begun)), self.now
        yield self._moments(step, label, hop, begun), self.now
        yield FactsTaken(step=step, hop=label, when="after", facts=self._facts()), self.now

    def _commands(self, step: str, label: str, hop: Hop | None, at: datetime) -> Iterator[Played]:
        for place, line in enumerate(COMMANDS.get(step, ())):
            yield (
                CommandRan(
                    step=step,
                    hop=label,
                    command=CommandRun(
                        argv=tuple(line.split()),
                        program="stand-in",
                        program_version=hop.destination_tag
                        if hop and "linkerd" in line
                        else "v1.31.4",
                        exit_code=0,
                        seconds=0.21 + 0.1 * place,
                        started=at,
                        stdout_sha256="5d" * 32,
                        stdout_bytes=2048,
                        stdout_tail=f"{line}: done\n36 objects unchanged",
                    ),
                ),
                at,
            )

    def _check(self, step: str, label: str) -> Observed:
        checks = (
            CheckResult(description="control plane pods are ready", result="success"),
            CheckResult(description="data plane is up to date", result="warning", error="older"),
        )
        document = CheckDocument(
            success=True, categories=(CheckCategory(name="linkerd-existence", checks=checks),)
        )
        what = CheckRun(label="check --proxy", exit_code=0, documents=(document,))
        return Observed(step=step, hop=label, what=what)

    def _sightings(self, step: str, hop: Hop | None, at: datetime) -> tuple[Sighting, ...]:
        seen = [self._sighting(at, (self.control_plane,), 0)]
        if hop and step == "control_plane_upgraded":
            both = (hop.source_tag, hop.destination_tag)
            seen.append(self._sighting(at + timedelta(seconds=4), both, 0))
            seen.append(self._sighting(at + timedelta(seconds=31), (hop.destination_tag,), 0))
            self.control_plane = hop.destination_tag
        if hop and step == "data_plane_upgraded":
            for moved in range(1, self.scale + 1):
                after = 4 + 54 * moved / self.scale
                self.proxies = {hop.source_tag: self.scale - moved, hop.destination_tag: moved}
                seen.append(
                    self._sighting(at + timedelta(seconds=after), (self.control_plane,), 0)
                )
            self.proxies = {hop.destination_tag: self.scale}
        return tuple(seen)

    def _sighting(self, at: datetime, control_plane: tuple[str, ...], unmeshed: int) -> Sighting:
        proxies = tuple((v, n) for v, n in self.proxies.items() if n)
        return Sighting(
            at=at,
            control_plane=tuple(v for v in control_plane if v),
            proxies=proxies,
            unmeshed=unmeshed,
        )

    def _seen(self, step: str, hop: Hop | None, begun: datetime) -> tuple[Canary, ...]:
        canaries: list[Canary] = []
        at, version = begun, hop.source_tag if hop else self.control_plane
        while at < self.now:
            after = (at - begun).total_seconds()
            self._canaries += 1
            name = f"canary-{self._canaries}"
            if step == "control_plane_upgraded" and GAP[0] <= after < GAP[1]:
                canaries.append(Canary(at=at, name=name, outcome="unmeshed"))
            else:
                late = step == "control_plane_upgraded" and after >= GAP[1]
                now = self.control_plane if late or step != "control_plane_upgraded" else version
                canaries.append(Canary(at=at, name=name, outcome="injected", version=now))
            at += timedelta(seconds=0.25)
        return tuple(canaries)

    def _moments(self, step: str, label: str, hop: Hop | None, begun: datetime) -> PodsSeen:
        born = range(self.scale) if hop and step == "data_plane_upgraded" else range(0)
        return PodsSeen(
            step=step,
            hop=label,
            pods=tuple(
                PodMoment(
                    namespace="shop",
                    name=f"web-{n}",
                    uid=f"{label}-{n}",
                    proxy_version=hop.destination_tag if hop else "",
                    born=begun,
                )
                for n in born
            ),
        )

    def _facts(self) -> ClusterFacts:
        proxies = [v for v, n in self.proxies.items() for _ in range(n)]
        return ClusterFacts(
            taken_at=self.now,
            kubernetes="v1.31.14",
            simulated=True,
            namespaces=(Namespace(name="shop", uid="u1"), Namespace(name="linkerd", uid="u2")),
            nodes=(Node(name="node-1"),),
            pods=(
                *(self._pod(f"web-{n}", version, "") for n, version in enumerate(proxies)),
                *(
                    self._pod(f"linkerd-{c}", self.control_plane, c)
                    for c in ("destination", "identity", "proxy-injector")
                    if self.control_plane
                ),
            ),
            unreadable=(Unreadable(resource="httproutes.policy.linkerd.io", reason="not served"),),
        )

    def _pod(self, name: str, version: str, component: str) -> Pod:
        return Pod(
            namespace="linkerd" if component else "shop",
            name=name,
            uid=f"uid-{name}",
            created=self.now,
            phase="Running",
            component=component,
            images=((component, f"cr.l5d.io/linkerd/controller:{version}"),) if component else (),
            proxy=Proxy(image=f"cr.l5d.io/linkerd/proxy:{version}", version=version),
        )
