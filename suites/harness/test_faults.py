"""Fault files: what is refused, with file, line and nearest name; what is done and undone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.writer import ClusterWriter
from fixtures.commands.catalogued import SCHEMA, FaultList
from fixtures.commands.faults import check, listed, outcome, shown
from fixtures.core import bounded
from fixtures.core.errors import BadInput, Broken
from fixtures.core.process import Completed, ToolTimeout
from fixtures.core.real_time import utc_now
from fixtures.core.waiting import until
from fixtures.embedded.faults.known import BEHAVIOURS
from fixtures.run.fault_check import check_target, checked_fault
from fixtures.scenario.faults import CATALOGUE, Fault, Tool
from fixtures.scenario.known_failures import known_failures
from fixtures.steps.changed_objects import back, merged, same
from fixtures.steps.strikes import Strikes
from fixtures.targets.embedded import EmbeddedTarget
from fixtures.tools.interference import Interference
from policies.verdicts.catalogue import catalogue

HEAD = 'id = "x"\ntitle = "x"\nsource = "x"\nstep = "pruned"\ncatches = ["PRN-01"]\n'
PATCH = '[[patch]]\nresource = "configmaps"\nnamespace = "default"\nname = "settings"\n'
DO = '[[behave]]\nname = "scheduler-paused"\n'


@pytest.mark.parametrize(
    ("text", "line", "named"),
    [
        (HEAD.replace("pruned", "prunde") + DO, 4, "pruned"),
        (HEAD.replace("PRN-01", "PRN-1") + DO, 5, "PRN-01"),
        (HEAD.replace('"PRN-01"', "") + DO, 5, "a control"),
        (HEAD + 'moment = "applied"\n' + DO, 6, "crds_upgraded"),
        (HEAD + 'failure = "skew-beyond"\n' + DO, 6, "skew-beyond-one"),
        (HEAD + DO.replace("paused", "pausd"), 7, "scheduler-paused"),
        (HEAD + DO + "arguments = { seconds = 1 }", 8, "argument of scheduler-paused seconds"),
        (HEAD + DO + "after = -1.0", 8, "negative"),
        (HEAD + DO + DO, 9, "each behaviour once"),
        (HEAD, 1, "The fault does nothing"),
        (HEAD + PATCH, 6, "patch, strategic or json"),
        (HEAD + PATCH + 'selector = "a=b"\npatch = { data = { a = "b" } }', 6, "name or selector"),
        (HEAD + PATCH.replace("name =", "nmae ="), 9, "patch[0].name"),
        (HEAD + PATCH + 'patch = { data = { a = "b" } }\n' + PATCH + "pathc = {}", 15, "patch"),
        (HEAD + '[[tool]]\nprogram = "linkerd"\ncommand = "check"\n', 6, "exit, stdout"),
        (HEAD + '[[tool]]\nprogram = "rm"\ncommand = "check"\n', 7, "rm"),
        (HEAD + PATCH + f'patch.metadata.labels.team = "{"a" * 64}"', 6, "at most 63"),
        (HEAD + "step = 1", 0, "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    text: str, line: int, named: str, tmp_path: Path
) -> None:
    file = tmp_path / "fault.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(BadInput) as caught:
        checked_fault(file)

    assert named in str(caught.value)
    assert str(file) + (f":{line}" if line else "") in str(caught.value)


def test_what_the_simulated_cluster_does_not_evaluate_is_refused_there(tmp_path: Path) -> None:
    file = tmp_path / "fault.toml"
    file.write_text(HEAD + '[[create]]\nkind = "ValidatingAdmissionPolicy"\n', encoding="utf-8")
    fault = checked_fault(file)

    check_target(file, fault, simulated=False)
    with pytest.raises(BadInput) as caught:
        check_target(file, fault, simulated=True)

    assert f"{file}:7" in str(caught.value)


def test_a_wrong_scenario_of_a_fault_is_refused_by_check(tmp_path: Path) -> None:
    file = tmp_path / "fault.toml"
    file.write_text(HEAD + "[scenario]\nsoaks = 1.0\n", encoding="utf-8")

    with pytest.raises(BadInput) as caught:
        check([str(file)])

    assert "`soaks`" in str(caught.value)
    assert f"{file}:7" in str(caught.value)


def test_the_whole_catalogue_passes_its_check() -> None:
    assert len(check([str(f) for f in CATALOGUE.glob("*.toml")]).splitlines()) == len(
        listed([], "text").splitlines()
    )


def test_faults_are_shown_as_text_and_as_json() -> None:
    assert "decoy-to-prune" in shown(["decoy-to-prune"], "text")
    (fault,) = msgspec.json.decode(shown(["decoy-to-prune"], "json"), type=FaultList).faults
    assert fault.catches == ("PRN-01",)
    every = msgspec.json.decode(listed([], "json"), type=FaultList)
    assert every.schema == SCHEMA
    assert {f.id for f in every.faults} == {f.stem for f in CATALOGUE.glob("*.toml")}


@pytest.mark.parametrize(("code", "own"), [(0, 1), (1, 1), (3, 3), (4, 3)])
def test_a_fault_that_nothing_caught_is_no_success(code: int, own: int) -> None:
    fault = Fault(id="x", title="", source="", step="pruned", catches=("PRN-01",))

    assert outcome(fault, code, ())[1] == own


def test_known_failures_are_known_once_and_bounded() -> None:
    assert len(known_failures()) == 101
    assert all(1 <= f.risk <= 25 for f in known_failures().values())


def test_each_control_is_named_by_a_fault_or_says_why_not() -> None:
    named = {c for file in CATALOGUE.glob("*.toml") for c in checked_fault(file).catches}
    unproved = bounded.toml(CATALOGUE.parent / "unproved.toml", "unproved controls")

    assert named | unproved.keys() == catalogue().keys()
    assert not named & unproved.keys(), "named by a fault now: take it from unproved.toml"
    assert all(unproved.values())


def test_at_most_five_failures_are_not_simulated() -> None:
    said = {checked_fault(file).failure for file in CATALOGUE.glob("*.toml")}
    apart = {f.id for f in known_failures().values() if f.not_simulated}

    assert len(apart) <= 5
    assert not apart & said


# What is done to a cluster


class Steady(EmbeddedTarget):
    """The embedded target with a clock that a test moves."""

    moved = timedelta()
    begun = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.begun + self.moved


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steady]:
    made = Steady(tmp_path_factory.mktemp("cluster"), kubernetes="1.31", speed=1.0, nodes=1)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def strikes(target: Steady) -> Iterator[Strikes]:
    writer = ClusterWriter(Connection(target.kubeconfig))
    target.moved = timedelta()
    writer.apply(SETTINGS)
    made = Strikes(writer, target, Interference())
    yield made
    made.stop()
    writer.delete("configmaps", "default", "settings")


SETTINGS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "default", "labels": {"of": "us"}},
    "data": {"a": "1"},
}


def fault(text: str, tmp_path: Path) -> Fault:
    file = tmp_path / "fault.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return checked_fault(file)


def settings(strikes: Strikes) -> dict[str, Any]:
    return strikes.writer.get("configmaps", "default", "settings")


def quiet(_: str) -> None:
    """Note nothing."""


@pytest.mark.parametrize(
    "how",
    [
        'patch = { data = { a = "2" } }',
        'strategic = { data = { a = "2" } }',
        'json = [{ op = "replace", path = "/data/a", value = "2" }]',
    ],
)
def test_a_patch_is_said_in_three_ways(how: str, strikes: Strikes, tmp_path: Path) -> None:
    strikes.strike(fault(PATCH + how, tmp_path), quiet)

    assert settings(strikes)["data"] == {"a": "2"}
    assert strikes.without_effect() == ""


@pytest.mark.parametrize(
    "text",
    [
        PATCH + 'patch = { data = { a = "1" } }',
        PATCH.replace("settings", "absent") + 'patch = { data = { a = "1" } }',
        '[[delete]]\nresource = "configmaps"\nnamespace = "default"\nselector = "of=nobody"\n',
        '[[delete]]\nresource = "configmaps"\nnamespace = "default"\nname = "absent"\n',
        '[[behave]]\nname = "deployment-away"\n'
        'arguments = { namespace = "a", name = "b", seconds = 1 }',
    ],
)
def test_a_fault_that_changes_nothing_is_no_fault(
    text: str, strikes: Strikes, tmp_path: Path
) -> None:
    with pytest.raises(Broken):
        strikes.strike(fault(text, tmp_path), quiet)


def test_what_is_made_anew_has_another_uid(strikes: Strikes, tmp_path: Path) -> None:
    before = settings(strikes)["metadata"]["uid"]
    text = '[[recreate]]\nresource = "configmaps"\nnamespace = "default"\nselector = "of=us"\n'

    strikes.strike(fault(text, tmp_path), quiet)

    assert settings(strikes)["metadata"]["uid"] != before
    assert settings(strikes)["data"] == {"a": "1"}


def test_an_action_comes_later_and_is_undone_again(
    strikes: Strikes, target: Steady, tmp_path: Path
) -> None:
    notes: list[str] = []
    came = [threading.Event(), threading.Event()]

    def note(text: str) -> None:
        notes.append(text)
        came[len(notes) - 1].set()

    text = PATCH + 'patch = { data = { a = "2", b = "3" } }\nafter = 10.0\nfor = 20.0\n'
    strikes.strike(fault(text, tmp_path), note)

    assert settings(strikes)["data"] == {"a": "1"}
    assert "never struck" in strikes.without_effect()
    target.moved = timedelta(seconds=11)
    assert came[0].wait(30)
    until("the strike", strikes.without_effect, lambda said: not said, timeout=30)
    assert settings(strikes)["data"] == {"a": "2", "b": "3"}
    target.moved = timedelta(seconds=40)
    assert came[1].wait(30)
    assert settings(strikes)["data"] == {"a": "1"}
    assert notes == ["fault x: patch, 10 s later", "fault x: patch is undone"]


def test_what_cannot_be_done_later_is_told_at_the_end(
    strikes: Strikes, target: Steady, tmp_path: Path
) -> None:
    text = PATCH.replace("settings", "absent") + 'patch = { data = { a = "2" } }\nafter = 1.0\n'
    strikes.strike(fault(text, tmp_path), quiet)

    target.moved = timedelta(seconds=2)
    until("the failure", lambda: strikes.failed, bool, timeout=30)

    assert "changed nothing" in strikes.failed


def test_every_behaviour_that_is_known_is_offered(target: Steady) -> None:
    assert sorted(BEHAVIOURS) == target.process.get("/_embedded/faults")["known"]


def test_the_arguments_that_are_known_are_those_that_are_taken(target: Steady) -> None:
    for name, arguments in BEHAVIOURS.items():
        with pytest.raises(Broken) as caught:
            target.behave(name, {"no-such-argument": 1})
        said = str(caught.value)
        assert all(a in said for a in arguments) or "arguments" in said, said


def test_an_object_is_led_back_to_what_it_was() -> None:
    was = {"metadata": {"name": "a", "labels": {"x": "1"}}, "spec": {"l": [1, 2], "m": {"n": 1}}}
    now = {"metadata": {"name": "a", "uid": "u"}, "spec": {"l": [3], "m": {"n": 1, "o": 2}}}

    assert not same(was, now)
    assert same(merged(now, back(was, now)), was)
    assert back(was, now) == {
        "metadata": {"labels": {"x": "1"}},
        "spec": {"l": [1, 2], "m": {"o": None}},
    }


# What programs say instead


class Echo:
    """A program that prints its arguments."""

    kind = "stand-in"
    version = "1"

    def run(self, *args: str, stdin: bytes = b"", timeout: float = 600) -> Completed:
        del stdin, timeout
        return Completed(args, 0, " ".join(args).encode(), b"", 0.0, utc_now())


@pytest.mark.parametrize(
    ("rule", "out", "code"),
    [
        (Tool(program="linkerd", command="check", stdout="x"), b"x", 0),
        (Tool(program="linkerd", command="check", exit=2), b"", 2),
        (Tool(program="linkerd", command="check", edit={"--proxy": "-"}), b"check -", 0),
        (Tool(program="linkerd", command="check --crds", stdout="x"), b"check --proxy", 0),
        (Tool(program="kubectl", command="check", stdout="x"), b"check --proxy", 0),
        (Tool(program="linkerd", command="check", edit={"absent": "-"}), b"check --proxy", 0),
    ],
)
def test_a_program_prints_and_ends_as_a_rule_says(rule: Tool, out: bytes, code: int) -> None:
    interference = Interference([rule])
    program = interference.around("linkerd", Echo())  # type: ignore[arg-type]

    done = program.run("check", "--proxy")

    assert (done.stdout, done.exit_code) == (out, code)
    assert (rule in interference.met) == (out != b"check --proxy")


def test_a_program_that_hangs_is_waited_for_by_nobody() -> None:
    rule = Tool(program="linkerd", command="check", hangs=True)
    program: Callable[..., Completed] = Interference([rule]).around("linkerd", Echo()).run  # type: ignore[arg-type]

    with pytest.raises(ToolTimeout):
        program("check")


def test_a_rule_that_nobody_met_had_no_effect(strikes: Strikes, tmp_path: Path) -> None:
    text = '[[tool]]\nprogram = "linkerd"\ncommand = "prune"\nexit = 1\n'

    strikes.strike(fault(text, tmp_path), quiet)

    assert "`linkerd prune` had no effect" in strikes.without_effect()


def test_a_behaviour_that_selects_nothing_has_no_effect(
    strikes: Strikes, target: Steady, tmp_path: Path
) -> None:
    text = '[[behave]]\nname = "never-ready"\narguments = { namespace = "nowhere" }\n'

    strikes.strike(fault(text, tmp_path), quiet)

    assert "never-ready had no effect" in strikes.without_effect()
    target.behave_again("never-ready")
