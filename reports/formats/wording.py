"""Words and numbers as every document writes them."""

from __future__ import annotations

import math
import shlex
from datetime import datetime
from pathlib import PurePath

from fixtures.core.as_typed import as_typed
from fixtures.core.plain_text import visible
from policies.verdicts.wording import number
from reports.model.report import Entry, Report
from reports.model.traffic import TrafficSummary

ACRONYMS = {"cli": "CLI", "crds": "CRDs"}


def one_line(text: str) -> str:
    """Return the text on one line, control characters written out."""
    return visible(" ".join(text.split()))


def where(entry: Entry) -> str:
    """Return step, hop and, when it is not the only one, cluster of a finding."""
    cluster = "" if entry.cluster == "main" else f"cluster {entry.cluster}"
    return ", ".join(p for p in (entry.step, entry.hop, cluster) if p)


def seen(entry: Entry) -> str:
    """Return what was seen; only a count when it repeats the items that stand below it."""
    found = entry.violations
    if found and entry.seen.startswith(f"{found[0].subject}: {found[0].seen}"):
        return f"{number(len(found), 'item')}, below"
    return entry.seen


def duration(seconds: float) -> str:
    """Return seconds as a person reads them: `0.4 s`, `12.3 s`, `4 min 05 s`, `1 h 02 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def fine(seconds: float) -> str:
    """Return seconds where parts of one matter: `8 ms`, `1.25 s`, `12.3 s`, `4 min 05 s`."""
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else duration(seconds)


def surely(seconds: float) -> str:
    """Return a bound that is true as written: rounded up to 10 ms, above 10 s to 0.1 s."""
    part = 0.01 if seconds < 10 else 0.1
    return fine(math.ceil(seconds / part - 1e-9) * part)


def share(part: float) -> str:
    """Return a proportion as a percentage; `100 %` and `0 %` only when they are exact."""
    if part in (0.0, 1.0):
        return f"{100 * part:.0f}\u00a0%"
    told = min(max(round(100 * part, 3), 0.001), 99.999)
    return f"{told:g}\u00a0%"


def until_death(summary: TrafficSummary) -> str:
    """Return until when traffic was probed, where that was not to the end; else empty."""
    if not summary.cut_short:
        return ""
    at = f" at {utc(summary.ended)}" if summary.ended else ""
    return f"until the run died{at}, not probed again"


def traffic_line(summary: TrafficSummary) -> str:
    """Return lost requests and the smallest visible outage, in one line."""
    paths = number(sum(not p.unavailable for p in summary.measured), "path")
    lost = f"{summary.failed} of {number(summary.observed, 'request')} lost on {paths}"
    if summary.excused:
        lost += f", {summary.excused} more excused"
    if summary.visible is None:
        return f"{lost}; no step had samples enough to say which outage would have been seen"
    told = f"an outage of {surely(summary.visible)} would have been seen on any path"
    every = summary.visible_everywhere
    if every is not None and every < summary.visible:
        told += f", of {surely(every)} if it hit them all"
    return f"{lost}; {told}"


def utc(moment: datetime) -> str:
    """Return a UTC time with seconds: `2025-11-24 05:36:07 UTC`."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def words(name: str) -> str:
    """Return a step's name in words: `control plane upgraded`."""
    return " ".join(ACRONYMS.get(w, w) for w in name.split("_"))


def arrows(label: str) -> str:
    """Return a hop's label with a real arrow that does not break: `hop 1: edge-1 → edge-2`."""
    return label.replace(" -> ", " →\u00a0")


def subject(report: Report) -> str:
    """Return what was rehearsed, as the heading says it."""
    header = report.header
    if header.suite == "upgrade" and header.source and header.destination:
        return f"{header.source} → {header.destination}"
    return header.title or header.source or header.run


def occasion(report: Report) -> str:
    """Return what a verdict is of: an upgrade that was rehearsed, or a look."""
    return "Linkerd upgrade" if report.header.suite == "upgrade" else "Linkerd, looked at"


def path_of(suite: str, source: str, destination: str) -> str:
    """Return the releases of a run in one line; a look at a way ahead says that it is one."""
    way = " -> ".join(p for p in (source, destination) if p)
    if not way:
        return suite
    return way if suite == "upgrade" else f"{suite} {way}"


def next_of_look(report: Report) -> tuple[str, ...]:
    """Return what to do after a look at the way ahead, then commands; empty after anything else.

    What a look leaves open only a rehearsal shows, and a copy of the cluster is the first place.
    """
    header, said = report.header, dict(report.scenario)
    if header.suite != "verify" or not header.destination or not header.command:
        return ()
    if report.verdict.exit_code not in (0, 6):
        return "resolve what is violated, then look again:", header.command
    copy, take = said.get("snapshot", ""), list[str]()
    if not copy:
        copy = "mine.json.gz"
        named = {"--context": "context", "--cluster-kubeconfig": "cluster_kubeconfig"}
        where = [part for o, key in named.items() if said.get(key) for part in (o, said[key])]
        take = [shlex.join(["rehearse", "snapshot", *where, "-o", copy])]
    rehearse = shlex.join(
        ["pytest", "suites/upgrade", "--snapshot", copy, "--to", header.destination]
    )
    return (
        "rehearse it on a copy, for what no look shows (dry runs, images, injection, traffic):",
        *(as_typed(line, header.command) for line in (*take, rehearse)),
    )


def faults(report: Report) -> str:
    """Tell which faults were injected on purpose, as a sentence; empty when none was."""
    named = [v for k, v in report.scenario if k.startswith("faults[")]
    ids = [PurePath(v).stem for v in named]
    if not ids:
        return ""
    what = "A fault was" if len(ids) == 1 else f"{len(ids)} faults were"
    return f"{what} injected on purpose: {', '.join(ids)}."


def counts_line(report: Report) -> str:
    """Return findings by status in one line; zeros are left out except for `violated`."""
    counts = report.counts
    parts = [
        f"{counts.of('holds')} hold",
        f"{counts.blocker.violated} violated",
        f"{counts.advice.violated} advice" if counts.advice.violated else "",
        f"{counts.of('not assessed')} not assessed" if counts.of("not assessed") else "",
        f"{counts.of('not applicable')} not applicable" if counts.of("not applicable") else "",
        f"{counts.of('waived')} waived" if counts.of("waived") else "",
    ]
    return f"{number(counts.findings, 'finding')}: " + " · ".join(p for p in parts if p)


def explained_line(report: Report) -> str:
    """Tell how many items are explained, in how many findings; empty when none is."""
    items = report.counts.explained
    if not items:
        return ""
    findings = sum(bool(e.explained) for e in report.findings)
    verb = "is" if items == 1 else "are"
    return f"{number(items, 'item')} in {number(findings, 'finding')} {verb} explained"


def surroundings(report: Report) -> str:
    """Tell on which cluster a run was, and by which version of this project."""
    header = report.header
    clusters = list(dict.fromkeys(s.cluster for s in report.sections))
    target = header.target
    if header.target_name and header.target_name != target:
        target += f" {header.target_name}"
    parts = (
        target,
        f"clusters {' and '.join(clusters)}" if len(clusters) > 1 else "",
        f"Kubernetes {header.kubernetes}" if header.kubernetes else "",
        f"rehearse {header.version}" if header.version else "",
    )
    return ", ".join(p for p in parts if p)
