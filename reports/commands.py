"""What `rehearse` does with bundles: documents, signatures, comparisons, runbooks.

Each subcommand only calls the layers below, which are imported when it is asked for.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures.core.errors import BadInput
from fixtures.core.plain_text import say

if TYPE_CHECKING:
    from reports.attestation.attest import Attested


def report(arguments: argparse.Namespace) -> int:
    """Write the documents of a bundle again."""
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


def verify_bundle(arguments: argparse.Namespace) -> int:
    """Check a bundle and its documents, and who signed it where that is asked."""
    from fixtures.evidence.bundle import bundle_path
    from reports.bundle_check import check

    path, vouched = bundle_path(arguments.bundle), ()
    signer = (arguments.certificate_identity, arguments.certificate_oidc_issuer)
    if any(signer) or arguments.public_key:
        attested = _attested(path, arguments, signer)
        say("\n".join(attested.lines))
        vouched = attested.vouched
    elif arguments.attestation or arguments.trusted_root:
        raise BadInput(
            "Name who must have signed it",
            where="verify-bundle",
            expected="--public-key, or --certificate-identity with --certificate-oidc-issuer",
        )
    said, well = check(path, vouched)
    say(said)
    return 0 if well else 1


def _attested(path: Path, arguments: argparse.Namespace, signer: tuple[str, str]) -> Attested:
    from reports.attestation.extra import require

    if any(signer) and (arguments.public_key or not all(signer)):
        raise BadInput(
            "An identity is one that somebody issued",
            where="--certificate-identity, --certificate-oidc-issuer",
            expected="both of them, and no --public-key",
        )
    require(keyless=any(signer))
    from reports.attestation.attest import verified, verified_keyless

    if not any(signer):
        return verified(path, arguments.public_key, arguments.attestation)
    return verified_keyless(
        path, *signer, trusted_root=arguments.trusted_root, attestation=arguments.attestation
    )


def attest(arguments: argparse.Namespace) -> int:
    """Sign a bundle, or write what would be signed."""
    from reports.attestation.extra import require

    require()
    if arguments.keyless:
        require(keyless=True)
    from fixtures.core.real_time import utc_now
    from fixtures.evidence.bundle import bundle_path
    from reports.attestation import attest

    path, url = bundle_path(arguments.bundle), arguments.url
    if url and not url.startswith("https://"):
        raise BadInput("This is no address of a page", where="--url", expected="https://...")
    output, now = arguments.output, utc_now()
    if arguments.trust_config and not arguments.keyless:
        raise BadInput(
            "A key is used without Sigstore", where="--trust-config", expected="--keyless"
        )
    if arguments.statement:
        written = attest.write_statement(path, now, output=output, url=url)
    elif arguments.keyless:
        config = arguments.trust_config
        written = attest.attest_keyless(path, now, trust_config=config, output=output, url=url)
    else:
        public = arguments.public_key
        written = attest.attest(path, arguments.key, now, public=public, output=output, url=url)
    say(str(written))
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """Compare two runs; 1 where the later one is worse."""
    from reports.output import kind_of
    from reports.several_runs import compare, rendered

    kind = kind_of(arguments.output, ("text", "json", "html"))
    diff = compare(arguments.first, arguments.second, arguments.history)
    put(rendered(diff, kind), arguments.output)
    return 1 if diff.worse else 0


def history(arguments: argparse.Namespace) -> int:
    """Draw the trends of a folder of runs."""
    from reports.output import kind_of
    from reports.several_runs import history, rendered

    output = arguments.output or str(Path(arguments.folder) / "history.html")
    kind = kind_of(output, ("text", "json", "html"))
    put(rendered(history(arguments.folder), kind), output)
    return 0


def runbook(arguments: argparse.Namespace) -> int:
    """Write the commands of a rehearsal that went through."""
    from fixtures.evidence.bundle import bundle_path, open_bundle
    from reports.build.guidance.runbook import build
    from reports.formats import runbook
    from reports.output import kind_of

    kind = kind_of(arguments.output, ("md", "html"))
    book = build(open_bundle(bundle_path(arguments.bundle)))
    text = runbook.html(book) if kind == "html" else runbook.markdown(book)
    put(text, arguments.output)
    return 0


def put(text: str, output: str) -> None:
    """Print a document, or write it where its file was named."""
    from reports.output import is_printed, write

    if is_printed(output):
        say(text)
        return
    write(text, Path(output))
    say(output)
