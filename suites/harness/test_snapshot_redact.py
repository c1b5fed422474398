"""Redaction: what is not known to be needed is gone, and what was equal stays equal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.cluster.facts.helm_release import raw_release
from fixtures.snapshot.explain import Kept, rule, table
from fixtures.snapshot.facts import facts
from fixtures.snapshot.load import REDACTED, RULE, read_snapshot
from fixtures.snapshot.redaction.allowed import KINDS, RULES, SHAPES
from fixtures.snapshot.redaction.digests import MARK, Digests, is_digest
from fixtures.snapshot.redaction.redact import Redactor
from policies.facts.cluster import ClusterFacts
from suites.harness.planted import found_in
from suites.harness.secret_places import (
    CERTIFICATE,
    DER,
    KEY_BODY,
    PIN,
    PLACES,
    SECRET,
    an,
    b64,
    environment,
    labelled,
    linkerd_config,
    noted,
    of_container,
    of_pod,
    release,
)
from suites.harness.snapshots import FIRST, HELM, SECOND, recorded, written

Obj = dict[str, Any]


def redacted(obj: Obj) -> str:
    return json.dumps(Redactor().object(obj))


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_kept_in_no_place(place: str) -> None:
    before, after = json.dumps(PLACES[place]), redacted(PLACES[place])

    for secret in (SECRET, KEY_BODY, DER, PIN):
        assert not found_in(after.encode(), secret)
    assert any(found_in(before.encode(), s) for s in (SECRET, KEY_BODY, DER, PIN))


@pytest.mark.parametrize(
    "obj",
    [
        environment("info", "LINKERD2_PROXY_LOG"),
        environment(CERTIFICATE, "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS"),
        environment("linkerd", "_l5d_ns"),
        of_container(image="registry.example:5000/app:1@sha256:" + "0" * 64),
        of_container(lifecycle={"preStop": {"exec": {"command": ["/bin/sleep", "10"]}}}),
        noted("linkerd.io/inject", "enabled"),
        noted("config.linkerd.io/opaque-ports", "3306,4444"),
        noted("kubectl.kubernetes.io/restartedAt", "2026-01-02T03:04:05Z"),
        noted("linkerd.io/created-by", "linkerd/helm %!s(<nil>)"),
        labelled("app.kubernetes.io/name", "web"),
        an("ConfigMap", data={"ca-bundle.crt": CERTIFICATE}),
        an("Secret", data={"tls.crt": b64(CERTIFICATE)}),
        linkerd_config("clusterDomain: cluster.local\ncontrollerReplicas: 3\n"),
    ],
    ids=range(13),
)
def test_what_is_needed_is_unchanged_and_nothing_is_counted(obj: Obj) -> None:
    redactor = Redactor()

    assert redactor.object(obj) == obj
    assert redactor.removed == 0


def test_a_sleep_before_the_end_is_as_long_as_it_was() -> None:
    script = f"export A={SECRET}; sleep 15; kill 1"
    obj = of_container(lifecycle={"preStop": {"exec": {"command": ["sh", "-c", script]}}})

    container = Redactor().object(obj)["spec"]["containers"][0]
    words = container["lifecycle"]["preStop"]["exec"]["command"]

    assert words[:2] == ["sh", "-c"]
    assert words[2].split()[1:] == ["sleep", "15"]


@pytest.mark.parametrize("value", ["web", "tr0ub4dor", "17", "", "true", "UPPER.case"])
def test_what_was_selected_by_labels_still_is(value: str) -> None:
    redactor = Redactor()
    selected = redactor.object(labelled("role", value))["metadata"]["labels"]
    service = an("Service", spec={"selector": {"role": value}})
    budget = an(
        "PodDisruptionBudget", "policy/v1", spec={"selector": {"matchLabels": {"role": value}}}
    )
    term = {
        "labelSelector": {
            "matchExpressions": [{"key": "role", "operator": "In", "values": [value, "b"]}]
        }
    }
    needs = "requiredDuringSchedulingIgnoredDuringExecution"
    apart = of_pod(affinity={"podAntiAffinity": {needs: [term]}}, nodeSelector={"role": value})
    server = an(
        "Server",
        "policy.linkerd.io/v1beta3",
        spec={"podSelector": {"matchLabels": {"role": value}}},
    )
    policy = an(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        spec={"podSelector": {"matchLabels": {"role": value}}},
    )
    values = linkerd_config(f"nodeSelector: {{role: {json.dumps(value)}}}")

    assert redactor.object(service)["spec"]["selector"] == selected
    for obj in (budget,):
        assert redactor.object(obj)["spec"]["selector"]["matchLabels"] == selected
    for obj in (server, policy):
        assert redactor.object(obj)["spec"]["podSelector"]["matchLabels"] == selected
    spec = redactor.object(apart)["spec"]
    assert spec["nodeSelector"] == selected
    kept = spec["affinity"]["podAntiAffinity"][needs][0]["labelSelector"]["matchExpressions"][0]
    assert kept["values"][0] == selected["role"]
    assert selected["role"] in redactor.object(values)["data"]["values"]


def test_equal_texts_are_equal_in_one_file_and_not_in_another() -> None:
    one, other = Digests(), Digests()

    assert one.of("a text") == one.of("a text") != one.of("another")
    assert one.of("a text") != other.of("a text")
    assert is_digest(one.of(one.of("/a/path")))
    assert one.of("/a/path").startswith(f"/{MARK}")


@given(st.text(min_size=1, max_size=600))
def test_a_digest_is_a_label_and_as_long_where_length_matters(text: str) -> None:
    found = Digests(b"key").of(text)

    assert len(found) == len(text) if len(text) >= 256 else len(found) <= 63
    assert Digests(b"key").of(found) == found


def test_revisions_and_sets_still_agree() -> None:
    template = {"metadata": {"labels": {"role": "x"}}, "spec": environment(SECRET)["spec"]}
    redactor = Redactor()
    owner = redactor.object(an("StatefulSet", "apps/v1", spec={"template": template}))
    data = {"spec": {"template": {**template, "$patch": "replace"}}}
    kept = redactor.object(an("ControllerRevision", "apps/v1", data=data))

    assert kept["data"]["spec"]["template"] == {**owner["spec"]["template"], "$patch": "replace"}


def test_a_release_keeps_what_the_next_upgrade_is_made_from() -> None:
    obj = release(
        namespace="linkerd",
        info={"status": "deployed", "last_deployed": "2026-01-02T03:04:05Z"},
        chart={"metadata": {"name": "linkerd-control-plane", "version": "2025.10.7"}},
        config={"controllerReplicas": 3, "identity": {"issuer": {"tls": {"crtPEM": CERTIFICATE}}}},
        manifest="kind: Service\napiVersion: v1\nmetadata: {name: linkerd-dst}\n",
    )

    kept = raw_release(Redactor().object(obj)["data"]["release"])

    assert kept.chart.metadata.name == "linkerd-control-plane"
    assert kept.info.status == "deployed"
    assert kept.config is not None
    assert kept.config["controllerReplicas"] == 3
    assert kept.config["identity"]["issuer"]["tls"]["crtPEM"] == CERTIFICATE
    assert "linkerd-dst" in kept.manifest


def test_values_that_stand_for_far_more_than_they_are_go_whole() -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
    )

    assert is_digest(Redactor().object(linkerd_config(laughs))["data"]["values"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(
        st.sampled_from([*{f for shape in SHAPES.values() for f in shape}, "x"]), below, max_size=4
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.sampled_from(sorted(KINDS)), json_values, json_values, json_values)
def test_no_shape_of_an_object_breaks_it(
    kind: tuple[str, str], spec: Any, status: Any, data: Any
) -> None:
    api = f"{kind[0]}/v1" if kind[0] else "v1"
    obj = an(kind[1], api, spec=spec, status=status, data=data, items=spec, webhooks=data)
    obj["metadata"] |= {"labels": spec, "annotations": data, "managedFields": status}

    assert Redactor().object(obj)["metadata"]["name"] == "it"


def test_every_shape_and_rule_is_one_that_there_is() -> None:
    used = {f for shape in SHAPES.values() for f in shape.values()}

    assert {f.rule for f in used if f.rule} == set(RULES)
    assert {f.shape for f in used if f.shape} <= set(SHAPES)
    assert set(KINDS.values()) <= set(SHAPES)


def test_the_rule_names_every_kind_field_and_rule() -> None:
    text = "\n".join(rule())

    assert all(kind in text for _, kind in KINDS)
    assert all(name in text for name in RULES)
    assert all(field in text for shape in SHAPES.values() for field in shape)


def test_what_was_kept_is_counted_by_kind() -> None:
    redactor = Redactor()
    redactor.object(environment(SECRET))

    (row,) = Kept.of(redactor.by_kind)

    assert (row.kind, row.objects, row.replaced) == ("Pod", 1, 1)
    assert "1 objects" in next(iter(table([row])))


def raw_facts(path: Path, tmp_path: Path) -> ClusterFacts:
    """Facts of a file as it is: it says of itself that it needs no redaction."""
    items = json.loads(gzip.decompress(path.read_bytes()))["items"]
    return facts(read_snapshot(written(tmp_path / "raw.json", items, **{REDACTED: RULE})))


def without_texts(found: ClusterFacts) -> Iterator[tuple[str, object]]:
    """Facts as policies judge them: messages are shown alone, keys are stood in for anyway."""
    plain = msgspec.to_builtins(found)
    plain.pop("secrets", None)
    config: Obj = plain.get("config") or {}
    config["overrides"] = _without_keys(config.get("overrides") or [])
    for part in ("workloads", "nodes", "events", "api_services"):
        for each in plain.get(part) or ():
            each.pop("message", None)
            for condition in each.get("conditions") or ():
                condition.pop("message", None)
    for each in plain.get("helm") or ():
        for values in ("values", "defaults"):
            each[values] = _without_keys(each.get(values) or [])
    yield from plain.items()


def _without_keys(settings: list[Obj]) -> list[Obj]:
    return [s for s in settings if not s["path"].endswith("keyPEM")]


@pytest.mark.parametrize("folder", [FIRST, SECOND, HELM, "extensions-edge-25.10.7-to-edge-26.6.3"])
def test_a_recorded_cluster_gives_the_same_facts(folder: str, tmp_path: Path) -> None:
    path = recorded(folder)

    raw = dict(without_texts(raw_facts(path, tmp_path)))
    kept = dict(without_texts(facts(read_snapshot(path))))

    for part in raw:
        assert kept[part] == raw[part], part
