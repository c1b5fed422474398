"""No credential of a kubeconfig reaches a person or a file, whoever repeats it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import rehearse
from fixtures.cluster.access.connection import Connection
from fixtures.cluster.access.patience import NONE
from fixtures.core import bounded, redaction
from fixtures.core.errors import BadInput, Broken, RehearsalError
from fixtures.core.secret_guard import scrub
from suites.harness.scripted_api import Asked, Obj, Says, ca_data, refused, scripted_api
from suites.harness.test_recognised import COMMANDS, command

SECRET = "s3cret/Passw0rd+of=the-owner"
TEXT = st.text(st.characters(codec="utf-8"), max_size=9)
V1 = "client.authentication.k8s.io/v1"


def forms(secret: str) -> list[str]:
    encoded = [base64.b64encode(f"{p}{secret}".encode()).decode()[4:-4] for p in ("", "x", "xy")]
    return [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], *encoded]


def shell(script: str, **more: object) -> Obj:
    entry = {"apiVersion": V1, "command": "sh", "args": ["-c", script], **more}
    return {"exec": {"interactiveMode": "Never", **entry}}


USERS: dict[str, Obj] = {
    "token": {"token": SECRET},
    "password": {"username": "admin", "password": SECRET},
    "key that is no base64": {"client-certificate-data": "@@", "client-key-data": SECRET},
    "key that is none": {
        "client-certificate-data": base64.b64encode(b"none").decode(),
        "client-key-data": base64.b64encode(SECRET.encode()).decode(),
    },
    "auth-provider": {"auth-provider": {"name": "oidc", "config": {"refresh-token": SECRET}}},
    "text": {"token": [SECRET]},
    "argument": {"exec": {"apiVersion": V1, "args": ["--password", SECRET]}},
    "output": shell(f"echo '{SECRET}'"),
    "error of a program": shell(
        'echo "bad login $P" >&2; exit 3', env=[{"name": "P", "value": SECRET}]
    ),
    "error with an argument": shell(f"echo 'bad login {SECRET}' >&2; exit 3"),
    "wrong version": shell(
        f"""echo '{{"apiVersion": "v0", "kind": "X", "status": {{"token": "{SECRET}"}}}}'"""
    ),
    "hanging up": {"token": SECRET, "as-groups": [SECRET]},
}


def write(path: Path, port: int, user: Obj, **cluster: object) -> None:
    content = {
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority-data": ca_data(),
                    **cluster,
                },
            }
        ],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": n, "context": {"cluster": "c", "user": "u"}} for n in ("here",)],
        "current-context": "here",
    }
    path.write_text(yaml.safe_dump(content))


def repeats(asked: Asked) -> Says:
    """A server that says back what it was asked with, as a proxy's page for errors may."""
    sent = " ".join(f"{k}: {v}" for k, v in asked.headers)
    return refused(403, "Forbidden", f"you sent {sent} {SECRET}")


@pytest.mark.parametrize("name", USERS)
def test_whatever_is_wrong_with_credentials_they_are_not_shown(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted_api(tmp_path, repeats, tls=True) as api:
        write(api.kubeconfig, api.port, USERS[name])
        code = rehearse.main(["inventory", "--cluster-kubeconfig", str(api.kubeconfig)])
    said = capsys.readouterr()

    assert code in (3, 4)
    assert "Traceback" not in said.err
    for form in forms(SECRET):
        assert form not in said.out + said.err


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_shows_or_keeps_what_a_server_repeats(name: str, tmp_path: Path) -> None:
    with scripted_api(tmp_path, repeats, tls=True) as api:
        write(api.kubeconfig, api.port, {"token": SECRET})
        done = command(name, tmp_path, api.kubeconfig)

    assert done.exit_code, done.output
    api.kubeconfig.unlink()
    files = [f for f in tmp_path.rglob("*") if f.is_file()]
    for text in (done.output, *(f.read_bytes().decode(errors="replace") for f in files)):
        assert SECRET not in text
        assert base64.b64encode(SECRET.encode()).decode()[:-4] not in text


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("proxy-url", "http://admin:{}@127.0.0.1:1"),
        ("proxy-url", "http://admin:{}@["),
        ("server", "https://admin:{}@127.0.0.1:1"),
        ("server", "https://admin:{}@127.0.0.1:nine"),
    ],
)
def test_a_password_in_a_url_is_not_shown(tmp_path: Path, key: str, url: str) -> None:
    kubeconfig = tmp_path / "config"
    write(kubeconfig, 1, {"token": "t0ken"}, **{key: url.format(quote(SECRET, safe=""))})

    with pytest.raises(RehearsalError) as caught:
        Connection(kubeconfig, "", NONE).request("GET", "/version")

    for form in forms(SECRET):
        assert form not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not isinstance(caught.value, BadInput) or key in str(caught.value)


def test_over_plain_http_no_credentials_are_sent(tmp_path: Path) -> None:
    with scripted_api(tmp_path, lambda _: refused(401, "Unauthorized")) as api:
        for user in (*USERS.values(), {"token": "t0ken", "as": "bob"}):
            if isinstance(user.get("token"), list):
                continue
            write(api.kubeconfig, api.port, user, server=f"http://127.0.0.1:{api.port}")
            with pytest.raises(RehearsalError, match=r"plain http|refuses"):
                Connection(api.kubeconfig, "", NONE).request("GET", "/version")

    assert api.asked
    assert not any(
        k.lower() == "authorization" or k.lower().startswith("impersonate")
        for asked in api.asked
        for k, _ in asked.headers
    )


@settings(max_examples=50)
@given(
    secret=st.tuples(TEXT, st.uuids().map(str), TEXT).map("".join).map("q{}9".format),
    around=TEXT,
)
def test_a_known_value_is_found_in_every_form(secret: str, around: str) -> None:
    redaction.remember([secret])
    inside = f"{around}{secret}{around}"

    for text in (
        inside,
        json.dumps(inside),
        quote(secret, safe=""),
        base64.b64encode(inside.encode()).decode(),
        str(Broken("x", seen=inside)),
    ):
        kept = redaction.removed(text)
        assert secret not in kept
        assert base64.b64encode(secret.encode()).decode()[4:-4] not in kept
    line = json.dumps({"seen": inside}).encode()
    assert json.dumps(secret)[1:-1].encode() not in scrub(line)


def test_a_short_word_is_left_where_it_is_part_of_another() -> None:
    redaction.remember(["every", "a"])

    assert redaction.removed("everybody says: every a") == "everybody says: [removed] a"


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{c}: &{c} [{', '.join(['*' + b] * 10)}]\n" for b, c in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"- " * 100_000,
        BOMB.encode(),
        b"a: &a [*a]",
        b"users: \xff\xfe\xfa",
        b"a: \x00",
        b"a: " + b"9" * 5000,
        b"? [a]\n: b",
        b"password: *hunter2",
        b"a: !!python/object/apply:os.system [ls]",
        b"x" * (bounded.MOST_BYTES + 1),
        b'{"a": NaN}',
        b"users: 12",
        b"users: [[]]",
    ],
)
def test_a_file_that_is_none_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_bytes(content)

    with pytest.raises(BadInput) as caught:
        Connection(kubeconfig)

    assert str(kubeconfig) in caught.value.where
    assert "hunter2" not in str(caught.value)


@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        bounded.document(data, "kubeconfig", "file")
    except BadInput as error:
        assert error.where.startswith("file")  # noqa: PT017 - both ways are right
