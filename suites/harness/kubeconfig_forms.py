"""Ways to write a kubeconfig, and what a server is asked with by whoever has one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from suites.harness.scripted_api import ScriptedApi, authority, ca_data

Obj = dict[str, Any]
V1 = "client.authentication.k8s.io/v1"
TOKEN = "right-token"
ALICE = (("Authorization", f"Bearer {TOKEN}"),)


@dataclass(frozen=True, slots=True)
class Stage:
    """A server, and a folder for kubeconfigs that lead to it."""

    api: ScriptedApi
    folder: Path

    @property
    def cluster(self) -> Obj:
        server = f"https://127.0.0.1:{self.api.port}"
        return {"server": server, "certificate-authority-data": ca_data()}

    @property
    def untrusted(self) -> Obj:
        return {"server": f"https://127.0.0.1:{self.api.port}"}

    def put(self, name: str, content: object) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        path.write_text(text, newline="")
        return path

    def program(self, name: str, *lines: str) -> Path:
        path = self.put(name, "\n".join(("#!/bin/sh", *lines, "")))
        path.chmod(0o755)
        return path


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a kubeconfig, and what the server is then asked with."""

    make: Callable[[Stage], str | Path]
    sent: tuple[tuple[str, str], ...] | None = ALICE
    """Headers that tell who asks; None: nothing is asked."""
    context: str = ""
    said: str = ""
    """A part of what a person is told where nothing is asked."""
    env: Obj = field(default_factory=dict[str, Any])


def whole(
    cluster: object, user: object, context: object = None, name: str = "here", **more: object
) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": name, "context": context or {"cluster": "c", "user": "u"}}],
        "current-context": name,
        **more,
    }


def user(entry: object) -> Callable[[Stage], Path]:
    return lambda s: s.put("config", whole(s.cluster, entry))


def cluster(**more: object) -> Callable[[Stage], Path]:
    return lambda s: s.put("config", whole({**s.cluster, **more}, {"token": TOKEN}))


def other(**more: Any) -> Callable[[Stage], Path]:
    """The whole file, with some of its keys otherwise."""
    return lambda s: s.put("config", whole(s.cluster, {"token": TOKEN}, **more))


def program(said: Obj, version: str = V1, mode: str | None = "Never", **more: object) -> Any:
    document = {"apiVersion": version, "kind": "ExecCredential", "status": said}

    def make(stage: Stage) -> Path:
        path = stage.program("bin/give", f"cat <<'END'\n{json.dumps(document)}\nEND")
        entry = {"apiVersion": version, "command": str(path), **more}
        if mode:
            entry["interactiveMode"] = mode
        return stage.put("config", whole(stage.cluster, {"exec": entry}))

    return make


def relative(stage: Stage) -> Path:
    stage.program(
        "sub/bin/give",
        'case "$KUBERNETES_EXEC_INFO" in *certificate-authority-data*) ;; *) exit 9;; esac',
        f"""printf '{{"apiVersion":"{V1}","kind":"ExecCredential",'""",
        """printf '"status":{"token":"%s"}}' $T""",
    )
    entry = {
        "apiVersion": V1,
        "command": "./bin/give",
        "args": None,
        "env": [{"name": "T", "value": TOKEN}],
        "provideClusterInfo": True,
        "interactiveMode": "IfAvailable",
        "installHint": "ask for it",
    }
    return stage.put("sub/config", whole(stage.cluster, {"exec": entry}))


def linked(stage: Stage) -> Path:
    """Relative paths are relative to the link's folder, not to that of what it leads to."""
    stage.put("real/config", whole(stage.cluster, {"tokenFile": "token"}))
    stage.put("link/token", TOKEN)
    (stage.folder / "link" / "config").symlink_to(stage.folder / "real" / "config")
    return stage.folder / "link" / "config"


def parts(*order: str, **more: Obj) -> Callable[[Stage], str]:
    """Several files, each with one part; those that have no content are not there."""

    def make(stage: Stage) -> str:
        right = whole(stage.cluster, {"token": TOKEN})
        wrong = whole({"server": "https://127.0.0.1:1"}, {"token": "wrong"}, name="other")
        contents: dict[str, object] = {
            "clusters": {"clusters": right["clusters"]},
            "users": {"users": right["users"]},
            "contexts": {"contexts": right["contexts"], "current-context": "here"},
            "right": right,
            "wrong": wrong,
            "wrong-without-current": {**wrong, "current-context": ""},
            "server-only": {"clusters": [{"name": "c", "cluster": stage.untrusted}]},
            "empty": "",
            **more,
        }
        (stage.folder / "folder").mkdir()
        for name in {*order} & {*contents}:
            stage.put(name, contents[name])
        return os.pathsep.join(str(stage.folder / n) if n else "" for n in order)

    return make


def file_of(text: str, **more: object) -> Callable[[Stage], Path]:
    def make(stage: Stage) -> Path:
        stage.put("token", text)
        return stage.put("config", whole(stage.cluster, {"tokenFile": "token", **more}))

    return make


def trusted_file(stage: Stage) -> Path:
    stage.put("pki/ca.pem", authority().cert_pem.bytes().decode())
    entry = {**stage.untrusted, "certificate-authority": "pki/ca.pem"}
    return stage.put("config", whole(entry, {"token": TOKEN}))


def text_of(change: Callable[[str], str]) -> Callable[[Stage], Path]:
    return lambda s: s.put(
        "config", change(yaml.safe_dump(whole(s.cluster, {"token": TOKEN}), sort_keys=False))
    )


AS = {"token": TOKEN, "as": "bob", "as-uid": "7", "as-groups": ["g1", "g2"]}
BOB = (
    *ALICE,
    ("Impersonate-User", "bob"),
    ("Impersonate-Uid", "7"),
    ("Impersonate-Group", "g1"),
    ("Impersonate-Group", "g2"),
)
ARN = "arn:aws:eks:eu-central-1:1:cluster/prod"
FORMS: dict[str, Form] = {
    "plain": Form(user({"token": TOKEN})),
    "json": Form(lambda s: s.put("config", json.dumps(whole(s.cluster, {"token": TOKEN})))),
    "json with tabs": Form(
        lambda s: s.put("config", json.dumps(whole(s.cluster, {"token": TOKEN}), indent="\t"))
    ),
    "line ends of Windows": Form(text_of(lambda t: t.replace("\n", "\r\n"))),
    "byte order mark": Form(text_of(lambda t: "\ufeff" + t)),
    "a context by an odd name": Form(other(name=ARN), context=ARN),
    "unknown keys": Form(other(preferences={"colors": True}, surprise=[1, {"a": None}])),
    "neither kind nor version": Form(other(kind=None, apiVersion=None)),
    "another kind": Form(other(kind="Pod"), None, said="kind"),
    "another version": Form(other(apiVersion="v2"), None, said="apiVersion"),
    "nulls": Form(
        lambda s: s.put(
            "config",
            whole(
                {**s.cluster, "extensions": None, "proxy-url": "", "tls-server-name": None},
                {"token": TOKEN, "exec": None, "auth-provider": None, "as-groups": None},
                {"cluster": "c", "user": "u", "namespace": None},
            ),
        )
    ),
    "a null among the users": Form(other(users=[None, {"name": "u", "user": {"token": TOKEN}}])),
    "no users at all": Form(other(users=None), None, said="no credentials"),
    "a user that is null": Form(user(None), None, said="no credentials"),
    "a user that nobody has": Form(
        other(context={"cluster": "c", "user": "nobody"}), None, said="no credentials"
    ),
    "a context without user": Form(other(context={"cluster": "c"}), None, said="no credentials"),
    "a cluster that nobody has": Form(
        other(context={"cluster": "none", "user": "u"}), None, said="names no cluster"
    ),
    "a context without cluster": Form(
        other(context={"user": "u"}), None, said="contexts[name=here].context.cluster"
    ),
    "a cluster that is null": Form(
        lambda s: s.put("config", whole(None, {"token": TOKEN})), None, said="has no server"
    ),
    "a server that is null": Form(cluster(server=None), None, said="cluster.server"),
    "a server that is a number": Form(cluster(server=12), None, said="clusters[0].cluster.server"),
    "no current context": Form(
        other(**{"current-context": None}), None, said="no current context"
    ),
    "a current context that is not there": Form(
        other(**{"current-context": "hree"}), None, said="did you mean here"
    ),
    "two users of one name": Form(
        other(users=[{"name": "u", "user": {"token": "x"}}] * 2), None, said="users[1].name"
    ),
    "users as a mapping": Form(other(users={"u": {"token": TOKEN}}), None, said="users"),
    "a user that is text": Form(user(f"token: {TOKEN}"), None, said="users[0].user"),
    "a token that is a list": Form(user({"token": [TOKEN]}), None, said="users[0].user.token"),
    "a token that is a number": Form(user({"token": 1234567}), None, said="users[0].user.token"),
    "a token with a line break": Form(user({"token": f"{TOKEN}\n"}), None, said="one line"),
    "two documents": Form(text_of(lambda t: f"{t}---\nclusters: 3\n")),
    "a tab": Form(text_of(lambda t: f"{t}\n\ta: [}}"), None, said="not YAML"),
    "a list": Form(text_of(lambda _: "- a"), None, said="no mapping"),
    "empty": Form(text_of(lambda _: ""), None, said="no current context"),
    "a folder": Form(lambda s: s.folder, None, said="a folder"),
    "not there": Form(lambda s: s.folder / "none", None, said="not exist"),
    "tilde": Form(lambda _: "~/no-such-config", None, said="~"),
    "links": Form(linked),
    "parts": Form(parts("users", "clusters", "absent", "contexts")),
    "parts and an empty file": Form(parts("empty", "users", "clusters", "contexts")),
    "empty elements of the list": Form(parts("", "right", "", "wrong")),
    "first wins": Form(parts("right", "wrong")),
    "first current context wins": Form(parts("wrong-without-current", "right", "wrong"), None),
    "current context of the second": Form(parts("contexts", "wrong", "users", "clusters"), None),
    "an entry is one file's, whole": Form(parts("server-only", "right"), None),
    "the same file twice": Form(parts("right", "right")),
    "a folder in the list": Form(parts("right", "folder"), None, said="a folder"),
    "garbage in the list": Form(parts("right", "bad", bad={"users": 3}), None, said="users"),
    "all of the list absent": Form(parts("x", "y"), None, said="not exist"),
    "authority in a file": Form(trusted_file),
    "authority twice": Form(cluster(**{"certificate-authority": "ca"}), None, said="one of them"),
    "authority absent": Form(
        lambda s: s.put(
            "config",
            whole({**s.untrusted, "certificate-authority": "C:\\k\\ca.pem"}, {"token": TOKEN}),
        ),
        None,
        said="certificate-authority",
    ),
    "authority in lines": Form(
        lambda s: s.put(
            "config",
            whole(
                {**s.untrusted, "certificate-authority-data": _lines(ca_data())}, {"token": TOKEN}
            ),
        )
    ),
    "authority with blanks": Form(
        cluster(**{"certificate-authority-data": "Q U I ="}), None, said="not base64"
    ),
    "authority that is none": Form(
        cluster(**{"certificate-authority-data": "QUJD"}), None, said="authority of this cluster"
    ),
    "nobody trusts the server": Form(
        lambda s: s.put("config", whole(s.untrusted, {"token": TOKEN})), None, said="CERTIFICATE"
    ),
    "insecure": Form(
        lambda s: s.put(
            "config", whole({**s.untrusted, "insecure-skip-tls-verify": True}, {"token": TOKEN})
        )
    ),
    "insecure with an authority": Form(
        cluster(**{"insecure-skip-tls-verify": True}), None, said="insecure-skip-tls-verify"
    ),
    "name of the server": Form(cluster(**{"tls-server-name": "kubernetes.default.svc"})),
    "wrong name of the server": Form(cluster(**{"tls-server-name": "a.example"}), None),
    "no compression": Form(cluster(**{"disable-compression": True})),
    "slash at the end": Form(
        lambda s: s.put(
            "config",
            whole({**s.cluster, "server": s.cluster["server"] + "/"}, {"token": TOKEN}),
        )
    ),
    "no scheme is plain http": Form(
        lambda s: s.put(
            "config",
            whole({**s.cluster, "server": f"127.0.0.1:{s.api.port}"}, {"token": TOKEN}),
        ),
        None,
        said="cannot be reached",
    ),
    "a server that is no URL": Form(cluster(server="https://["), None, said="not a URL"),
    "a proxy that is no URL": Form(cluster(**{"proxy-url": "a b"}), None, said="proxy-url"),
    "a proxy of no kind": Form(cluster(**{"proxy-url": "ftp://h:1"}), None, said="proxy-url"),
    "a proxy that is down": Form(
        cluster(**{"proxy-url": "http://127.0.0.1:1"}), None, said="cannot be reached"
    ),
    "a proxy of the environment is not for loopback": Form(
        user({"token": TOKEN}), env={"HTTPS_PROXY": "http://127.0.0.1:1"}
    ),
    "token in a file": Form(file_of(TOKEN)),
    "token in a file with a line end": Form(file_of(f"{TOKEN}\n")),
    "token in an empty file": Form(file_of("\n"), None, said="tokenFile"),
    "token, and another in a file": Form(file_of(f"{TOKEN}\n", token="token-of-before")),
    "token, and an absent file": Form(user({"token": TOKEN, "tokenFile": "none"})),
    "an absent file": Form(user({"tokenFile": "none"}), None, said="tokenFile"),
    "password": Form(user({"username": "a", "password": "b"}), (("Authorization", "Basic YTpi"),)),
    "password and token": Form(
        user({"username": "a", "password": "b", "token": TOKEN}), None, said="username"
    ),
    "impersonation": Form(user(AS), BOB),
    "impersonation with more": Form(
        user({"token": TOKEN, "as": "bob", "as-user-extra": {"a/b": ["1", "2"]}}),
        (
            *ALICE,
            ("Impersonate-User", "bob"),
            ("Impersonate-Extra-A%2fb", "1"),
            ("Impersonate-Extra-A%2fb", "2"),
        ),
    ),
    "impersonation of nobody": Form(
        user({"token": TOKEN, "as-groups": ["g"]}), None, said="user.as"
    ),
    "auth-provider": Form(
        user({"auth-provider": {"name": "gcp", "config": {"access-token": "secret"}}}),
        None,
        said="auth-provider",
    ),
    "auth-provider beside a token": Form(
        user({"token": TOKEN, "auth-provider": {"name": "azure"}}), None, said="auth-provider"
    ),
    "certificate without key": Form(
        user({"client-certificate-data": "QUJD"}), None, said="client-key"
    ),
    "certificate that is none": Form(
        user({"client-certificate-data": "QUJD", "client-key-data": "QUJD"}),
        None,
        said="client-certificate",
    ),
    "exec v1": Form(program({"token": TOKEN})),
    "exec v1beta1": Form(program({"token": TOKEN}, f"{V1}beta1", None)),
    "exec v1 without mode": Form(
        program({"token": TOKEN}, V1, None), None, said="exec.interactiveMode"
    ),
    "exec v1alpha1": Form(program({"token": TOKEN}, f"{V1}alpha1"), None, said="exec.apiVersion"),
    "exec by another mode": Form(
        program({"token": TOKEN}, V1, "Maybe"), None, said="exec.interactiveMode"
    ),
    "exec that asks": Form(program({"token": TOKEN}, V1, "Always"), None, said="asks for input"),
    "exec that gives nothing": Form(program({}), None, said="gave no credentials"),
    "exec without command": Form(
        user({"exec": {"apiVersion": V1, "interactiveMode": "Never"}}), None, said="exec.command"
    ),
    "exec that is not there": Form(
        user(
            {
                "exec": {
                    "apiVersion": V1,
                    "command": "no-such-program",
                    "installHint": "install it",
                    "interactiveMode": "Never",
                }
            }
        ),
        None,
        said="install it",
    ),
    "exec relative to the file": Form(relative),
    "exec beside a token": Form(
        user(
            {
                "token": TOKEN,
                "exec": {"apiVersion": V1, "command": "x", "interactiveMode": "Never"},
            }
        )
    ),
}


def _lines(text: str) -> str:
    return "\n".join(text[i : i + 64] for i in range(0, len(text), 64)) + "\n"
