"""Secrets in a scenario are used, and written nowhere."""

from __future__ import annotations

import msgspec
import pytest

from fixtures.core import redaction
from fixtures.core.errors import BadInput
from fixtures.core.redaction import MASK
from fixtures.core.secret_guard import scrub
from fixtures.scenario.loading import load
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import HelmOptions
from fixtures.scenario.secrets import said_again
from suites.harness.planted import found_in

SECRET = "tr0ub4dor-and-3"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has remembered is forgotten after it."""
    monkeypatch.setattr(redaction, "_forms", ())
    monkeypatch.setattr(redaction, "_encoded", ())


@pytest.mark.parametrize(
    "said",
    [
        {"helm": {"set": [f"proxy.password={SECRET}"]}},
        {"helm": {"crds_set": [f"x.apiKey={SECRET}"]}},
        {"helm": {"set": [f"plain.name=ghp_{SECRET.replace('-', '_')}aaaaaa"]}},
        {"helm": {"charts": f"https://user:{SECRET}@charts.example/linkerd"}},
        {"helm": {"charts": f"oci://{SECRET}@charts.example/linkerd"}},
        {"prober_image": f"user:{SECRET}@registry.example/python:3"},
        {"node_image": f"https://user:{SECRET}@registry.example/node:1"},
        {"extensions": {"viz": {"set": [f"grafana.token={SECRET}"]}}},
        {"name": f"Bearer {SECRET}"},
    ],
    ids=["set", "crds_set", "token", "charts", "charts-token", "prober", "node", "viz", "name"],
)
def test_a_secret_of_a_scenario_is_in_no_line_of_a_ledger(said: dict[str, object]) -> None:
    scenario = load(None, said)

    line = msgspec.json.encode({"scenario": scenario, "said": str(scenario), "deep": str([said])})

    assert SECRET.encode() in line or SECRET.replace("-", "_").encode() in line
    assert not found_in(scrub(line), SECRET)
    assert not found_in(scrub(line), SECRET.replace("-", "_"))


def test_what_is_no_secret_stays() -> None:
    scenario = load(None, {"helm": {"set": ["proxy.logLevel=debug", "auth=true", "a.token=info"]}})
    line = msgspec.json.encode(scenario)

    assert scrub(line) == line


def test_a_removed_value_is_put_back_by_who_says_it_again() -> None:
    given = load(None, {"helm": {"set": [f"proxy.password={SECRET}"]}})
    begun = msgspec.json.decode(scrub(msgspec.json.encode(given)), type=Scenario)
    assert begun.helm == HelmOptions(set=(f"proxy.password={MASK}",))

    assert said_again(begun, given) == given
    with pytest.raises(BadInput, match="not written to the ledger"):
        said_again(begun, Scenario())
