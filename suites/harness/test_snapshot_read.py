"""Reading snapshots: recorded ones give the facts of that moment, junk gives one clear message."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import BadInput
from fixtures.snapshot.file import read_bytes
from fixtures.snapshot.load import CAPTURED_AT, KINDS_READ, NOT_READ, SERVER_VERSION
from fixtures.snapshot.read import detect_version, facts, read_snapshot
from policies.facts.cluster import ClusterFacts
from policies.releases.grammar import parse
from suites.harness.pods import namespace, pod
from suites.harness.snapshots import FIRST, HELM, SECOND, cluster, recorded, written

Obj = dict[str, Any]


@pytest.mark.parametrize(
    ("folder", "step", "version"),
    [
        (FIRST, "baseline", "edge-25.4.4"),
        (FIRST, "settled", "edge-25.10.7"),
        (SECOND, "baseline", "edge-25.10.7"),
        (SECOND, "settled", "edge-26.6.3"),
        (HELM, "baseline", "edge-25.10.7"),
        (HELM, "rolled_back", "edge-25.10.7"),
    ],
)
def test_the_release_of_a_recorded_cluster_is_found(folder: str, step: str, version: str) -> None:
    snapshot = read_snapshot(recorded(folder, step))

    assert detect_version(facts(snapshot)) == parse(version)
    assert detect_version(facts(snapshot)) == parse(version)
    assert snapshot.kubernetes == "v1.31.14"
    assert snapshot.kubernetes_minor == "1.31"


def test_a_recorded_baseline_gives_its_facts() -> None:
    snapshot = read_snapshot(recorded(FIRST))
    found = facts(snapshot)
    meshed = [p for p in found.pods if p.proxy]

    assert found.taken_at == snapshot.captured_at == datetime(2026, 11, 23, 9, 37, 54, tzinfo=UTC)
    assert not found.simulated
    assert len(meshed) == 12
    assert {p.proxy.version for p in meshed if p.proxy} == {"edge-25.4.4"}
    assert {(p.owner_kind, p.owner_name) for p in meshed if p.namespace == "shop"} == {
        ("Deployment", "web"),
        ("Deployment", "client"),
        ("StatefulSet", "store"),
        ("DaemonSet", "agent"),
        ("Job", "report"),
        ("", ""),
    }
    assert [p.name for p in found.pods if p.application_ended] == ["report-f6gp4"]
    assert found.config is not None
    assert found.config.version == "edge-25.4.4"
    assert found.config.overrides_present
    assert {w.name for w in found.webhooks} == {
        "linkerd-proxy-injector.linkerd.io",
        "linkerd-sp-validator.linkerd.io",
        "linkerd-policy-validator.linkerd.io",
    }
    assert len(found.objects) == 41 + 14
    assert [u.resource for u in found.unreadable] == ["resourcequotas"]


def test_recorded_certificates_verify_each_other() -> None:
    found = facts(read_snapshot(recorded(FIRST)))

    assert found.trust_roots is not None
    assert found.issuer is not None
    (root,) = found.trust_roots.certificates
    assert found.issuer.certificates[0].verified_by == (root.sha256,)
    for webhook in found.webhooks:
        assert webhook.ca_bundle is not None
        served = next(
            b for b in found.webhook_certificates if f"/{webhook.service_name}-k8s" in b.place
        )
        assert served.certificates[0].sha256 == webhook.ca_bundle.certificates[0].sha256


def test_native_sidecars_of_a_recording_are_seen() -> None:
    found = facts(read_snapshot(recorded(SECOND, "settled")))

    native = {p.proxy.native for p in found.pods if p.namespace == "shop" and p.proxy}
    assert native == {True, False}


def test_a_helm_installation_is_known_by_its_releases() -> None:
    found = facts(read_snapshot(recorded(HELM)))

    assert found.config is not None
    assert found.config.overrides_present is False
    assert any("linkerd-control-plane" in name for name in found.config.helm_releases)


def test_facts_of_a_snapshot_survive_json() -> None:
    found = facts(read_snapshot(recorded(FIRST)))

    assert msgspec.json.decode(msgspec.json.encode(found), type=ClusterFacts) == found


def test_noted_time_version_and_gaps_win(tmp_path: Path) -> None:
    path = written(
        tmp_path / "s.json",
        cluster(),
        **{
            CAPTURED_AT: "2026-02-03T04:05:06+00:00",
            SERVER_VERSION: "v1.30.1",
            KINDS_READ: "pods,namespaces,poddisruptionbudgets.policy",
            NOT_READ: '[{"resource":"secrets","reason":"Forbidden: no"}]',
        },
    )

    snapshot = read_snapshot(path)
    found = facts(snapshot)

    assert snapshot.captured_at == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert found.kubernetes == "v1.30.1"
    assert found.cannot_read("secrets") == "secrets: Forbidden: no"
    assert found.cannot_read("nodes") == "nodes: not in the snapshot"
    assert not found.cannot_read("pods", "poddisruptionbudgets.policy")


def test_without_a_note_the_newest_past_moment_counts(tmp_path: Path) -> None:
    late = pod("late")
    late["metadata"]["creationTimestamp"] = "2026-05-05T05:05:05Z"
    late["metadata"]["annotations"]["linkerd.io/identity-issuer-expiry"] = "2036-01-01T00:00:00Z"

    snapshot = read_snapshot(written(tmp_path / "s.json", cluster(late)))

    assert snapshot.captured_at == datetime(2026, 5, 5, 5, 5, 5, tzinfo=UTC)


def test_the_version_comes_from_the_nodes_where_no_api_server_pod_is(tmp_path: Path) -> None:
    nodes: list[Obj] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "status": {"nodeInfo": {"kubeletVersion": version}},
        }
        for name, version in [("a", "v1.29.1"), ("b", "v1.30.2"), ("c", "v1.30.2")]
    ]

    assert read_snapshot(written(tmp_path / "s.json", cluster(*nodes))).kubernetes == "v1.30.2"
    assert read_snapshot(written(tmp_path / "t.json", cluster())).kubernetes == ""


def test_a_plain_file_and_a_gzip_give_the_same(tmp_path: Path) -> None:
    plain = written(tmp_path / "s.json", cluster())
    packed = tmp_path / "s.json.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert facts(read_snapshot(plain)) == facts(read_snapshot(packed))


def test_an_odd_object_is_told_of_and_the_rest_is_read(tmp_path: Path) -> None:
    odd = pod("odd")
    odd["spec"]["nodeName"] = 5

    found = facts(read_snapshot(written(tmp_path / "s.json", cluster(odd))))

    assert [p.name for p in found.pods] == ["web-1"]
    assert "odd could not be decoded" in found.cannot_read("pods")


def with_node_name(path: Path, text: bytes) -> Path:
    """A snapshot with one pod whose node name is this JSON."""
    odd = pod("odd")
    odd["spec"]["nodeName"] = "HERE"
    written(path, cluster(odd))
    path.write_bytes(path.read_bytes().replace(b'"HERE"', text))
    return path


@pytest.mark.parametrize("text", [rb'"\ud800"', rb'"\x"'])
def test_text_that_is_no_json_is_bad_input(tmp_path: Path, text: bytes) -> None:
    path = with_node_name(tmp_path / "s.json", text)

    assert "not a Kubernetes list" in refusal(path).what


def test_bytes_that_are_no_text_are_bad_input(tmp_path: Path) -> None:
    path = with_node_name(tmp_path / "s.json", b'"\xff"')

    assert "Pod shop/odd" in refusal(path).where


def refusal(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_snapshot(path)
    assert caught.value.exit_code == 4
    assert str(path) in str(caught.value)
    assert "rehearse snapshot" in str(caught.value)
    return caught.value


def test_a_cut_off_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.json.gz"
    packed = gzip.compress(json.dumps({"kind": "List", "items": cluster()}).encode())
    path.write_bytes(packed[: len(packed) // 2])

    assert "cut off" in refusal(path).what


def test_a_damaged_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.json.gz"
    path.write_bytes(b"\x1f\x8b" + b"junk" * 50)

    assert "damaged" in refusal(path).what


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("apiVersion: v1\nkind: List\n", "not JSON"),
        ("[]", "not JSON"),
        ('{"kind": "List", "items": [', "not a Kubernetes list"),
        ('{"kind": "PodList", "items": []}', "wrong kind"),
        ('{"kind": "Pod"}', "wrong kind"),
        ('{"kind": "List"}', "wrong kind"),
        ('{"kind": "List", "items": []}', "list of other things"),
        ('{"kind": "List", "items": [1]}', "item 0"),
        ('{"kind": "List", "items": [{"kind": "Pod", "apiVersion": "v1"}]}', "item 0"),
        ('{"kind": "List", "items": "x"}', "not a Kubernetes list"),
        ('{"a":' * 5000, "not a Kubernetes list"),
        ('{"kind": "List", "items": [' + '{"a":' * 5000, "not a Kubernetes list"),
    ],
)
def test_what_is_no_snapshot_is_named(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(content)

    assert said in refusal(path).what


def test_a_list_of_other_things_says_what_it_holds(tmp_path: Path) -> None:
    path = written(tmp_path / "s.json", [namespace("a"), namespace("b")])

    error = refusal(path)

    assert error.seen == "2 Namespace"
    assert "Pod" in error.expected


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.json").what
    assert "folder" in refusal(tmp_path).what


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.json.gz"
    bomb.write_bytes(gzip.compress(b'{"kind":"List","items":[' + b" " * 5_000_000))

    with pytest.raises(BadInput, match="too large"):
        read_bytes(bomb, limit=2_000_000)


def test_junk_is_refused_by_its_first_bytes(tmp_path: Path) -> None:
    """A sparse gigabyte: refused before a second chunk is read."""
    junk = tmp_path / "junk.json"
    with junk.open("wb") as out:
        out.write(b"junk")
        out.truncate(1 << 30)

    assert "not JSON" in refusal(junk).what


def test_a_snapshot_without_any_time_is_named(tmp_path: Path) -> None:
    timeless = pod("x")
    del timeless["metadata"]["creationTimestamp"]

    path = written(tmp_path / "s.json", [namespace("shop"), timeless])

    assert "when it was captured" in refusal(path).what


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "apiVersion",
                    "kind",
                    "metadata",
                    "items",
                    "spec",
                    "status",
                    "name",
                    "labels",
                    "annotations",
                    "containers",
                    "data",
                    "values",
                    "webhooks",
                    "template",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.binary(max_size=200))
def test_any_bytes_are_bad_input_and_never_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "junk"
    for content in (data, b"{" + data, b"\x1f\x8b" + data, gzip.compress(b"{" + data)):
        path.write_bytes(content)
        with pytest.raises(BadInput):
            read_snapshot(path)


@given(st.lists(JUNK, max_size=4), st.dictionaries(st.text(max_size=12), JUNK, max_size=3))
def test_any_objects_are_facts_or_bad_input(
    tmp_path_factory: pytest.TempPathFactory, objects: list[object], parts: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.json"
    odd = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, **parts}
    content = {"kind": "List", "items": [*cluster(), odd, *objects]}
    path.write_text(json.dumps(content))

    try:
        found = facts(read_snapshot(path))
    except BadInput:
        return
    assert [p.name for p in found.pods][:1] == ["web-1"]


@given(
    st.sampled_from(["Pod", "Namespace", "Node", "Deployment", "Secret", "ConfigMap", "Event"]),
    JUNK,
    JUNK,
)
def test_known_kinds_with_odd_parts_are_facts_or_bad_input(
    tmp_path_factory: pytest.TempPathFactory, kind: str, spec: object, status: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.json"
    version = "apps/v1" if kind == "Deployment" else "v1"
    odd: Obj = {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "linkerd-config", "namespace": "linkerd"},
        "spec": spec,
        "status": status,
        "data": status,
        "involvedObject": spec,
    }
    path.write_text(json.dumps({"kind": "List", "items": cluster(odd)}))

    try:
        found = facts(read_snapshot(path))
    except BadInput:
        return
    assert found.pods
