"""Helm's values: how Helm combines them in an upgrade, and what a new chart changes for a user.

Helm keeps of a release the chart's own values and what the user gave. What an upgrade renders with
follows from its mode (Helm 3, `pkg/action/upgrade.go`; compared with a real `helm` in the tests):

- `reuse`: the old chart's values with the user's over them; the new chart's own are not looked at,
  and the old ones are stored in their place.
- `reset`: the new chart's values, and what is given with the command.
- `reset-then-reuse`: the new chart's values, the stored ones of the user, what is given.
- `plain`, no flag: as `reset-then-reuse` when nothing is given with the command, else as `reset`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from policies.facts.base import Fact, Setting
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import ChartValues, HelmRelease
from policies.releases.grammar import Version, parse
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_assessed

ValueMode = Literal["reuse", "reset", "reset-then-reuse", "plain"]
Values = tuple[Setting, ...]

FLAGS: Mapping[ValueMode, tuple[str, ...]] = {
    "reuse": ("--reuse-values",),
    "reset": ("--reset-values",),
    "reset-then-reuse": ("--reset-then-reuse-values",),
    "plain": (),
}
"""Mode -> flags of `helm upgrade`; `--reset-then-reuse-values` came with Helm 3.14."""

OWN_VERSION = frozenset(
    {
        "linkerdVersion",
        "cliVersion",
        "controllerImageVersion",
        "policyController.image.version",
        "proxy.image.version",
        "debugContainer.image.version",
    }
)
"""Values that name a release of Linkerd; empty ones follow `linkerdVersion`."""

RENAMED: Mapping[str, str] = {
    "proxyInit.resources": "the init container takes the proxy's resources",
    "proxyInit.image": "the init container uses the proxy's image",
    "proxy.cores": "use proxy.runtime.workers.minimum and maximumCPURatio",
    "controlPlaneTracing": "use controller.tracing and proxy.tracing",
    "controlPlaneTracingNamespace": "use controller.tracing and proxy.tracing",
    "policyController.image": "use controllerImage",
    "networkValidator.enableSecurityContext": "use networkValidator.securityContext",
}
"""Removed values, and what took their place (values.yaml of the charts, 2.15 to 2.20)."""

LEGACY = frozenset({"enableHttpRoutes", "enableTcpRoutes", "enableTlsRoutes"})
"""Of linkerd-crds: gone from its values since 2.18, still read by its templates where set."""


def overlay(base: Iterable[Setting], over: Iterable[Setting]) -> Values:
    """Lay `over` on `base` leaf by leaf, as Helm does it with maps.

    A leaf takes the place of everything below its path, and of the empty map or null above it.
    A null takes a default away.
    """
    found = {s.path: s.value for s in base}
    for setting in over:
        under = [p for p in found if p.startswith(f"{setting.path}.")]
        if setting.value == "{}" and under:
            continue  # an empty map takes nothing away
        for path in (*under, *_parents(setting.path)):
            found.pop(path, None)
        if setting.value == "null":
            found.pop(setting.path, None)
        else:
            found[setting.path] = setting.value
    return tuple(sorted(Setting(path=p, value=v) for p, v in found.items()))


def effective(release: HelmRelease, new: Values, mode: ValueMode, given: Values = ()) -> Values:
    """Return what the new chart would be rendered with.

    Args:
        release: As stored.
        new: The new chart's own values.
        mode: How the upgrade treats stored values.
        given: Values given with the command.
    """
    old = overlay(release.defaults, release.values)
    if mode == "reuse":
        return overlay(old, given)
    stored = mode == "reset-then-reuse" or (mode == "plain" and not given)
    return overlay(overlay(new, release.values if stored else ()), given)


def given(sets: Iterable[str]) -> Values:
    """Read values of `--set KEY=VALUE`; a comma parts several, a backslash before one keeps it.

    Lists and maps in braces or brackets are kept as text: only that they are set matters.
    """
    found: Values = ()
    for each in sets:
        for pair in re.split(r"(?<!\\),", each):
            path, equals, text = pair.partition("=")
            if equals:
                value = _typed(text.replace("\\,", ","))
                found = overlay(found, (Setting(path=path.strip(), value=value),))
    return found


def _typed(text: str) -> str:
    if text in ("true", "false", "null") or re.fullmatch(r"0|-?[1-9]\d{0,17}", text):
        return text
    return msgspec.json.encode(text).decode()


class ValueChange(Fact, frozen=True, kw_only=True):
    """One value whose default is another in the new chart."""

    path: str
    old: str | None = None
    """Default of the old chart; None where it has none."""
    user: str | None = None
    """What the user gave; None where nothing."""
    new: str | None = None
    """Default of the new chart; None where it has none."""

    @property
    def applies(self) -> bool:
        """A changed or new default that reaches this user, who never set the value."""
        return self.user is None and self.new is not None and self.old != self.new

    @property
    def removed(self) -> bool:
        """Set by the user, and the new chart does not read it any more."""
        return self.user is not None and self.old is not None and self.new is None


def three_way(release: HelmRelease, new: Values) -> tuple[ValueChange, ...]:
    """Put old defaults, the user's values and new defaults side by side, where defaults differ.

    Versions of Linkerd itself are left out: they change in every hop. A value that no chart has a
    default for (a label, an annotation, a resource limit) is the user's alone, and left out too.
    """
    old, default = _paths(release.defaults), _paths(new)
    user = _paths(release.values)
    changes: list[ValueChange] = []
    for path in sorted(old.keys() | default.keys() | user.keys()):
        was, now, mine = old.get(path), default.get(path), user.get(path)
        if path in OWN_VERSION or (mine is None and _inside(path, user)):
            continue
        if mine is not None and was is None and now is None:
            was = _covering(path, old)
            now = _covering(path, default)
        if was != now:
            changes.append(ValueChange(path=path, old=was, user=mine, new=now))
    return tuple(changes)


def changed_defaults(release: HelmRelease, new: Values, destination: Version) -> Verdict:
    """Judge each default of the new chart that changes for this user, by name (PRE-08).

    A new or changed default that reaches the user is shown, as is a value of the user's that the
    new chart keeps. A value of the user's that the new chart does not read is a violation: it is
    dropped without a word.
    """
    if release.unread:
        return not_assessed(f"{release.label} was not read in full ({release.unread})")
    if not new:
        return not_assessed(f"the values of {release.chart} of {destination} are not at hand")
    return judged(
        [
            _change_item(c, destination)
            for c in three_way(release, new)
            if c.applies or c.user is not None
        ],
        holds_as=f"{release.label}: every value of the user's is read by {destination}, and each "
        "changed default is named",
        violated_as=f"{release.label}: values are set that {destination} does not read",
        expected="values that the new chart has",
        cause="the chart renamed or removed them; Helm drops unknown values without a word",
        next_command=f"helm -n {release.namespace} get values {release.name}",
    )


def defaults_known(facts: ClusterFacts, charts: Iterable[ChartValues]) -> Verdict:
    """Judge `changed_defaults` of every chart of the destination (PRE-08)."""
    parts: list[Verdict] = []
    for chart in charts:
        release = next((r for r in facts.helm if (r.chart or r.name) == chart.chart), None)
        if release is not None:
            parts.append(changed_defaults(release, chart.values, parse(chart.release)))
    if not parts:
        return not_assessed("the values of the destination's charts are not at hand")
    return combined(parts, holds_as="; ".join(p.summary for p in parts))


def _change_item(change: ValueChange, destination: Version) -> Item:
    subject = f"value {change.path}"
    if change.removed and change.path not in LEGACY:
        hint = next((h for p, h in RENAMED.items() if _at_or_below(change.path, p)), "")
        return Item(
            subject=subject,
            expected=f"read by {destination}",
            seen=f"{_shown(change.user)}, which the new chart ignores{': ' if hint else ''}{hint}",
        )
    seen = f"default {_shown(change.old)} -> {_shown(change.new)}"
    if change.user is None:
        why = "new default, never set by the user"
        return Item(subject=subject, expected="known", seen=seen, explained=why)
    why = f"the user's own value {_shown(change.user)} stays"
    return Item(subject=subject, expected="known", seen=seen, explained=why)


def frozen_values(release: HelmRelease) -> tuple[str, ...]:
    """Return values that name a release of Linkerd and stand among the user's.

    They get there with `-f` and the output of `helm get values --all`; from then on they win over
    every new chart.
    """
    return tuple(
        s.path for s in release.values if s.path in OWN_VERSION and s.value not in ('""', "null")
    )


def _paths(settings: Iterable[Setting]) -> dict[str, str]:
    return {s.path: s.value for s in settings}


def _parents(path: str) -> Iterable[str]:
    parts = path.split(".")
    return (".".join(parts[:n]) for n in range(1, len(parts)))


def _inside(path: str, user: Mapping[str, str]) -> bool:
    """Return whether the user set something above or below a path."""
    return any(p in user for p in _parents(path)) or any(p.startswith(f"{path}.") for p in user)


def _covering(path: str, defaults: Mapping[str, str]) -> str | None:
    """Return the empty map or null, or the map, that a chart has where the user set something."""
    for parent in _parents(path):
        if defaults.get(parent) in ("{}", "null", "[]"):
            return defaults[parent]
    return "{...}" if any(p.startswith(f"{path}.") for p in defaults) else None


def _at_or_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}.")


def _shown(value: str | None) -> str:
    if value is None:
        return "none"
    return value if len(value) <= 60 else f"{value[:57]}..."
