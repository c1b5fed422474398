"""All policies over the facts of a large cluster: time and memory.

`python -m benchmarks.policies` shows each policy; memory is that of a process of its own, which
holds the facts of two moments.
"""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

import msgspec

from benchmarks.harness import Measure, run_child
from policies.controls.control_plane import availability, certificates, crds, webhooks
from policies.controls.data_plane import injection, versions
from policies.controls.preflight import configuration, images, left_behind, way_back
from policies.controls.prune import orphans, pruning
from policies.controls.whole_run import checks
from policies.facts.cluster import ClusterFacts
from policies.facts.observations import VersionReport
from policies.planning.path import Hop
from policies.releases.grammar import parse
from policies.skew import rule
from policies.verdicts.findings import Verdict
from suites.policy.builders import (
    SOURCE,
    TARGET,
    canaries,
    check_run,
    cluster,
)

PODS = 100_000


def policies(before: ClusterFacts, after: ClusterFacts) -> dict[str, Callable[[], Verdict]]:
    """Every policy that looks at a cluster, by control, bound to the facts of two moments."""
    hop = Hop(number=1, source_tag=SOURCE, destination_tag=TARGET)
    check = check_run("check", checks.expected_categories("check"))
    proxy = check_run("check --proxy", checks.expected_categories("check --proxy"))
    seen = canaries(["injected", *["unmeshed"] * 48, *["injected"] * 400])
    report = VersionReport(client=TARGET, server=TARGET, proxies=((TARGET, PODS + 3),))
    until = before.taken_at + timedelta(hours=4)
    return {
        "PRE-01": lambda: checks.baseline_healthy(check, proxy, before),
        "PRE-02": lambda: left_behind.data_plane_current(before, parse(SOURCE)),
        "PRE-05": lambda: crds.gateway_api(before, hop),
        "PRE-06": lambda: certificates.outlast(before, until=until),
        "PRE-07": lambda: configuration.one_owner(before),
        "PRE-11": lambda: availability.schedulable_ha(before),
        "PRE-12": lambda: way_back.way_back(before, hop),
        "CRD-01": lambda: crds.ready_before_control_plane(before, parse(TARGET)),
        "CRD-02": lambda: crds.stored_versions_served(after),
        "CRD-03": lambda: crds.resources_decode(before, after),
        "CP-01": lambda: images.control_plane_images(after, parse(TARGET)),
        "CP-02": lambda: availability.control_plane_rollouts(after),
        "CP-03": lambda: configuration.retained(before, after, parse(TARGET)),
        "CP-04": lambda: certificates.anchors_retained(before, after),
        "CP-05": lambda: webhooks.answer_and_inject(after, seen, parse(TARGET)),
        "CP-07": lambda: checks.reports_match(report, after, parse(TARGET)),
        "CP-10": lambda: injection.gap(seen, budget_seconds=60),
        "PRN-02": lambda: pruning.protected_kept(before, after),
        "PRN-03": lambda: orphans.no_orphans(after, parse(TARGET)),
        "DP-01": lambda: injection.meshed_as_declared(after),
        "DP-02": lambda: versions.data_plane_at_destination(after, parse(TARGET)),
        "DP-03": lambda: rule.never_more_than_one((), after),
        "DP-04": lambda: rule.no_proxy_ahead(after),
        "DP-05": lambda: availability.data_plane_rollouts(after),
        "DP-06": lambda: versions.identities_valid(after),
        "DP-07": lambda: availability.no_new_restarts(before, after),
        "DP-08": lambda: availability.jobs_complete(after),
        "VER-01": lambda: checks.check_agrees_with_facts(check, proxy, after),
        "VER-02": lambda: availability.stable(after, after),
        "VER-04": lambda: versions.nothing_old_left(after, parse(SOURCE), parse(TARGET)),
    }


def each(before: ClusterFacts, after: ClusterFacts) -> dict[str, float]:
    """Seconds each policy takes, once."""
    found: dict[str, float] = {}
    for name, policy in policies(before, after).items():
        start = perf_counter()
        policy()
        found[name] = perf_counter() - start
    return found


def measure() -> list[Measure]:
    """Time of all policies over 100,000 meshed pods, and the peak memory of a process for it."""
    here = Path(__file__).parents[1]
    child = run_child([sys.executable, "-m", "benchmarks.policies", "--json"], here)
    if child.exit_code:
        raise RuntimeError(f"the benchmark's process failed: {child.output}")
    figures = msgspec.json.decode(child.output, type=Figures)
    runs = figures.seconds
    return [
        Measure(
            name="policies over 100,000 pods",
            value=round(median(runs), 3),
            unit="s",
            goal=1.0,
            noise=round(max(runs) - min(runs), 3),
        ),
        Measure(
            name="policies over 100,000 pods, memory",
            value=round(figures.peak_megabytes, 1),
            unit="MB",
            goal=400.0,
        ),
    ]


class Figures(msgspec.Struct, frozen=True):
    """What the child process found; its memory holds the facts of two moments."""

    seconds: list[float]
    peak_megabytes: float
    slowest: dict[str, float]


def figures(repeats: int = 5) -> Figures:
    """Measure in this process."""
    before, after = (cluster(v, workloads=PODS // 5, replicas=5) for v in (SOURCE, TARGET))
    gc.collect()
    runs = [each(before, after) for _ in range(repeats)]
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Figures(
        seconds=[sum(r.values()) for r in runs],
        peak_megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
        slowest=dict(sorted(runs[-1].items(), key=lambda pair: -pair[1])),
    )


def main() -> None:
    """Print the figures of this process: as JSON with `--json`, else with the slowest first."""
    found = figures()
    if "--json" in sys.argv:
        sys.stdout.buffer.write(msgspec.json.encode(found))
        return
    print(f"{median(found.seconds):.3f} s, {found.peak_megabytes:.0f} MB")
    for name, seconds in found.slowest.items():
        print(f"  {name:8} {seconds * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
