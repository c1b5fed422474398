"""The command `rehearse`: runs the suites, and what is not a test by calling the layers below."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fixtures.commands import suites
from fixtures.commands.arguments import Knowledge, parser_of, say
from fixtures.commands.suites import SUITES
from fixtures.core.errors import BadInput, RehearsalError, unexpected
from fixtures.core.signals import STOP


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; exit codes: 0 well, 1 blocked, 2 interrupted, 3 broken, 4 bad input.

    A suite is pytest's to run: its options are not parsed here, and its exit code is handed on.
    """
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
    from fixtures.commands.releases_shown import recall
    from fixtures.releases.knowledge import age_told
    from fixtures.run.planning import check_kubernetes
    from fixtures.run.recognition import remarks
    from fixtures.snapshot.facts import facts
    from fixtures.snapshot.read import planes, read_snapshot
    from policies.planning.advisories import applicable, unjudged
    from policies.planning.path import plan
    from policies.releases import catalogue
    from policies.releases.grammar import parse
    from reports.formats.plan import render

    source, destination = parse(arguments.source), parse(arguments.destination)
    snapshot = read_snapshot(Path(arguments.snapshot)) if arguments.snapshot else None
    kubernetes = arguments.kubernetes or (snapshot.kubernetes_minor if snapshot else "")
    if kubernetes:
        check_kubernetes(kubernetes, source)
    recall((source, destination), _note)
    found = plan(source, destination, kubernetes=kubernetes)
    recall(hop.destination for hop in found.hops)
    for old in age_told(catalogue()):
        _note(old)
    where = f"--snapshot {arguments.snapshot}"
    for remark in remarks(planes(snapshot), "plan", where) if snapshot else ():
        say(f"note: {remark}", to=sys.stderr)
    seen = facts(snapshot) if snapshot else None
    results = [r for h in found.hops for r in (applicable(h, seen) if seen else unjudged(h))]
    say(render(found, results))
    return 1 if found.blockers else 0


def _serve(arguments: argparse.Namespace) -> int:
    from fixtures.commands.serve import serve

    return serve(arguments)


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
    from reports.formats.inventory import render

    found = take(arguments.cluster_kubeconfig, arguments.context)
    say(render(found))
    return exit_code(found)


def _report(arguments: argparse.Namespace) -> int:
    from fixtures.evidence.bundle import bundle_path, open_bundle
    from reports.write import write_all

    path = bundle_path(arguments.bundle)
    bundle = open_bundle(path)
    folder = Path(arguments.output or path)
    if not folder.is_dir():
        if not arguments.output:
            raise BadInput("Name a folder for the documents of a packed bundle", where="--output")
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise BadInput(
                "The folder for the documents cannot be made",
                where=f"--output {folder}",
                seen=error.strerror or str(error),
                next_command="name another folder with --output",
            ) from None
    for document in write_all(bundle, folder).documents:
        say(str(document.path))
    return 0


def _verify_bundle(arguments: argparse.Namespace) -> int:
    from fixtures.evidence.bundle import bundle_path
    from reports.bundle_check import check

    path, vouched = bundle_path(arguments.bundle), ()
    if arguments.public_key:
        from reports.attestation.extra import require

        require()
        from reports.attestation.attest import verified

        attested = verified(path, arguments.public_key, arguments.attestation)
        say("\n".join(attested.lines))
        vouched = attested.vouched
    elif arguments.attestation:
        raise BadInput("Name the key that must have signed it", where="--public-key")
    said, well = check(path, vouched)
    say(said)
    return 0 if well else 1


def _attest(arguments: argparse.Namespace) -> int:
    from reports.attestation.extra import require

    require()
    from fixtures.core.real_time import utc_now
    from fixtures.evidence.bundle import bundle_path
    from reports.attestation import attest

    path, url = bundle_path(arguments.bundle), arguments.url
    if url and not url.startswith("https://"):
        raise BadInput("This is no address of a page", where="--url", expected="https://...")
    output, now = arguments.output, utc_now()
    if arguments.statement:
        written = attest.write_statement(path, now, output=output, url=url)
    else:
        public = arguments.public_key
        written = attest.attest(path, arguments.key, now, public=public, output=output, url=url)
    say(str(written))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from reports.several_runs import compare, kind_of, rendered

    kind = kind_of(arguments.output, ("text", "json", "html"))
    diff = compare(arguments.first, arguments.second, arguments.history)
    _put(rendered(diff, kind), arguments.output, kind)
    return 1 if diff.worse else 0


def _history(arguments: argparse.Namespace) -> int:
    from reports.several_runs import history, kind_of, rendered

    output = arguments.output or str(Path(arguments.folder) / "history.html")
    kind = kind_of(output, ("text", "json", "html"))
    _put(rendered(history(arguments.folder), kind), output, kind)
    return 0


def _runbook(arguments: argparse.Namespace) -> int:
    from fixtures.evidence.bundle import bundle_path, open_bundle
    from reports.build.guidance.runbook import build
    from reports.formats import runbook
    from reports.several_runs import kind_of

    kind = kind_of(arguments.output, ("md", "html"))
    book = build(open_bundle(bundle_path(arguments.bundle)))
    text = runbook.html(book) if kind == "html" else runbook.markdown(book)
    _put(text, arguments.output, kind)
    return 0


def _put(text: str, output: str, kind: str) -> None:
    """Print a document, or write it where its file was named."""
    from reports.several_runs import write

    if output == kind:
        say(text)
        return
    write(text, Path(output))
    say(output)


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
    from fixtures.commands.releases_shown import as_json, listed
    from policies.releases import catalogue

    arguments.knowledge.take()
    if arguments.output == "json":
        say(as_json(catalogue()))
    else:
        say("\n".join(listed(every=arguments.all)))
    return 0


def _releases_show(arguments: argparse.Namespace) -> int:
    from fixtures.commands.releases_shown import recall, shown
    from policies.releases.grammar import parse

    recall((parse(arguments.release),), _note)
    say("\n".join(shown(arguments.release)))
    return 0


def _releases_diff(arguments: argparse.Namespace) -> int:
    from fixtures.commands.releases_shown import learnt_for_diff, output_kind
    from fixtures.snapshot.facts import facts
    from fixtures.snapshot.read import read_snapshot
    from reports.build.release_diff import build
    from reports.formats import release_diff

    kind = output_kind(arguments.output)
    pair = [learnt_for_diff(tag, _note) for tag in (arguments.source, arguments.destination)]
    seen = facts(read_snapshot(Path(arguments.snapshot))) if arguments.snapshot else None
    diff = build(pair[0], pair[1], seen, cluster=Path(arguments.snapshot).name)
    formats = {
        "html": release_diff.html,
        "json": release_diff.as_json,
        "markdown": release_diff.markdown,
        "text": release_diff.text,
    }
    text = formats[kind](diff)
    if arguments.output == kind:
        say(text)
        return 0
    try:
        Path(arguments.output).write_text(text, "utf-8")
    except OSError as error:
        raise BadInput(
            "The difference cannot be written", where=f"-o {arguments.output}", seen=str(error)
        ) from None
    say(arguments.output)
    return 0


def _note(text: str) -> None:
    say(f"note: {text}", to=sys.stderr)


def _faults(arguments: argparse.Namespace) -> int:
    from fixtures.commands.faults import check, listed, run, shown

    action, named = arguments.action, arguments.named
    if action != "list" and not named:
        raise BadInput("Name a fault: a file, or an id of the catalogue", where=f"faults {action}")
    if action == "list":
        say(listed(named, arguments.form))
    elif action == "show":
        say(shown(named, arguments.form))
    elif action == "check":
        say(check(named))
    else:
        return run(named, say)
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "attest": _attest,
    "compare": _compare,
    "faults": _faults,
    "history": _history,
    "inventory": _inventory,
    "learn": _learn,
    "plan": _plan,
    "rbac": _rbac,
    "releases_diff": _releases_diff,
    "releases_list": _releases_list,
    "releases_show": _releases_show,
    "report": _report,
    "runbook": _runbook,
    "serve": _serve,
    "snapshot": _snapshot,
    "tools": _tools,
    "update": _update,
    "verify_bundle": _verify_bundle,
}


if __name__ == "__main__":
    sys.exit(main())
