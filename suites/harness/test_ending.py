"""The end of a rehearsal: whatever fails on the way, everything is ended and the report comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from fixtures.core.errors import Broken
from fixtures.core.teardown import Ending
from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import Note, RunEnded
from fixtures.run.opening.open_run import Opened
from fixtures.run.opening.opener import Opener
from fixtures.run.rehearsal import Rehearsal
from fixtures.run.resuming.begun_run import UpgradeRun
from fixtures.scenario.model import Scenario
from fixtures.steps.cli_steps import CliInstaller
from fixtures.steps.context import Cluster
from fixtures.traffic.life import Probes
from fixtures.traffic.runner import Recorded, Rehearsed, Running, Source, Spec, Way
from fixtures.traffic.timebase import Timebase
from policies.planning.path import plan
from policies.releases.grammar import parse
from suites.harness.test_session import session

FAILURES = {
    "a refusal": Broken("the pod stays"),
    "an answer that cannot be read": msgspec.DecodeError("no JSON"),
    "a second Ctrl-C": KeyboardInterrupt(),
}


class Part:
    """Something that is ended, and may refuse to."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error, self.ended, self.left = error, 0, dict[str, str]()

    def stop(self, **_: object) -> None:
        self.ended += 1
        if self.error is not None:
            raise self.error

    close = stop


class Sources:
    """A runner whose sources are told how they end."""

    elsewhere = False

    def __init__(self, folder: Path, **errors: BaseException) -> None:
        self.folder, self.errors, self.started = folder, errors, dict[str, Part]()

    def reach(self, source: Source, namespace: str, kind: str) -> Way:
        return Way(host=f"echo.{namespace}.svc", port=8080)

    def start(self, source: Source, paths: list[Spec]) -> Running:
        part = Part(self.errors.get(source.name.partition(" ")[0]))
        self.started[source.name] = part
        file = self.folder / source.name
        cast("Any", part).recorded = lambda: Recorded(samples=file)
        return cast("Running", part)

    def rehearse(self, *_: object) -> Rehearsed:
        raise self.errors.get("test", Broken("not here"))

    def interrupt(self) -> None:
        pass


def probes(runner: Sources) -> Probes:
    return Probes(
        cast("Any", runner),
        interval=0.1,
        limit=1,
        base=Timebase(),
        measured="measured",
        control="control",
    )


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES)
def test_a_source_that_does_not_end_keeps_no_other(tmp_path: Path, error: BaseException) -> None:
    runner = Sources(tmp_path, unmeshed=error, test=OSError("no room"))
    running = probes(runner)
    running.start_unmeshed()
    running.start_meshed("edge-25.4.4")
    running.test_detector()

    if isinstance(error, Exception):
        running.stop()
    else:
        with pytest.raises(KeyboardInterrupt):
            running.stop()

    assert {name: part.ended for name, part in runner.started.items()} == {
        "unmeshed": 1,
        "meshed by edge-25.4.4": 1,
    }
    said = running.traffic([]).problems
    assert any("no room" in p for p in said)
    assert any("unmeshed did not end" in p for p in said) == isinstance(error, Exception)


class Target(Part):
    def logs(self) -> None:
        pass

    def alive(self) -> bool:
        return False


def cluster(probes: object, *, canary: Part | None = None, left: str = "") -> Cluster:
    """A cluster of parts that are only ended."""

    class Writer:
        namespaces = (left,) if left else ()

        def remove_namespaces(self) -> dict[str, str]:
            return dict.fromkeys(self.namespaces, "403 Forbidden")

    class Reader(Part):
        connection = Part()

    class Tools:
        def used(self) -> tuple[()]:
            return ()

    never = cast("Callable[[], Any]", None)
    made = Cluster(
        target=cast("Any", Target()),
        toolbox=cast("Any", Tools()),
        reader=cast("Any", Reader()),
        writer=cast("Any", Writer()),
        installed=True,
        make_watch=never,
        make_endpoints=never,
        make_canary=never,
    )
    made.probes, made.canary = cast("Any", probes), cast("Any", canary)
    return made


def opened(folder: Path, lines: list[str], *clusters: Cluster) -> UpgradeRun:
    scenario = Scenario(target="existing")
    path = plan(parse("edge-25.4.4"), parse("edge-25.10.7"), kubernetes="1.31")
    run = session(folder, lines, scenario)
    walks = [
        Rehearsal(
            scenario=scenario,
            plan=path,
            installer=CliInstaller(),
            ledger=run.ledger,
            console=run.console,
            open_cluster=lambda: clusters[0],
            name=name,
        )
        for name, _ in zip(("main", "west"), clusters, strict=False)
    ]
    for walk, one in zip(walks, clusters, strict=True):
        walk.cluster = one
    if len(walks) == 2:
        walks[0].link(walks[1])
    given = Opened(
        suite="upgrade",
        scenario=scenario,
        console=run.console,
        capabilities=run.capabilities,
        plan=path,
    )
    return UpgradeRun(run, given, Opener(scenario, folder, None), walks[0])


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES)
def test_traffic_that_cannot_be_had_keeps_no_cluster_and_loses_no_report(
    tmp_path: Path, lines: list[str], error: BaseException
) -> None:
    clusters = cluster(Part(error)), cluster(None)
    run = opened(tmp_path, lines, *clusters)

    run.close()
    code = run.finish(lambda _: "").code

    assert [cast("Any", c.target).ended for c in clusters] == [1, 1]
    ended = [r.body for r in read(tmp_path / LEDGER).records if isinstance(r.body, RunEnded)]
    if isinstance(error, Exception):
        assert code == 3
        assert "the traffic is not on record" in ended[0].reason
    else:
        assert (code, ended[0].verdict) == (2, "interrupted")


def test_what_observes_is_ended_though_the_canary_is_not(tmp_path: Path) -> None:
    made = cluster(None, canary=Part(OSError("gone")))
    made.watch = watch = cast("Any", Part())

    ending = made.close()

    assert watch.ended == cast("Any", made.target).ended == 1
    assert ending.problems == ["the injection canary: OSError('gone')"]


def test_a_namespace_that_stays_is_named_with_its_command(
    tmp_path: Path, lines: list[str]
) -> None:
    run = opened(tmp_path, lines, cluster(None, left="rehearse-probes"))

    run.close()

    said = [r.body.text for r in read(tmp_path / LEDGER).records if isinstance(r.body, Note)]
    for text in (*said, "".join(lines)):
        assert "rehearse-probes: 403 Forbidden" in text
        assert "kubectl delete namespace rehearse-probes" in text
    assert said
    assert not run.session.broken


def test_an_ending_goes_on_after_an_interruption() -> None:
    ending, done = Ending(), list[str]()

    ending.do("one", Part(KeyboardInterrupt()).stop)
    ending.do("two", lambda: done.append("two"))

    assert done == ["two"]
    with pytest.raises(KeyboardInterrupt):
        ending.resume()
