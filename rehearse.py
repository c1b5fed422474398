"""The command `rehearse`: runs the suites, and what is not a test by calling the layers below."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fixtures.commands import suites
from fixtures.commands.arguments import Knowledge, parser_of
from fixtures.commands.suites import SUITES
from fixtures.core.errors import BadInput, RehearsalError, unexpected
from fixtures.core.plain_text import say
from fixtures.core.signals import STOP
from reports import commands
from reports.commands import put

FLEET_DOCUMENTS = {"fleet.html": "html", "fleet.json": "json", "fleet.junit.xml": "junit"}
"""File in the folder of a fleet's runs -> format."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; exit codes: 0 well, 1 blocked, 2 interrupted, 3 broken, 4 bad input.

    A suite is pytest's to run: its options are not parsed here, and its exit code is handed on.
    """
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what can be typed
        from fixtures.commands import completion

        completion.answer()
    words = list(sys.argv[1:] if argv is None else argv)
    for suite in SUITES:
        if words[:1] == [suite]:
            return suites.run(suite, words[1:])
    try:
        arguments = parser_of(Knowledge.named_in(argv)).parse_args(argv)
    except RehearsalError as error:
        print(f"rehearse: {error}", file=sys.stderr)
        return error.exit_code
    command = COMMANDS[arguments.command]
    STOP.hear()
    try:
        return command(arguments)
    except RehearsalError as error:
        print(f"rehearse: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("rehearse: interrupted", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except Exception as error:
        print(unexpected(error), file=sys.stderr)
        return 3
    finally:
        STOP.release()


def _plan(arguments: argparse.Namespace) -> int:
    from fixtures.commands.planned import planned
    from policies.releases import catalogue
    from reports.formats import plan, plan_document
    from reports.model.plan import PlanDocument
    from reports.output import kind_of

    kind = kind_of(arguments.output, ("text", "html", "json"))
    found = planned(
        arguments.source, arguments.destination, arguments.kubernetes, arguments.snapshot, _note
    )
    for each in found.said:
        _note(each)
    document = PlanDocument(
        plan=found.plan,
        cluster=found.cluster,
        advisories=found.advisories,
        knowledge=catalogue().provenance,
        said=found.said,
    )
    if kind == "text":
        put(plan.render(found.plan, found.advisories), arguments.output)
    else:
        write = {"html": plan_document.html, "json": plan_document.as_json}[kind]
        put(write(document), arguments.output)
    return 1 if found.plan.blockers else 0


def _serve(arguments: argparse.Namespace) -> int:
    from fixtures.commands.serve import serve

    return serve(arguments)


def _completion(arguments: argparse.Namespace) -> int:
    from fixtures.commands import completion

    print(completion.script(arguments.shell))
    return 0


def _snapshot(arguments: argparse.Namespace) -> int:
    if arguments.explain:
        from fixtures.snapshot.explain import rule

        print("\n".join(rule()))
        return 0
    from fixtures.commands.misc import snapshot

    say(snapshot(arguments.cluster_kubeconfig, arguments.context, Path(arguments.output)))
    return 0


def _inventory(arguments: argparse.Namespace) -> int:
    from fixtures.commands.inventory import exit_code, take
    from reports.formats import inventory
    from reports.model.inventory import InventoryDocument
    from reports.output import kind_of

    kind = kind_of(arguments.output, ("text", "json"))
    found = take(arguments.cluster_kubeconfig, arguments.context)
    code = exit_code(found)
    document = InventoryDocument(exit_code=code, control_planes=found)
    text = inventory.as_json(document) if kind == "json" else inventory.render(found)
    put(text, arguments.output)
    return code


def _fleet(arguments: argparse.Namespace) -> int:
    action, named = _fleet_words(arguments.words)
    if action == "plan":
        from fixtures.commands.fleet import plan

        say("\n".join(plan(Path(named))))
        return 0
    if action == "report":
        return _fleet_report(named, arguments.output)
    from fixtures.commands.fleet import run
    from reports.several_runs import fleet, rendered

    out = Path(arguments.out or Path(".rehearsals") / f"fleet-{Path(named).stem}")
    try:
        run(
            Path(named),
            out,
            at_once=arguments.at_once,
            resume=arguments.resume,
            tell=lambda text: say(text, to=sys.stderr),
        )
    except KeyboardInterrupt:
        say(f"what has ended lies in {out}; go on with --resume", to=sys.stderr)
        raise
    report = fleet(str(out))
    for name in FLEET_DOCUMENTS:
        put(rendered(report, FLEET_DOCUMENTS[name]), str(out / name))
    say(rendered(report, "text"))
    return report.exit_code


def _fleet_words(words: list[str]) -> tuple[str, str]:
    action = words[0] if words[0] in ("plan", "report") else "run"
    rest = words if action == "run" else words[1:]
    if len(rest) != 1:
        raise BadInput(
            f"Name one {'folder of runs' if action == 'report' else 'fleet file'}",
            where=f"fleet {' '.join(words)}",
            expected="rehearse fleet FILE, fleet plan FILE, or fleet report DIR",
        )
    return action, rest[0]


def _fleet_report(folder: str, output: str) -> int:
    from reports.output import kind_of
    from reports.several_runs import fleet, rendered

    kind = kind_of(output, ("text", "json", "html", "junit"))
    report = fleet(folder)
    put(rendered(report, kind), output)
    return report.exit_code


def _rbac(arguments: argparse.Namespace) -> int:
    from fixtures.commands.misc import rbac

    say(rbac(arguments))
    return 0


def _tools(arguments: argparse.Namespace) -> int:
    from fixtures.commands.misc import fetch_tools

    return fetch_tools(arguments.releases, arguments.tools_mirror, arguments.tools)


def _learn(arguments: argparse.Namespace) -> int:
    from fixtures.commands.releases_command import learn

    return learn(arguments.releases, arguments.tools, say)


def _update(arguments: argparse.Namespace) -> int:
    from fixtures.core.real_time import utc_now
    from fixtures.learning.update import Source, update

    source = Source(git=arguments.git, url=arguments.url, file=arguments.file)
    update(source, utc_now().date(), dry_run=arguments.dry_run, tell=say)
    return 0


def _releases_list(arguments: argparse.Namespace) -> int:
    from fixtures.commands.catalogued import as_json, releases
    from fixtures.commands.releases_shown import listed
    from policies.releases import catalogue
    from reports.output import kind_of

    kind = kind_of(arguments.output, ("text", "json"))
    arguments.knowledge.take()
    lines = listed(every=arguments.all)
    put(as_json(releases(catalogue())) if kind == "json" else "\n".join(lines), arguments.output)
    return 0


def _releases_show(arguments: argparse.Namespace) -> int:
    from fixtures.commands.catalogued import as_json, release
    from fixtures.commands.releases_shown import recall, shown
    from policies.releases.grammar import parse
    from reports.output import kind_of

    kind, tag = kind_of(arguments.output, ("text", "json")), arguments.release
    recall((parse(tag),), _note)
    put(as_json(release(tag)) if kind == "json" else "\n".join(shown(tag)), arguments.output)
    return 0


def _releases_diff(arguments: argparse.Namespace) -> int:
    from fixtures.commands.releases_shown import learnt_for_diff
    from fixtures.snapshot.facts import facts
    from fixtures.snapshot.read import read_snapshot
    from reports.build.release_diff import build
    from reports.formats import release_diff
    from reports.output import kind_of

    kind = kind_of(arguments.output, ("text", "json", "html", "md"))
    pair = [learnt_for_diff(tag, _note) for tag in (arguments.source, arguments.destination)]
    seen = facts(read_snapshot(Path(arguments.snapshot))) if arguments.snapshot else None
    diff = build(pair[0], pair[1], seen, cluster=Path(arguments.snapshot).name)
    formats = {
        "html": release_diff.html,
        "json": release_diff.as_json,
        "md": release_diff.markdown,
        "text": release_diff.text,
    }
    put(formats[kind](diff), arguments.output)
    return 0


def _note(text: str) -> None:
    say(f"note: {text}", to=sys.stderr)


def _faults(arguments: argparse.Namespace) -> int:
    from fixtures.commands.faults import check, listed, run, shown
    from reports.output import kind_of

    action, named = arguments.action, arguments.named
    if action != "list" and not named:
        raise BadInput("Name a fault: a file, or an id of the catalogue", where=f"faults {action}")
    if action in ("list", "show"):
        kind = kind_of(arguments.output, ("text", "json"))
        put((listed if action == "list" else shown)(named, kind), arguments.output)
    elif action == "check":
        say(check(named))
    else:
        return run(named, say)
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "attest": commands.attest,
    "compare": commands.compare,
    "completion": _completion,
    "faults": _faults,
    "fleet": _fleet,
    "history": commands.history,
    "inventory": _inventory,
    "learn": _learn,
    "plan": _plan,
    "rbac": _rbac,
    "releases_diff": _releases_diff,
    "releases_list": _releases_list,
    "releases_show": _releases_show,
    "report": commands.report,
    "runbook": commands.runbook,
    "serve": _serve,
    "snapshot": _snapshot,
    "tools": _tools,
    "update": _update,
    "verify_bundle": commands.verify_bundle,
}


if __name__ == "__main__":
    sys.exit(main())
