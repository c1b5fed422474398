"""Capture: whole or nothing, no secret in the file, and it reads back as the same cluster."""

from __future__ import annotations

import base64
import gzip
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apimachinery.annotations import LAST_APPLIED
from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.facts.helm_release import packed, unpacked
from fixtures.cluster.reader import ClusterReader
from fixtures.core.errors import BadInput, Broken
from fixtures.embedded.process import EmbeddedProcess
from fixtures.snapshot import capture as capturing
from fixtures.snapshot.capture import capture
from fixtures.snapshot.read import facts, read_snapshot
from fixtures.snapshot.redaction.redact import Redactor
from suites.harness.pods import namespace, pod
from suites.harness.scripted_api import Asked, Says, listing, refused, scripted_api
from suites.harness.secret_places import CERTIFICATE, JWT, KEY, KEY_BODY

Obj = dict[str, Any]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLANTED = ("hunter2", "hunter3", "hunter4", "hunter5", KEY_BODY, JWT)
"""What the tests hide in the cluster."""


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def release(name: str, revision: int, *, chart: str, needs: str = "") -> Obj:
    """A release Secret, with a secret in its values and in its manifest."""
    tls = {"crtPEM": CERTIFICATE, "keyPEM": KEY}
    issuer = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "linkerd-identity-issuer", "namespace": "linkerd"},
        "data": {"crt.pem": b64(CERTIFICATE), "key.pem": b64(KEY)},
    }
    about = {"name": chart, "version": "2025.10.7", "appVersion": "edge-25.10.7"}
    content = {
        "name": name,
        "namespace": "linkerd",
        "version": revision,
        "info": {"status": "deployed", "notes": "hunter2"},
        "chart": {
            "metadata": about | ({"dependencies": [{"name": needs}]} if needs else {}),
            "values": {"controllerReplicas": 1},
            "templates": [{"name": "hunter3"}],
        },
        "config": {
            "identity": {"issuer": {"tls": tls}},
            "proxy": {"logLevel": "warn", "token": "hunter4"},
        },
        "manifest": f"---\n{json.dumps(issuer)}\n",
        "hooks": [{"manifest": "hunter5"}],
    }
    labels = {"name": name, "owner": "helm", "status": "deployed", "version": str(revision)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": f"sh.helm.release.v1.{name}.v{revision}",
            "namespace": "linkerd",
            "labels": labels,
        },
        "data": {"release": packed(json.dumps(content).encode())},
    }


def planted() -> list[Obj]:
    """A secret in every place that the redaction knows."""

    def secret(name: str, space: str, kind: str = "Opaque", **data: str) -> Obj:
        obj: Obj = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": kind,
            "metadata": {"name": name, "namespace": space},
            "data": {k: b64(v) for k, v in data.items()},
        }
        obj["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(obj)}
        return obj

    overrides = json.dumps(
        {"identity": {"issuer": {"tls": {"crtPEM": CERTIFICATE, "keyPEM": KEY}}}}
    )
    app = pod("app")
    app["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": "hunter3"}]
    app["spec"]["containers"][0]["args"] = ["--token=hunter4"]
    app["metadata"].pop("resourceVersion")
    app["metadata"]["annotations"] = {
        LAST_APPLIED: json.dumps({**app, "metadata": {"name": "app"}}),
        "note": f"bearer of {JWT}",
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "linkerd"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        secret("linkerd-config-overrides", "linkerd", **{"linkerd-config-overrides": overrides}),
        secret("linkerd-identity-issuer", "linkerd", **{"crt.pem": CERTIFICATE, "key.pem": KEY}),
        secret(
            "sh.helm.release.v1.linkerd.v1", "linkerd", "helm.sh/release.v1", release="hunter5"
        ),
        release("linkerd-control-plane", 1, chart="linkerd-control-plane"),
        release("linkerd-control-plane", 2, chart="linkerd-control-plane"),
        release("trust-manager", 1, chart="trust-manager"),
        release("mesh", 1, chart="mesh", needs="linkerd-control-plane"),
        secret("db", "shop", password="hunter2"),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "shop"},
            "data": {"config.yaml": "password: hunter2\n", "key": KEY},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "linkerd-config", "namespace": "linkerd"},
            "data": {"values": f"linkerdVersion: edge-25.4.4\nextra: {json.dumps(KEY)}\n"},
        },
        app,
    ]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "load.json").write_text(json.dumps({"kind": "List", "items": planted()}))
    with EmbeddedProcess.start(folder, load=[folder / "load.json"]) as process:
        yield Connection(process.kubeconfig)


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


@pytest.mark.parametrize("name", ["s.json", "s.json.gz"])
def test_no_planted_secret_is_in_the_file(
    connection: Connection, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name

    summary = capture(connection, out)

    text = text_of(out)
    for secret in PLANTED:
        assert secret not in text
        assert b64(secret)[:-4] not in text
    assert b64(KEY)[40:200] not in text
    assert b64(CERTIFICATE) in text
    assert summary.removed >= 8
    assert str(out) in summary.text
    assert "Secret" in summary.text
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def captured_releases(out: Path) -> dict[str, Obj]:
    items: list[Obj] = json.loads(text_of(out))["items"]
    return {
        o["metadata"]["name"].removeprefix("sh.helm.release.v1."): o
        for o in items
        if o["kind"] == "Secret" and o["metadata"]["name"].startswith("sh.helm.release.v1.")
    }


def test_releases_of_linkerds_charts_are_kept_without_their_secrets(
    connection: Connection, tmp_path: Path
) -> None:
    """Of each the newest revision; a chart that has Linkerd's as a dependency counts as one."""
    capture(connection, tmp_path / "s.json")

    found = captured_releases(tmp_path / "s.json")
    in_full = {name for name, o in found.items() if o.get("data")}
    assert in_full == {"linkerd-control-plane.v2", "mesh.v1"}
    assert found.keys() > {"linkerd-control-plane.v1", "trust-manager.v1", "linkerd.v1"}
    for name in in_full:
        text = unpacked(found[name]["data"]["release"]).decode()
        for planted_secret in PLANTED:
            assert planted_secret not in text
            assert b64(planted_secret)[:-4] not in text
        kept = json.loads(text)
        assert kept["config"]["proxy"]["logLevel"] == "warn"
        assert kept["config"]["identity"]["issuer"]["tls"]["crtPEM"] == CERTIFICATE
        assert {"notes", "templates", "hooks"}.isdisjoint({*kept, *kept["info"], *kept["chart"]})


def test_the_planted_secrets_are_really_there(connection: Connection) -> None:
    """Else the search above proves nothing."""
    live = b"".join(
        connection.request("GET", f"/api/v1/{kind}") for kind in ("secrets", "pods", "configmaps")
    ).decode()

    for secret in PLANTED:
        assert secret in live or b64(secret) in live or KEY_BODY in secret
    assert b64(KEY) in live


def test_a_capture_reads_back_as_the_cluster_it_was(
    connection: Connection, tmp_path: Path
) -> None:
    reader = ClusterReader(connection, clock=lambda: NOW)
    live = reader.facts()
    reader.close()

    capture(connection, tmp_path / "s.json.gz", clock=lambda: NOW)
    snapshot = read_snapshot(tmp_path / "s.json.gz")
    found = facts(snapshot)

    assert snapshot.captured_at == NOW
    assert found.kubernetes == live.kubernetes
    assert found.unreadable == ()
    for part in ("namespaces", "nodes", "pods", "workloads", "crds", "webhooks", "api_services"):
        assert set(getattr(found, part)) == set(getattr(live, part)), part
    assert found.issuer == live.issuer
    assert found.config is not None
    assert live.config is not None
    assert found.config.overrides_present
    assert found.config.helm_releases == live.config.helm_releases


def test_a_capture_asks_only_to_read(tmp_path: Path) -> None:
    with scripted_api(tmp_path, small) as api:
        capture(Connection(api.kubeconfig), tmp_path / "s.json")

    assert {a.method for a in api.asked} == {"GET"}
    full = [a.path for a in api.asked if "/secrets" in a.path and "Partial" not in a.accept]
    assert sorted(path.rsplit("/", 1)[-1] for path in full) == [
        "linkerd-config-overrides",
        "linkerd-identity-issuer",
        "linkerd-policy-validator-k8s-tls",
        "linkerd-proxy-injector-k8s-tls",
        "linkerd-sp-validator-k8s-tls",
    ]


def small(asked: Asked) -> Says:
    if asked.path == "/version":
        return Says(body={"gitVersion": "v1.31.0"})
    if asked.path == "/api/v1/pods":
        return listing(pod("a"))
    if asked.path == "/api/v1/namespaces":
        return listing(namespace("shop"))
    if asked.path == "/api/v1/secrets":
        full: Obj = {
            "metadata": {
                "name": "db",
                "namespace": "shop",
                "annotations": {LAST_APPLIED: '{"data":{"p":"aHVudGVyMg=="}}', "mine": "hunter2"},
            },
            "data": {"p": "aHVudGVyMg=="},
        }
        return listing(full)
    if "/linkerd-" in asked.path:
        return refused(404, "NotFound")
    return listing()


def test_a_server_that_sends_whole_secrets_for_metadata_is_not_trusted(tmp_path: Path) -> None:
    with scripted_api(tmp_path, small) as api:
        capture(Connection(api.kubeconfig), tmp_path / "s.json")

    text = text_of(tmp_path / "s.json")
    assert '"db"' in text
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text


def test_without_the_right_to_read_secrets_it_succeeds_and_says_so(tmp_path: Path) -> None:
    def script(asked: Asked) -> Says:
        return refused(403, "Forbidden", "no") if "/secrets" in asked.path else small(asked)

    with scripted_api(tmp_path, script) as api:
        summary = capture(Connection(api.kubeconfig), tmp_path / "s.json")

    found = facts(read_snapshot(tmp_path / "s.json"))
    assert "not read: secrets (Forbidden: no)" in summary.text
    assert found.cannot_read("secrets") == "secrets: Forbidden: no"
    assert found.issuer is None
    assert found.webhook_certificates == ()


def test_a_cluster_that_goes_away_leaves_no_file(tmp_path: Path) -> None:
    def script(asked: Asked) -> Says:
        return refused(401, "Unauthorized") if "leases" in asked.path else small(asked)

    out = tmp_path / "out"
    out.mkdir()
    with scripted_api(tmp_path, script) as api, pytest.raises(ClusterError):
        capture(Connection(api.kubeconfig), out / "s.json.gz")

    assert list(out.iterdir()) == []


def test_a_folder_that_is_not_there_is_bad_input(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        capture(connection, tmp_path / "none" / "s.json.gz")


def test_a_key_that_slips_through_stops_the_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind(Redactor):
        def object(self, obj: Obj) -> Obj:
            return obj

    def script(asked: Asked) -> Says:
        leaky = pod("a")
        leaky["metadata"]["annotations"]["note"] = KEY
        return listing(leaky) if asked.path == "/api/v1/pods" else small(asked)

    monkeypatch.setattr(capturing, "Redactor", Blind)
    out = tmp_path / "out"
    out.mkdir()
    with scripted_api(tmp_path, script) as api, pytest.raises(Broken, match="private key"):
        capture(Connection(api.kubeconfig), out / "s.json")

    assert list(out.iterdir()) == []


def test_what_was_there_stays_when_a_capture_fails(tmp_path: Path) -> None:
    out = tmp_path / "s.json"
    out.write_text("before")
    with (
        scripted_api(tmp_path, lambda _: refused(401, "Unauthorized")) as api,
        pytest.raises(ClusterError),
    ):
        capture(Connection(api.kubeconfig), out)

    assert out.read_text() == "before"
