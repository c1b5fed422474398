"""The stand-ins for kind and docker say what the recorded ones said."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from suites.harness.kind_standins import machine

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings" / "kind" / "commands"
REPLAYED = {
    "01-version": {},
    "04-delete-missing": {},
    "05-kubeconfig-missing": None,
    "09-create-name-taken": {"cluster": "lab"},
    "10-create-bad-name": {},
    "12-load-image-missing": {"cluster": "lab"},
    "13-load-archive-missing": {"cluster": "lab"},
    "14-load-image": {"cluster": "lab"},
    "15-load-image-no-cluster": {},
    "16-nodes": {"cluster": "lab"},
    "02-clusters": {"cluster": "lab"},
    "03-clusters-json-name-missing": {},
    "06-no-engine": {"engine": "away"},
    "08-create-image-missing": {"create": "image-missing"},
    "18-docker-version-no-engine": {"engine": "away"},
    "19-docker-image-inspect-missing": {},
    "30-docker-no-socket-permission": {"engine": "forbidden"},
    "31-delete": {"cluster": "rec"},
    "26-export-kubeconfig": {"cluster": "rec"},
    "27-export-logs": {"cluster": "rec"},
}
"""Recording -> what the stand-in must know to be in the same place; None: not asked of it."""


@pytest.mark.parametrize("name", [n for n, state in REPLAYED.items() if state is not None])
def test_the_stand_ins_say_what_was_recorded(name: str, tmp_path: Path) -> None:
    file = RECORDINGS / f"{name}.json"
    if not file.is_file():
        pytest.skip("the recordings of kind are not here")
    recorded = json.loads(file.read_text())
    made = machine(tmp_path)
    state = dict(REPLAYED[name] or {})
    if "cluster" in state:
        made.has_cluster(state.pop("cluster"))
    for key, value in state.items():
        made.set(key, value)
    argv = recorded["argv"]
    while argv[0] not in ("kind", "docker"):
        argv = argv[1:]

    done = subprocess.run(
        [str(made.bin / argv[0]), *argv[1:]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=20,
        check=False,
    )

    assert done.returncode == recorded["rc"]
    assert done.stdout == recorded["stdout"]
    assert done.stderr == recorded["stderr"]
