"""What `linkerd` says of itself: checks and versions, compared with what objects say.

Results are read by field. The text of a message is shown and never matched, but for a pod's name;
a category that should be there and is not counts as much as an error, since a fatal check hides
all that follow it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from oci import reference
from policies.controls.control_plane.availability import control_plane_rollouts
from policies.controls.data_plane.injection import meshed_as_declared
from policies.facts.cluster import ClusterFacts, Pod, Proxy
from policies.facts.observations import CheckRun, CommandRun, VersionReport
from policies.releases.versions import Version
from policies.skew.planes import ENDED, data_plane_pods, not_placed, not_seen
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, holds, judged, not_assessed, violated

_CORE = (
    "kubernetes-api",
    "kubernetes-version",
    "linkerd-existence",
    "linkerd-config",
    "linkerd-identity",
    "linkerd-webhooks-and-apisvc-tls",
    "linkerd-version",
    "linkerd-control-plane-proxy",
)
_BY_LABEL = {
    "check": (*_CORE, "control-plane-version"),
    "check --proxy": (*_CORE, "linkerd-identity-data-plane", "linkerd-data-plane"),
    "check --crds": ("kubernetes-api", "kubernetes-version", "linkerd-crd"),
}
_DATA_PLANE = "linkerd-data-plane"
_STARTING = frozenset({"PodInitializing", "ContainerCreating"})
_LINKERDS = frozenset({"linkerd-proxy", "linkerd-init", "linkerd-network-validator"})
_CHECKSUM = frozenset({"sha256sum", "shasum"})


def expected_categories(label: str, client: Version | None = None) -> tuple[str, ...]:
    """Return the categories that a healthy run of this check of a client has at the least."""
    found = _BY_LABEL.get(label, ())
    if found and client and client.channel == "edge" and client.numbers >= (26, 7, 1):
        return (*found, "gateway-api-crd")
    return found


def agrees(
    run: CheckRun | None,
    client: Version | None = None,
    *,
    reference: CheckRun | None = None,
    pending: Collection[str] = (),
    facts: ClusterFacts | None = None,
) -> Verdict:
    """Judge whether a check succeeded and is whole (CP-06).

    Args:
        run: What was said; None when it was not run.
        client: Its release, which decides the categories to expect.
        reference: A healthy run whose categories must all be there again.
        pending: Categories whose turn has not come: an error there is explained. The new client's
            check of an extension that is still the old one may fail (Links of 2.17 under 2.18).
        facts: Before anything changes: pods that do not run by their applications' fault alone,
            which the check counts as a broken data plane, are explained by them.
    """
    if run is None:
        return not_assessed("`linkerd check` was not run")
    if run.unreadable:
        return violated(
            f"`linkerd {run.label}` could not be read",
            expected="a stream of JSON documents",
            seen=run.unreadable,
            cause="the client failed before it could check anything",
            next_command=f"linkerd {run.label}",
        )
    items = [
        *_missing(run, client, reference),
        *_results(run, pending, by_applications(facts), ended(facts)),
    ]
    if run.exit_code and not run.failed() and all(i.explained for i in items):
        items.append(
            Item(
                subject=f"linkerd {run.label}",
                expected="exit code 0",
                seen=f"exit code {run.exit_code} without an error among its results",
            )
        )
    warnings = sum(1 for i in items if i.explained)
    return judged(
        items,
        holds_as=f"`linkerd {run.label}` succeeds"
        + (f", {warnings} warning{'s' * (warnings > 1)}" if warnings else ""),
        includes=True,
        violated_as=f"`linkerd {run.label}` does not succeed",
        expected="exit code 0, no error, every category of a healthy run",
        cause="see the failed checks; what follows a fatal one is missing",
        next_command=f"linkerd {run.label}",
    )


def _missing(run: CheckRun, client: Version | None, reference: CheckRun | None) -> Iterator[Item]:
    seen = {c.name for d in run.documents for c in d.categories}
    wanted = dict.fromkeys(expected_categories(run.label, client))
    if reference is not None:
        wanted |= dict.fromkeys(c.name for d in reference.documents for c in d.categories)
    for name in wanted:
        if name not in seen:
            yield Item(subject=f"category {name}", expected="checked", seen="missing")


def _results(
    run: CheckRun, pending: Collection[str], broken: Sequence[str], gone: Mapping[str, str]
) -> Iterator[Item]:
    for document in run.documents:
        for category in document.categories:
            for check in category.checks:
                if check.result != "success":
                    yield Item(
                        subject=f"{category.name}: {check.description}",
                        expected="success",
                        seen=check.error or check.result,
                        explained=_why_not(category.name, check.result, pending, broken)
                        or _lies_there(check.error, gone),
                    )


def _lies_there(error: str, gone: Mapping[str, str]) -> str:
    """Explain what is said of a pod that has ended, by the name that the check has it."""
    named = re.findall(r'pod "([^"]{1,253})"', error)
    return next((gone[name] for name in named if name in gone), "")


def _why_not(category: str, result: str, pending: Collection[str], broken: Sequence[str]) -> str:
    if category == _DATA_PLANE and broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        return f"no proxy is at fault: {', '.join(broken[:3])}{more}"
    if result == "warning":
        return "a warning: it does not fail the check"
    if category in pending:
        return "its own step comes later and judges it"
    return ""


def ended(facts: ClusterFacts | None) -> dict[str, str]:
    """Return meshed pods that have ended and still lie there: name -> what is to be said of each.

    The check counts those that were evicted or lost with their node, though nothing runs in them;
    none is returned where a proxy that runs is at fault, which may hide behind one.
    """
    if facts is None or not_seen(facts) or any(map(_is_at_fault, data_plane_pods(facts))):
        return {}
    return {
        p.name: f"pod {p.key} has ended and lies there still: nothing runs in it, and the check "
        "succeeds once it is deleted"
        for p in facts.pods
        if p.proxy is not None
        and p.namespace != facts.control_plane_namespace
        and (p.phase in ENDED or (p.deleting and not p.proxy.ready))
    }


def _faults(pod: Pod) -> list[tuple[str, str]]:
    """List the containers that wait, with the reason, and are not just starting."""
    return [(name, why) for name, why in pod.waiting if why not in _STARTING]


def _is_at_fault(pod: Pod) -> bool:
    """Tell whether its proxy is why a pod does not run."""
    if pod.application_ended or pod.proxy is None:
        return False
    faults = _faults(pod)
    return any(name in _LINKERDS for name, _ in faults) or (not faults and not pod.proxy.ready)


def by_applications(facts: ClusterFacts | None) -> list[str]:
    """Return meshed pods that do not run, with the reason, where no proxy is at fault.

    The check stops at the first pod that it finds: one proxy that is at fault may hide behind it.
    """
    if facts is None or not_seen(facts) or any(map(_is_at_fault, data_plane_pods(facts))):
        return []
    unplaced = [
        f"pod {p.key} has no node"
        for p in facts.pods
        if p.proxy is not None and not_placed(p) and p.namespace != facts.control_plane_namespace
    ]
    return unplaced + [
        f"pod {p.key}: {name} waits: {why}"
        for p in data_plane_pods(facts)
        if not p.application_ended
        for name, why in _faults(p)[:1]
    ]


def baseline_healthy(
    check: CheckRun | None, proxy: CheckRun | None, facts: ClusterFacts
) -> Verdict:
    """Judge whether both checks succeed, and Deployment status agrees with them (PRE-01)."""
    return combined(
        [agrees(check), agrees(proxy, facts=facts), control_plane_rollouts(facts)],
        holds_as="The baseline is healthy: both checks and every rollout of the control plane",
    )


def client_is(destination: Version, report: VersionReport | None) -> Verdict:
    """Judge whether the client in place is of the destination (CLI-01)."""
    if report is None:
        return not_assessed("`linkerd version --client` was not run")
    if report.client == destination.text:
        return holds(f"The client is {destination}", seen=report.client)
    return violated(
        "The client is not of the destination",
        expected=destination.text,
        seen=report.client or "no version",
        cause="another linkerd comes first in PATH",
        next_command="linkerd version --client --short",
    )


def checksum_verified(commands: Sequence[CommandRun]) -> Verdict:
    """Judge whether the client's checksum was compared with the published one (CLI-02).

    Args:
        commands: Those of the step, the comparison (`sha256sum --check`) among them.
    """
    clients = [c for c in commands if c.argv and c.argv[0].rpartition("/")[2] == "linkerd"]
    if any(c.program == "stand-in" for c in clients):
        return not_assessed("a stand-in took the client's place, which was never released")
    ran = [c for c in commands if c.argv and c.argv[0].rpartition("/")[2] in _CHECKSUM]
    if not ran:
        return not_assessed("no published checksum was at hand to compare the client with")
    if all(c.exit_code == 0 for c in ran):
        return holds("The client's checksum was verified", seen=ran[-1].line)
    return violated(
        "The client's checksum does not match",
        expected="the published checksum",
        seen=ran[-1].stderr_tail or ran[-1].stdout_tail or f"exit code {ran[-1].exit_code}",
        cause="a damaged download, or not the program that was released",
        next_command=ran[-1].line,
    )


def reports_match(
    report: VersionReport | None, facts: ClusterFacts, destination: Version
) -> Verdict:
    """Judge whether client, server and proxies report what the objects say (CP-07).

    Numbers of pods may differ, since pods come and go between two looks; a version that only one
    of the two knows is a violation. Of an image by digest Linkerd's client names no version, which
    is what is then expected of it.
    """
    if report is None:
        return not_assessed("`linkerd version --proxy` was not run")
    if facts.config is None or not_seen(facts):
        return not_assessed("configuration or pods could not be read to compare with")
    items = [
        Item(subject=subject, expected=expected, seen=seen or "unavailable")
        for subject, expected, seen in (
            ("client", destination.text, report.client),
            ("server", facts.config.version, report.server),
        )
        if expected != seen
    ]
    items += _proxies(Counter(dict(report.proxies)), facts)
    return judged(
        items,
        holds_as=f"Client, server and proxies report what the objects say ({destination})",
        violated_as="`linkerd version` and the objects differ",
        expected=f"client {destination}, server {facts.config.version}, the proxies' versions as "
        "on their pods",
        cause="a client of another release, or a configuration that names what does not run",
        next_command="linkerd version --proxy",
    )


def _proxies(said: Counter[str], facts: ClusterFacts) -> Iterator[Item]:
    running: Counter[str] = Counter()
    passing: set[str] = set()
    for pod in facts.pods:
        if pod.proxy is not None and pod.control_plane == facts.control_plane_namespace:
            told = _told(pod.proxy)
            running[told] += 1
            if pod.deleting or pod.phase in ENDED:
                passing.add(told)
    for version in sorted(said.keys() | running.keys()):
        if said[version] == running[version]:
            continue
        both = said[version] and running[version]
        yield Item(
            subject=f"proxy version {version or '(unknown)'}",
            expected=f"{running[version]} pods, by the objects",
            seen=f"{said[version]} pods, by `linkerd version`",
            explained="pods came and went between the two looks"
            if both or version in passing
            else "",
        )


def _told(proxy: Proxy) -> str:
    """Return the version that Linkerd's client names: none where the image has a digest.

    Source: `GetProxyVersion` in linkerd2's `pkg/k8s`.
    """
    return "" if reference.parse(proxy.image).digest else proxy.version


def check_agrees_with_facts(
    check: CheckRun | None, proxy: CheckRun | None, facts: ClusterFacts
) -> Verdict:
    """Judge whether `linkerd check` and the suite's facts agree, or why they differ (VER-01).

    What only facts see is explained by what the check does not look at; the control it belongs to
    fails by itself. What only the check sees is a violation, but for pods that have failed: the
    check takes them for a broken data plane.
    """
    if check is None or proxy is None:
        return not_assessed("`linkerd check` or `linkerd check --proxy` was not run")
    if why := not_seen(facts, "deployments.apps", "namespaces"):
        return not_assessed(f"there are no facts to compare the checks with ({why})")
    whole = [*_missing(check, None, None), *_missing(proxy, None, None)]
    blind = [*_blind_spots(facts)]
    alarms = [*_only_the_check(check, facts, blind), *_only_the_check(proxy, facts, blind)]
    return judged(
        [*whole, *alarms, *blind],
        holds_as="`linkerd check` and the suite's facts agree"
        + (", differences explained" if blind or alarms else ""),
        violated_as="`linkerd check` and the suite's facts differ",
        expected="the same verdict of both, or a known reason",
        cause="the check looks at something the suite does not, or saw a moment that has passed",
        next_command="linkerd check; linkerd check --proxy",
    )


def _blind_spots(facts: ClusterFacts) -> Iterator[Item]:
    rollouts = control_plane_rollouts(facts)
    for item in rollouts.violations:
        yield Item(
            subject=item.subject,
            expected=item.expected,
            seen=item.seen,
            explained="the check accepts one ready pod per component; judged by CP-02",
        )
    for item in meshed_as_declared(facts).violations:
        yield Item(
            subject=item.subject,
            expected=item.expected,
            seen=item.seen,
            explained="a pod without a proxy has no label the check selects by; judged by DP-01",
        )


def _only_the_check(run: CheckRun, facts: ClusterFacts, blind: Sequence[Item]) -> Iterator[Item]:
    failed = run.failed()
    if not failed:
        return
    dead = [p.key for p in facts.pods if p.phase == "Failed" and p.control_plane]
    unready = by_applications(facts) + [
        p.key
        for p in data_plane_pods(facts)
        if p.proxy is not None and not p.proxy.ready and not p.application_ended
    ]
    for category, result in failed:
        explained = ""
        if category == _DATA_PLANE and dead:
            explained = f"the check counts pods that have failed: {', '.join(dead[:5])}"
        elif blind or unready:
            explained = "the suite's facts show a fault as well"
        yield Item(
            subject=f"{category}: {result.description}",
            expected="the facts show a fault too",
            seen=result.error or "error",
            explained=explained,
        )
