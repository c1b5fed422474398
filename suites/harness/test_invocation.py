"""The command line of a run: what is refused before anything is touched, and what selects."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from fixtures.core.errors import BadInput
from fixtures.run import invocation
from fixtures.run.opening.planning import check_kubernetes, known_release, plan_for
from fixtures.scenario.faults import CATALOGUE, fault_file, load_fault
from fixtures.scenario.loading import load
from fixtures.scenario.model import Scenario
from fixtures.scenario.waivers import waiver_of
from policies.releases.grammar import parse
from policies.verdicts.catalogue import catalogue
from suites.harness.snapshots import Obj, cluster, written

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 1, 31)
RUNNING = "edge-25.4.4"


def run(*arguments: str, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """`pytest ARGUMENTS` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=where,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def deployment(name: str) -> Obj:
    """One of a control plane's Deployments, at edge-25.4.4."""
    container = {"name": name, "image": f"cr.l5d.io/linkerd/controller:{RUNNING}"}
    labels = {"linkerd.io/control-plane-component": name, "linkerd.io/control-plane-ns": "linkerd"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"linkerd-{name}",
            "namespace": "linkerd",
            "uid": f"u-{name}",
            "labels": labels,
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("suites/upgrade", "-n", "2"), "-n"),
        (("suites/upgrade", "suites/verify"), "suites/verify"),
        (("suites/verify", "--snapshot", "SNAPSHOT", "--from", "edge-25.4.4"), "--from"),
        (("suites/verify", "--snapshot", "SNAPSHOT", "--at", "2.18", "--to", "2.20"), "--at"),
        (("suites/upgrade", "--at", "2.18"), "--at"),
        (("suites/upgrade", "--waive", "CP-10", "--acknowledge", "19-99"), "19-99"),
        (("suites/upgrade", "--fault", "tap-unavailabel"), "tap-unavailable"),
    ],
)
def test_what_makes_no_sense_is_exit_4_and_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    file = written(tmp_path / "snapshot.json", cluster())
    given = [str(file) if a == "SNAPSHOT" else a for a in arguments]

    done = run(*given, "--out", str(tmp_path / "out"))

    assert done.returncode == 4, done.stdout + done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--fault", "--no-probes", "--from", "--kubernetes", "--ha"])
def test_a_look_refuses_what_only_an_upgrade_can_heed(option: str) -> None:
    invocation.usable("upgrade", [option])
    invocation.usable("verify", ["--to", "--snapshot"])

    with pytest.raises(BadInput, match=option):
        invocation.usable("verify", ["--to", option])


@pytest.mark.parametrize("text", ["edge-99.1.1", "nonsense", "25.4", "version-2.18"])
def test_a_release_that_there_is_not_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match=text):
        known_release(parse(text), "--to")


@pytest.mark.parametrize("text", ["1.20", "1.36", "abc"])
def test_a_kubernetes_that_cannot_be_played_is_found_out_beforehand(text: str) -> None:
    with pytest.raises(BadInput, match=r"1\.25 to 1\.35|embedded cluster"):
        plan_for(Scenario(kubernetes=text), None)


def test_a_control_is_selected_by_its_id() -> None:
    done = run("suites/upgrade", "-k", "CP-04 or cp-07", "--collect-only", "-q")

    assert done.returncode == 0
    assert "test_trust_anchors" in done.stdout
    assert "2/" in done.stdout.splitlines()[-1]


def test_verify_judges_against_the_release_that_must_run(tmp_path: Path) -> None:
    """And from a folder elsewhere, with everything in one place, and a command to type again."""
    components = ("destination", "identity", "proxy-injector")
    file = written(tmp_path / "snapshot.json", cluster(*map(deployment, components)))
    asked = ("--at", "2.19", "--out", "mine", "-k", "CP-01")

    done = run(str(ROOT / "suites/verify"), "--snapshot", str(file), *asked, where=tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "edge-25.10.7" in done.stdout
    assert (tmp_path / "mine" / "report.html").is_file()
    header = (tmp_path / "mine" / "ledger.jsonl").read_text().splitlines()[0]
    assert "Linkerd, verified against edge-25.10.7" in header
    assert '"command":"python -m pytest ' in header
    assert "--out" not in header.partition('"command":"')[2].partition('"')[0]


def test_a_look_ahead_judges_each_hop_and_what_runs_by_what_runs(tmp_path: Path) -> None:
    components = ("destination", "identity", "proxy-injector")
    file = written(tmp_path / "snapshot.json", cluster(*map(deployment, components)))
    asked = ("--to", "2.20", "-k", "CP-01 or PRE-14 or PRE-04 or PRE-12")

    done = run(str(ROOT / "suites/verify"), "--snapshot", str(file), *asked, where=tmp_path)

    (folder,) = (tmp_path / ".rehearsals").glob("*-edge-25.4.4-edge-26.6.3-verify")
    report = json.loads((folder / "report.json").read_text())
    judged = {(f["control"], f["hop"]) for f in report["findings"]}
    hops = ("hop 1: edge-25.4.4 -> edge-25.10.7", "hop 2: edge-25.10.7 -> edge-26.6.3")
    assert judged == {(c, h) for c in ("PRE-04", "PRE-14") for h in hops} | {
        ("CP-01", ""),
        ("PRE-12", ""),
    }
    assert report["header"]["title"] == "Linkerd edge-25.4.4, before an upgrade to edge-26.6.3"
    by_control = {f["control"]: f for f in report["findings"]}
    assert "edge-25.4.4" in by_control["CP-01"]["expected"] + by_control["CP-01"]["summary"]
    assert "2 hops away" in done.stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), {"PRE-04": 1, "PRE-03": 0, "PRE-14": 0}),
        (("--to", RUNNING), {"PRE-04": 1, "PRE-03": 0, "PRE-14": 0}),
        (("--to", "2.20"), {"PRE-04": 2, "PRE-03": 1, "PRE-14": 2}),
        (("--to", "edge-24.11.8"), {"PRE-04": 1, "PRE-03": 1, "PRE-14": 0}),
    ],
)
def test_a_look_collects_what_it_has_a_subject_for(
    tmp_path: Path, options: tuple[str, ...], expected: dict[str, int]
) -> None:
    """Where no hop leads to the release, only the way itself is judged, and what is there."""
    file = written(tmp_path / "snapshot.json", cluster(deployment("destination")))

    counted = {}
    listed = run("suites/verify", "--snapshot", str(file), *options, "--collect-only", "-q").stdout
    for control, tests in {
        "PRE-04": "test_kubernetes_is_in",
        "PRE-03": "test_the_way_is_open",
        "PRE-14": "test_no_object_is_known_to_break",
    }.items():
        counted[control] = sum(tests in line for line in listed.splitlines())

    assert counted == expected


@pytest.mark.parametrize(
    ("argv", "typed"),
    [
        (["/x/pytest/__main__.py", "suites/upgrade"], "python -m pytest suites/upgrade"),
        (["BELOW/bin/pytest", "-k", "a or b"], ".venv/bin/pytest -k 'a or b'"),
        (["BELOW/bin/pytest", "--out", "x", "--to", "y"], ".venv/bin/pytest --to y"),
        (["BELOW/bin/pytest", "--out=x", "--output"], ".venv/bin/pytest --output"),
    ],
)
def test_the_command_is_told_as_it_can_be_typed(
    argv: list[str], typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", [argv[0].replace("BELOW", str(tmp_path / ".venv")), *argv[1:]]
    )

    told = invocation.command_line(without=("--out",))

    assert told == typed
    assert shlex.split(told)


@pytest.mark.parametrize("file", sorted(CATALOGUE.glob("*.toml")), ids=lambda f: f.stem)
def test_a_fault_is_named_by_its_id(file: Path) -> None:
    assert fault_file(file.stem) == file
    assert load_fault(file).id == file.stem


def test_a_release_in_a_scenario_is_read_as_people_write_it(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('from = "v25.4.4"\n[extensions.viz]\nto = "2.19"\n')

    scenario = load(file, {"to": "EDGE-25.10.7"})

    assert (scenario.source_tag, scenario.destination_tag) == ("edge-25.4.4", "edge-25.10.7")
    assert scenario.extension("viz").to == "edge-25.10.7"


@pytest.mark.parametrize("text", ["1.20", "abc", "2.1", "31", ""])
def test_a_kubernetes_that_the_source_never_ran_on_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match="Kubernetes"):
        check_kubernetes(text, parse("edge-25.4.4"))


@pytest.mark.parametrize("text", ["1.29", "v1.31.14+k3s1", "1.40"])
def test_a_kubernetes_that_a_plan_can_start_on_is_none(text: str) -> None:
    check_kubernetes(text, parse("edge-25.4.4"))


def test_a_waiver_is_given_as_the_report_tells_it() -> None:
    waiver = waiver_of("cp-10: platform team, until 2026-03-01: the gap is: known", TODAY)

    assert (waiver.control, waiver.owner) == ("CP-10", "platform team")
    assert (waiver.expires, waiver.reason) == (date(2026, 3, 1), "the gap is: known")


def test_a_bare_waiver_is_of_today_and_of_whoever_runs_it() -> None:
    waiver = waiver_of(" cp-10 ", TODAY)

    assert (waiver.control, waiver.expires) == ("CP-10", TODAY)
    assert waiver.owner
    assert waiver.control in catalogue()


@pytest.mark.parametrize(
    "text",
    ["", "CP-10: me", "CP-10: me, until soon: x", "CP-10: me, until 2026-01-30: x", "a b"],
)
def test_a_waiver_of_another_form_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        waiver_of(text, TODAY)
