"""What a run on kind leaves when it is killed, and who takes it back or away."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.scenario.model import Scenario
from fixtures.targets.kind import KindTarget
from suites.harness.kind_machine import IMAGE, Told, alive, kind_machine, target
from suites.harness.kind_standins import Machine

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Machine]:
    with kind_machine(tmp_path, monkeypatch) as made:
        yield made


DIES = """
import os, sys
from pathlib import Path
from fixtures.scenario.model import Scenario
from fixtures.targets.kind import KindTarget
target = KindTarget(
    Scenario(target="kind", node_image={image!r}), Path({folder!r}), lambda text: print(text)
)
{action}
"""


def process(here: Machine, action: str) -> subprocess.Popen[str]:
    """A rehearsal in a process of its own, to be ended as real ones are."""
    code = DIES.format(image=IMAGE, folder=str(here.bin.parent / "dead"), action=action)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_after_kill_9_a_later_run_names_and_deletes_the_left_over(here: Machine) -> None:
    here.has_cluster("somebody-elses")
    here.has_cluster("rehearsal-without-a-mark")
    died = process(here, "target.start(); os.kill(os.getpid(), 9)")
    died.communicate(timeout=60)
    (left,) = here.clusters - {"somebody-elses", "rehearsal-without-a-mark"}

    told = Told()
    made = target(here, told)
    made.start()

    assert f"deleting the kind cluster {left}" in told
    assert str(here.bin.parent / "dead") in told
    assert "rehearsal-without-a-mark is named like ours" in told
    assert here.clusters == {"somebody-elses", "rehearsal-without-a-mark", made.name}
    made.stop()


def test_a_run_that_lives_keeps_its_cluster(here: Machine) -> None:
    first, second = target(here, Told()), target(here, Told())
    first.start()

    second.start()

    assert here.clusters == {first.name, second.name}
    first.stop()
    second.stop()
    assert here.clusters == set()


def test_ctrl_c_while_kind_works_leaves_nothing(here: Machine) -> None:
    here.set("create", "hangs")
    running = process(here, "target.start()")
    deadline = time.monotonic() + 60
    while not (here.state / "hanging").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60)

    assert "KeyboardInterrupt" in output
    assert here.clusters == set()
    assert not alive(int((here.state / "hanging").read_text()))


def test_a_run_that_is_resumed_takes_its_own_cluster_back(here: Machine) -> None:
    """After kill -9 the lock on its mark is gone; a resumption takes it before any sweep does."""
    died = target(here, Told())
    died.start()
    assert died._mark is not None  # pyright: ignore[reportPrivateUsage] - as kill -9 leaves it
    died._mark.leave()  # pyright: ignore[reportPrivateUsage]

    told = Told()
    resumed = target(here, told, cluster_name=died.name)
    resumed.start()

    assert here.clusters == {died.name}
    assert len(here.called("kind", "create", "cluster")) == 1
    assert "which goes on" in told
    resumed.stop()
    assert here.clusters == set()


def test_another_run_does_not_take_it_back(here: Machine) -> None:
    died = target(here, Told())
    died.start()
    assert died._mark is not None  # pyright: ignore[reportPrivateUsage]
    died._mark.leave()  # pyright: ignore[reportPrivateUsage]

    told = Told()
    scenario = Scenario(target="kind", node_image=IMAGE, cluster_name=died.name)
    other = KindTarget(scenario, here.bin.parent / "another", told)
    other.start()

    assert "left behind" in told
    other.stop()
