"""Whose an extension is, and whether that way can be gone."""

from __future__ import annotations

from typing import Any

import pytest

from policies.controls.extensions.installed import Installed, installed
from policies.controls.extensions.owner import CHARTS, VERSION, Owner, owned, ways_are_open
from policies.controls.helm.values import ValueMode
from policies.facts.cluster import ClusterFacts, Setting
from policies.facts.helm import ChartValues
from policies.releases.grammar import parse
from suites.policy.builders import (
    FROM,
    SOURCE,
    TARGET,
    TO,
    change,
    cluster,
    namespace,
    with_workloads,
    workload,
)

SPACE, RELEASE = "linkerd-viz", "linkerd-viz/linkerd-viz"
VIZ = Installed(name="viz", namespace=SPACE)
CHART = ChartValues(
    chart="linkerd-viz", release=TARGET, values=(Setting(path=VERSION, value=f'"{TARGET}"'),)
)
CLI, HELM = {"created_by": f"linkerd/cli {SOURCE}"}, {"created_by": f"linkerd/helm {SOURCE}"}


def viz(*made: dict[str, Any], labelled: bool = True) -> ClusterFacts:
    """A workload of viz for each way it was made."""
    parts = [
        change(workload(f"part-{n}", within=SPACE), extension="viz", **fields)
        for n, fields in enumerate(made)
    ]
    facts = with_workloads(cluster(TARGET), *parts)
    space = change(namespace(SPACE, ""), extension="viz" if labelled else "")
    return change(facts, namespaces=(*facts.namespaces, space))


@pytest.mark.parametrize(
    ("made", "owner"),
    [
        ((CLI,), "cli"),
        (({},), "unknown"),
        ((HELM,), "helm"),
        (({**HELM, "helm_release": RELEASE},), "helm"),
        (({**HELM, "helm_release": RELEASE}, CLI), "both"),
    ],
    ids=["cli", "unmarked", "rendered", "helm", "both"],
)
def test_the_owner_is_told_by_marks(made: tuple[dict[str, Any], ...], owner: Owner) -> None:
    assert owned(viz(*made), VIZ).owner == owner


def test_an_extension_without_its_namespaces_label_is_found_by_its_workloads() -> None:
    """Helm makes the namespace, and the label comes from a Job that may be turned off."""
    assert installed(viz(HELM, labelled=False)) == (VIZ,)


def test_what_is_the_clis_needs_no_chart() -> None:
    assert ways_are_open(viz(CLI), (), {}, TO, "reset-then-reuse").status == "holds"
    none = ways_are_open(cluster(TARGET), (), {}, TO, "reset-then-reuse")
    assert none.status == "not applicable"


HELMS = viz({**HELM, "helm_release": RELEASE})


def test_what_is_helms_is_upgraded_with_its_chart() -> None:
    assert ways_are_open(HELMS, (CHART,), {}, TO, "reset-then-reuse").status == "holds"


@pytest.mark.parametrize(
    ("facts", "charts", "mode", "seen"),
    [
        (HELMS, (), "reset-then-reuse", "its client is refused"),
        (viz(HELM), (CHART,), "reset-then-reuse", "applied by something else"),
        (HELMS, (CHART,), "reuse", "keeps the old one"),
        (viz({**HELM, "helm_release": RELEASE}, CLI), (CHART,), "reset", "the CLI made since"),
    ],
    ids=["no chart", "no release", "reuse", "both"],
)
def test_a_way_that_is_closed_is_said_before_anything_changes(
    facts: ClusterFacts, charts: tuple[ChartValues, ...], mode: ValueMode, seen: str
) -> None:
    verdict = ways_are_open(facts, charts, {}, TO, mode)

    assert verdict.status == "violated"
    assert any(seen in i.seen for i in verdict.violations)


@pytest.mark.parametrize(("release", "wanted"), [(SOURCE, "holds"), (TARGET, "violated")])
def test_the_chart_is_of_the_release_that_the_extension_is_to_reach(
    release: str, wanted: str
) -> None:
    charts = (change(CHART, release=release),)

    assert ways_are_open(HELMS, charts, {"viz": FROM}, TO, "reset").status == wanted


def test_an_extension_is_retired_by_the_release_it_is_to_reach() -> None:
    """Its chart is missed where it stays at a release that has it."""
    facts = viz({**HELM, "helm_release": RELEASE})
    spaces = tuple(
        change(n, extension="jaeger" if n.name == SPACE else "") for n in facts.namespaces
    )
    jaeger = change(facts, namespaces=spaces)

    gone = ways_are_open(jaeger, (), {}, parse("edge-26.6.3"), "reset")
    assert gone.status == "not applicable"
    verdict = ways_are_open(
        jaeger, (), {"jaeger": parse("edge-25.4.4")}, parse("edge-26.6.3"), "reset"
    )
    assert "linkerd-jaeger of edge-25.4.4" in verdict.violations[0].expected


def test_every_extension_of_linkerds_has_a_chart() -> None:
    assert dict(CHARTS) == {
        "viz": "linkerd-viz",
        "multicluster": "linkerd-multicluster",
        "jaeger": "linkerd-jaeger",
    }
