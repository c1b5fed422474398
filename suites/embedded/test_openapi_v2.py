"""OpenAPI v2, in the form kubectl asks for before it applies a `kind: List`.

Documentation: Kubernetes, "The Kubernetes API", OpenAPI v2 (the media type of its protobuf form).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.embedded.api.http import openapi_v2
from fixtures.tools.toolbox import kubectl_version
from suites.embedded.client import Client
from suites.embedded.protobuf_writer import part

ASKED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


def test_each_kind_says_where_it_is_patched_and_with_what(api: Client) -> None:
    document = api.get("/openapi/v2").body

    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    names = {parameter["name"] for parameter in patch["parameters"]}
    assert document["swagger"] == "2.0"
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} <= names
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "apps",
        "version": "v1",
        "kind": "Deployment",
    }
    assert "/api/v1/namespaces/{name}" in document["paths"]


def test_protobuf_is_answered_when_asked_for(api: Client) -> None:
    answer = api.request("GET", "/openapi/v2", headers={"Accept": ASKED})

    assert answer.code == 200
    assert answer.headers["Content-Type"].startswith(openapi_v2.PROTOBUF)


def test_protobuf_is_laid_out_as_the_messages_of_openapi_v2_are() -> None:
    kind = {"group": "", "version": "v1", "kind": "Namespace"}

    document = openapi_v2.as_protobuf("v1.31", [("/api/v1/x/{name}", kind)], ["dryRun"])

    query = part(8, part(1, part(2, part(3, part(2, "query"), part(4, "dryRun")))))
    mark = part(1, "x-kubernetes-group-version-kind")
    extension = part(13, mark, part(2, part(2, json.dumps(kind, separators=(",", ":")))))
    operation = part(2, part(8, query, extension))
    assert document == b"".join(
        (
            part(1, "2.0"),
            part(2, part(1, "Kubernetes"), part(2, "v1.31")),
            part(8, part(2, part(1, "/api/v1/x/{name}"), operation)),
        )
    )


@pytest.mark.parametrize("accept", ["", "*/*", "application/json"])
def test_json_is_for_everyone_else(accept: str) -> None:
    assert not openapi_v2.wants_protobuf(accept)
    assert openapi_v2.wants_protobuf(f"{ASKED},{accept}")


def test_real_kubectl_applies_a_list(kubeconfig: Path, namespace: str, tmp_path: Path) -> None:
    found = shutil.which("kubectl")
    if found is None or not kubectl_version(Path(found)):
        pytest.skip("no kubectl on PATH")
    item = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "listed", "namespace": namespace},
    }
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": [item]})

    done = subprocess.run(
        [found, "--kubeconfig", kubeconfig, "--cache-dir", tmp_path, "apply", "-f", "-"],
        input=document.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, b"configmap/listed created\n"), done.stderr
