"""A rehearsal that died on a cluster that outlives it: resumed, or refused with the reason."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import junitparser
import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.writer import ClusterWriter
from fixtures.embedded.process import EmbeddedProcess
from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import (
    FindingMade,
    Resumed,
    RunEnded,
    RunStarted,
    StepChanged,
    superseded_by,
)
from policies.verdicts.catalogue import catalogue
from suites.detection.runs import LIMIT, ROOT, Run
from suites.detection.test_interrupted import wait_for
from suites.harness.existing import Existing, existing

pytestmark = pytest.mark.whole

SOURCE = "edge-25.4.4"
CUT_OFF = b'{"schema":1,"seq":9999,"run":"run","at":"20'
MOMENTS = {c.id for c in catalogue().values() if c.every_moment or c.area == "traffic"}


@dataclass(frozen=True, slots=True)
class Story:
    """A cluster, and the folder of a rehearsal that was killed on it."""

    cluster: Existing
    folder: Path
    options: tuple[str, ...]


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "pytest", "suites/upgrade", "-q", *options]
    return subprocess.Popen(
        argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def resume(folder: Path, *options: str) -> Run:
    with start(ROOT, "--resume", str(folder), *options) as process:
        output, _ = process.communicate(timeout=LIMIT)
    return Run(process.returncode, output, folder)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Generator[Story]:
    """Killed with SIGKILL while it looks at the cluster before the hop changes anything."""
    place = tmp_path_factory.mktemp("resumed")
    folder = place / "run"
    with existing(place / "cluster", SOURCE) as cluster:
        options = (
            *("--cluster-kubeconfig", str(cluster.kubeconfig), "--target", "existing"),
            *(
                "--trust-scenario",
                "--scenario",
                str(cluster.consent(place)),
                "--stand-ins",
                "always",
            ),
        )
        with start(ROOT, "--out", str(folder), *options) as process:
            wait_for(folder, "preflighted")
            process.kill()
            process.communicate(timeout=LIMIT)
        with (folder / LEDGER).open("ab") as ledger:
            ledger.write(CUT_OFF)
        yield Story(cluster, folder, options)


def refused(story: Story, *options: str) -> str:
    """The output of a resumption that touches nothing."""
    before = (story.folder / LEDGER).read_bytes()

    run = resume(story.folder, *story.options, *options)

    assert run.exit_code == 4, run.output
    assert "Traceback" not in run.output
    assert (story.folder / LEDGER).read_bytes() == before
    return run.output


def image(cluster: Existing, to: str = "") -> str:
    """Image of shop-web; changed by somebody where `to` names another."""
    connection = Connection(cluster.kubeconfig)
    path = "/apis/apps/v1/namespaces/shop/deployments/shop-web"
    containers = json.loads(connection.request("GET", path))["spec"]["template"]["spec"][
        "containers"
    ]
    if to:
        patched = [{**containers[0], "image": to}, *containers[1:]]
        spec = {"template": {"spec": {"containers": patched}}}
        ClusterWriter(connection).patch("deployments.apps", "shop", "shop-web", {"spec": spec})
    connection.close()
    return str(containers[0]["image"])


def test_a_cluster_that_somebody_changed_is_refused_with_the_difference(story: Story) -> None:
    was = image(story.cluster)
    image(story.cluster, to="registry.example/web:9")
    try:
        said = refused(story)
    finally:
        image(story.cluster, to=was)

    assert "1 difference:" in said
    assert "Deployment shop/shop-web" in said
    assert "registry.example/web:9" in said
    assert was in said


def test_another_cluster_is_refused(story: Story, tmp_path: Path) -> None:
    with EmbeddedProcess.start(tmp_path / "other", speed=20.0) as other:
        said = refused(story, "--cluster-kubeconfig", str(other.kubeconfig))

    assert "another cluster than the one that was rehearsed on" in said
    assert story.cluster.uid() in said


def test_a_cluster_that_does_not_answer_ends_with_3(story: Story, tmp_path: Path) -> None:
    gone = tmp_path / "kubeconfig"
    text = story.cluster.kubeconfig.read_text()
    gone.write_text(text.replace(story.cluster.process.server, "https://127.0.0.1:9"))

    run = resume(story.folder, *story.options, "--cluster-kubeconfig", str(gone))

    assert run.exit_code == 3, run.output
    assert "cannot be reached" in run.output
    assert "Traceback" not in run.output


def test_options_that_contradict_the_run_are_refused(story: Story) -> None:
    said = refused(story, "--data-plane", "lazy", "--to", "edge-25.4.4")

    assert "data_plane = eager" in said
    assert "data_plane = lazy" in said
    assert "to = edge-25.10.7" in said


def test_a_ledger_alone_does_not_say_what_is_spoken_to_or_changed(story: Story) -> None:
    before = (story.folder / LEDGER).read_bytes()

    run = resume(story.folder)

    assert run.exit_code == 4, run.output
    for option in ("--consent CONTEXT=UID", "--cluster-kubeconfig FILE", "--target existing"):
        assert option in run.output
    assert "only the ledger of that run says it" in run.output
    assert (story.folder / LEDGER).read_bytes() == before


def test_verify_has_nothing_to_resume(story: Story) -> None:
    argv = [sys.executable, "-m", "pytest", "suites/verify", "-q", "--resume", str(story.folder)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)

    assert done.returncode == 4
    assert "Only an upgrade can be resumed" in done.stderr


@pytest.fixture(scope="module")
def finished(story: Story) -> Story:
    """Resumed with the options it began with, ended by Ctrl-C, resumed again.

    The tests above need the run as it died, those below one with a verdict.
    """
    with start(
        ROOT, "--resume", str(story.folder), "--out", str(story.folder), *story.options
    ) as p:
        wait_for(story.folder, "cli_upgraded")
        p.send_signal(signal.SIGINT)
        output, _ = p.communicate(timeout=LIMIT)
    assert p.returncode == 2, output

    run = resume(story.folder, *story.options)

    assert run.exit_code == 6, run.output
    return story


def test_it_goes_on_to_a_verdict_however_often_it_dies(finished: Story) -> None:
    records = read(finished.folder / LEDGER).records
    bodies = [r.body for r in records]
    assert [r.seq for r in records] == list(range(len(records)))
    assert sum(isinstance(b, RunStarted) for b in bodies) == 1
    ended = [b for b in bodies if isinstance(b, RunEnded)]
    assert [e.verdict for e in ended] == ["interrupted", "incomplete"]
    first, second = [b for b in bodies if isinstance(b, Resumed)]
    assert (first.step, first.removed_bytes) == ("baseline", len(CUT_OFF))
    assert second.step in ("preflighted", "cli_upgraded")
    assert first.compared_at > first.unobserved_from
    assert all(a.mono <= b.mono for a, b in pairwise(records))
    reached = Counter(
        (b.step, b.hop) for b in bodies if isinstance(b, StepChanged) and b.state == "reached"
    )
    assert len(reached) == 9
    assert set(reached.values()) == {1}


def test_each_control_is_judged_once_and_the_time_nobody_watched_is_open(finished: Story) -> None:
    records = read(finished.folder / LEDGER).records
    gone = superseded_by(records)
    assert gone, "what was not completed is taken back"
    stands = [
        r.body.finding for r in records if isinstance(r.body, FindingMade) and r.seq not in gone
    ]

    once = Counter((f.control, f.step, f.hop) for f in stands)
    assert [place for place, times in once.items() if times > 1] == []
    open_ = {f.control for f in stands if "the rehearsal died in between" in f.verdict.reason}
    assert open_ == MOMENTS
    watched = {(f.control, f.step): f.status for f in stands}
    assert watched["CP-08", "control_plane_upgraded"] == "holds"
    assert {f.status for f in stands} == {"holds", "violated", "not assessed", "not applicable"}


def test_the_documents_agree(finished: Story) -> None:
    report = json.loads((finished.folder / "report.json").read_text())
    suites = junitparser.JUnitXml.fromfile(str(finished.folder / "report.junit.xml"))

    assert report["origin"]["problems"] == []
    assert report["origin"]["sealed"]
    assert report["verdict"]["word"] == "incomplete"
    cases = [case for suite in suites for case in suite if case.name]
    assert report["counts"]["findings"] == len(report["findings"])
    assert len(cases) == report["counts"]["findings"]


def test_a_bundle_that_was_altered_after_its_seal_is_refused(
    finished: Story, tmp_path: Path
) -> None:
    copied = tmp_path / "run"
    shutil.copytree(finished.folder, copied)
    text = (copied / LEDGER).read_bytes()
    (copied / LEDGER).write_bytes(text.replace(b'"stand_ins', b'"Stand_ins', 1))
    assert (copied / LEDGER).read_bytes() != text

    run = resume(copied, *finished.options)

    assert run.exit_code == 4, run.output
    assert "altered after the bundle was sealed" in run.output


def test_a_run_with_a_verdict_is_not_resumed(finished: Story) -> None:
    said = refused(finished)

    assert "has ended, with the verdict `incomplete`" in said
