"""Commands of a ledger as a person types them: pipes put together, words quoted."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fixtures.core.plain_text import visible
from fixtures.evidence.records import CommandRan, Record
from policies.facts.observations import CommandRun
from reports.model.runbook import Command

PROGRAMS = ("linkerd", "kubectl", "helm")
"""Nothing else belongs to the guide, whatever a ledger holds."""
RENDERS = frozenset({"install", "upgrade", "install-cni", "link", "link-gen"})
"""Words of `linkerd` whose output is applied."""
LISTS = frozenset({"prune", "uninstall"})
"""Words whose output is deleted."""
OWN_INPUT = "its input was the rehearsal's own and is in no bundle, see what was noted"
Place = tuple[str, str, str]
"""Cluster, hop, step."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command with the place of its last part."""

    place: Place
    command: Command


def typed(records: Iterable[Record], own: frozenset[str]) -> Iterator[Typed]:
    """Yield commands in order of time; those in the rehearsal's `own` namespaces are left out."""
    ran = [
        (r.cluster, r.body)
        for r in records
        if isinstance(r.body, CommandRan) and r.body.command.argv[:1] in {(p,) for p in PROGRAMS}
    ]
    ran.sort(key=lambda each: each[1].command.started)
    ran = [each for each in ran if not _in(each[1].command, own)]
    pending: tuple[str, CommandRan] | None = None
    for cluster, body in ran:
        command = body.command
        if pending is not None and _feeds(pending[1].command, command):
            yield Typed((cluster, body.hop, body.step), _piped(pending, (cluster, body)))
            pending = None
            continue
        if pending is not None:
            yield _alone(*pending)
        pending = cluster, body
    if pending is not None:
        yield _alone(*pending)


def _in(command: CommandRun, namespaces: frozenset[str]) -> bool:
    return any(a == "-n" and b in namespaces for a, b in pairwise(command.argv))


def _reads(command: CommandRun) -> bool:
    return ("-f", "-") in set(pairwise(command.argv))


def _feeds(source: CommandRun, sink: CommandRun) -> bool:
    """Return whether the output of one is the input of the other.

    What an extension's `prune` lists is not: of it only what an older release is known to have
    made was deleted.
    """
    if source.argv[0] != "linkerd" or not _reads(sink) or source.exit_code:
        return False
    words = [w for w in source.argv[1:3] if not w.startswith("-")]
    if "apply" in sink.argv:
        return bool(RENDERS & set(words))
    pruned = "prune" in words and words[0] != "prune"
    return "delete" in sink.argv and bool(LISTS & set(words)) and not pruned


def _piped(source: tuple[str, CommandRan], sink: tuple[str, CommandRan]) -> Command:
    first, second = source[1].command, sink[1].command
    where = (
        f"left of the pipe on cluster {source[0]}, right of it on cluster {sink[0]}"
        if source[0] != sink[0]
        else ""
    )
    return Command(
        line=f"{_line(first.argv)} | {_line(second.argv)}",
        client=_client(first),
        exit_code=second.exit_code,
        note=where,
        typed=True,
    )


def _alone(cluster: str, body: CommandRan) -> Typed:
    command = body.command
    fed = _reads(command)
    note = OWN_INPUT if fed else ""
    return Typed(
        (cluster, body.hop, body.step),
        Command(
            line=_line(command.argv),
            client=_client(command),
            exit_code=command.exit_code,
            note=note,
            typed=not fed,
        ),
    )


def _line(argv: Sequence[str]) -> str:
    return visible(shlex.join(argv)).replace("\n", "\\n")


def _client(command: CommandRun) -> str:
    return visible(f"{command.argv[0]} {command.program_version}".strip())
