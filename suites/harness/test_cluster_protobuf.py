"""Pods mean the same whichever encoding they came in."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apimachinery.protobuf.fields import MAGIC, MEDIA_TYPE
from fixtures.cluster import kinds, objects
from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.facts.pods import pod_fact
from fixtures.cluster.reader import ClusterReader
from fixtures.cluster.wire import framing, lists, protobuf
from fixtures.cluster.wire.framing import fields
from fixtures.cluster.wire.messages import kind_of, numbers
from fixtures.embedded.api.wire import writer as writer
from fixtures.embedded.api.wire.protobuf import read
from policies.facts.cluster import Pod
from suites.embedded.test_protobuf_answers import recorded_pods
from suites.harness.pods import namespace, pod
from suites.harness.scripted_api import Asked, Says, listing, refused, scripted_api

Obj = dict[str, Any]

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
NOT_IN_PROTOBUF: dict[type[objects.Raw], set[str]] = {
    objects.PartialObject: {"api_version", "kind"}
}
"""What stands beside the metadata in JSON only."""


def in_protobuf(items: Iterable[Obj], **meta: object) -> bytes:
    """A list of pods as an API server answers it."""
    parts = [writer.delimited(1, writer.message("ListMeta", {"resourceVersion": "7", **meta}))]
    parts += [writer.delimited(2, writer.message("StoredPod", item)) for item in items]
    return enveloped(b"".join(parts))


def enveloped(raw: bytes) -> bytes:
    type_ = writer.message("TypeOfAnswer", {"apiVersion": "v1", "kind": "PodList"})
    # Two empty fields come after the raw bytes: encoding and media type.
    return MAGIC + writer.delimited(1, type_) + writer.delimited(2, raw) + b"\x1a\x00\x22\x00"


def from_json(obj: Obj) -> objects.RawPod:
    return msgspec.json.decode(json.dumps(obj), type=objects.RawPod)


def from_protobuf(obj: Obj) -> objects.RawPod:
    return protobuf.decoded(writer.message("StoredPod", obj), objects.RawPod)


def dumped_pods() -> list[Obj]:
    """Every different pod of the recorded clusters."""
    found: dict[str, Obj] = {}
    for path in sorted(RECORDINGS.glob("*/dumps/*.json.gz")):
        for obj in json.loads(gzip.decompress(path.read_bytes()))["items"]:
            if obj["kind"] == "Pod":
                meta = obj["metadata"]
                found[f"{meta['uid']} {meta['resourceVersion']}"] = obj
    if not found:
        pytest.skip("there are no recordings beside this checkout")
    return list(found.values())


def without_nothing(value: Any) -> Any:
    """A struct without fields that say nothing: null, empty, zero, as Kubernetes omits them."""
    if isinstance(value, msgspec.Struct):
        pairs = ((name, without_nothing(getattr(value, name))) for name in value.__struct_fields__)
        return type(value).__name__, tuple(p for p in pairs if p[1] not in (None, "", 0, (), {}))
    if isinstance(value, list):
        items: list[Any] = value
        return tuple(without_nothing(each) for each in items)
    return value


def test_recorded_pods_are_the_same_in_both_encodings() -> None:
    pods = dumped_pods()

    for each in pods:
        one, other = from_protobuf(each), from_json(each)
        assert without_nothing(one) == without_nothing(other)
        assert pod_fact(one, {}) == pod_fact(other, {})
    assert any(pod_fact(from_json(each), {}).proxy for each in pods)


def test_pods_that_a_real_api_server_wrote_are_read_as_another_reader_reads_them() -> None:
    for content in recorded_pods():
        raw = protobuf.decoded(content, objects.RawPod)

        assert without_nothing(raw) == without_nothing(from_json(read("StoredPod", content)))
        proxy = pod_fact(raw, {}).proxy
        assert proxy is not None
        assert proxy.version.startswith("edge-")


TEXT = st.text(max_size=8)
SECONDS = st.integers(min_value=0, max_value=4_000_000_000)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "truth": st.none() | st.booleans(),
    "number": st.none() | st.integers(min_value=0, max_value=2**31),
    "map": st.dictionaries(TEXT, TEXT, max_size=3),
    "time": st.none() | SECONDS.map(protobuf.at_second),
}


@st.composite
def generated(draw: st.DrawFn, of: type[objects.Raw]) -> objects.Raw:
    """Any struct of those read in protobuf, by what its fields are."""
    hints = get_type_hints(of)
    values: Obj = {}
    for name in numbers()[of]:
        kind, inner = kind_of(hints[name])
        strategy = VALUES[kind] if kind in VALUES else generated(inner)
        values[name] = draw(st.lists(strategy, max_size=2) if kind == "list" else strategy)
    return of(**values)


@settings(max_examples=50)
@given(generated(objects.RawPod))
def test_any_pod_is_the_same_in_both_encodings(raw: objects.Raw) -> None:
    obj: Obj = msgspec.json.decode(msgspec.json.encode(raw))

    assert without_nothing(from_protobuf(obj)) == without_nothing(from_json(obj))
    assert pod_fact(from_protobuf(obj), {}) == pod_fact(from_json(obj), {})


@pytest.mark.parametrize("of", numbers(), ids=lambda of: of.__name__)
def test_every_field_of_a_struct_has_its_number(of: type[objects.Raw]) -> None:
    assert set(numbers()[of]) == set(of.__struct_fields__) - NOT_IN_PROTOBUF.get(of, set())


@given(st.data())
def test_a_list_is_the_same_in_chunks_of_any_size(data: st.DataObject) -> None:
    answer = in_protobuf([pod("a"), pod("b", proxy="edge-25.4.4")], **{"continue": "more"})
    cuts = sorted(data.draw(st.sets(st.integers(1, len(answer) - 1), max_size=12)))
    chunks = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]

    assert list(fields(chunks)) == list(fields([answer]))


@given(st.data())
def test_a_list_that_is_cut_off_is_no_list(data: st.DataObject) -> None:
    answer = in_protobuf([pod("a")])
    end = data.draw(st.integers(len(MAGIC) + 1, len(answer) - 5))

    with pytest.raises(ValueError, match=r"cut off|is not|belongs|number"):
        lists.decode_page(answer[:end], objects.RawPod)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_list_are_refused_or_empty(noise: bytes) -> None:
    try:
        found, _, _ = lists.decode_page(MAGIC + noise, objects.RawPod)
    except ValueError:
        return
    assert all(isinstance(each, objects.RawPod) for each in found)


def test_one_damaged_pod_does_not_hide_the_others() -> None:
    head = writer.delimited(1, b"")
    good = writer.delimited(2, writer.message("StoredPod", pod("a")))
    answer = enveloped(head + writer.delimited(2, b"\x0a\xff") + good)

    found, _, problem = lists.decode_page(answer, objects.RawPod)

    assert [p.metadata.name for p in found] == ["a"]
    assert problem.startswith("1 could not be decoded, first: not a RawPod in protobuf")


@dataclass(slots=True)
class Pages:
    """Three pages of one pod, in the encoding that is asked for; some may have expired."""

    protobuf: bool = True
    expired: list[str] = field(default_factory=list[str])
    """Tokens refused, each once."""

    def __call__(self, asked: Asked) -> Says:
        if asked.path == "/version":
            return Says(body={"gitVersion": "v1.31.0"})
        if asked.path == "/api/v1/namespaces":
            return listing(namespace("shop"))
        if asked.path != kinds.PODS.path():
            return refused(404, "NotFound") if "/linkerd-" in asked.path else listing()
        token = asked.query.get("continue", "0")
        if token in self.expired:
            self.expired.remove(token)
            return refused(410, "Expired")
        number = int(token)
        more = {"continue": str(number + 1)} if "limit" in asked.query and number < 2 else {}
        every = [pod(f"p{n}", proxy="edge-25.4.4") for n in range(3)]
        items = every[number : number + 1] if "limit" in asked.query else every
        if self.protobuf and asked.accept.startswith(MEDIA_TYPE):
            return Says(body=in_protobuf(items, **more))
        return listing(*items, **more)


def facts_of(folder: Path, script: Pages) -> tuple[tuple[Pod, ...], list[Asked]]:
    with scripted_api(folder, script) as api:
        connection = Connection(api.kubeconfig)
        reader = ClusterReader(connection)
        try:
            return reader.facts().pods, api.asked
        finally:
            reader.close()
            connection.close()


def test_all_pages_are_read_in_protobuf_and_in_json(tmp_path: Path) -> None:
    in_one, asked = facts_of(tmp_path, Pages())
    in_other, _ = facts_of(tmp_path, Pages(protobuf=False))

    assert in_one == in_other
    assert [p.name for p in in_one] == ["p0", "p1", "p2"]
    pods = [a for a in asked if a.path == kinds.PODS.path()]
    assert [a.query.get("continue") for a in pods] == [None, "1", "2"]


def test_without_the_package_pods_are_asked_for_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protobuf, "available", lambda: False)

    found, asked = facts_of(tmp_path, Pages())

    assert [p.name for p in found] == ["p0", "p1", "p2"]
    assert not any(MEDIA_TYPE in a.accept for a in asked)


def test_a_reading_is_paged_and_watches_nothing(tmp_path: Path) -> None:
    _, asked = facts_of(tmp_path, Pages())

    collections = [a for a in asked if a.path.split("/")[-1] in ("pods", "replicasets", "events")]
    assert len(collections) >= 5
    assert all(a.query["limit"] == str(lists.PAGE) for a in collections)
    assert not any("watch" in a.query for a in asked)
    assert {a.method for a in asked} == {"GET"}


@pytest.mark.parametrize("expired", [["1"], ["2"], ["1", "2"], ["2", "2"]], ids=str)
def test_expired_pages_are_read_again_from_the_first(tmp_path: Path, expired: list[str]) -> None:
    found, asked = facts_of(tmp_path, Pages(expired=list(expired)))

    assert [p.name for p in found] == ["p0", "p1", "p2"]
    pods = [a for a in asked if a.path == kinds.PODS.path()]
    assert sum("continue" not in a.query for a in pods) == 1 + len(expired)
    assert ("limit" in pods[-1].query) is (len(expired) < lists.PAGED_TRIES)


def test_a_whole_list_that_has_expired_is_an_error(tmp_path: Path) -> None:
    with (
        scripted_api(tmp_path, lambda _: refused(410, "Expired")) as api,
        pytest.raises(ClusterError, match="410"),
    ):
        lists.read_all(Connection(api.kubeconfig), kinds.PODS, objects.RawPod)


def test_what_is_no_list_names_its_path(tmp_path: Path) -> None:
    with (
        scripted_api(tmp_path, lambda _: Says(body=MAGIC + b"\xff\xff")) as api,
        pytest.raises(ClusterError) as caught,
    ):
        lists.read_all(Connection(api.kubeconfig), kinds.PODS, objects.RawPod)

    assert "/api/v1/pods" in str(caught.value)
    assert "not a Kubernetes list" in str(caught.value)


def test_metadata_is_read_in_protobuf_too(tmp_path: Path) -> None:
    def script(asked: Asked) -> Says:
        assert "as=PartialObjectMetadataList" in asked.accept
        meta = pod("a", proxy="edge-25.4.4")["metadata"]
        item = writer.delimited(1, writer.message("ObjectMeta", meta))
        return Says(body=enveloped(writer.delimited(2, item)))

    with scripted_api(tmp_path, script) as api:
        found, problem = lists.read_all(
            Connection(api.kubeconfig), kinds.PODS, objects.PartialObject
        )

    assert problem == ""
    assert found[0].metadata.annotation(kinds.PROXY_VERSION) == "edge-25.4.4"


def test_the_reader_of_frames_stops_at_a_field_of_another_kind() -> None:
    with pytest.raises(ValueError, match="wire type 0"):
        list(framing.fields([enveloped(b"\x08\x01")]))
