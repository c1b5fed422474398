"""The embedded cluster's API: how much it answers, and what many pods cost."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Measure, timed
from benchmarks.wire import Wire, rate
from fixtures.embedded.process import EmbeddedProcess

PODS = 10_000
WATCHERS, EVENTS = 50, 400
DEPLOYMENTS, REPLICAS = 1_000, 5
FULL_SPEED = 1_000.0
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PROTOBUF = "application/vnd.kubernetes.protobuf"
PROTOBUF_METADATA = f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_WAIT_SECONDS = 300.0


def measure() -> list[Measure]:
    """Requests per second, lists of 10,000 pods, memory, watches, a large rolling restart."""
    return [*_small_requests(), *_many_pods(), *_fan_out(), *_restart()]


def _started(nodes: int, speed: float = 1.0) -> EmbeddedProcess:
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    return EmbeddedProcess.start(folder, kubernetes="1.31", speed=speed, nodes=nodes)


def pod(name: str, variables: int) -> dict[str, Any]:
    """A pod as a workload's controller sends it."""
    env = [
        {"name": f"SETTING_{n:03}", "value": f"the value of setting {n}"} for n in range(variables)
    ]
    container = {
        "name": "app",
        "image": "registry.example/team/app:1.2.3",
        "args": ["-listen", ":8080", "-log", "info"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": env,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
        "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"app": "bench", "team": "platform"},
            "annotations": {"example.com/about": "x" * 200},
        },
        "spec": {"containers": [container]},
    }


def _small_requests() -> list[Measure]:
    with _started(nodes=0) as cluster:
        return [*_creates(cluster), *_gets(cluster)]


def _creates(cluster: EmbeddedProcess) -> list[Measure]:
    """As a service account whose rights come from a role: RBAC is evaluated each time."""
    token = _limited_token(cluster)
    rates: list[float] = []
    wires = [Wire(cluster.kubeconfig, token) for _ in range(2)]
    for run in range(3):
        bodies = [json.dumps(pod(f"made-{run}-{n}", 80)).encode() for n in range(400)]
        requests = [
            wires[0].request(
                "POST",
                "/api/v1/namespaces/default/pods?fieldManager=bench",
                body,
                Content_Type="application/json",
            )
            for body in bodies
        ]
        rates.append(rate(wires, requests, 201))
    for wire in wires:
        wire.close()
    return [_per_second("create of a 6 kB pod", rates, 300)]


def _limited_token(cluster: EmbeddedProcess) -> str:
    rbac = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get"]}]
    cluster.post(rbac, {"metadata": {"name": "bench"}, "rules": rules})
    account = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bench"}
    cluster.post(
        rbac.replace("roles", "rolebindings"),
        {"metadata": {"name": "bench"}, "subjects": [account], "roleRef": role},
    )
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    return str(cluster.post(path, {"spec": {}})["status"]["token"])


def _gets(cluster: EmbeddedProcess) -> list[Measure]:
    cluster.post("/api/v1/namespaces/default/pods", pod("one", 80))
    found: list[Measure] = []
    for connections, goal in ((8, 5_000), (1, None)):
        wires = [Wire(cluster.kubeconfig) for _ in range(connections)]
        request = wires[0].request("GET", "/api/v1/namespaces/default/pods/one")
        rates = [rate(wires, [request] * 4_000, 200) for _ in range(3)]
        for wire in wires:
            wire.close()
        found.append(_per_second(f"GET of one pod, connections: {connections}", rates, goal))
    return found


def _many_pods() -> list[Measure]:
    with _started(nodes=0) as cluster:
        fresh = _megabytes(cluster.pid)
        cluster.post("/api/v1/namespaces/default/pods?fieldManager=bench", pod("first", 25))
        first = cluster.get("/api/v1/namespaces/default/pods/first")
        for start in range(0, PODS, 1_000):
            numbers = range(start, start + 1_000)
            items = [_renamed(first, f"pod-{n}") for n in numbers]
            cluster.post("/_embedded/load", {"kind": "List", "items": items})
        loaded = _megabytes(cluster.pid)
        wire = Wire(cluster.kubeconfig)
        lists = [
            _listed(wire, "metadata of 10,000 pods, JSON", METADATA, 0.15),
            _listed(wire, "metadata of 10,000 pods, protobuf", PROTOBUF_METADATA, None),
            _listed(wire, "10,000 pods, JSON", "application/json", 1.5),
            _listed(wire, "10,000 pods, protobuf", PROTOBUF, None),
        ]
        wire.close()
        after = _megabytes(cluster.pid)
    return [
        *(measure for pair in lists for measure in pair),
        Measure(name="memory of an empty cluster", value=round(fresh), unit="MB", goal=None),
        Measure(name="memory with 10,000 pods", value=round(loaded), unit="MB", goal=250),
        Measure(name="the same after full lists", value=round(after), unit="MB", goal=250),
    ]


def _renamed(obj: dict[str, Any], name: str) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "name": name, "uid": f"uid-of-{name}"}}


def _listed(wire: Wire, name: str, accept: str, goal: float | None) -> list[Measure]:
    sizes: list[int] = []

    def ask() -> None:
        status, body = wire.ask("GET", "/api/v1/pods", Accept=accept)
        if status != 200:
            raise SystemExit(f"{name}: {status} {body[:300]!r}")
        sizes.append(len(body))

    begun = time.perf_counter()
    ask()
    first = time.perf_counter() - begun
    seconds, noise = timed(ask, runs=5)
    megabytes = f"{sizes[-1] / 1e6:.0f} MB"
    return [
        Measure(
            name=f"{name} ({megabytes})",
            value=round(seconds, 3),
            unit="s",
            goal=goal,
            noise=round(noise, 3),
        ),
        Measure(name=f"{name}, the first time", value=round(first, 3), unit="s", goal=None),
    ]


def _fan_out() -> list[Measure]:
    """Events per second that reach all of the watchers together."""
    path = "/api/v1/namespaces/default/configmaps"
    with _started(nodes=0) as cluster:
        wires = [Wire(cluster.kubeconfig) for _ in range(WATCHERS)]
        for wire in wires:
            wire.send(wire.request("GET", f"{path}?watch=1&labelSelector=bench"))
            wire.head_and_lines()
        writer = Wire(cluster.kubeconfig)
        bodies = [
            json.dumps(
                {"metadata": {"name": f"c-{n}", "labels": {"bench": ""}}, "data": {"a": "b" * 500}}
            ).encode()
            for n in range(EVENTS)
        ]
        requests = [
            writer.request("POST", path, b, Content_Type="application/json") for b in bodies
        ]
        begun = time.perf_counter()
        rate([writer], requests, 201)
        came = sum(wire.count_lines(b'"type":"ADDED"', EVENTS) for wire in wires)
        seconds = time.perf_counter() - begun
        for wire in (*wires, writer):
            wire.close()
    if came != WATCHERS * EVENTS:
        raise SystemExit(f"{came} events came instead of {WATCHERS * EVENTS}")
    return [_per_second(f"events to {WATCHERS} watchers", [came / seconds], 4_000)]


def _restart() -> list[Measure]:
    """`kubectl rollout restart` of every Deployment, until all are rolled out."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    with _started(nodes=3, speed=FULL_SPEED) as cluster:
        wires = [Wire(cluster.kubeconfig) for _ in range(2)]
        names = [f"web-{n}" for n in range(DEPLOYMENTS)]
        bodies = [json.dumps(_deployment(name)).encode() for name in names]
        creates = [
            wires[0].request("POST", path, b, Content_Type="application/json") for b in bodies
        ]
        rate(wires, creates, 201)
        _rolled_out(wires[0], path)
        note = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
        body = json.dumps({"spec": {"template": note}}).encode()
        kind = "application/strategic-merge-patch+json"
        patches = [
            wires[0].request("PATCH", f"{path}/{name}", body, Content_Type=kind) for name in names
        ]
        begun = time.perf_counter()
        rate(wires, patches, 200)
        _rolled_out(wires[0], path)
        seconds = time.perf_counter() - begun
        peak = _megabytes(cluster.pid)
        for wire in wires:
            wire.close()
    name = f"rolling restart of {DEPLOYMENTS} Deployments x {REPLICAS} pods"
    return [
        Measure(name=name, value=round(seconds, 1), unit="s", goal=20),
        Measure(name=f"{name}, memory", value=round(peak), unit="MB", goal=None),
    ]


def _deployment(name: str) -> dict[str, Any]:
    template = pod("", 2)
    labels = {"app": name}
    spec = {
        "replicas": REPLICAS,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
    }
    return {"metadata": {"name": name}, "spec": spec}


def _rolled_out(wire: Wire, path: str) -> None:
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        _, body = wire.ask("GET", path)
        if all(map(_is_rolled_out, json.loads(body)["items"])):
            return
        time.sleep(0.5)
    raise SystemExit(f"not rolled out within {_WAIT_SECONDS:.0f} s")


def _is_rolled_out(deployment: dict[str, Any]) -> bool:
    status = deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return False
    counts = ("replicas", "updatedReplicas", "availableReplicas")
    return all(status.get(name, 0) == REPLICAS for name in counts)


def _per_second(name: str, rates: list[float], goal: float | None) -> Measure:
    rates = sorted(rates)
    return Measure(
        name=name,
        value=round(rates[len(rates) // 2]),
        unit="/s",
        goal=goal,
        direction="higher",
        noise=round(rates[-1] - rates[0]),
    )


def _megabytes(pid: int) -> float:
    """Proportional set size of a process (Linux)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
