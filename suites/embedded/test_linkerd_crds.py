"""CRDs: versions served and stored as the real ones, for every logical version."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.linkerd.crds import gateway_api_by_default, render_crds
from policies.releases import catalogue
from policies.releases.grammar import parse
from suites.embedded.linkerd_recordings import recorded_dump
from suites.embedded.test_linkerd_model import ANCHORS

Obj = dict[str, Any]


def versions_of(definition: Obj) -> list[tuple[str, bool, bool, bool]]:
    return [
        (each["name"], each["served"], each["storage"], bool(each.get("deprecated")))
        for each in definition["spec"]["versions"]
    ]


@pytest.mark.parametrize("version", ANCHORS)
def test_versions_are_those_of_the_inventory(version: str) -> None:
    rendered = {
        crd["metadata"]["name"]: crd
        for crd in render_crds(version, gateway_api=True, created_by="linkerd/cli x")
    }

    for known in catalogue().crds(parse(version)):
        if known.name not in rendered:
            assert known.name == "links.multicluster.linkerd.io"
            continue
        found = versions_of(rendered[known.name])
        assert [name for name, served, _, _ in found if served] == list(known.served)
        assert [name for name, _, stored, _ in found if stored] == [known.storage]
        assert {name for name, served, _, old in found if old and served} == (
            set(known.deprecated) & set(known.served)
        )


@pytest.mark.parametrize("version", ["edge-25.4.4", "edge-25.10.7", "edge-26.6.3"])
def test_definitions_equal_the_recorded_ones(version: str) -> None:
    recorded = {
        obj["metadata"]["name"]: obj
        for obj in recorded_dump(version)
        if obj["kind"] == "CustomResourceDefinition"
    }
    rendered = render_crds(version, gateway_api=True, created_by=f"linkerd/cli {version}")

    assert set(recorded) == {crd["metadata"]["name"] for crd in rendered}
    for crd in rendered:
        real = recorded[crd["metadata"]["name"]]
        assert crd["metadata"]["labels"] == real["metadata"]["labels"]
        annotations = dict(real["metadata"]["annotations"])
        annotations.pop("kubectl.kubernetes.io/last-applied-configuration")
        assert crd["metadata"]["annotations"] == annotations
        assert crd["spec"]["names"] == real["spec"]["names"]
        assert versions_of(crd) == versions_of(real)
        assert [sorted(each.get("subresources", {})) for each in crd["spec"]["versions"]] == [
            sorted(each.get("subresources", {})) for each in real["spec"]["versions"]
        ]


def test_gateway_definitions_are_kept_by_helm_from_25_3_1() -> None:
    def keeps(version: str) -> set[str]:
        return {
            crd["metadata"]["name"]
            for crd in render_crds(version, gateway_api=True, created_by="x")
            if crd["metadata"]["annotations"].get("helm.sh/resource-policy") == "keep"
        }

    assert keeps("edge-25.2.3") == set()
    assert {name.partition(".")[0] for name in keeps("edge-25.3.1")} == {
        "httproutes",
        "grpcroutes",
        "tlsroutes",
        "tcproutes",
    }


def test_cli_stops_installing_gateway_definitions_with_25_3_4() -> None:
    assert gateway_api_by_default("edge-25.3.3")
    assert not gateway_api_by_default("edge-25.3.4")
