"""`pods/NAME:PORT/proxy`: what a driver reads from a proxy's admin port, and refusals elsewhere.

Documentation: https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/
"""

from __future__ import annotations

import pytest

from suites.embedded.client import Client

IMAGE = "cr.l5d.io/linkerd/proxy:edge-25.4.4"
STARTED = "2026-01-02T03:04:05Z"


@pytest.fixture
def pods(api: Client, namespace: str) -> str:
    """Pods of a namespace with a meshed one in it, whose proxy runs and is not ready yet."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    proxy = {
        "name": "linkerd-proxy",
        "image": IMAGE,
        "ports": [{"name": "linkerd-admin", "containerPort": 4191}],
    }
    app = {"name": "app", "image": "app:1", "ports": [{"containerPort": 8080}]}
    made = api.post(path, {"metadata": {"name": "web"}, "spec": {"containers": [app, proxy]}})
    assert made.code == 201, made.body
    run(api, path, ready=False)
    return path


def run(api: Client, pods: str, *, ready: bool) -> None:
    """What a kubelet says of the proxy."""
    status = {
        "name": "linkerd-proxy",
        "image": IMAGE,
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "state": {"running": {"startedAt": STARTED}},
    }
    body = {"status": {"phase": "Running", "podIP": "10.1.2.3", "containerStatuses": [status]}}
    assert api.merge(f"{pods}/web/status", body).code == 200


def test_readiness_follows_the_proxy(api: Client, pods: str, process: object) -> None:
    del process
    before = api.get(f"{pods}/web:4191/proxy/ready")
    run(api, pods, ready=True)
    after = api.get(f"{pods}/web:linkerd-admin/proxy/ready")

    assert (before.code, before.body) == (503, "not ready\n")
    assert (after.code, after.body) == (200, "ready\n")


def test_metrics_name_the_version(api: Client, pods: str, process: object) -> None:
    del process
    answer = api.get(f"{pods}/web:4191/proxy/metrics")

    assert answer.code == 200
    assert answer.headers.get_content_type() == "text/plain"
    assert 'proxy_build_info{version="edge-25.4.4",vendor="linkerd"} 1' in answer.body
    assert "process_start_time_seconds 1767323045" in answer.body
    assert "response_total{" not in answer.body  # nothing went through it


@pytest.mark.parametrize("where", ["web:8080", "web", "web:9999", "http:web:1"])
def test_a_port_on_which_nothing_listens_is_unavailable(
    api: Client, pods: str, where: str, process: object
) -> None:
    del process
    answer = api.get(f"{pods}/{where}/proxy/")

    assert (answer.code, answer.reason) == (503, "ServiceUnavailable")
    assert "10.1.2.3" in answer.body["message"]


def test_an_absent_pod_and_a_port_of_no_name_are_told_apart(api: Client, pods: str) -> None:
    absent = api.get(f"{pods}/none:4191/proxy/ready")
    unnamed = api.get(f"{pods}/web:nothing/proxy/ready")

    assert (absent.code, absent.reason) == (404, "NotFound")
    assert unnamed.code in (400, 503)
