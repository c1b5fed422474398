"""Scenario files: every error names the key and ends in `BadInput`, never in a traceback."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import BadInput
from fixtures.run.console import Console
from fixtures.run.opening.open_run import open_session
from fixtures.scenario.loading import load
from fixtures.scenario.model import KEYS, Scenario
from fixtures.scenario.parts import ExtensionSpec, Waiver
from fixtures.scenario.waivers import unexpired
from fixtures.scenario.workloads import workers


def written(folder: Path, text: str) -> Path:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_command_line_wins_over_file_over_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fault = tmp_path / "fault.toml"
    fault.write_text(
        'id = "f"\ntitle = "t"\nsource = "s"\nstep = "baseline"\ncatches = ["CP-02"]\n'
        '[[delete]]\nresource = "pods"\nname = "web"\n[scenario]\nsoak = 9.0\nnodes = 3\n'
    )
    path = written(tmp_path, f'from = "edge-25.4.4"\nsoak = 5.0\nfaults = ["{fault.name}"]\n')

    scenario = load(path, {"from": "edge-24.11.8", "to": None})

    assert scenario.source_tag == "edge-24.11.8"
    assert scenario.soak == 5.0
    assert scenario.nodes == 3
    plain = written(tmp_path, 'from = "edge-25.4.4"\n')
    assert load(plain, {"faults": [str(fault)]}).nodes == 3


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('form = "edge-25.4.4"', "form"),
        ('soak = "long"', "soak"),
        ("soak = -1.0", "soak"),
        ("speed = 0.0", "speed"),
        ('target = "cloud"', "target"),
        ('[[workloads]]\nname = "a"\nnamespace = 1', "workloads[0].namespace"),
        ('[[workloads]]\nname = "a"\nreplicas = -1', "replicas"),
        (f'[[workloads]]\nname = "{"a" * 64}"', "workloads.name"),
        (f'[[workloads]]\nkind = "CronJob"\nname = "{"a" * 53}"', "workloads.name"),
        ('[[workloads]]\nname = "a"\nnamespace = "Shop"', "workloads.namespace"),
        ('[[workloads]]\nname = "a"\n[[workloads]]\nname = "a"', "shop/a"),
        ('[consent]\ncontext = "c"', "cluster_uid"),
        ('[[waivers]]\ncontrol = "CP-04"\nowner = "x"\nreason = "y"\nexpires = "soon"', "expires"),
        ('[consent]\ncontext = "c"\nuid = "u"', "Unknown key `consent.uid`"),
        ('[consent]\ncontext = "c"\ncluster_id = "u"', "did you mean `consent.cluster_uid`?"),
        ('[consent]\ncontext = "c"', "`consent.context` and `consent.cluster_uid`"),
        ("[extensions.viz]\nsets = []", "did you mean `extensions.viz.set`?"),
        ("[[budgets]]\n[[budgets]]\nsteps = 1", "did you mean `budgets[1].step`?"),
        ('[linked]\nname = "b"\nfirs = "b"', "did you mean `linked.first`?"),
        ('[helm]\nvalue = "reuse"', "Unknown key `helm.value`"),
        ('snapshot = "nowhere.json"', "nowhere.json"),
        ('tools = "nowhere"', "nowhere"),
        ('faults = ["nowhere.toml"]', "nowhere.toml"),
        ("from = ", "not valid TOML"),
    ],
)
def test_an_error_names_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadInput, match=r".+") as caught:
        load(written(tmp_path, text), {})

    assert named in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no scenario file"):
        load(tmp_path / "absent.toml", {})


@pytest.mark.parametrize("example", sorted(Path("examples").glob("*.toml")), ids=lambda p: p.name)
def test_every_example_loads(example: Path) -> None:
    assert load(example, {}).name


def test_extensions_are_named_in_a_list_or_have_a_table_each(tmp_path: Path) -> None:
    plain, tables = tmp_path / "plain.toml", tmp_path / "tables.toml"
    plain.write_text('extensions = ["jaeger", "viz"]\n')
    tables.write_text('[extensions.viz]\nto = "edge-25.4.4"\nset = ["tap.replicas=2"]\n')

    listed, told = load(plain, {}), load(tables, {})

    assert listed.extension_names == ("viz", "jaeger")
    assert told.extension_names == ("viz",)
    assert told.extension("viz").to == "edge-25.4.4"
    assert told.extension("viz").set == ("tap.replicas=2",)
    assert listed.extension("viz") == told.extension("jaeger")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('extensions = ["vizz"]', "extensions[0]"),
        ('[extensions.smy]\nto = "v1"', "extensions"),
        ('[extensions.smi]\nto = "edge-25.10.7"', "extensions.smi"),
        ('extensions = ["smi"]', "extensions.smi"),
        ('[extensions.cni]\nto = "edge-99.1.1"', "extensions.cni.to"),
        ('[extensions.viz]\ntoo = "v1"', "extensions"),
        ('[extensions.viz]\nto = "edge-99.1.1"', "extensions.viz.to"),
        ('[extensions.viz]\nto = "oldest"', "extensions.viz.to"),
        ('from = "edge-25.10.7"\nextensions = ["jaeger"]', "jaeger"),
    ],
)
def test_a_wrong_extension_is_named(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(text)

    with pytest.raises(BadInput) as refused:
        open_session(load(path, {}), "upgrade", Console(print, live=False, colour=False))

    assert named in str(refused.value)


def outcome(path: Path | None, data: dict[str, object]) -> str:
    """`taken`, or the words of the refusal; anything else is a defect and raises."""
    try:
        scenario = load(path, data)
    except BadInput as bad:
        return bad.what
    assert isinstance(scenario, Scenario)
    return "taken" if scenario.flattened() else ""


VALUES = (
    st.text()
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.text())
)


@given(st.dictionaries(st.sampled_from(sorted(KEYS)), VALUES))
def test_any_value_is_taken_or_refused_with_words(data: dict[str, object]) -> None:
    assert outcome(None, data)


@given(st.binary(max_size=200))
def test_any_file_is_taken_or_refused_with_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("scenario") / "any.toml"
    path.write_bytes(content)
    assert outcome(path, {})


def test_a_waiver_counts_until_its_day() -> None:
    waiver = Waiver(control="CP-04", owner="a", reason="b", expires=date(2026, 1, 31))

    assert unexpired((waiver,), date(2026, 1, 31)) == {"CP-04": waiver}
    assert unexpired((waiver,), date(2026, 2, 1)) == {}


def test_a_word_that_is_no_choice_is_answered_with_the_choices() -> None:
    with pytest.raises(BadInput) as refused:
        load(None, {"stand_ins": "sometimes"})

    assert refused.value.expected == "one of auto, always, never"
    assert refused.value.where == "option --stand-ins"


@pytest.mark.parametrize(
    ("scenario", "nodes"),
    [
        (Scenario(), 1),
        (Scenario(high_availability=True), 3),
        (Scenario(extensions={"viz": ExtensionSpec(high_availability=True)}), 3),
        (Scenario(extensions={"viz": ExtensionSpec()}), 1),
        (Scenario(high_availability=True, nodes=2), 2),
    ],
)
def test_replicas_that_keep_apart_have_a_node_each(scenario: Scenario, nodes: int) -> None:
    assert workers(scenario) == nodes
