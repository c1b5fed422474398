"""The envelope: a statement with its signature (DSSE), made and opened."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

import msgspec
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, Signer, SSlibKey  # pyright: ignore[reportPrivateImportUsage] - exported without __all__

from fixtures.core.errors import BadInput
from reports.attestation.statement import PREDICATE, TYPE, Statement

PAYLOAD = "application/vnd.in-toto+json"
LARGEST = 16 * 1024 * 1024
"""Bytes of an attestation."""


class AttestationError(BadInput):
    """An attestation cannot be made or trusted; the message names it."""


class _Signature(msgspec.Struct, frozen=True):
    sig: str
    keyid: str = ""


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    payload: str
    payload_type: str
    signatures: tuple[_Signature, ...]


def encoded(statement: Statement) -> bytes:
    """Return the statement as it is signed."""
    return msgspec.json.encode(statement)


def sealed(statement: Statement, signer: Signer) -> bytes:
    """Return the signed envelope as JSON.

    Raises:
        AttestationError: It cannot be signed.
    """
    envelope = Envelope(encoded(statement), PAYLOAD, {})
    try:
        envelope.sign(signer)
    except Exception as error:  # whatever the library of a service raises
        raise AttestationError(
            "The statement could not be signed", seen=type(error).__name__
        ) from error
    return msgspec.json.encode(envelope.to_dict()) + b"\n"


def opened(text: bytes, key: SSlibKey, name: str) -> Statement:
    """Return the statement of an envelope that this key signed.

    The identifier of a key inside an envelope is not signed, so it decides nothing.

    Raises:
        AttestationError: It is damaged, was signed by another key or not at all, or says
            something else than the result of a rehearsal.
    """
    try:
        found = msgspec.json.decode(text, type=_Envelope)
        payload = _bytes(found.payload)
        signatures = [Signature(s.keyid, _bytes(s.sig).hex()) for s in found.signatures]
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError) as error:
        raise AttestationError(
            "This is no attestation, or a damaged one", where=name, seen=str(error)
        ) from None
    if not signatures:
        raise AttestationError("The attestation is not signed", where=name)
    envelope = Envelope(payload, found.payload_type, {})
    if not any(_signed(envelope, signature, key) for signature in signatures):
        raise AttestationError(
            "The attestation was not signed with this key, or was altered since",
            where=name,
            expected=f"a signature of the {key.keytype} key {key.keyid}",
            seen=", ".join(f"key {s.keyid or 'unnamed'}" for s in signatures[:5]),
        )
    return statement_in(envelope.payload_type, envelope.payload, name)


def _signed(envelope: Envelope, signature: Signature, key: SSlibKey) -> bool:
    try:  # the library compares identifiers first, which DSSE calls a hint
        key.verify_signature(Signature(key.keyid, signature.signature), envelope.pae())
    except UnverifiedSignatureError:
        return False
    return True


def statement_in(kind: str, payload: bytes, name: str) -> Statement:
    """Return the statement that was signed, of what a signature was verified.

    Raises:
        AttestationError: It says something else than the result of a rehearsal.
    """
    if kind != PAYLOAD:
        raise AttestationError(
            "What was signed is no statement", where=name, expected=PAYLOAD, seen=kind
        )
    try:
        statement = msgspec.json.decode(payload, type=Statement)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise AttestationError(
            "The statement is not about a rehearsal", where=name, seen=str(error)
        ) from None
    kinds = (statement.type, statement.predicate_type)
    if kinds != (TYPE, PREDICATE) or not statement.subject:
        raise AttestationError(
            "The statement is not about the result of a test",
            where=name,
            expected=f"{TYPE} with {PREDICATE}",
            seen=f"{kinds[0]} with {kinds[1]}",
        )
    return statement


def _bytes(text: str) -> bytes:
    """Decode base64 of either alphabet, as DSSE allows."""
    return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)


def file_of(said: str, where: str) -> bytes:
    """Return what a file of at most `LARGEST` bytes holds.

    Raises:
        AttestationError: It cannot be read, is too large or no regular file.
    """
    path, place = Path(said), f"{where} {said}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                text = file.read(LARGEST + 1)
                if len(text) <= LARGEST:
                    return text
    except (OSError, ValueError) as error:
        seen = getattr(error, "strerror", "") or type(error).__name__
        raise AttestationError("This file cannot be read", where=place, seen=seen) from None
    raise AttestationError(
        "This file cannot be used",
        where=place,
        expected=f"a regular file of at most {LARGEST} bytes",
    )
