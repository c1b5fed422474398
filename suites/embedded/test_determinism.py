"""What a seed repeats, so that a red rehearsal can be looked at again.

The same: names, UIDs and Service addresses of what is made, whatever the cluster's parts do in
between; the whole history, resource versions included, of what one client does when it waits for
the cluster to settle after each request and no pod is made; for each pod, the states it goes
through.

Not the same: times (they begin at the real time); keys, certificates and tokens (never from a
seed); which of several pods, whose timers run out at the same moment, is first, and with it the
resource versions, the numbers in events' names and the pods' addresses from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fixtures.embedded.api.storage.naming import Names
from fixtures.embedded.process import EmbeddedProcess
from suites.embedded.client import Client, Obj
from suites.embedded.recorded_answers import first_events
from suites.embedded.test_crds import CRDS, definition, thing

CORE = "/api/v1/namespaces/shop"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
THINGS = "/apis/example.com/v1/namespaces/shop/things"
TIMES = frozenset(
    {"creationTimestamp", "deletionTimestamp", "lastTransitionTime", "lastUpdateTime", "time"}
)
PATIENCE = 2_000
_TOLD_SECONDS = 0.3
_ALL = 10_000

Script = Callable[[EmbeddedProcess, Client], Any]


def on_fresh_cluster(state: Path, script: Script, seed: int, **options: Any) -> Any:
    with EmbeddedProcess.start(state, seed=seed, **options) as process:
        settle(process)
        return script(process, Client(process.kubeconfig))


def settle(process: EmbeddedProcess) -> None:
    """Wait until no part has work queued, several times in a row."""
    quiet = 0
    for _ in range(PATIENCE):
        quiet = quiet + 1 if process.get("/_embedded/state")["settled"] else 0
        if quiet == 3:
            return
    raise AssertionError("the cluster does not settle")


def events_of(client: Client, path: str, version: str) -> list[Obj]:
    """What happened to a kind of object since a version; it is told at once."""
    connection = client.connect(_TOLD_SECONDS)
    try:
        url = f"{path}?watch=true&resourceVersion={version}"
        connection.request("GET", url, headers=client.authorization)
        with connection.getresponse() as response:
            return first_events(response, _ALL)
    finally:
        connection.close()


def timeless(value: Any) -> Any:
    """A value without times; managed fields, which are sorted by theirs, in another order."""
    if isinstance(value, dict):
        plain = {key: timeless(item) for key, item in value.items() if key not in TIMES}
        if "managedFields" in plain:
            plain["managedFields"] = sorted(plain["managedFields"], key=str)
        return plain
    if isinstance(value, list):
        return [timeless(item) for item in value]
    return value


def requests(process: EmbeddedProcess, client: Client) -> list[Obj]:
    """One client, one request after the other: every event of what it made."""
    service = {"spec": {"ports": [{"port": 80}]}}
    container = {"name": "c", "image": "c:1"}
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    deployment = {
        "metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }
    created = client.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    version = created.body["metadata"]["resourceVersion"]
    steps: list[tuple[str, str, Any]] = [
        ("POST", CRDS, definition("things")),
        ("POST", f"{CORE}/configmaps", {"metadata": {"generateName": "a-"}}),
        ("POST", f"{CORE}/configmaps", {"metadata": {"generateName": "a-"}}),
        ("POST", f"{CORE}/services", {"metadata": {"name": "s"}, **service}),
        ("POST", f"{CORE}/services", {"metadata": {"generateName": "s-"}, **service}),
        ("POST", THINGS, thing("t", "Things", size=2)),
        ("POST", DEPLOYMENTS, deployment),
        ("DELETE", f"{CORE}/services/s", None),
        ("DELETE", f"{THINGS}/t", None),
    ]
    for method, path, body in steps:
        settle(process)
        assert client.request(method, path, body).code in (200, 201)
    settle(process)
    paths = (CRDS, f"{CORE}/configmaps", f"{CORE}/services", f"{CORE}/endpoints", DEPLOYMENTS)
    paths += ("/apis/apps/v1/namespaces/shop/replicasets", THINGS)
    found = [event for path in paths for event in events_of(client, path, version)]
    found = [e for e in found if e["object"]["metadata"]["name"] != "kube-root-ca.crt"]
    assert len(found) >= 15
    return sorted((timeless(e) for e in found), key=lambda e: int(version_of(e)))


def version_of(event: Obj) -> str:
    return event["object"]["metadata"]["resourceVersion"]


def test_one_client_gets_the_same_history(tmp_path: Path) -> None:
    first, second = (
        on_fresh_cluster(tmp_path / name, requests, 1, nodes=0, speed=20.0) for name in "ab"
    )

    assert first == second


def rollout(process: EmbeddedProcess, client: Client) -> dict[str, list[Any]]:
    """Pods of a Deployment that comes up on a node: the states of each, by name and UID."""
    labels = {"app": "web"}
    container = {"name": "c", "image": "c:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 4, "selector": {"matchLabels": labels}, "template": template}
    created = client.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    client.post(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec})
    for _ in range(PATIENCE):
        status = client.get(f"{DEPLOYMENTS}/web").body["status"]
        if status.get("readyReplicas") == spec["replicas"]:
            break
    version = created.body["metadata"]["resourceVersion"]
    found: dict[str, list[Any]] = {}
    for event in events_of(client, f"{CORE}/pods", version):
        metadata: Obj = event["object"]["metadata"]
        states = found.setdefault(f"{metadata['name']} {metadata['uid']}", [])
        state = stage(event["object"])
        if not states or states[-1] != state:
            states.append(state)
    return found


def stage(pod: Obj) -> tuple[str, bool, list[str]]:
    """Phase, whether it has a node, and the conditions that are true."""
    conditions = pod["status"].get("conditions") or ()
    true = sorted(c["type"] for c in conditions if c["status"] == "True")
    return (pod["status"]["phase"], "nodeName" in pod["spec"], true)


def test_pods_have_the_same_names_and_go_the_same_way(tmp_path: Path) -> None:
    first, second = (
        on_fresh_cluster(tmp_path / name, rollout, 1, nodes=1, speed=20.0) for name in "ab"
    )

    assert len(first) == 4
    assert first == second


PURPOSES = st.lists(st.sampled_from(["pods/shop/web-", "pods/shop/api-", "events"]), max_size=20)


@given(st.integers(0, 9), PURPOSES, st.randoms(use_true_random=False))
def test_what_is_made_up_for_one_purpose_is_not_moved_by_others(
    seed: int, purposes: list[str], random: Any
) -> None:
    shuffled = random.sample(purposes, len(purposes))

    assert made(seed, purposes) == made(seed, shuffled)
    assert not purposes or made(seed, purposes) != made(seed + 10, purposes)


def made(seed: int | None, purposes: list[str]) -> set[tuple[str, str, str]]:
    names = Names(seed)
    return {(of, names.uid(of), names.suffix(of)) for of in purposes}


def test_without_a_seed_nothing_repeats() -> None:
    assert made(None, ["a"]) != made(None, ["a"])
    assert len(made(1, ["a"] * 50)) == 50
