"""The comparison of answers sees what differs; a row of the table covers only its own."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from fixtures.core.process import Completed
from suites.embedded.answers_compared import Listed, differences

RELEASE = "edge-25.10.7"
PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


def said(line: str, out: str, err: str = "", code: int = 0) -> Completed:
    argv = ("linkerd", *line.split())
    return Completed(argv, code, out.encode(), err.encode(), 0.1, datetime.now(UTC))


def places(real: Completed, other: Completed) -> list[str]:
    return [difference.where for difference in differences(RELEASE, real, other)]


def document(**check: str) -> str:
    checks = [{"description": "pods are ready", "result": "success", **check}]
    category = {"categoryName": "existence", "checks": checks}
    return json.dumps({"success": True, "categories": [category]}, indent=2) + "\n"


def test_equal_answers_have_no_differences() -> None:
    assert places(said("version", "a\n"), said("version", "a\n")) == []


def test_exit_code_message_and_output_are_places_of_their_own() -> None:
    real = said("prune", "a", "Error: x\nUsage:\nlong", 1)

    assert places(real, said("prune", "b", "Error: x\nUsage:\n", 0)) == [
        "exit code",
        "stderr/more",
        "stdout",
    ]
    assert places(real, said("prune", "a", "Error: y\nUsage:\nlong", 1)) == ["stderr/first line"]


def test_checks_differ_by_result_hint_and_error() -> None:
    line = "check -o json"

    found = places(said(line, document()), said(line, document(result="error", error="no")))

    assert found == [
        "check/existence/pods are ready/result",
        "check/existence/pods are ready/error",
    ]


def test_a_check_in_another_document_is_another_order() -> None:
    line = "check -o json"

    assert "check/order" in places(said(line, document() * 2), said(line, document()))


def test_manifests_differ_by_field_and_lists_go_by_name() -> None:
    def manifest(image: str, *extra: str) -> str:
        containers = [{"name": "b", "image": image}, *({"name": name} for name in extra)]
        return json.dumps(
            {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}}
        )

    found = places(said("install", manifest("x:1")), said("install", manifest("x:2", "a")))

    assert found == [
        "manifest/Pod//p/.spec.containers.b.image",
        "manifest/Pod//p/.spec.containers.(order)",
        "manifest/Pod//p/.spec.containers.a.name",
    ]


def test_certificates_are_compared_by_kind_and_values_by_content() -> None:
    def manifest(pem: str, values: str) -> str:
        data = {"crt": base64.b64encode(pem.encode()).decode(), "values": values}
        return json.dumps({"kind": "Secret", "metadata": {"name": "s"}, "data": data})

    real = said("install", manifest(PEM.format("AAAA"), "a: ''\nb: 1\n"))

    assert places(real, said("install", manifest(PEM.format("BBBB"), 'b: 1\na: ""\n'))) == []
    assert places(real, said("install", manifest("no certificate", "a: ''\nb: 2\n"))) == [
        "manifest/Secret//s/.data.crt",
        "manifest/Secret//s/.data.values.b",
    ]


def test_a_row_covers_its_releases_commands_and_places_alone() -> None:
    [found] = differences(
        RELEASE, said("check -o wide", "", "a\nb"), said("check -o wide", "", "a")
    )

    def covers(command: str, where: str, *releases: str) -> bool:
        return Listed(command, where, "because", releases).covers(found)

    assert covers("check *", "stderr/*")
    assert covers("*", "stderr/more", RELEASE)
    assert not covers("check *", "stderr/more", "edge-25.4.4")
    assert not covers("install *", "stderr/more")
    assert not covers("check *", "stdout")
