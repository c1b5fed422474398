"""The real `linkerd` on the embedded cluster: it works there, and the stand-in says the same.

REHEARSAL_TOOLS names a folder with `<release>/linkerd` (and perhaps `kubectl`) in it. What is not
there is not tested, and says so.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.core.process import Completed
from fixtures.embedded.process import EmbeddedProcess
from fixtures.snapshot.copy.standin import prepare
from fixtures.snapshot.load import read_snapshot
from fixtures.tools.toolbox import Toolbox
from policies.releases.grammar import parse
from suites.embedded.answers_compared import checks, read_table
from suites.embedded.linkerd_recordings import located
from suites.embedded.real_walk import Walk, walk, walking

ANCHORS = ("edge-25.4.4", "edge-25.10.7", "edge-26.6.3")
FOLDER = "REHEARSAL_TOOLS"
TABLE = Path(__file__).with_name("differences.toml")
FIRST, SECOND = "edge-25.4.4-to-edge-25.10.7", "edge-25.10.7-to-edge-26.6.3"
HELM, FAULTS = "helm-edge-25.10.7-to-edge-26.6.3", "faults-edge-25.10.7"
RECORDED = {
    (FIRST, "baseline"): (
        "002-version-proxy",
        "003-check-old-cli",
        "004-check-old-cli-proxy",
        "007-check-crds-before",
        "008-check-new-cli-before",
    ),
    (FIRST, "control_plane_upgraded"): (
        "022-check-after-cp",
        "023-check-old-cli-after-cp",
        "024-check-after-cp-proxy",
        "026-prune",
    ),
    (FIRST, "settled"): ("032-prune-again", "045-check-final-proxy", "047-check-final-table"),
    (SECOND, "baseline"): ("004-check-old-cli-proxy", "008-check-new-cli-before"),
    (SECOND, "control_plane_upgraded"): (
        "023-check-old-cli-after-cp",
        "024-check-after-cp-proxy",
    ),
    (SECOND, "settled"): ("045-check-final-proxy", "047-check-final-table"),
    ("stuck-injector", "injector_stuck"): ("005-check-stuck-3", "006-check-stuck-3-proxy"),
    (HELM, "baseline"): (
        "014-check-baseline",
        "021-cli-upgrade-on-helm",
        "023-cli-prune-on-helm",
    ),
    (FAULTS, "uninjected"): ("067-check-uninjected-in-injector-gap-proxy",),
}
"""State of a recorded cluster -> commands that were recorded in it."""


def tools() -> Path:
    given = os.environ.get(FOLDER, "")
    if not given:
        pytest.skip(f"{FOLDER} names no folder with <release>/linkerd: no real program to run")
    return Path(given)


def present(release: str) -> bool:
    return os.access(tools() / release / "linkerd", os.X_OK)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The guide, from the oldest release that is there to the newest."""
    releases = tuple(release for release in ANCHORS if present(release))
    if not releases:
        pytest.skip(f"{tools()} has none of {', '.join(ANCHORS)}")
    with walking(tools(), tmp_path_factory.mktemp("walk"), releases) as started:
        walk(started)
        yield started


def answer(walked: Walk, stage: str, release: str, *words: str) -> Completed:
    found = [
        done
        for (at, program, line), done in walked.answers.items()
        if (at, program) == (stage, release) and set(words) <= set(line.split())
    ]
    assert found, (stage, release, words)
    return found[-1]


def test_an_empty_cluster_is_ready_for_an_installation(walked: Walk) -> None:
    for release in walked.releases:
        done = answer(walked, "empty", release, "--pre", "json")

        assert done.exit_code == 0
        results = {k: v for k, v in checks(done.text).items() if k.endswith("/result")}
        assert set(results.values()) == {"success"}, results


def test_every_check_succeeds_on_a_new_installation(walked: Walk) -> None:
    done = answer(walked, "installed", walked.releases[0], "check", "--proxy")

    assert done.exit_code == 0
    results = {k: v for k, v in checks(done.text).items() if k.endswith("/result")}
    assert set(results.values()) == {"success"}, results


def test_checks_hold_after_each_step_of_each_hop(walked: Walk) -> None:
    for release in walked.releases[1:]:
        for stage in ("before", "control plane", "data plane"):
            assert answer(walked, f"{stage} {release}", release, "check").exit_code == 0


def test_every_proxy_ends_at_the_last_release(walked: Walk) -> None:
    last = walked.releases[-1]
    if len(walked.releases) == 1:
        pytest.skip("one release makes no hop")

    done = answer(walked, f"data plane {last}", last, "version", "--proxy")

    assert f"Server version: {last}" in done.text
    assert done.text.splitlines()[3:] == [f"\t{last} (9 pods)"]


def test_nothing_is_pruned_in_an_unmodified_hop(walked: Walk) -> None:
    for release in walked.releases[1:]:
        stage = f"control plane {release}"

        assert answer(walked, stage, release, "prune").stdout == b""
        assert answer(walked, stage, "kubectl", "delete").text == "No resources found\n"


def test_discovery_is_not_played_and_the_program_says_so(walked: Walk) -> None:
    """What CP-09 is `not assessed` with on an embedded cluster that is found as existing."""
    component = "linkerd.io/control-plane-component=destination"
    done = walked.kubectl(f"-n linkerd get pods -l {component} -o name")
    pod = done.text.split()[0].removeprefix("pod/")
    for release in walked.releases:
        authorities = ["linkerd-dst.linkerd.svc.cluster.local:8086"]

        said, done = walked.tools.linkerd(parse(release)).endpoints(authorities, pod=pod)

        assert done.stdout == b""
        assert said.unreadable == (
            "exit code 1: Error creating destination client: error upgrading connection: "
            "portforward is not played by the embedded cluster: no containers run in it "
            f"for linkerd/{pod}"
        )


@pytest.mark.parametrize(("folder", "release"), [(FIRST, ANCHORS[1]), (SECOND, ANCHORS[2])])
def test_apply_changes_what_it_changed_on_the_real_cluster(
    walked: Walk, folder: str, release: str
) -> None:
    recorded = json.loads(located(f"{folder}/commands/015-apply-upgrade.json").read_text())
    if release not in walked.releases[1:]:
        pytest.skip(f"no hop to {release}: {tools()} lacks it or the release before")

    done = answer(walked, f"control plane {release}", "kubectl", "apply")

    assert done.text.splitlines() == recorded["stdout"].splitlines()


def test_real_program_and_stand_in_differ_only_as_listed(walked: Walk) -> None:
    table = read_table(TABLE)

    unlisted = [
        str(found) for found in walked.differences if not any(row.covers(found) for row in table)
    ]

    assert unlisted == []


def test_every_listed_difference_is_still_there(walked: Walk) -> None:
    if walked.releases != ANCHORS:
        pytest.skip(f"the table speaks of {', '.join(ANCHORS)}, and not all are there")

    gone = [
        f"{row.command}: {row.where}"
        for row in read_table(TABLE)
        if not any(row.covers(found) for found in walked.differences)
    ]

    assert gone == []


def test_every_listed_difference_has_a_reason() -> None:
    table = read_table(TABLE)

    assert table
    assert [row for row in table if len(row.reason) < 20] == []
    assert len({(row.command, row.where, row.releases) for row in table}) == len(table)


@pytest.mark.parametrize(("folder", "state"), list(RECORDED), ids=lambda part: str(part))
def test_real_program_says_what_it_said_on_the_real_cluster(
    tmp_path: Path, folder: str, state: str
) -> None:
    """The recorded state, loaded; the recorded command lines, run again."""
    commands = [
        json.loads(located(f"{folder}/commands/{name}.json").read_text())
        for name in RECORDED[folder, state]
    ]
    needed = {command["argv"][0].partition("@")[2] for command in commands}
    if not all(present(release) for release in needed):
        pytest.skip(f"{tools()} lacks one of {', '.join(sorted(needed))}")
    with _recorded_cluster(tmp_path, folder, state) as cluster:
        toolbox = Toolbox(tools(), "auto", cluster.kubeconfig)
        for command in commands:
            _repeat(toolbox, command)


def _recorded_cluster(folder: Path, recording: str, state: str) -> EmbeddedProcess:
    snapshot = read_snapshot(located(f"{recording}/dumps/{state}.json.gz"))
    objects = prepare(snapshot, now=datetime.now(UTC)).objects
    file = folder / "objects.json"
    file.write_bytes(msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": objects}))
    cluster = EmbeddedProcess.start(folder, nodes=0, load=(file,))
    time.sleep(0.5)
    return cluster


def _repeat(toolbox: Toolbox, command: dict[str, Any]) -> None:
    program, *argv = command["argv"]
    if "--wait" in argv:
        argv[argv.index("--wait") + 1] = "2s"

    done = toolbox.linkerd(program.partition("@")[2]).run(*argv)

    assert done.exit_code == command["rc"], done.error_text
    assert done.text == command["stdout"], argv
