"""A runbook as Markdown, for a change request, and as one HTML page, for people and paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from policies.verdicts.wording import number
from reports.formats.html import environment, sentence
from reports.formats.markdown import code, told
from reports.formats.wording import duration, one_line, words
from reports.model.runbook import Command, Runbook, Step

NOTES = 10
"""Notes of a step and open points that Markdown tells."""
_TICKS = re.compile("`+")


def markdown(book: Runbook) -> str:
    """Render for a change request; every line begins with markup of ours, or is a command."""
    lines = [
        f"# Runbook: Linkerd {told(book.source)} to {told(book.destination)}",
        "",
        *(f"- {name}: {told(said)}" for name, said in facts(book)),
        f"- bundle: {code(book.run)}, digest {code(book.manifest_digest)}",
        "",
        "## Not rehearsed",
        "",
        *_listed(book.not_rehearsed or ("nothing that was asked for was left out",)),
    ]
    if book.remaining:
        lines += ["", "## Not renewed by these commands", "", *_listed(book.remaining)]
    for step in book.steps:
        lines += ["", *_step(book, step)]
    return "\n".join(lines) + "\n"


def html(book: Runbook) -> str:
    """Render one HTML file without scripts or remote assets."""
    return (
        environment()
        .get_template("runbook.html.j2")
        .render(book=book, facts=list(facts(book)), title=title, script=script, expected=expected)
    )


def facts(book: Runbook) -> Iterator[tuple[str, str]]:
    """Yield what a reader must know first, by name."""
    simulated = ", simulated" if book.simulated else ""
    yield "rehearsed on", f"{book.target}{simulated}, Kubernetes {book.kubernetes or 'unknown'}"
    yield "verdict", f"{book.word}: {book.headline}"
    yield "installed by", book.installation
    if len(book.clusters) > 1:
        yield "clusters", ", ".join(book.clusters)
    yield "took", f"{duration(book.seconds)} of the cluster's time in all"


def title(book: Runbook, step: Step) -> str:
    """Return the heading of a step."""
    hops = len({s.hop for s in book.steps if s.hop}) > 1
    parts = (
        sentence(words(step.step)),
        step.hop if hops else "",
        f"cluster {step.cluster}" if len(book.clusters) > 1 else "",
        "continued" if step.continued else "",
    )
    return ", ".join(p for p in parts if p)


def expected(step: Step) -> str:
    """Return what a step took in the rehearsal, in one line."""
    parts = (
        f"duration {duration(step.seconds)}" if step.seconds is not None else "",
        f"injection gap {duration(step.gap)}" if step.gap else "",
        "no injection gap" if step.gap == 0 else "",
        f"{number(step.lost, 'request')} lost" if step.lost is not None else "",
    )
    return ", ".join(p for p in parts if p)


def script(commands: Iterable[Command]) -> str:
    """Return commands as lines of a shell; what cannot be typed or differs is a comment."""
    lines: list[str] = []
    client = ""
    for command in commands:
        if command.client.startswith("linkerd") and command.client != client:
            client = command.client
            lines.append(f"# with the client {one_line(client)}")
        if command.note:
            lines.append(f"# {one_line(command.note)}:")
        if command.exit_code:
            lines.append(f"# ended with exit code {command.exit_code} in the rehearsal:")
        lines.append(command.line if command.typed else f"# {command.line}")
    return "\n".join(lines)


def _step(book: Runbook, step: Step) -> list[str]:
    lines = [f"## {step.number}. {told(title(book, step))}", ""]
    if not step.continued:
        lines += [f"{step.purpose}", "", f"- expected: {told(expected(step)) or 'nothing known'}"]
    if step.commands:
        lines += [*([] if step.continued else [""]), *_block(step.commands)]
    else:
        lines.append("- no command ran in it")
    if step.continued:
        return lines
    if step.watch:
        lines += ["", "Watch:", "", *_listed(step.watch)]
    if step.abort:
        lines += ["", "Stop when:", "", *_listed(step.abort)]
    if step.back is not None:
        lines += ["", f"Way back: {told(step.back.said)}"]
        lines += ["", *_block(step.back.commands)] if step.back.commands else []
    if step.notes:
        lines += ["", "Noted in the rehearsal:", "", *_listed(step.notes)]
    return lines


def _listed(lines: Sequence[str]) -> list[str]:
    shown = [f"- {told(each)}" for each in lines[: 4 * NOTES]]
    rest = len(lines) - len(shown)
    return [*shown, f"- and {rest} more, in the report"] if rest > 0 else shown


def _block(commands: Sequence[Command]) -> list[str]:
    text = script(commands)
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", text, fence]
