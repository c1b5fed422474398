"""The command `rehearse`: what is not a test. Each subcommand only calls the layers below."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO, TypeVar

from fixtures.core.errors import BadInput, RehearsalError, unexpected
from fixtures.core.plain_text import harmless
from fixtures.core.signals import STOP
from fixtures.core.version import VERSION

CONTEXT = "of the kubeconfig; default: its current one"
BUNDLE = "a run: its folder, archive or name below .rehearsals, such as latest"
KUBECONFIG = "default: $KUBECONFIG, else ~/.kube/config"
N = TypeVar("N", int, float)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; exit codes: 0 well, 1 blocked, 2 interrupted, 3 broken, 4 bad input."""
    try:
        arguments = _parser(_Knowledge.named_in(argv)).parse_args(argv)
    except RehearsalError as error:
        print(f"rehearse: {error}", file=sys.stderr)
        return error.exit_code
    command: Callable[[argparse.Namespace], int] = arguments.command
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


def _say(text: str, *, to: TextIO | None = None) -> None:
    """Print text of anybody: it acts neither on a terminal nor on a CI runner."""
    print(harmless(text.removesuffix("\n")), file=to)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override] - ends the program as argparse does
        self.print_usage(sys.stderr)
        self.exit(4, harmless(f"{self.prog}: {message}") + "\n")


class _Knowledge:
    """Release knowledge, read when the first release is: a plain command does not wait for it."""

    def __init__(self, releases: str, advisories: str) -> None:
        self._named = (releases, advisories)
        self._taken = False

    @classmethod
    def named_in(cls, argv: Sequence[str] | None) -> _Knowledge:
        """Find what the command line names, before the releases on it are read."""
        first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        first.add_argument("--releases", default="")
        first.add_argument("--advisories", default="")
        try:
            given, _ = first.parse_known_args(argv)
        except argparse.ArgumentError:
            return cls("", "")  # the real parser says what is wrong
        return cls(given.releases, given.advisories)

    def take(self) -> None:
        """Read it, once."""
        from fixtures.releases.knowledge import Named, take

        if not self._taken:
            take(Named(releases=self._named[0], advisories=self._named[1]))
            self._taken = True

    def release(self, text: str) -> str:
        """Return the tag of a release; say it where that is another one than was written."""
        from fixtures.releases.knowledge import refuse_future
        from policies.releases.spellings import resolve

        self.take()
        tag = resolve(text)
        refuse_future(tag, "RELEASE")
        if tag != text:
            _say(f"note: {text} is taken as {tag}", to=sys.stderr)
        return tag


def _with_knowledge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--releases", default="", metavar="FILE|DIR", help="release knowledge beside the shipped"
    )


def _parser(knowledge: _Knowledge | None = None) -> argparse.ArgumentParser:
    known = knowledge or _Knowledge("", "")
    release = known.release
    parser = _Parser(prog="rehearse", description="Around a Linkerd upgrade rehearsal.")
    parser.add_argument("--version", action="version", version=f"rehearse {VERSION}")
    sub = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    plan = sub.add_parser("plan", help="hops from one release to another, and what blocks them")
    plan.add_argument("--from", dest="source", required=True, type=release, metavar="RELEASE")
    plan.add_argument("--to", dest="destination", required=True, type=release, metavar="RELEASE")
    plan.add_argument("--kubernetes", default="", metavar="VERSION", help="e.g. 1.29")
    plan.add_argument("--snapshot", default="", metavar="FILE", help="judge advisories on it")
    plan.add_argument("--advisories", default="", metavar="FILE|DIR", help="notes of your own")
    _with_knowledge(plan)
    plan.set_defaults(command=_plan)

    serve = sub.add_parser("serve", help="an embedded cluster that stays up until Ctrl-C")
    serve.add_argument(
        "--version", "--kubernetes", dest="kubernetes", default="", help="of Kubernetes: 1.31"
    )
    serve.add_argument("--speed", type=_speed, default=1.0, help="cluster seconds per second")
    serve.add_argument("--nodes", type=_few, default=1, help="1 to 20")
    serve.add_argument("--port", type=_port, default=0, help="0: any free port")
    serve.add_argument("--snapshot", default="", metavar="FILE", help="start from these objects")
    serve.add_argument(
        "--with-linkerd",
        default="",
        type=release,
        metavar="RELEASE",
        help="install it, and workloads",
    )
    _with_knowledge(serve)
    serve.set_defaults(command=_serve)

    snapshot = sub.add_parser("snapshot", help="read a cluster into a file; no secret leaves it")
    snapshot.add_argument("--context", default="", metavar="NAME", help=CONTEXT)
    snapshot.add_argument("--cluster-kubeconfig", default="", metavar="FILE", help=KUBECONFIG)
    target = snapshot.add_mutually_exclusive_group(required=True)
    target.add_argument("-o", "--output", metavar="FILE")
    target.add_argument("--explain", action="store_true", help="what is kept; asks no cluster")
    snapshot.set_defaults(command=_snapshot)

    inventory = sub.add_parser("inventory", help="versions that run, and whether the skew is safe")
    inventory.add_argument("--context", default="", metavar="NAME", help=CONTEXT)
    inventory.add_argument("--cluster-kubeconfig", default="", metavar="FILE", help=KUBECONFIG)
    inventory.set_defaults(command=_inventory)

    report = sub.add_parser("report", help="write the documents of a bundle again")
    report.add_argument("bundle", metavar="BUNDLE", help=BUNDLE)
    report.add_argument("-o", "--output", default="", metavar="DIR", help="default: the bundle")
    report.set_defaults(command=_report)

    verify = sub.add_parser(
        "verify-bundle", help="check the digests of a bundle, and its documents"
    )
    verify.add_argument("bundle", metavar="BUNDLE", help=BUNDLE)
    verify.add_argument(
        "--public-key", default="", metavar="KEY", help="it must have signed the bundle; PEM"
    )
    verify.add_argument(
        "--attestation", default="", metavar="FILE", help="default: attestation.json beside it"
    )
    verify.set_defaults(command=_verify_bundle)

    attest = sub.add_parser("attest", help="sign a bundle: in-toto test result in a DSSE envelope")
    attest.add_argument("bundle", metavar="BUNDLE", help=BUNDLE)
    what = attest.add_mutually_exclusive_group(required=True)
    what.add_argument("--key", default="", metavar="KEY", help="PEM file, env:NAME or a KMS' URI")
    what.add_argument(
        "--statement", action="store_true", help="what would be signed, for another program"
    )
    attest.add_argument("--public-key", default="", metavar="FILE", help="of a key in a KMS")
    attest.add_argument("--url", default="", metavar="URL", help="https, of the pipeline's run")
    attest.add_argument(
        "-o", "--output", default="", metavar="FILE", help="default: attestation.json beside it"
    )
    attest.set_defaults(command=_attest)

    compare = sub.add_parser("compare", help="two runs: what got worse, what is noise")
    compare.add_argument("first", metavar="A", help=BUNDLE)
    compare.add_argument(
        "second", metavar="B", help="the later run; exit code 1 where it is worse"
    )
    compare.add_argument(
        "--history", default="", metavar="DIR", help="earlier runs, whose spread is what noise is"
    )
    compare.add_argument(
        "-o", "--output", default="text", metavar="FORMAT|FILE", help="text, json, html, FILE"
    )
    compare.set_defaults(command=_compare)

    history = sub.add_parser(
        "history", help="a folder of runs as one page: trends, flaky controls"
    )
    history.add_argument("folder", metavar="DIR", help="runs and packed bundles, e.g. .rehearsals")
    history.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FORMAT|FILE",
        help="text, json, html, FILE; default: history.html in it",
    )
    history.set_defaults(command=_history)

    rbac = sub.add_parser("rbac", help="the rights a suite needs on a cluster, as a manifest")
    rbac.add_argument("--suite", choices=["verify", "upgrade"], default="verify")
    rbac.add_argument(
        "--account", default="kube-system/linkerd-upgrade-rehearsal", metavar="NS/NAME"
    )
    rbac.add_argument("--from", dest="source", default="", type=release, metavar="RELEASE")
    rbac.add_argument("--to", dest="destination", default="", type=release, metavar="RELEASE")
    rbac.add_argument("--scenario", default="", metavar="FILE", help="its namespaces, extensions")
    rbac.add_argument(
        "--allow-dry-run", action="store_true", default=None, help="verify tries pods, too"
    )
    _with_knowledge(rbac)
    rbac.set_defaults(command=_rbac)

    tools = sub.add_parser("tools", help="fetch and verify the linkerd of a release")
    tools.add_argument(
        "action", choices=["fetch"], help="fetch: into the cache, checksum compared"
    )
    tools.add_argument("releases", nargs="+", type=release, metavar="RELEASE")
    tools.add_argument(
        "--tools-mirror", default="", metavar="DIR_OR_URL", help="instead of GitHub"
    )
    tools.add_argument("--tools", default="", metavar="DIR", help="instead of the cache")
    _with_knowledge(tools)
    tools.set_defaults(command=_tools)

    _releases_parser(
        sub.add_parser("releases", help="what is known of releases, and learning it"),
        release,
        known,
    )

    faults = "faults that can be injected: list, show, check, run"
    _add_faults(sub.add_parser("faults", help=faults))
    return parser


def _add_faults(faults: argparse.ArgumentParser) -> None:
    faults.add_argument(
        "action", choices=["list", "show", "check", "run"], help="run rehearses each, alone"
    )
    faults.add_argument(
        "named", nargs="*", metavar="FILE_OR_ID", help="list: all of the catalogue"
    )
    faults.add_argument(
        "-o", dest="form", choices=["text", "json"], default="text", help="of list and show"
    )
    faults.set_defaults(command=_faults)


def _releases_parser(
    releases: argparse.ArgumentParser, release: Callable[[str], str], knowledge: _Knowledge
) -> None:
    actions = releases.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)

    learn = actions.add_parser("learn", help="run clients without a cluster, keep what they say")
    learn.add_argument("releases", nargs="+", type=release, metavar="RELEASE")
    learn.add_argument(
        "--tools", default="", metavar="DIR", help="DIR/RELEASE/linkerd; then the cache, PATH"
    )
    learn.set_defaults(command=_learn)

    update = actions.add_parser("update", help="releases and logical versions, as of today")
    source = update.add_mutually_exclusive_group()
    source.add_argument("--git", default="", metavar="DIR|URL", help="of a clone or a repository")
    source.add_argument("--url", default="", metavar="URL", help="mirror of the API, or a .json")
    source.add_argument("--file", default="", metavar="FILE", help="of a data set")
    update.add_argument("--dry-run", action="store_true", help="only say what would change")
    update.set_defaults(command=_update)

    listed = actions.add_parser("list", help="data sets that are heard, and releases they know")
    listed.add_argument("--all", action="store_true", help="every release, not the newest alone")
    listed.add_argument("-o", "--output", choices=["text", "json"], default="text")
    _with_knowledge(listed)
    listed.set_defaults(command=_releases_list, knowledge=knowledge)

    shown = actions.add_parser("show", help="what is known of one release, and what is not")
    shown.add_argument("release", type=release, metavar="RELEASE")
    _with_knowledge(shown)
    shown.set_defaults(command=_releases_show)

    diff = actions.add_parser("diff", help="what changes between two learnt releases")
    diff.add_argument("source", type=release, metavar="FROM")
    diff.add_argument("destination", type=release, metavar="TO")
    diff.add_argument("--snapshot", default="", metavar="FILE", help="ask this cluster, too")
    diff.add_argument(
        "-o", "--output", default="text", metavar="FORMAT|FILE", help="text, json, markdown, FILE"
    )
    diff.add_argument("--advisories", default="", metavar="FILE|DIR", help="notes of your own")
    _with_knowledge(diff)
    diff.set_defaults(command=_releases_diff)


def _speed(text: str) -> float:
    return _within(text, float, 0.1, 1000)


def _few(text: str) -> int:
    return _within(text, int, 1, 20)


def _port(text: str) -> int:
    return _within(text, int, 0, 65535)


def _within(text: str, kind: Callable[[str], N], low: N, high: N) -> N:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text} is not within {low} to {high}")
    return value


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
    from reports.formats.plan import render

    snapshot = read_snapshot(Path(arguments.snapshot)) if arguments.snapshot else None
    kubernetes = arguments.kubernetes or (snapshot.kubernetes_minor if snapshot else "")
    if kubernetes:
        check_kubernetes(kubernetes, arguments.source)
    recall((arguments.source, arguments.destination), _note)
    found = plan(arguments.source, arguments.destination, kubernetes=kubernetes)
    recall(hop.destination for hop in found.hops)
    for old in age_told(catalogue()):
        _note(old)
    where = f"--snapshot {arguments.snapshot}"
    for remark in remarks(planes(snapshot), "plan", where) if snapshot else ():
        _say(f"note: {remark}", to=sys.stderr)
    seen = facts(snapshot) if snapshot else None
    results = [r for h in found.hops for r in (applicable(h, seen) if seen else unjudged(h))]
    _say(render(found, results))
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

    _say(snapshot(arguments.cluster_kubeconfig, arguments.context, Path(arguments.output)))
    return 0


def _inventory(arguments: argparse.Namespace) -> int:
    from fixtures.commands.inventory import exit_code, take
    from reports.formats.inventory import render

    found = take(arguments.cluster_kubeconfig, arguments.context)
    _say(render(found))
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
        _say(str(document.path))
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
        _say("\n".join(attested.lines))
        vouched = attested.vouched
    elif arguments.attestation:
        raise BadInput("Name the key that must have signed it", where="--public-key")
    said, well = check(path, vouched)
    _say(said)
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
    _say(str(written))
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


def _put(text: str, output: str, kind: str) -> None:
    """Print a document, or write it where its file was named."""
    from reports.several_runs import write

    if output == kind:
        _say(text)
        return
    write(text, Path(output))
    _say(output)


def _rbac(arguments: argparse.Namespace) -> int:
    from fixtures.commands.misc import rbac

    _say(rbac(arguments))
    return 0


def _tools(arguments: argparse.Namespace) -> int:
    from fixtures.commands.misc import fetch_tools

    return fetch_tools(arguments.releases, arguments.tools_mirror, arguments.tools)


def _learn(arguments: argparse.Namespace) -> int:
    from fixtures.commands.releases_command import learn

    return learn(arguments.releases, arguments.tools, _say)


def _update(arguments: argparse.Namespace) -> int:
    from fixtures.core.real_time import utc_now
    from fixtures.learning.update import Source, update

    source = Source(git=arguments.git, url=arguments.url, file=arguments.file)
    update(source, utc_now().date(), dry_run=arguments.dry_run, tell=_say)
    return 0


def _releases_list(arguments: argparse.Namespace) -> int:
    from fixtures.commands.releases_shown import as_json, listed
    from policies.releases import catalogue

    arguments.knowledge.take()
    if arguments.output == "json":
        _say(as_json(catalogue()))
    else:
        _say("\n".join(listed(every=arguments.all)))
    return 0


def _releases_show(arguments: argparse.Namespace) -> int:
    from fixtures.commands.releases_shown import recall, shown

    recall((arguments.release,), _note)
    _say("\n".join(shown(arguments.release)))
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
        _say(text)
        return 0
    try:
        Path(arguments.output).write_text(text, "utf-8")
    except OSError as error:
        raise BadInput(
            "The difference cannot be written", where=f"-o {arguments.output}", seen=str(error)
        ) from None
    _say(arguments.output)
    return 0


def _note(text: str) -> None:
    _say(f"note: {text}", to=sys.stderr)


def _faults(arguments: argparse.Namespace) -> int:
    from fixtures.commands.faults import check, listed, run, shown

    action, named = arguments.action, arguments.named
    if action != "list" and not named:
        raise BadInput("Name a fault: a file, or an id of the catalogue", where=f"faults {action}")
    if action == "list":
        _say(listed(named, arguments.form))
    elif action == "show":
        _say(shown(named, arguments.form))
    elif action == "check":
        _say(check(named))
    else:
        return run(named, _say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
