"""What a program or a probe said in a step, in one line and a few details."""

from __future__ import annotations

from policies.facts.observations import (
    CheckRun,
    DryRun,
    ImageEvidence,
    PruneRun,
    Rendered,
    VersionReport,
)
from policies.facts.proxy_counters import ProxyCounts
from policies.verdicts.wording import number
from reports.model.report import Said


def said_of(what: object, label: str) -> Said:
    """Describe one observation; a type this module does not know is named only."""
    if isinstance(what, CheckRun):
        return _check(what, label)
    if isinstance(what, VersionReport):
        return _versions(what, label)
    if isinstance(what, PruneRun):
        return _prune(what, label)
    if isinstance(what, DryRun):
        return _dry_run(what, label)
    if isinstance(what, Rendered):
        text = f"rendered {number(len(what.objects), 'object')} of {what.version}"
        return Said(kind="render", label=label, text=text, details=())
    if isinstance(what, ImageEvidence):
        details = _some(what.evidence)
        return Said(kind="image", label=what.image, text=what.outcome, details=details)
    if isinstance(what, ProxyCounts):
        return _counts(what, label)
    return Said(kind=type(what).__name__.lower(), label=label, text="recorded", details=())


def _check(what: CheckRun, label: str) -> Said:
    failed = what.failed()
    checks = sum(len(c.checks) for d in what.documents for c in d.categories)
    text = (
        what.unreadable
        or f"exit code {what.exit_code}, {number(checks, 'check')}, {number(len(failed), 'error')}"
    )
    details = tuple(f"{category}: {c.description}: {c.error}" for category, c in failed)
    return Said(kind="linkerd check", label=label or what.label, text=text, details=details)


def _versions(what: VersionReport, label: str) -> Said:
    proxies = ", ".join(f"{version} ({pods} pods)" for version, pods in what.proxies)
    text = f"client {what.client or 'none'}, server {what.server or 'none'}"
    return Said(kind="linkerd version", label=label, text=text, details=_some(proxies))


def _prune(what: PruneRun, label: str) -> Said:
    text = (
        what.unreadable
        or f"{number(len(what.listed), 'object')} listed, exit code {what.exit_code}"
    )
    return Said(
        kind="linkerd prune", label=label, text=text, details=tuple(str(k) for k in what.listed)
    )


def _dry_run(what: DryRun, label: str) -> Said:
    outcome = "accepted" if what.accepted else f"refused, {number(len(what.refusals), 'object')}"
    outcome = outcome if what.rendered else "not rendered"
    details = tuple(f"{name}: {why}" for name, why in what.refusals)
    return Said(kind="dry run", label=label or what.what, text=outcome, details=details)


def _counts(what: ProxyCounts, label: str) -> Said:
    read, failed = number(len(what.proxies), "proxy", "proxies"), ("received_5xx", "refused")
    lost = sum(getattr(p, name) for p in what.proxies for name in (*failed, "failfast", "lost"))
    asked = sum(p.received for p in what.proxies)
    text = what.reason or f"{read}, {number(asked, 'response')}, {lost} failed, since they started"
    details = tuple(f"{workload}: {why}" for workload, why in what.unread)
    return Said(kind=label, label=what.when, text=text, details=details)


def _some(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
