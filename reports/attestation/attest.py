"""Signing a bundle, and saying of a signed one who signed what, and when."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from fixtures.core.whole_file import write_whole
from fixtures.evidence.archives import Contents, contents_of
from fixtures.evidence.bundle import MANIFEST
from fixtures.evidence.ledger import LEDGER
from policies.verdicts.wording import number
from reports.attestation.envelope import AttestationError, encoded, file_of, opened, sealed
from reports.attestation.keys import public_key, signer
from reports.attestation.statement import Statement, statement_of
from reports.bundle_check import examine
from reports.formats.wording import one_line, utc

ATTESTATION = "attestation.json"
"""Name of the envelope in a bundle's folder."""
STATEMENT = "statement.json"


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """What a verified attestation says."""

    lines: tuple[str, ...]
    vouched: tuple[str, ...]
    """Documents beside the bundle that are as they were signed."""


def attest(
    bundle: Path, key: str, now: datetime, *, public: str = "", output: str = "", url: str = ""
) -> Path:
    """Sign a bundle and its documents; return where the envelope is.

    Raises:
        AttestationError: The bundle contradicts itself, a document is not what it gives, or the
            envelope cannot be written.
        BundleError: It is no sealed bundle.
        KeyRefused: The key cannot be used.
    """
    signing = signer(key, public)
    return _written(sealed(statement(bundle, now, url), signing), ATTESTATION, bundle, output)


def attest_keyless(
    bundle: Path, now: datetime, *, trust_config: str = "", output: str = "", url: str = ""
) -> Path:
    """Sign a bundle as the identity of this job; return where Sigstore's bundle is.

    Raises:
        AttestationError, BundleError: As `statement` has it; or there is no identity, or Sigstore
            cannot be asked.
    """
    from reports.attestation import keyless  # a quarter of a second, and seldom asked for

    signed = keyless.sealed(statement(bundle, now, url), trust_config)
    return _written(signed, keyless.SIGSTORE, bundle, output)


def write_statement(bundle: Path, now: datetime, *, output: str = "", url: str = "") -> Path:
    """Write what would be signed of a bundle, for another program to sign.

    Raises:
        AttestationError, BundleError: As `statement` has it, or the file cannot be written.
    """
    return _written(encoded(statement(bundle, now, url)), STATEMENT, bundle, output)


def _written(content: bytes, name: str, bundle: Path, output: str) -> Path:
    folder = _folder(bundle)
    if not output and not folder.is_dir():
        raise AttestationError("Name a file for what belongs to a packed bundle", where="-o")
    path = Path(output) if output else folder / name
    try:
        write_whole(path, content)
    except OSError as error:
        raise AttestationError(
            "The attestation cannot be written",
            where=str(path),
            seen=error.strerror or str(error),
            next_command="name another file with -o",
        ) from error
    return path


def statement(bundle: Path, now: datetime, url: str = "") -> Statement:
    """Return what would be signed of a bundle, after a look at all of it.

    Raises:
        AttestationError: The bundle contradicts itself, or a document is not what it gives.
        BundleError: It is no sealed bundle.
    """
    examined = examine(bundle)
    if not examined.well:
        raise AttestationError(
            "This bundle is not signed: not all of it is as it should be",
            where=str(bundle),
            seen=one_line("; ".join([*examined.problems, *examined.other])),
            next_command=f"rehearse verify-bundle {bundle}, or rehearse report {bundle}",
        )
    return statement_of(examined.report, contents_of(_folder(bundle)), now, url)


def verified(bundle: Path, public: str, attestation: str = "") -> Attested:
    """Check that a key signed this bundle as it is, and tell what was signed.

    Raises:
        AttestationError: There is no attestation, it is damaged, of another key or bundle, or
            something was altered since.
        KeyRefused: The public key cannot be used.
    """
    key = public_key(public)
    contents, name, text = _attestation(bundle, attestation, ATTESTATION)
    signed = opened(text, key, name)
    return _told(signed, contents, name, (f"  signed by  {key.keytype} key {key.keyid}",))


def verified_keyless(
    bundle: Path, identity: str, issuer: str, *, trusted_root: str = "", attestation: str = ""
) -> Attested:
    """Check that an identity signed this bundle as it is, and tell what was signed.

    Raises:
        AttestationError: As for a key; or the roots of trust cannot be had.
    """
    from reports.attestation import keyless

    contents, name, text = _attestation(bundle, attestation, keyless.SIGSTORE)
    signed, when = keyless.opened(text, name, identity, issuer, trusted_root)
    who = (f"  signed by  {one_line(identity)}", f"  issued by  {one_line(issuer)}")
    return _told(signed, contents, name, (*who, *((f"  logged at  {when}",) if when else ())))


def _attestation(bundle: Path, named: str, usual: str) -> tuple[Contents, str, bytes]:
    """Return the bundle's files, and the attestation with its name: named, or beside it."""
    contents, name = contents_of(_folder(bundle)), named or f"{bundle}/{usual}"
    if named:
        return contents, name, file_of(named, "--attestation")
    if usual not in contents.names():
        raise AttestationError(
            "The bundle is not signed: there is no attestation beside it",
            where=name,
            next_command="rehearse attest, or name its file with --attestation",
        )
    return contents, name, contents.read(usual)


def _told(signed: Statement, contents: Contents, name: str, who: tuple[str, ...]) -> Attested:
    """Compare what was signed with what is there; tell who signed it, and what it says."""
    vouched, missing = _compared(signed, contents, name)
    told = signed.subject[0].annotations
    at = (f"  signed at  {utc(told.signed)}, by the signer's clock",) if told else ()
    rehearsed = (f"  rehearsed  {utc(told.started)} to {utc(told.ended)}",) if told else ()
    lines = (
        f"{name}: signed",
        *who,
        *at,
        f"  subject    {MANIFEST} sha256:{signed.subject[0].digest.sha256}",
        *rehearsed,
        f"  result     {signed.predicate.result}: {_results(signed)}",
        f"  covers     {number(len(signed.subject) - len(missing), 'file')} as signed",
        *((f"  not here   {', '.join(map(one_line, missing))}",) if missing else ()),
    )
    return Attested(lines=lines, vouched=tuple(vouched))


def _results(signed: Statement) -> str:
    found = signed.predicate
    return (
        f"{len(found.passed_tests)} passed, {len(found.warned_tests)} warned,"
        f" {len(found.failed_tests)} failed"
    )


def _compared(signed: Statement, contents: Contents, name: str) -> tuple[list[str], list[str]]:
    """Return subjects that are as signed and those that are not here; the rest is refused."""
    there = set(contents.names())
    same: list[str] = []
    missing: list[str] = []
    for subject in signed.subject:
        if subject.name not in there:
            missing.append(subject.name)
            continue
        seen = hashlib.sha256(contents.read(subject.name)).hexdigest()
        if seen != subject.digest.sha256:
            raise AttestationError(
                "The attestation is of another bundle"
                if subject.name == MANIFEST
                else "A file was altered after it was signed",
                where=f"{name}, subject {subject.name}",
                expected=f"sha256 {subject.digest.sha256}",
                seen=f"sha256 {seen}",
            )
        same.append(subject.name)
    for needed in (MANIFEST, LEDGER):
        if needed not in same:
            raise AttestationError(
                "The attestation does not cover this bundle",
                where=name,
                expected=f"{needed}, there and among its subjects",
            )
    return same, missing


def _folder(bundle: Path) -> Path:
    return bundle.parent if bundle.name in (LEDGER, MANIFEST) else bundle
