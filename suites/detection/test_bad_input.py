"""Bad input: one clear message that names key or file, exit code 4, nothing left behind."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from suites.detection.runs import rehearse


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--from", "edge-99.1.1"), "edge-99.1.1"),
        (("--from", "edge-25.10.7", "--to", "edge-25.4.4"), "edge-25.4.4"),
        (("--from", "edge-25.4.4", "--to", "edge-25.4.4"), "edge-25.4.4"),
        (("--to", "nonsense"), "nonsense"),
        (("--kubernetes", "1.20"), "1.20"),
        (("--kubernetes", "abc"), "abc"),
        (("--scenario", "absent.toml"), "absent.toml"),
        (("--snapshot", "absent.json"), "absent.json"),
        (("--fault", "absent.toml"), "absent.toml"),
        (("--target", "cloud"), "target"),
        (("--speed", "0"), "speed"),
        (("--budget-from-history", "absent"), "absent"),
        (("--tools", "absent"), "absent"),
        (("--context", "no-such-context"), "kubeconfig"),
    ],
)
def test_a_wrong_option_is_named(options: tuple[str, ...], named: str, tmp_path: Path) -> None:
    run = rehearse(tmp_path, *options)

    assert run.exit_code == 4, run.output
    assert named in run.output
    assert "Traceback" not in run.output
    assert not run.folder.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("truncated.json.gz", gzip.compress(b'{"kind": "List", "items": []}')[:20]),
        ("other.json", b'{"kind": "List", "apiVersion": "v1", "items": [{"a": 1}]}'),
        ("wrong-kind.json", b'{"kind": "Pod", "apiVersion": "v1"}'),
        ("text.json", b"not json"),
        ("empty.json", b""),
    ],
    ids=["truncated", "other", "wrong-kind", "text", "empty"],
)
def test_a_wrong_snapshot_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    run = rehearse(tmp_path, "--snapshot", str(file), "--to", "edge-25.10.7")

    assert run.exit_code == 4, run.output
    assert name in run.output
    assert "Traceback" not in run.output


def test_a_budget_that_names_no_step_is_named_by_its_key(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[budgets]]\nstep = "control_plane"\nfailed_samples = 3\n')

    run = rehearse(tmp_path, "--scenario", str(scenario))

    assert run.exit_code == 4, run.output
    assert "budgets[0].step" in run.output
    assert "control_plane_upgraded" in run.output
    assert "Traceback" not in run.output
    assert not run.folder.exists()


def test_a_way_of_injection_that_no_workload_has_is_named(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[workloads]]\nname = "web"\ninject = "by-hand"\n')

    run = rehearse(tmp_path, "--scenario", str(scenario))

    assert run.exit_code == 4, run.output
    assert "workloads[0].inject" in run.output
    assert "by-hand" in run.output
    assert not run.folder.exists()
