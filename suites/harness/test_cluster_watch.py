"""The watch on pods: what ran when, over closed streams, expired versions and odd objects."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.access.patience import NONE
from fixtures.observers.pod_watch import PodWatch
from policies.facts.cluster import Namespace, Pod
from suites.harness.pods import namespace, pod
from suites.harness.scripted_api import (
    Asked,
    Says,
    listing,
    refused,
    scripted_api,
    write_kubeconfig,
)

Obj = dict[str, Any]
START = datetime(2026, 1, 1, tzinfo=UTC)


def asks_for_injection(pod: Pod, namespace: Namespace | None) -> bool:
    return namespace is not None and namespace.inject == "enabled"


def event(kind: str, obj: Obj) -> Obj:
    return {"type": kind, "object": obj}


class Story:
    """What the API tells of pods: lists, then streams, one after the other; then silence."""

    def __init__(self, lists: list[list[Obj]], streams: list[list[Obj] | Says]) -> None:
        self._lists = lists
        self._streams = streams
        self._lock = threading.Lock()
        self.told = threading.Event()
        self.versions: list[str] = []

    def __call__(self, asked: Asked) -> Says:
        if asked.path == "/api/v1/namespaces":
            if "watch" in asked.query:
                self.told.wait(10)
                return Says(lines=[])
            return listing(namespace("shop"), namespace("plain", inject="disabled"))
        with self._lock:
            if "watch" not in asked.query:
                return listing(*self._lists.pop(0), version="7")
            self.versions.append(asked.query["resourceVersion"])
            if self._streams:
                now = self._streams.pop(0)
                return now if isinstance(now, Says) else Says(lines=now)
        self.told.set()
        return refused(500, "InternalError")


def watched(folder: Path, story: Story) -> PodWatch:
    """A watch that has been told the whole story, by a clock that ticks a second per look."""
    ticks = itertools.count()
    with scripted_api(folder, story) as api:
        watch = PodWatch(
            Connection(api.kubeconfig),
            should_be_meshed=asks_for_injection,
            clock=lambda: START + timedelta(seconds=next(ticks)),
            ignore_namespaces=frozenset({"canary"}),
        )
        watch.start()
        assert story.told.wait(20)
        watch.stop()
    return watch


def test_versions_and_unmeshed_pods_are_seen_as_they_change(tmp_path: Path) -> None:
    control = pod(
        "linkerd-destination-x",
        namespace="linkerd",
        proxy="v1",
        labels={"linkerd.io/control-plane-component": "destination"},
    )
    control["spec"]["containers"][0] = {"name": "destination", "image": "controller:v1"}
    story = Story(
        [[control, pod("a", proxy="v1"), pod("b", namespace="plain")]],
        [
            [event("ADDED", pod("c", phase="Pending"))],
            [event("MODIFIED", pod("c"))],
            [event("MODIFIED", pod("a", proxy="v2"))],
        ],
    )

    sightings, _ = watched(tmp_path, story).drain(START)

    assert [(s.control_plane, s.proxies, s.unmeshed) for s in sightings] == [
        (("v1",), (("v1", 1),), 0),
        (("v1",), (("v1", 1),), 1),
        (("v1",), (("v2", 1),), 1),
    ]


def test_a_pod_is_followed_from_birth_to_end(tmp_path: Path) -> None:
    born = pod("a", proxy="v1", phase="Pending")
    born["status"]["conditions"] = []
    story = Story(
        [[]],
        [
            [
                event("ADDED", born),
                event("MODIFIED", pod("a", proxy="v1")),
                event("DELETED", pod("a", proxy="v1")),
            ]
        ],
    )

    _, (moment,) = watched(tmp_path, story).drain(START)

    assert moment.born == datetime(2026, 1, 1, tzinfo=UTC)
    assert moment.proxy_version == "v1"
    assert moment.ready is not None
    assert moment.ended is not None
    assert moment.born < moment.ready < moment.ended


def test_pods_that_ended_while_the_watch_was_away_have_an_end(tmp_path: Path) -> None:
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "metadata": {}}}
    story = Story([[pod("a"), pod("b")], [pod("b")]], [[gone]])

    _, moments = watched(tmp_path, story).drain(START)

    assert {m.name: m.ended is not None for m in moments} == {"a": True, "b": False}


def test_an_expired_version_is_listed_anew(tmp_path: Path) -> None:
    story = Story([[pod("a")], [pod("a"), pod("b")]], [refused(410, "Expired")])

    sightings, _ = watched(tmp_path, story).drain(START)

    assert [s.unmeshed for s in sightings] == [1, 2]


def test_a_closed_stream_is_continued_where_it_ended(tmp_path: Path) -> None:
    bookmark = event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "40"}})
    story = Story([[]], [[event("ADDED", pod("a", version="8"))], [bookmark], []])

    watched(tmp_path, story)

    assert story.versions == ["7", "8", "40", "40"]


def test_an_object_that_does_not_fit_does_not_end_the_watch(tmp_path: Path) -> None:
    odd = pod("odd", version="8")
    odd["spec"]["containers"] = "none"
    story = Story([[]], [[event("ADDED", odd), event("ADDED", pod("a", version="9"))]])

    _, moments = watched(tmp_path, story).drain(START)

    assert [m.name for m in moments] == ["a"]
    assert story.versions[-1] == "9"


def test_ignored_namespaces_are_not_asked_for_and_not_seen(tmp_path: Path) -> None:
    story = Story([[pod("c", namespace="canary")]], [])

    sightings, moments = watched(tmp_path, story).drain(START)

    assert moments == ()
    assert [s.unmeshed for s in sightings] == [0]


def test_draining_twice_gives_the_state_in_between_only_once(tmp_path: Path) -> None:
    story = Story([[pod("a")]], [[event("DELETED", pod("a", version="8"))]])
    watch = watched(tmp_path, story)

    first, pods = watch.drain(START)
    second, later = watch.drain()

    assert [s.unmeshed for s in first] == [1, 0]
    assert [s.unmeshed for s in second] == [0]
    assert (len(pods), len(later)) == (1, 0)


def test_a_cluster_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")
    watch = PodWatch(Connection(kubeconfig, patience=NONE), should_be_meshed=asks_for_injection)

    with pytest.raises(ClusterError):
        watch.start(timeout=0.2)
