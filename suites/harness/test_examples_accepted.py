"""What each shipped example writes to a cluster is what a real API server accepts.

The published schemas say which fields and types there are; the API server's own rules (a
percentage ends in `%`, a port's name has a letter) are those of the embedded API.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from fixtures.core.errors import BadInput
from fixtures.embedded.api.schema import validation
from fixtures.embedded.api.schema.defaults import set_defaults
from fixtures.embedded.api.storage.resources import built_in
from fixtures.linkerd import extensions
from fixtures.linkerd.values import high_availability
from fixtures.scenario.loading import load
from fixtures.scenario.model import Scenario
from fixtures.scenario.workloads import manifests
from fixtures.standins.linkerd.install import install, install_crds
from fixtures.traffic.workloads import echoes, source_pod

Obj = dict[str, Any]

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
NOW = datetime(2026, 11, 23, 15, 55, 9, tzinfo=UTC)
MINOR = 31
SCHEMAS = f"kubernetes-json-schema/v1.{MINOR}.0-local-strict"
SERVED = {(r.group, r.kind): r for r in built_in()}
CUSTOM = ("linkerd.io", "gateway.networking.k8s.io")
"""Ends of the API groups of custom resources, whose schemas are in their definitions."""


def written(scenario: Scenario) -> Iterator[Obj]:
    """Everything that a rehearsal of a scenario creates on an empty cluster."""
    yield from manifests(scenario)
    ha = scenario.high_availability
    for release in {scenario.source_tag, scenario.destination_tag}:
        yield from install_crds(None, {"installGatewayAPI": True}, release)
        yield from install(high_availability() if ha else {}, release, NOW)[0]
        for name in scenario.extension_names:
            if name in extensions.offered(release):
                yield from extensions.render(name, release, {}, ha=ha, now=NOW)
    names = (scenario.probes_namespace, scenario.control_namespace)
    yield from echoes(scenario.prober_image, *names, native=False)
    for meshed in (True, False):
        yield source_pod("source", names[0], scenario.prober_image, meshed=meshed, native=False)


@functools.cache
def published(kind: str, api_version: str) -> jsonschema.Draft202012Validator:
    """The published schema of a kind, unknown fields refused."""
    group, _, version = api_version.rpartition("/")
    name = "-".join([kind.lower(), *([group.split(".")[0]] if group else []), version])
    schema, shared = (
        Resource.from_contents(schema_contents(f"{SCHEMAS}/{file}.json", f"1.{MINOR}"))
        for file in (name, "_definitions")
    )
    return jsonschema.Draft202012Validator(
        schema.contents, registry=shared @ (schema @ Registry())
    )


def refusals(obj: Obj) -> list[str]:
    """Why a real server would not take an object; empty when it would."""
    group = str(obj["apiVersion"]).rpartition("/")[0]
    if group.endswith(CUSTOM):
        return []
    wrong = next(published(obj["kind"], obj["apiVersion"]).iter_errors(obj), None)
    if wrong is not None:
        return [f"{obj['kind']} {obj['metadata']['name']}: {wrong.message}"]
    resource = SERVED[group, obj["kind"]]
    set_defaults(resource.key, obj, MINOR)
    return [
        f"{obj['kind']} {obj['metadata']['name']}: {cause.line}"
        for cause in validation.problems(resource.key, obj)
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.stem)
def test_every_object_of_an_example_is_accepted(example: Path) -> None:
    objects = list(written(load(example, {})))

    assert len(objects) > 20
    assert [text for obj in objects for text in refusals(obj)] == []


def test_a_budget_as_text_would_be_refused() -> None:
    budget: Obj = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"maxUnavailable": "1", "selector": {"matchLabels": {"app": "web"}}},
    }

    assert "a valid percent string" in refusals(budget)[0]


@pytest.mark.parametrize(
    ("said", "sent"), [("1", "1"), ('"1"', "1"), ('"25%"', "'25%'"), ("0", "0")]
)
def test_a_budget_reaches_the_api_as_a_number_or_a_percentage(
    tmp_path: Path, said: str, sent: str
) -> None:
    file = tmp_path / "s.toml"
    file.write_text(f'[[workloads]]\nname = "web"\ndisruption_budget = {said}\n')

    objects = manifests(load(file, {}))

    budgets = [o["spec"]["maxUnavailable"] for o in objects if o["kind"] == "PodDisruptionBudget"]
    assert [repr(b) for b in budgets] == [sent]


@pytest.mark.parametrize("said", ['"one"', '"-1"', "-1", '"101%"', '"%"'])
def test_a_budget_that_is_neither_is_named(tmp_path: Path, said: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(f'[[workloads]]\nname = "web"\ndisruption_budget = {said}\n')

    with pytest.raises(BadInput, match="disruption_budget"):
        load(file, {})
