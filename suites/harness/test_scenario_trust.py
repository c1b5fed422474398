"""Who may make the suite run something: a scenario file only when it is trusted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from fixtures.core.errors import BadInput
from fixtures.run.resuming.interrupted_run import Died
from fixtures.run.resuming.resume import _one  # pyright: ignore[reportPrivateUsage] - reached by no shorter way
from fixtures.scenario.faults import load_fault
from fixtures.scenario.loading import load
from fixtures.scenario.model import KEYS, Scenario
from fixtures.scenario.parts import Consent, HelmOptions
from fixtures.scenario.trust import GUARDED, OFF_EMBEDDED, OPTION, READ, said

TRUSTED: dict[str, str] = {
    "tools": 'tools = "."',
    "kind_bin": 'kind_bin = "./kind"',
    "target": 'target = "kind"',
    "target (existing)": 'target = "existing"',
    "node_image": 'node_image = "evil.example/node:1"',
    "load_images": 'load_images = ["x.tar"]',
    "prober_image": 'prober_image = "evil.example/p:1"',
    "cluster_name": 'cluster_name = "prod"',
    "kind_kubeconfig": 'kind_kubeconfig = "x"',
    "context": 'context = "prod"',
    "cluster_kubeconfig": 'cluster_kubeconfig = "pyproject.toml"',
    "consent": '[consent]\ncontext = "a"\ncluster_uid = "u"',
    "allow_dry_run": "allow_dry_run = true",
    "out": 'out = "elsewhere"',
    "helm.charts": '[helm]\ncharts = "oci://evil.example/c"',
    "snapshot": 'snapshot = "/etc/hostname"',
    "snapshot (above)": 'snapshot = "../x.json"',
    "budget_from_history": 'budget_from_history = "/tmp"',
    "faults": 'faults = ["/etc/hostname"]',
    "releases": 'releases = "/etc/hostname"',
    "advisories": 'advisories = "/etc/hostname"',
}
"""Key -> a file that says it."""
HARMLESS = """
name = "a hop"
from = "edge-25.4.4"
to = "edge-25.10.7"
target = "embedded"
kubernetes = "1.31"
installation = "cli"
high_availability = true
native_sidecars = true
nodes = 3
keep = true
probes = true
probe_interval = 0.1
data_plane = "lazy"
restart_batch = 5
injection_gap = 30.0
soak = 5.0
speed = 50.0
rollout_timeout = 100.0
acknowledged = ["a"]
required = ["CP-04"]
stand_ins = "always"
tools = ""
allow_dry_run = false
load_images = []
faults = ["suites/detection/faults/decoy-to-prune.toml"]
[helm]
set = ["a=b"]
values = "reuse"
[extensions.viz]
set = ["a=b"]
to = "edge-25.10.7"
[[workloads]]
name = "web"
[[waivers]]
control = "CP-04"
owner = "x"
reason = "y"
expires = 2030-01-01
[[budgets]]
step = "settled"
longest_outage = 1.0
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("key", TRUSTED)
def test_what_executes_connects_or_consents_needs_trust(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(written(tmp_path, TRUSTED[key]), {})

    text, name = str(caught.value), key.split(" ")[0]
    assert f"`{name}`" in text
    assert OPTION in text
    assert caught.value.exit_code == 4


READ_AT_ONCE = {"snapshot (above)", "faults", "releases", "advisories"}
"""What names a file that is read when the scenario is."""


@pytest.mark.parametrize("key", sorted(set(TRUSTED) - READ_AT_ONCE))
def test_a_trusted_file_says_what_it_likes(tmp_path: Path, key: str) -> None:
    assert load(written(tmp_path, TRUSTED[key]), {}, trusted=True)


def test_a_trusted_file_may_name_any_fault_which_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the fault file /etc/hostname is not valid TOML"):
        load(written(tmp_path, TRUSTED["faults"]), {}, trusted=True)


def test_the_command_line_needs_no_trust_and_decides_where_both_speak(tmp_path: Path) -> None:
    given = {"target": "existing", "context": "staging", "tools": str(tmp_path)}
    assert load(None, given).context == "staging"
    file = written(tmp_path, 'target = "existing"\ncontext = "prod"\ntools = "/evil"\n')
    assert load(file, given).context == "staging"
    with pytest.raises(BadInput, match="`tools`"):
        load(file, given | {"tools": None})


def test_harmless_keys_stay(tmp_path: Path) -> None:
    assert load(written(tmp_path, HARMLESS), {}).nodes == 3


@pytest.mark.parametrize("target", ["kind", "existing"])
@pytest.mark.parametrize(
    "text",
    ['[helm]\nset = ["a=b"]', '[helm]\ncrds_set = ["a"]', '[extensions.viz]\nset = ["a=b"]'],
)
def test_values_choose_what_a_real_cluster_runs(tmp_path: Path, target: str, text: str) -> None:
    file = written(tmp_path, text)
    assert load(file, {})
    with pytest.raises(BadInput, match=OPTION):
        load(file, {"target": target})


def test_a_link_does_not_lead_out_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "secret.json").write_text("{}")
    monkeypatch.chdir(tmp_path / "here")
    Path("mine.json").write_text("{}")
    Path("link.json").symlink_to(tmp_path / "secret.json")

    assert load(written(tmp_path, 'snapshot = "mine.json"'), {}).snapshot == "mine.json"
    for outside in ("link.json", "../secret.json", str(tmp_path / "secret.json"), "a\\u0000b"):
        with pytest.raises(BadInput, match="`snapshot`"):
            load(written(tmp_path, f'snapshot = "{outside}"'), {})


def test_every_guarded_key_is_one_that_there_is() -> None:
    guarded = {*GUARDED, *OFF_EMBEDDED, *READ}
    assert {k.split(".")[0] for k in guarded} <= KEYS
    assert {k.split(" ")[0] for k in TRUSTED} == {*GUARDED, *READ, "target"}
    assert "set" in HelmOptions.__struct_fields__


@pytest.mark.parametrize(
    "release", ["../../x", "/tmp/evil", "a/../b", "--config", "edge-25.4.4\n", ".hidden", "a b"]
)
@pytest.mark.parametrize("key", ["from = {}", "to = {}", "[extensions.viz]\nto = {}"])
def test_a_release_is_no_path(tmp_path: Path, key: str, release: str) -> None:
    quoted = msgspec.json.encode(release).decode()
    with pytest.raises(BadInput, match="not the name of a release"):
        load(written(tmp_path, key.format(quoted)), {})


@pytest.mark.parametrize(
    "said_by_fault",
    [
        'tools = "/evil"',
        'kind_bin = "/evil"',
        'context = "prod"',
        'target = "kind"',
        'snapshot = "mine.json"',
        'out = "x"',
        'faults = ["suites/detection/faults/decoy-to-prune.toml"]',
        'consent = { context = "a", cluster_uid = "u" }',
        'helm = { charts = "https://evil.example" }',
    ],
)
def test_a_fault_file_names_nothing_that_is_run(tmp_path: Path, said_by_fault: str) -> None:
    fault = tmp_path / "fault.toml"
    head = 'id = "x"\ntitle = "x"\nsource = "x"\nstep = "pruned"\ncatches = ["PRN-01"]\n'
    fault.write_text(f"{head}[scenario]\nsoak = 1.0\n", encoding="utf-8")
    assert load_fault(fault).scenario
    fault.write_text(f"{head}[scenario]\n{said_by_fault}\n", encoding="utf-8")

    with pytest.raises(BadInput) as caught:
        load_fault(fault)

    assert f"`{said_by_fault.split(' ')[0]}" in str(caught.value)
    assert OPTION not in str(caught.value)


# A run that is resumed: its ledger is as little trusted as a file

BEGUN = Scenario(
    source_tag="edge-25.4.4",
    destination_tag="edge-25.10.7",
    target="existing",
    context="staging",
    cluster_kubeconfig="pyproject.toml",
    tools="fixtures",
    consent=Consent(context="staging", cluster_uid="u-1"),
)


def died(scenario: Scenario) -> Died:
    empty = Died(*(cast("Any", None),) * 8)
    return replace(empty, folder=Path("run"), scenario=scenario)


def test_a_run_goes_on_when_the_same_is_said_again() -> None:
    assert _one(died(BEGUN), BEGUN) == BEGUN
    moved = msgspec.structs.replace(BEGUN, tools="suites", cluster_kubeconfig="README.md")
    assert _one(died(BEGUN), moved).tools == "suites", "programs may have moved"


@pytest.mark.parametrize(
    "altered",
    [
        {"tools": "/evil"},
        {"kind_bin": "/evil/kind"},
        {"context": "production"},
        {"cluster_kubeconfig": "/evil/kubeconfig"},
        {"consent": Consent(context="production", cluster_uid="u-2")},
        {"target": "kind"},
        {"prober_image": "evil.example/p:1"},
        {"node_image": "evil.example/n:1"},
        {"load_images": ("evil.tar",)},
        {"helm": HelmOptions(charts="oci://evil.example/c")},
        {"helm": HelmOptions(set=("image=evil",))},
        {"faults": ("suites/detection/faults/decoy-to-prune.toml",)},
        {"budget_from_history": "/evil"},
    ],
    ids=repr,
)
def test_an_altered_ledger_chooses_nothing(altered: dict[str, Any]) -> None:
    """Whoever writes into a run's folder cannot make a resumption run, reach or change more."""
    key = next(iter(altered))
    plain = msgspec.structs.replace(BEGUN, tools="", cluster_kubeconfig="")
    changed = msgspec.structs.replace(plain, **altered)

    with pytest.raises(BadInput) as caught:
        _one(died(changed), plain)

    assert key in str(caught.value)


def test_what_is_said_is_found_in_a_scenario_as_in_a_file() -> None:
    """A ledger holds the scenario whole; both are looked at by the same rule."""
    keys = {s.key for s in said(msgspec.to_builtins(BEGUN), "existing")}
    assert keys == {"target", "context", "cluster_kubeconfig", "tools", "consent"}
    assert {s.key for s in said(msgspec.to_builtins(Scenario()), "embedded")} == set()
