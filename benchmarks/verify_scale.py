"""Reading many pods: `suites/verify`, the version inventory, and decoding alone."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import real_server
from benchmarks.harness import Child, Measure, proportional_megabytes, run_child
from benchmarks.many_pods import BASELINE, ROOT, started
from suites.embedded.real_apiserver import ApiServerError

PODS, PODS_ON_REAL = 10_000, 5_000
RUNS = 3


def measure() -> list[Measure]:
    """On a cluster made of recorded objects; left out where there are no recordings."""
    if not BASELINE.is_file():
        print(f"  verify-scale: left out, there is no {BASELINE.name} of the recordings")
        return []
    return [*_decoding(), *_embedded(), *_real()]


def _decoding() -> list[Measure]:
    """Client CPU and memory for pods as facts, without any server."""
    found: list[Measure] = []
    for encoding in ("json", "protobuf"):
        runs = [
            run_child([sys.executable, "-m", "benchmarks.decoding", encoding], ROOT)
            for _ in range(RUNS)
        ]
        said = [json.loads(_well(run).output.splitlines()[-1]) for run in runs]
        seconds = [float(each["seconds"]) for each in said]
        name = f"10,000 pods as facts from {encoding}"
        found += [
            _seconds(f"{name}, CPU", seconds, None),
            _megabytes(f"{name}, memory", max(float(each["megabytes"]) for each in said), None),
        ]
    return found


def _embedded() -> list[Measure]:
    with tempfile.TemporaryDirectory() as folder, started(PODS, Path(folder)) as cluster:
        return [
            *_verify(cluster.kubeconfig, Path(folder), cluster.pid),
            *_inventory(cluster.kubeconfig, "embedded cluster, 10,000 pods", real=False),
        ]


def _verify(kubeconfig: Path, folder: Path, server: int) -> list[Measure]:
    """The first run is not counted apart: the slowest of all must be within the goal."""
    argv = [sys.executable, "-m", "pytest", "-q", "suites/verify", "--target", "existing"]
    argv += ["--cluster-kubeconfig", str(kubeconfig)]
    runs = [
        _well(run_child([*argv, "--out", str(folder / f"run-{n}")], ROOT)) for n in range(RUNS)
    ]
    name = "verify, 10,000 pods"
    most = max(run.peak_megabytes for run in runs)
    return [
        _seconds(name, [run.seconds for run in runs], 15),
        _seconds(f"{name}, the slowest run", [max(run.seconds for run in runs)], 15),
        _megabytes(f"{name}, memory", most, 300),
        _megabytes(
            f"{name}, memory with the cluster", most + proportional_megabytes(server), None
        ),
    ]


def _real() -> list[Measure]:
    """On a real API server: what its encoder costs is most of the time there."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            kubeconfig = stack.enter_context(real_server.with_pods(PODS_ON_REAL, folder))
        except ApiServerError as error:
            print(f"  inventory on a real API server: left out, {error}")
            return []
        return _inventory(kubeconfig, "real API server, 5,000 pods", real=True)


def _inventory(kubeconfig: Path, where: str, *, real: bool) -> list[Measure]:
    """`rehearse inventory`, and `linkerd version --proxy` in turn on the same API server."""
    argv = [sys.executable, "rehearse.py", "inventory", "--cluster-kubeconfig", str(kubeconfig)]
    linkerd = shutil.which("linkerd")
    ours: list[Child] = []
    theirs: list[Child] = []
    for _ in range(RUNS + 1):
        mine = _well(run_child(argv, ROOT))
        if linkerd:
            other = [linkerd, "--kubeconfig", str(kubeconfig), "version", "--proxy"]
            done = _well(run_child(other, ROOT))
            if " pods)" not in done.output:  # it gives up after five seconds, and exits with 0
                print(f"  {where}: a run of linkerd version --proxy is left out, it gave up")
                continue
            theirs.append(done)
        ours.append(mine)
    ours, theirs = ours[1:], theirs[1:]  # the first ones warm the server's caches
    if not ours:
        print(f"  inventory, {where}: left out, nothing to compare with")
        return []
    name = f"inventory, {where}"
    found = [
        _seconds(name, [run.seconds for run in ours], None),
        _megabytes(f"{name}, memory", max(run.peak_megabytes for run in ours), 150),
    ]
    if not linkerd:
        print(f"  linkerd version --proxy, {where}: left out, there is no linkerd on PATH")
        return found
    shares = [a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True)]
    return [
        *found,
        _seconds(f"linkerd version --proxy, {where}", [run.seconds for run in theirs], None),
        _megabytes(
            f"linkerd version --proxy, {where}, memory",
            max(run.peak_megabytes for run in theirs),
            None,
        ),
        Measure(
            name=f"inventory / linkerd version --proxy, {where}",
            value=round(statistics.median(shares), 2),
            unit="",
            # The embedded cluster answers JSON from stored bytes, which no real one does.
            goal=0.5 if real else None,
            noise=round(max(shares) - min(shares), 2),
        ),
    ]


def _well(child: Child) -> Child:
    if child.exit_code:
        raise SystemExit(f"it ended with {child.exit_code}:\n{child.output[-3000:]}")
    return child


def _seconds(name: str, seconds: list[float], goal: float | None) -> Measure:
    return Measure(
        name=name,
        value=round(statistics.median(seconds), 2),
        unit="s",
        goal=goal,
        noise=round(max(seconds) - min(seconds), 2),
    )


def _megabytes(name: str, megabytes: float, goal: float | None) -> Measure:
    return Measure(name=name, value=round(megabytes, 1), unit="MB", goal=goal)
