"""The statement: an in-toto Statement v1 with the predicate test-result v0.1 about a bundle.

Its subjects are the manifest, each file that the manifest covers, and each document beside them,
by the digest of their bytes: whoever has one of these files can look for it in the statement.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec
import rfc8785

from fixtures.evidence.archives import Contents
from fixtures.evidence.bundle import MANIFEST
from policies.verdicts.findings import Status
from reports.formats.wording import one_line, where
from reports.model.report import Entry, Report
from reports.write import Format

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
Result = Literal["PASSED", "WARNED", "FAILED"]
WARNED: tuple[Status, ...] = ("not assessed", "waived")
"""Findings that are neither a pass nor a failure, yet must be seen."""


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    sha256: str


class Told(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the signer says of the bundle beside its digest."""

    run: str
    bundle: str
    """Digest of the manifest's content, as `verify-bundle` prints it."""
    source: str
    destination: str
    target: str
    simulated: bool
    verdict: str
    exit_code: int
    started: datetime
    ended: datetime
    signed: datetime
    """By the signer's clock: nobody else vouches for it."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    digest: Digests
    annotations: Told | None = None
    """Of the manifest, which is the first."""


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    name: str
    uri: str = ""
    media_type: str = ""
    content: str = ""
    """In base64."""
    digest: Digests | None = None


class Predicate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    result: Result
    configuration: tuple[Descriptor, ...]
    url: str = ""
    passed_tests: tuple[str, ...] = ()
    warned_tests: tuple[str, ...] = ()
    failed_tests: tuple[str, ...] = ()


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    type: str = msgspec.field(name="_type")
    subject: tuple[Subject, ...]
    predicate_type: str
    predicate: Predicate


def statement_of(report: Report, contents: Contents, signed: datetime, url: str = "") -> Statement:
    """Return what is to be signed of a sealed bundle, whose report and files these are."""
    there = set(contents.names())
    manifest = _digest(contents.read(MANIFEST))
    covered = [Subject(name=f.path, digest=Digests(sha256=f.sha256)) for f in report.origin.files]
    documents = [
        Subject(name=f.file, digest=_digest(contents.read(f.file)))
        for f in Format
        if f.file in there
    ]
    first = Subject(name=MANIFEST, digest=manifest, annotations=_told(report, signed))
    return Statement(
        type=TYPE,
        subject=(first, *covered, *documents),
        predicate_type=PREDICATE,
        predicate=Predicate(
            result=_result(report),
            configuration=_configuration(report),
            url=url,
            passed_tests=_named(e for e in report.findings if e.status == "holds"),
            warned_tests=_named(e for e in report.findings if e.advises or e.status in WARNED),
            failed_tests=_named(report.failures),
        ),
    )


def _told(report: Report, signed: datetime) -> Told:
    header, verdict = report.header, report.verdict
    return Told(
        run=header.run,
        bundle=report.origin.manifest_digest,
        source=header.source,
        destination=header.destination,
        target=header.target_name or header.target,
        simulated=header.simulated,
        verdict=verdict.word,
        exit_code=verdict.exit_code,
        started=header.started,
        ended=header.ended,
        signed=signed,
    )


def _result(report: Report) -> Result:
    """Return the result: what has no verdict, or lacks a required one, has not passed."""
    if report.verdict.exit_code != 0:
        return "FAILED"
    return "WARNED" if report.advice else "PASSED"


def _configuration(report: Report) -> tuple[Descriptor, ...]:
    scenario = rfc8785.dumps(dict(report.scenario))
    version = report.header.version
    return (
        Descriptor(
            name="linkerd-upgrade-rehearsal",
            uri=f"pkg:generic/linkerd-upgrade-rehearsal@{one_line(version)}",
        ),
        Descriptor(
            name="scenario",
            media_type="application/json",
            content=base64.b64encode(scenario).decode(),
            digest=_digest(scenario),
        ),
    )


def _named(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(one_line(f"{e.control} {where(e)}".strip()) for e in entries)


def _digest(content: bytes) -> Digests:
    return Digests(sha256=hashlib.sha256(content).hexdigest())
