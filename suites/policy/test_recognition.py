"""What kind of Linkerd is on a cluster, by its components and its configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.skew.recognition import CORE, Component, Planes, recognise

EDGE, NEWER, VENDOR = "edge-25.4.4", "edge-25.10.7", "enterprise-2.18.1"


def plane(version: str = EDGE, namespace: str = "linkerd", **other: str) -> tuple[Component, ...]:
    """A control plane; `other` gives single components another version."""
    return tuple(
        Component(
            namespace=namespace, name=name, version=other.get(name.replace("-", "_"), version)
        )
        for name in sorted(CORE)
    )


@pytest.mark.parametrize(
    ("planes", "kind", "said"),
    [
        (Planes(), "none", "no Linkerd control plane"),
        (Planes(components=(Component(namespace="x", name="web"),)), "none", "no Linkerd"),
        (
            Planes(components=(*plane(), *plane(namespace="other"))),
            "several",
            "2 Linkerd control planes, in the namespaces linkerd and other",
        ),
        (Planes(components=plane(namespace="mesh")), "elsewhere", "in the namespace mesh"),
        (
            Planes(components=plane(identity=NEWER), claimed=(NEWER,)),
            "half-finished",
            f"identity {NEWER}; destination, proxy-injector {EDGE}",
        ),
        (
            Planes(components=plane(), claimed=(NEWER,)),
            "half-finished",
            f"the configuration says {NEWER}, the Deployments run {EDGE}",
        ),
        (Planes(components=plane(VENDOR), claimed=(VENDOR,)), "vendor", "judged as Linkerd 2.18"),
    ],
)
def test_what_is_not_as_usual_is_said_in_one_sentence(
    planes: Planes, kind: str, said: str
) -> None:
    (remark,) = recognise(planes)

    assert remark.kind == kind
    assert said in remark.sentence
    assert "\n" not in remark.sentence
    assert remark.stops_upgrade == (kind != "vendor")
    assert remark.fatal == (kind in ("none", "several", "elsewhere"))


def test_a_vendors_half_finished_upgrade_is_both() -> None:
    found = recognise(Planes(components=plane(VENDOR), claimed=("enterprise-2.19.0",)))

    assert [r.kind for r in found] == ["half-finished", "vendor"]


@pytest.mark.parametrize(
    "planes",
    [
        Planes(components=plane(), claimed=(EDGE,)),
        Planes(components=plane(), claimed=()),
        Planes(components=plane(NEWER), claimed=(EDGE, NEWER)),
        Planes(components=plane(""), claimed=(EDGE,)),
    ],
    ids=["ordinary", "no right to the configuration", "images set apart", "images by digest"],
)
def test_an_ordinary_installation_needs_no_word(planes: Planes) -> None:
    assert recognise(planes) == ()


versions = st.sampled_from([EDGE, NEWER, VENDOR, ""])
components = st.builds(
    Component,
    namespace=st.sampled_from(["linkerd", "other"]),
    name=st.sampled_from([*sorted(CORE), "web"]),
    version=versions,
)


@given(st.lists(components, max_size=8), st.lists(versions, max_size=2))
def test_the_order_of_what_was_found_decides_nothing(
    found: list[Component], claimed: list[str]
) -> None:
    named = tuple(v for v in claimed if v)
    forwards = recognise(Planes(components=tuple(found), claimed=named))
    backwards = recognise(Planes(components=tuple(reversed(found)), claimed=named))

    assert [r.kind for r in forwards] == [r.kind for r in backwards]
