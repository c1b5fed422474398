"""Versions by number of pods as plain text, for `rehearse inventory`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from policies.verdicts.wording import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policies.skew.inventory import Inventory, Running
    from policies.verdicts.findings import Verdict
    from reports.model.inventory import InventoryDocument

SHOWN = 10
"""Pods named for each verdict that is violated."""


def as_json(document: InventoryDocument) -> str:
    """Render the document itself, for programs."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def render(found: Sequence[Inventory]) -> str:
    """Render each control plane with its proxies, then the two verdicts on skew."""
    return "\n".join(line for each in found for line in _one(each))


def _one(found: Inventory) -> Iterator[str]:
    simulated = ", simulated" if found.simulated else ""
    yield f"Linkerd in namespace {found.namespace}, Kubernetes {found.kubernetes}{simulated}"
    yield ""
    yield from _rows("control plane", found.control_plane)
    yield from _rows("proxies", found.proxies)
    yield ""
    yield from _verdict("DP-03", found.skew)
    yield from _verdict("DP-04", found.ahead)
    yield ""


def _rows(label: str, running: Sequence[Running]) -> Iterator[str]:
    if not running:
        yield f"  {label:<14} none"
    for index, each in enumerate(running):
        first = "" if index else label
        pods = number(each.pods, "pod")
        row = f"  {first:<14} {each.version:<24} {each.logical or '?':<6} {pods:>12}"
        yield f"{row}   {each.state}".rstrip()


def _verdict(control: str, verdict: Verdict) -> Iterator[str]:
    yield f"  {control}  {verdict.status}: {verdict.summary}"
    if verdict.status != "violated":
        return
    for item in verdict.violations[:SHOWN]:
        yield f"         {item.subject}: {item.seen}"
    if (rest := len(verdict.violations) - SHOWN) > 0:
        yield f"         and {rest} more"
    if verdict.cause:
        yield f"         likely cause: {verdict.cause}"
