"""Pods and metadata in protobuf, as large clusters are read; held to bytes of a real API server.

Documentation: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apimachinery.protobuf.fields import MEDIA_TYPE, fields_of
from apimachinery.protobuf.messages import MESSAGES
from fixtures.embedded.api.wire import protobuf, writer
from suites.embedded.client import Client, Obj

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
METADATA = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_NEVER_SET = "metadata.ObjectMeta.4"
"""The selfLink of old releases: always there, and always empty."""
BOTH = f"{MEDIA_TYPE},application/json"


def split(content: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message, read by hand: number, and a number or bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(content):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        assert key & 7 == 2
        size = varint()
        yield key >> 3, content[at : at + size]
        at += size


def opened(body: bytes) -> tuple[str, str, bytes]:
    """apiVersion, kind and raw bytes of an answer."""
    assert body[:4] == b"k8s\x00"
    fields = dict(split(body[4:]))
    type_ = dict(split(fields[1]))
    return type_[1].decode(), type_[2].decode(), fields[2]


def asked(api: Client, path: str, accept: str) -> tuple[str, bytes]:
    """Content type and body of an answer."""
    connection = api.connect()
    try:
        connection.request("GET", path, headers={**api.authorization, "Accept": accept})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        return response.headers.get_content_type(), body
    finally:
        connection.close()


def recorded_pods() -> list[bytes]:
    """Pods of watches in protobuf, as a real API server wrote them: frame, event, object."""
    found: dict[bytes, None] = {}
    for path in sorted(RECORDINGS.glob("*/http/*-proxy.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            exchange = json.loads(line)
            answer = exchange.get("resp")
            if "/api/v1/pods?" not in exchange["url"] or "watch=true" not in exchange["url"]:
                continue
            if isinstance(answer, dict) and "b64" in answer:
                found.update(dict.fromkeys(framed(base64.b64decode(answer["b64"]))))
    if not found:
        pytest.skip("there are no recordings beside this checkout")
    return list(found)


def framed(content: bytes) -> Iterator[bytes]:
    while len(content) > 4:
        size = int.from_bytes(content[:4])
        frame, content = content[4 : 4 + size], content[4 + size :]
        if len(frame) < size:
            return
        event = dict(split(frame))
        _, kind, raw = opened(dict(split(event[2]))[1])
        if kind == "Pod" and event[1] != b"BOOKMARK":
            yield raw


def unknown(message: str, content: bytes, where: str = "") -> Iterator[str]:
    """Field numbers on the wire that the tables do not have."""
    known = fields_of(message)
    for number, value in split(content):
        field = known.get(number)
        if field is None:
            yield f"{where}{message}.{number}"
        elif field.message and field.message in MESSAGES:
            inner = dict(split(value)).get(2, b"") if field.many == "%" else value
            yield from unknown(field.message, inner, f"{where}{field.name}.")


def test_every_field_of_a_recorded_pod_is_in_the_tables() -> None:
    missing = {m for raw in recorded_pods() for m in unknown("StoredPod", raw)}

    assert missing == {_NEVER_SET}


def test_a_recorded_pod_survives_being_read_and_written() -> None:
    for raw in recorded_pods():
        pod = protobuf.read("StoredPod", raw)

        again = protobuf.read("StoredPod", writer.message("StoredPod", pod))

        assert again == pod


def test_a_recorded_pod_has_the_fields_that_pods_have_in_json() -> None:
    known = {path for pod in dumped_pods() for path in paths(said(pod))}
    for raw in recorded_pods():
        pod = protobuf.read("StoredPod", raw)

        assert set(paths(said(pod))) - known == set()
        status = pod["status"]
        assert status["phase"] in ("Pending", "Running")
        assert status["qosClass"] in ("BestEffort", "Burstable")
        assert status.get("podIP", "10.").startswith("10.")
        assert status.get("hostIP", "172.").startswith("172.")
        types = {c["type"] for c in status.get("conditions", ())}
        assert types <= {
            "PodReadyToStartContainers",
            "Initialized",
            "Ready",
            "ContainersReady",
            "PodScheduled",
        }


def dumped_pods() -> Iterator[Obj]:
    for path in sorted(RECORDINGS.glob("edge-*/dumps/*.json.gz")):
        document = json.loads(gzip.decompress(path.read_bytes()))
        for obj in document["items"]:
            if obj["kind"] == "Pod":
                yield {key: obj[key] for key in ("metadata", "spec", "status")}


def paths(value: Any, where: str = "") -> Iterator[str]:
    """The fields of an object, without the names that users give."""
    if where.endswith(("labels", "annotations", "fieldsV1", "limits", "requests", "nodeSelector")):
        yield where
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, where)
    else:
        yield where


def said(value: Any) -> Any:
    """A value without what says nothing: nulls, and zeroes that one of the forms leaves out."""
    if isinstance(value, dict):
        kept = {k: said(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v not in (None, {}, [], "", 0, False)}
    if isinstance(value, list):
        return [said(item) for item in value]
    return value


@pytest.fixture
def pod(api: Client, namespace: str) -> Obj:
    """A pod with something in every corner, as the API stored it."""
    probe = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 3}
    container = {
        "name": "app",
        "image": "app:1",
        "args": ["-v", "über"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "1Gi"}},
        "readinessProbe": probe,
        "livenessProbe": {"tcpSocket": {"port": 8080}},
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False},
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp/scratch"}],
    }
    body = {
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"a/b": "c"}},
        "spec": {
            "containers": [container],
            "initContainers": [{"name": "proxy", "image": "p:1", "restartPolicy": "Always"}],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 0,
        },
    }
    created = api.post(f"/api/v1/namespaces/{namespace}/pods", body, fieldManager="me")
    assert created.code == 201, created.body
    return created.body


def test_a_pod_is_the_same_in_protobuf(api: Client, namespace: str, pod: Obj) -> None:
    kind, body = asked(api, f"/api/v1/namespaces/{namespace}/pods/web", MEDIA_TYPE)

    api_version, name, raw = opened(body)
    assert (kind, api_version, name) == (MEDIA_TYPE, "v1", "Pod")
    stored = api.get(f"/api/v1/namespaces/{namespace}/pods/web").body
    read = protobuf.read("StoredPod", raw)
    assert said(read) == said({k: stored[k] for k in ("metadata", "spec", "status")})
    assert read["metadata"]["managedFields"] == stored["metadata"]["managedFields"]
    assert read["spec"]["terminationGracePeriodSeconds"] == 0
    assert read["spec"]["volumes"][0]["emptyDir"] == {}


def test_a_list_of_pods_has_its_items_and_its_version(
    api: Client, namespace: str, pod: Obj
) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"

    kind, body = asked(api, path, BOTH)

    api_version, name, raw = opened(body)
    assert (kind, api_version, name) == (MEDIA_TYPE, "v1", "PodList")
    fields = list(split(raw))
    assert [number for number, _ in fields] == [1, 2]
    meta = dict(split(fields[0][1]))
    assert int(meta[2]) >= int(pod["metadata"]["resourceVersion"])
    item = protobuf.read("StoredPod", fields[1][1])
    assert item["metadata"]["uid"] == pod["metadata"]["uid"]


def test_metadata_of_any_kind_comes_in_protobuf(api: Client, config_maps: str) -> None:
    for name in ("a", "b"):
        api.post(config_maps, {"metadata": {"name": name, "labels": {"one": "yes"}}})

    kind, body = asked(api, config_maps + "?labelSelector=one", f"{MEDIA_TYPE};{METADATA}")

    api_version, name, raw = opened(body)
    assert (kind, api_version) == (MEDIA_TYPE, "meta.k8s.io/v1")
    assert name == "PartialObjectMetadataList"
    items = [dict(split(value))[1] for number, value in split(raw) if number == 2]
    read = [protobuf.read("ObjectMeta", item) for item in items]
    assert [found["name"] for found in read] == ["a", "b"]
    assert read[0] == api.get(f"{config_maps}/a").body["metadata"]


def test_pages_in_protobuf_lead_to_each_other(api: Client, config_maps: str) -> None:
    for number in range(5):
        api.post(config_maps, {"metadata": {"name": f"c{number}", "labels": {"page": "yes"}}})
    path, found = config_maps + "?labelSelector=page&limit=2", list[str]()
    token = ""
    for _ in range(3):
        _, body = asked(api, path + f"&continue={token}", f"{MEDIA_TYPE};{METADATA}")
        fields = list(split(opened(body)[2]))
        token = dict(split(fields[0][1])).get(3, b"").decode()
        found += [dict(split(dict(split(v))[1]))[1].decode() for n, v in fields if n == 2]

    assert found == ["c0", "c1", "c2", "c3", "c4"]
    assert token == ""


def test_what_is_not_written_in_protobuf_comes_as_json(api: Client, config_maps: str) -> None:
    kind, body = asked(api, config_maps, BOTH)

    assert kind == "application/json"
    assert json.loads(body)["kind"] == "ConfigMapList"


def test_protobuf_alone_is_not_acceptable_where_it_cannot_be_had(
    api: Client, config_maps: str
) -> None:
    answer = api.request("GET", config_maps, headers={"Accept": MEDIA_TYPE})

    assert (answer.code, answer.reason) == (406, "NotAcceptable")


def test_a_change_is_seen_in_the_next_list(api: Client, namespace: str, pod: Obj) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    asked(api, path, BOTH)
    api.merge(f"{path}/web", {"metadata": {"labels": {"app": "other"}}})

    _, body = asked(api, path, BOTH)

    item = protobuf.read("StoredPod", dict(split(opened(body)[2]))[2])
    assert item["metadata"]["labels"] == {"app": "other"}


def test_kubectl_describes_a_pod(
    api: Client, namespace: str, pod: Obj, kubeconfig: Path, tmp_path: Path
) -> None:
    """Its typed client reads pods in protobuf from releases that prefer it, else in JSON."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH")
    done = subprocess.run(
        [
            kubectl,
            f"--kubeconfig={kubeconfig}",
            f"--cache-dir={tmp_path}",
            *("describe", "pod", "web", "-n", namespace),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "http-get http://:http/ready" in done.stdout
    assert "/tmp/scratch from scratch (rw)" in done.stdout
