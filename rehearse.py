"""The command `rehearse`: what is not a test. Each subcommand only calls the layers below."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from fixtures.errors import BadInput, RehearsalError

FAULTS = Path(__file__).parent / "suites" / "detection" / "faults"
CONTEXT = "of the kubeconfig; default: its current one"
KUBECONFIG = "default: $KUBECONFIG, else ~/.kube/config"
N = TypeVar("N", int, float)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; exit codes: 0 well, 1 blocked, 2 interrupted, 3 broken, 4 bad input."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override] - ends the program as argparse does
        self.print_usage(sys.stderr)
        self.exit(4, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="rehearse", description="Around a Linkerd upgrade rehearsal.")
    sub = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    plan = sub.add_parser("plan", help="hops from one release to another, and what blocks them")
    plan.add_argument("--from", dest="source", required=True, metavar="RELEASE")
    plan.add_argument("--to", dest="destination", required=True, metavar="RELEASE")
    plan.add_argument("--kubernetes", default="", metavar="VERSION", help="e.g. 1.29")
    plan.add_argument("--snapshot", default="", metavar="FILE", help="judge advisories on it")
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
        "--with-linkerd", default="", metavar="RELEASE", help="install it, and workloads"
    )
    serve.set_defaults(command=_serve)

    snapshot = sub.add_parser("snapshot", help="read a cluster into a file; no key leaves it")
    snapshot.add_argument("--context", default="", metavar="NAME", help=CONTEXT)
    snapshot.add_argument("--cluster-kubeconfig", default="", metavar="FILE", help=KUBECONFIG)
    snapshot.add_argument("-o", "--output", required=True, metavar="FILE")
    snapshot.set_defaults(command=_snapshot)

    inventory = sub.add_parser("inventory", help="versions that run, and whether the skew is safe")
    inventory.add_argument("--context", default="", metavar="NAME", help=CONTEXT)
    inventory.add_argument("--cluster-kubeconfig", default="", metavar="FILE", help=KUBECONFIG)
    inventory.set_defaults(command=_inventory)

    report = sub.add_parser("report", help="write the documents of a bundle again")
    report.add_argument("bundle", metavar="BUNDLE")
    report.add_argument("-o", "--output", default="", metavar="DIR", help="default: the bundle")
    report.set_defaults(command=_report)

    verify = sub.add_parser("verify-bundle", help="check the digests of a bundle")
    verify.add_argument("bundle", metavar="BUNDLE")
    verify.set_defaults(command=_verify_bundle)

    rbac = sub.add_parser("rbac", help="the rights a suite needs on a cluster, as a manifest")
    rbac.add_argument("--suite", choices=["verify", "upgrade"], default="verify")
    rbac.add_argument(
        "--account", default="kube-system/linkerd-upgrade-rehearsal", metavar="NS/NAME"
    )
    rbac.add_argument("--from", dest="source", default="", metavar="RELEASE")
    rbac.add_argument("--to", dest="destination", default="", metavar="RELEASE")
    rbac.add_argument("--scenario", default="", metavar="FILE", help="its namespaces, extensions")
    rbac.add_argument(
        "--allow-dry-run", action="store_true", default=None, help="verify tries pods, too"
    )
    rbac.set_defaults(command=_rbac)

    tools = sub.add_parser("tools", help="fetch and verify the linkerd of a release")
    tools.add_argument(
        "action", choices=["fetch"], help="fetch: into the cache, checksum compared"
    )
    tools.add_argument("releases", nargs="+", metavar="RELEASE")
    tools.add_argument(
        "--tools-mirror", default="", metavar="DIR_OR_URL", help="instead of GitHub"
    )
    tools.add_argument("--tools", default="", metavar="DIR", help="instead of the cache")
    tools.set_defaults(command=_tools)

    faults = sub.add_parser("faults", help="the catalogue of faults that can be injected")
    faults.set_defaults(command=_faults)
    return parser


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
    from fixtures.recognising import remarks
    from fixtures.snapshot.facts import facts
    from fixtures.snapshot.read import planes, read_snapshot
    from policies.advisories import applicable, unjudged
    from policies.path import plan
    from reports.plan import render

    snapshot = read_snapshot(Path(arguments.snapshot)) if arguments.snapshot else None
    kubernetes = arguments.kubernetes or (snapshot.kubernetes_minor if snapshot else "")
    found = plan(arguments.source, arguments.destination, kubernetes=kubernetes)
    where = f"--snapshot {arguments.snapshot}"
    for remark in remarks(planes(snapshot), "plan", where) if snapshot else ():
        print(f"note: {remark}", file=sys.stderr)
    seen = facts(snapshot) if snapshot else None
    results = [r for h in found.hops for r in (applicable(h, seen) if seen else unjudged(h))]
    print(render(found, results), end="")
    return 1 if found.blockers else 0


def _serve(arguments: argparse.Namespace) -> int:
    from fixtures.serving import serve

    return serve(arguments)


def _snapshot(arguments: argparse.Namespace) -> int:
    from fixtures.commands import snapshot

    print(snapshot(arguments.cluster_kubeconfig, arguments.context, Path(arguments.output)))
    return 0


def _inventory(arguments: argparse.Namespace) -> int:
    from fixtures.inventory import exit_code, take
    from reports.inventory import render

    found = take(arguments.cluster_kubeconfig, arguments.context)
    print(render(found), end="")
    return exit_code(found)


def _report(arguments: argparse.Namespace) -> int:
    from fixtures.bundle import open_bundle
    from reports.write import write_all

    bundle = open_bundle(Path(arguments.bundle))
    folder = Path(arguments.output or arguments.bundle)
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
        print(document.path)
    return 0


def _verify_bundle(arguments: argparse.Namespace) -> int:
    from fixtures.bundle import open_bundle
    from reports.build import build
    from reports.wording import number

    bundle = open_bundle(Path(arguments.bundle))
    if bundle.manifest is None:
        raise BadInput("This run was never sealed: there is no manifest", where=arguments.bundle)
    if problems := build(bundle).origin.problems:
        print(f"{arguments.bundle}: the bundle contradicts itself")
        for problem in problems:
            print(f"  {problem}")
        return 1
    print(f"{arguments.bundle}: {number(len(bundle.manifest.files), 'file')} as sealed")
    return 0


def _rbac(arguments: argparse.Namespace) -> int:
    from fixtures.commands import rbac

    print(rbac(arguments), end="")
    return 0


def _tools(arguments: argparse.Namespace) -> int:
    from fixtures.commands import fetch_tools

    return fetch_tools(arguments.releases, arguments.tools_mirror, arguments.tools)


def _faults(arguments: argparse.Namespace) -> int:
    from fixtures.faults import load_fault

    del arguments
    for file in sorted(FAULTS.glob("*.toml")):
        fault = load_fault(file)
        print(f"{fault.id:<32} {fault.step:<24} {', '.join(fault.catches):<16} {fault.title}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
