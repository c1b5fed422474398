"""Bundles that the tests of reports read: written by the real ledger, with clocks of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fixtures.evidence.bundle import Bundle, open_bundle, seal
from fixtures.evidence.ledger import LEDGER, Clocks, Ledger
from fixtures.evidence.records import (
    VERDICTS,
    ControlEntry,
    FindingMade,
    Note,
    Planned,
    RunEnded,
    RunStarted,
    StepChanged,
    Tools,
    TrafficSeen,
)
from policies.facts.traffic import Window
from policies.planning.path import Hop, Plan
from policies.verdicts.catalogue import Control, catalogue
from policies.verdicts.findings import (
    Finding,
    Item,
    Verdict,
    holds,
    judged,
    not_assessed,
    violated,
)
from suites.reports.scenery import TOOLS, Scenery
from suites.reports.traffic_scenery import Kind, endpoints_in, traffic_in

START = datetime(2025, 11, 24, 5, 36, 0, tzinfo=UTC)
HOSTILE = (
    "<img src=x onerror=alert(1)>]]>\"'&\n</title><script>alert(2)</script>\x1b[31m\u202e{{7*7}}"
)
"""A name that ends or begins something in each of the formats."""


OF_HOP = (
    *("preflighted", "cli_upgraded", "crds_upgraded", "control_plane_upgraded", "pruned"),
    *("extensions_upgraded", "data_plane_upgraded"),
)


@dataclass
class Ticking:
    """Clocks that move by a fixed amount per look, so that samples are equal each time."""

    seconds: float = 0.0

    def look(self) -> float:
        self.seconds += 0.05
        return self.seconds

    def clocks(self) -> Clocks:
        return Clocks(utc=lambda: START + timedelta(seconds=self.seconds), monotonic=self.look)


Change = Callable[[Control, Verdict], Verdict]


@dataclass
class Sample:
    """One rehearsal to write down; the default is a healthy one over one hop."""

    name: str = "20251124T053600Z-edge-25.4.4-edge-25.10.7"
    title: str = "Linkerd edge-25.4.4 to edge-25.10.7"
    hops: tuple[tuple[str, str], ...] = (("edge-25.4.4", "edge-25.10.7"),)
    verdicts: dict[str, Verdict] = field(default_factory=dict[str, Verdict])
    """Control -> verdict instead of the healthy one."""
    waivers: dict[str, str] = field(default_factory=dict[str, str])
    stops_at: str = ""
    """Step after which nothing changes any more."""
    simulated: bool = True
    exit_code: int = 0
    reason: str = ""
    closes: bool = True
    note: str = ""
    scale: int = 20
    """Pods of the data plane."""
    traffic: Kind | None = None
    names: str = ""
    """Added to the names in the traffic."""

    def write(self, root: Path) -> Bundle:
        """Write ledger and manifest below `root` and open them again."""
        folder = root / self.name
        with Ledger.create(folder, self.name, Ticking().clocks()) as ledger:
            _Writer(self, ledger).write()
        seal(folder)
        return open_bundle(folder)

    def cut(self, root: Path, missing: int = 40) -> Bundle:
        """The same rehearsal, killed while it wrote a record; never sealed."""
        self.write(root)
        folder = root / self.name
        (folder / "manifest.json").unlink()
        path = folder / LEDGER
        path.write_bytes(path.read_bytes()[:-missing])
        return open_bundle(folder)


class _Writer:
    def __init__(self, sample: Sample, ledger: Ledger) -> None:
        self.sample = sample
        self.ledger = ledger
        self.scenery = Scenery(START, sample.scale, sample.hops[0][0])
        self.blocked = ""
        self.windows: list[Window] = []

    def write(self) -> None:
        plan = _plan(self.sample)
        self.ledger.write(_header(self.sample, plan))
        self.ledger.write(Planned(plan=plan))
        self.ledger.write(Tools(tools=TOOLS))
        if self.sample.note:
            self.ledger.write(Note(step="baseline", text=self.sample.note))
        for step, hop in _steps(plan):
            self._step(step, hop)
        for control in catalogue().values():
            if control.planned:
                self._finding(control, control.step, "", not_assessed("not built yet"))
            elif "rollback" in control.needs:
                unasked = "the scenario does not ask for the way back (rollback = true)"
                self._finding(control, control.step, "", not_assessed(unasked))
        if self.sample.closes:
            code = self.sample.exit_code
            self.ledger.write(
                RunEnded(
                    exit_code=code, verdict=VERDICTS[code], seconds=7.9, reason=self.sample.reason
                )
            )

    def _step(self, step: str, hop: Hop | None) -> None:
        label = hop.label if hop else ""
        if self.blocked:
            reason = f"blocked by {self.blocked}"
            self.ledger.write(StepChanged(step=step, hop=label, state="blocked", reason=reason))
            self._findings(step, label, not_assessed(reason))
            return
        now = self.scenery.now
        self.ledger.write(StepChanged(step=step, hop=label, state="started"), cluster_time=now)
        for body, at in self.scenery.play(step, hop):
            self.ledger.write(body, cluster_time=at)
        self._traffic(step, label, now)
        self.ledger.write(
            StepChanged(step=step, hop=label, state="reached"), cluster_time=self.scenery.now
        )
        self._findings(step, label, None)
        if step == self.sample.stops_at:
            failing = [c for c, v in self.sample.verdicts.items() if v.status == "violated"]
            self.blocked = failing[0]

    def _traffic(self, step: str, hop: str, begun: datetime) -> None:
        kind, now = self.sample.traffic, self.scenery.now
        self.windows.append(Window(step=step, hop=hop, start=begun, end=now))
        if kind is not None and step == "control_plane_upgraded":
            self.ledger.write(endpoints_in(step, hop, begun, kind), cluster_time=now)
        if kind is not None and step == "settled":
            traffic = traffic_in(self.windows, kind, self.sample.names)
            self.ledger.write(TrafficSeen(traffic=traffic), cluster_time=now)

    def _findings(self, step: str, hop: str, verdict: Verdict | None) -> None:
        for control in catalogue().values():
            if control.step == step and not control.planned:
                found = verdict or self.sample.verdicts.get(control.id) or healthy(control)
                self._finding(control, step, hop, found)

    def _finding(self, control: Control, step: str, hop: str, verdict: Verdict) -> None:
        finding = Finding(
            control=control.id,
            severity=control.severity,
            step=step,
            hop=hop,
            test=f"suites/upgrade/test_{step}.py::test_{control.id.lower().replace('-', '_')}",
            verdict=verdict,
            waiver=self.sample.waivers.get(control.id, ""),
        )
        self.ledger.write(FindingMade(finding=finding), cluster_time=self.scenery.now)


def _steps(plan: Plan) -> Iterator[tuple[str, Hop | None]]:
    yield "baseline", None
    for hop in plan.hops:
        for step in OF_HOP:
            yield step, hop
    yield "settled", None


def _plan(sample: Sample) -> Plan:
    hops = tuple(
        Hop(
            number=n,
            source_tag=source,
            destination_tag=target,
            source_logical=f"2.{17 + n}",
            destination_logical=f"2.{18 + n}",
            reasons=("the newest edge of the next logical version is asked for",),
            kubernetes="1.23 to 1.34",
        )
        for n, (source, target) in enumerate(sample.hops, 1)
    )
    return Plan(source_tag=hops[0].source_tag, destination_tag=hops[-1].destination_tag, hops=hops)


def _header(sample: Sample, plan: Plan) -> RunStarted:
    return RunStarted(
        suite="upgrade",
        title=sample.title,
        version="0.1.0",
        target="embedded" if sample.simulated else "kind",
        target_name="embedded" if sample.simulated else "kind-rehearsal",
        simulated=sample.simulated,
        source=plan.source_tag,
        destination=plan.destination_tag,
        kubernetes="v1.31.14",
        command=f"pytest suites/upgrade --from {plan.source} --to {plan.destination}",
        scenario={
            "from": plan.source_tag,
            "to": plan.destination_tag,
            "installation": "cli",
            "traffic": "none",
            "workloads.deployments": "12",
            "budgets.injection_gap": "60",
        },
        environment={"python": "3.11.9", "platform": "linux", "pytest": "9.0.1"},
        speed=20.0 if sample.simulated else 1.0,
        canary_rate=4.0,
        controls=tuple(_entry(c) for c in catalogue().values()),
    )


def _entry(control: Control) -> ControlEntry:
    return ControlEntry(
        id=control.id,
        area=control.area,
        title=control.title,
        why=control.why,
        severity=control.severity,
        source=control.source,
        step=control.step,
        planned=control.planned,
        required=control.severity == "blocker"
        and not control.planned
        and "rollback" not in control.needs,
        standards=control.standards,
        follows=control.follows,
    )


def healthy(control: Control) -> Verdict:
    """What a healthy rehearsal finds for a control."""
    special = {
        "CP-10": holds(
            "the injection gap of 12.3 s is within the budget of 60 s",
            seen="1 gap: 12.3 s, 49 canaries unmeshed, 0 refused",
        ),
        "DP-08": judged(
            [
                Item(
                    subject="pod shop/report-28211-x7k2p",
                    expected="completed",
                    seen="application ended, proxy edge-25.4.4 still runs",
                    explained="a finished Job's pod keeps its old proxy until it is deleted",
                )
            ],
            holds_as="every Job completed; 1 pod explained",
            violated_as="",
            expected="completed",
        ),
        "PRE-11": Verdict(status="not applicable", summary="one replica", reason="one replica"),
        "PRE-08": violated(
            "2 upgrade notes of this hop want a decision",
            expected="each advisory acknowledged in the scenario",
            seen="2 not acknowledged",
            items=(
                Item(
                    subject="proxy memory",
                    expected="read this",
                    seen="the default of proxy.cores changed in edge-25.8.1",
                ),
                Item(
                    subject="Gateway API",
                    expected="read this",
                    seen="linkerd-crds no longer installs the Gateway API by default",
                ),
            ),
            next_command="name them under [acknowledged] in the scenario",
        ),
    }
    usual = holds(
        control.title[:1].lower() + control.title[1:], seen="as expected, 23 objects read"
    )
    return special.get(control.id, usual)


def healthy_sample() -> Sample:
    return Sample(traffic="healthy")


def violated_sample() -> Sample:
    """A Deployment of the control plane never becomes ready; an anchor's loss is waived."""
    return Sample(
        verdicts={
            "CP-02": violated(
                "1 of 3 control plane rollouts is not complete",
                expected="every Deployment in namespace linkerd updated, ready and available",
                seen="Deployment linkerd/linkerd-proxy-injector: 1 of 1 updated, 0 ready",
                items=(
                    Item(
                        subject="Deployment linkerd/linkerd-proxy-injector",
                        expected="1 ready",
                        seen="0 ready; ProgressDeadlineExceeded; ImagePullBackOff of"
                        " cr.l5d.io/linkerd/controller:edge-25.10.7",
                    ),
                ),
                cause="the nodes cannot pull the destination's controller image",
                next_command="kubectl -n linkerd describe pod -l"
                " linkerd.io/control-plane-component=proxy-injector",
            ),
            "CP-05": violated(
                "the injector's webhook does not inject the target proxy",
                expected="proxy edge-25.10.7 in a pod created after the rollout",
                seen="proxy edge-25.4.4, injected by linkerd/proxy-injector edge-25.4.4",
                cause="the old injector still serves, because the new one never became ready",
                next_command="kubectl -n linkerd get endpointslices -l"
                " kubernetes.io/service-name=linkerd-proxy-injector -o wide",
            ),
            "CP-04": Verdict(
                status="waived",
                summary="1 trust anchor was dropped",
                expected="all 2 anchors retained",
                seen="1 of 2 retained",
                items=(Item(subject="anchor 4f1c2d", expected="retained", seen="gone"),),
                reason="mesh team, until 2026-03-31: planned rotation",
            ),
            "CRD-03": not_assessed("the real schemas are needed: no real linkerd"),
        },
        waivers={"CP-04": "mesh team, until 2026-03-31: planned rotation"},
        stops_at="control_plane_upgraded",
        exit_code=1,
    )


def incomplete_sample() -> Sample:
    return Sample(
        verdicts={
            "PRE-13": not_assessed("no node lists the images and nothing was pulled"),
            "CP-04": not_assessed("secrets: forbidden to user auditor"),
        },
        exit_code=6,
    )


def two_hops_sample() -> Sample:
    return Sample(
        name="20251124T053600Z-edge-25.4.4-edge-26.6.3",
        title="Linkerd edge-25.4.4 to edge-26.6.3",
        hops=(("edge-25.4.4", "edge-25.10.7"), ("edge-25.10.7", "edge-26.6.3")),
    )


def hostile_sample() -> Sample:
    """Names that try to be markup, commands or terminal sequences, wherever a name can occur."""
    bad = violated(
        f"summary {HOSTILE}",
        expected=f"expected {HOSTILE}",
        seen=f"seen {HOSTILE}",
        items=(Item(subject=HOSTILE, expected=HOSTILE, seen=HOSTILE),),
        cause=HOSTILE,
        next_command=HOSTILE,
    )
    return Sample(
        name="hostile",
        title=HOSTILE,
        hops=((f"edge-25.4.4{HOSTILE}", "edge-25.10.7"),),
        verdicts={"CP-01": bad, "PRE-08": bad, "CP-03": not_assessed(HOSTILE)},
        exit_code=1,
        reason=HOSTILE,
        note=HOSTILE,
        traffic="outage",
        names=HOSTILE,
    )


SAMPLES: dict[str, Callable[[], Sample]] = {
    "healthy": healthy_sample,
    "violated": violated_sample,
    "incomplete": incomplete_sample,
    "two-hops": two_hops_sample,
    "hostile": hostile_sample,
}
