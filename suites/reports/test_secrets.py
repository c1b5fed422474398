from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.core.secret_guard import scrub
from fixtures.evidence.ledger import LEDGER, Ledger, read
from fixtures.evidence.records import CommandRan, Note
from policies.facts.observations import CommandRun
from suites.reports.samples import START

_NONE = serialization.NoEncryption()
_PEM = serialization.Encoding.PEM


def _keys() -> dict[str, str]:
    curve = ec.generate_private_key(ec.SECP256R1())
    long = rsa.generate_private_key(65537, 2048)
    formats = serialization.PrivateFormat
    return {
        "pkcs8": curve.private_bytes(_PEM, formats.PKCS8, _NONE).decode(),
        "sec1": curve.private_bytes(_PEM, formats.TraditionalOpenSSL, _NONE).decode(),
        "rsa": long.private_bytes(_PEM, formats.TraditionalOpenSSL, _NONE).decode(),
        "openssh": curve.private_bytes(_PEM, formats.OpenSSH, _NONE).decode(),
    }


KEYS = _keys()


def _command(tail: str) -> CommandRan:
    return CommandRan(
        step="control_plane_upgraded",
        command=CommandRun(
            argv=("linkerd", "upgrade"),
            program="real",
            exit_code=0,
            seconds=1.0,
            started=START,
            stdout_tail=tail,
            stderr_tail=tail,
        ),
    )


def _shapes(pem: str) -> dict[str, str]:
    """The ways a key gets into the tail of a command's output."""
    lines = pem.strip().splitlines()
    indented = "\n".join("      " + line for line in lines)
    return {
        "whole": pem,
        "in a Secret": "data:\n  tls.key: " + base64.b64encode(pem.encode()).decode(),
        "in YAML": f"issuer:\n  keyPEM: |\n{indented}\ncrtPEM: x",
        "end cut off": "\n".join(lines[:-1]),
        "begin cut off": "\n".join(lines[1:]),
        "in the middle of a key": pem[40:],
        "in a JSON string": '{"key": "' + pem.replace("\n", "\\n") + '"}',
    }


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("shape", _shapes(""))
def test_no_private_key_reaches_the_ledger(kind: str, shape: str, tmp_path: Path) -> None:
    pem = KEYS[kind]
    tail = "applied 36 objects\n" + _shapes(pem)[shape] + "\nend of output"

    with Ledger.create(tmp_path, "run") as ledger:
        written = ledger.write(_command(tail))

    text = (tmp_path / LEDGER).read_text()
    body = [line for line in pem.strip().splitlines() if "-----" not in line]
    for secret in (*body, base64.b64encode(pem.encode()).decode()[30:80]):
        assert secret not in text
    assert "[private key removed]" in text
    assert read(tmp_path / LEDGER).records == (written,)
    assert "end of output" in text or shape == "end cut off"


def test_tokens_are_removed(tmp_path: Path) -> None:
    part = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"one"}').decode().rstrip("=")
    token = f"{part}.{part}.c2lnbmF0dXJlIG9mIHNvbWV0aGluZw"

    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(Note(text=f"Authorization: Bearer {token}"))

    assert token not in (tmp_path / LEDGER).read_text()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(deadline=None)
def test_text_without_a_secret_is_left_alone(text: str) -> None:
    line = text.encode()

    assert scrub(line) is line


LONG = 200_000
"""Characters that a pattern which starts anew at each of them would take hours for."""


@pytest.mark.parametrize(
    "text",
    [
        "PRIVATE KEY " + "A" * LONG,
        "-----BEGIN PRIVATE KEY-----" * (LONG // 25),
        "-----END PRIVATE KEY-----" * (LONG // 25),
        "A-----END PRIVATE KEY-----" * (LONG // 25),
        "PRIVATE KEY" + "\\n" * LONG,
        "eyJ" * LONG,
        "eyJabcdefghijklmnop." * (LONG // 20) + ".eyJ",
        "LS0tLS1CRUdJTi" * (LONG // 14),
    ],
    ids=["no end", "begins", "ends", "ends with lines", "escapes", "token", "parts", "base64"],
)
def test_the_guard_takes_linear_time(text: str) -> None:
    line = json.dumps({"text": text}).encode()

    assert isinstance(json.loads(scrub(line)), dict)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "-----BEGIN PRIVATE KEY-----",
                "-----END PRIVATE KEY-----",
                "QUJD",
                "\n",
                " harmless. ",
            ]
        )
    )
)
def test_no_mark_of_a_key_and_no_line_inside_is_left(parts: list[str]) -> None:
    left = json.loads(scrub(json.dumps("".join(parts)).encode()))

    assert "PRIVATE KEY-----" not in left
    inside = False
    for part in parts:
        inside = (inside or "BEGIN" in part) and "END" not in part
    assert not (inside and left.endswith("QUJD"))


def test_certificates_stay(tmp_path: Path) -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"

    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(Note(text=text))
        ledger.write(Note(text=base64.b64encode(text.encode()).decode()))

    assert [getattr(r.body, "text", "") for r in read(tmp_path / LEDGER).records] == [
        text,
        base64.b64encode(text.encode()).decode(),
    ]
