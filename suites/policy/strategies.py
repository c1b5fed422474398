"""Hypothesis strategies: versions, hops, small clusters and what was seen of them over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from policies.facts.cluster import ClusterFacts, Pod, Proxy
from policies.facts.observations import Sighting
from policies.planning.path import Plan, plan
from policies.releases import catalogue
from policies.releases.versions import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn

NOW = datetime(2026, 8, 21, 12, 0, tzinfo=UTC)

EDGES = tuple(release.tag for release in catalogue().edges)
STABLES = tuple(release.tag for release in catalogue().stables)
SUFFIXES = ("rc1", "rc2", "1", "2", "hotfix")

edges = st.sampled_from(EDGES)
recent_edges = st.sampled_from(EDGES[EDGES.index("edge-24.2.4") :])
stables = st.sampled_from(STABLES)
suffixes = st.one_of(st.just(""), st.sampled_from(SUFFIXES).map("-{}".format))
enterprises = st.builds(
    "enterprise-2.{}.{}{}".format, st.integers(12, 22), st.integers(0, 12), suffixes
)
builds = st.builds(
    "{}-{}".format,
    st.sampled_from(("dev", "git", "preview")),
    st.text("0123456789abcdef", min_size=1, max_size=8),
)
ordered = st.one_of(edges, stables, enterprises)
"""Versions that a logical version is known of."""

strange = st.one_of(
    st.text(max_size=24),
    st.builds("edge-{}.{}.{}".format, st.integers(0, 99), st.integers(13, 99), st.integers(0, 9)),
    st.builds("edge-{}".format, st.text(max_size=8)),
    st.builds("{}-2.18.0".format, st.text(min_size=1, max_size=8)),
    st.sampled_from(("", "latest", "edge", "edge-", "edge-1.3.5", "v2.294.0", "stable-2.14")),
).filter(lambda text: not parse(text).known)
"""Text that no grammar covers."""

versions = st.one_of(ordered, builds, strange)


@st.composite
def plans(draw: DrawFn) -> Plan:
    """A plan without blockers, of up to six hops."""
    first = draw(st.integers(0, len(EDGES) - 2))
    last = draw(st.integers(first + 1, len(EDGES) - 1))
    source = draw(st.sampled_from((EDGES[first], *STABLES[-12:])))
    found = plan(parse(source), parse(EDGES[last]))
    if found.blockers:
        found = plan(
            parse("edge-24.2.4"),
            parse(draw(recent_edges.filter(lambda tag: tag != "edge-24.2.4"))),
        )
        found = found if not found.blockers else plan(parse("edge-24.2.4"), parse("edge-26.6.3"))
    return found


def pod(
    version: str, *, name: str = "web-1", job: bool = False, ended: bool = False, **more: object
) -> Pod:
    """A running meshed pod with this proxy."""
    fields: dict[str, object] = {
        "namespace": "shop",
        "name": name,
        "uid": name,
        "created": NOW,
        "owner_kind": "Job" if job else "Deployment",
        "owner_name": "report" if job else "web",
        "phase": "Running",
        "ready": True,
        "application_ended": ended,
        "proxy": Proxy(image=f"cr.l5d.io/linkerd/proxy:{version}", version=version, running=True),
    }
    return Pod(**(fields | more))  # pyright: ignore[reportArgumentType]


def component(version: str, name: str = "destination", **more: object) -> Pod:
    """A running pod of the control plane."""
    image = f"cr.l5d.io/linkerd/controller:{version}"
    fields: dict[str, object] = {
        "namespace": "linkerd",
        "name": f"linkerd-{name}-{version}",
        "component": name,
        "owner_name": f"linkerd-{name}",
        "images": ((name, image), ("linkerd-init", "cr.l5d.io/linkerd/proxy-init:v2.4.2")),
    }
    return pod(version, **(fields | more))  # pyright: ignore[reportArgumentType]


def cluster(
    control_plane: str | Sequence[str], proxies: Sequence[str | Pod] = (), **more: object
) -> ClusterFacts:
    """Facts of a cluster with these versions."""
    names = (control_plane,) if isinstance(control_plane, str) else control_plane
    pods = [
        p if isinstance(p, Pod) else pod(p, name=f"web-{number}")
        for number, p in enumerate(proxies)
    ]
    fields: dict[str, object] = {
        "taken_at": NOW,
        "kubernetes": "v1.31.14",
        "pods": (*(component(name) for name in names), *pods),
    }
    return ClusterFacts(**(fields | more))  # pyright: ignore[reportArgumentType]


clusters = st.builds(
    cluster,
    st.lists(versions, min_size=1, max_size=2).map(tuple),
    st.lists(versions, max_size=6).map(tuple),
)


@st.composite
def histories(draw: DrawFn) -> tuple[Sighting, ...]:
    """What a watch saw of a few versions, second by second."""
    names = draw(st.lists(ordered, min_size=1, max_size=4))
    return tuple(
        Sighting(
            at=NOW + timedelta(seconds=second),
            control_plane=tuple(draw(st.sets(st.sampled_from(names), min_size=1, max_size=2))),
            proxies=tuple(
                (name, draw(st.integers(0, 3)))
                for name in draw(st.sets(st.sampled_from(names), max_size=3))
            ),
        )
        for second in range(draw(st.integers(0, 6)))
    )
