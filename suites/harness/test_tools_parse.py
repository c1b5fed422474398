"""What programs print, as facts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import manifests
from policies.facts.cluster import ObjectKey
from suites.harness.dump_server import RECORDINGS

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings of real clusters are not beside the checkout"
)


def recorded(folder: str, name: str) -> dict[str, object]:
    return json.loads((RECORDINGS / folder / "commands" / f"{name}.json").read_text())


@given(
    st.lists(st.dictionaries(st.text(), st.integers() | st.text())),
    st.sampled_from(["", "\n", " \n\t"]),
)
def test_a_stream_of_documents_is_read_whole(
    documents: list[dict[str, object]], between: str
) -> None:
    text = between.join(json.dumps(d, indent=2) for d in documents) + between
    assert manifests.json_stream(text) == documents


@pytest.mark.parametrize("text", ['{"a": 1} and more', "[1]", '{"a": ', "Status check results"])
def test_what_is_no_stream_of_objects_is_unparsable(text: str) -> None:
    with pytest.raises(manifests.Unparsable):
        manifests.json_stream(text)
    assert manifests.check_run(text, label="check", exit_code=1).unreadable


def test_no_output_is_not_a_healthy_check() -> None:
    assert manifests.check_run("", label="check", exit_code=0).unreadable


@needs_recordings
def test_a_check_with_extensions_has_a_document_each() -> None:
    command = recorded(
        "extensions-edge-25.10.7-to-edge-26.6.3", "074-check-with-extensions-direct"
    )
    run = manifests.check_run(str(command["stdout"]), label="check", exit_code=0)
    names = [d.categories[0].name for d in run.documents]
    assert names == ["kubernetes-api", "linkerd-multicluster", "linkerd-viz"]
    assert not run.failed()
    assert not run.unreadable


@needs_recordings
def test_a_failed_check_names_category_and_error() -> None:
    command = recorded("faults-edge-25.10.7", "022-check-cabundle-mismatch")
    run = manifests.check_run(str(command["stdout"]), label="check", exit_code=1)
    [(category, check)] = run.failed()
    assert category == "linkerd-webhooks-and-apisvc-tls"
    assert check.description == "proxy-injector webhook has valid cert"


@needs_recordings
def test_versions_are_counted_per_proxy() -> None:
    command = recorded("edge-25.4.4-to-edge-25.10.7", "046-version-final")
    report = manifests.version_report(str(command["stdout"]))
    assert (report.client, report.server) == ("edge-25.10.7", "edge-25.10.7")
    assert report.proxies == (("edge-25.10.7", 12), ("edge-25.4.4", 1))


def test_an_unavailable_server_is_empty() -> None:
    text = (
        "Client version: edge-25.4.4\nServer version: unavailable\nProxy versions: unavailable\n"
    )
    report = manifests.version_report(text)
    assert (report.client, report.server, report.proxies) == ("edge-25.4.4", "", ())


@needs_recordings
@pytest.mark.parametrize(
    ("name", "key"),
    [
        (
            "036-prune-orphan-cluster-scoped",
            ObjectKey(
                group="apiregistration.k8s.io", kind="APIService", name="v1alpha1.tap.linkerd.io"
            ),
        ),
        (
            "047-prune-old-components-left-running",
            ObjectKey(
                group="apps", kind="Deployment", namespace="linkerd", name="linkerd-controller"
            ),
        ),
    ],
)
def test_what_prune_lists_is_identity_only(name: str, key: ObjectKey) -> None:
    command = recorded("faults-edge-25.10.7", name)
    run = manifests.prune_run(str(command["stdout"]).encode(), exit_code=0)
    assert run.listed == (key,)
    assert not run.unreadable


def test_help_instead_of_objects_is_unreadable() -> None:
    text = b"multicluster manages things.\n\nUsage:\n  linkerd multicluster [command]\n"
    assert manifests.prune_run(text, exit_code=0).unreadable


@needs_recordings
def test_a_render_keeps_images_and_hides_keys() -> None:
    command = recorded("edge-25.4.4-to-edge-25.10.7", "012-upgrade")
    rendered = manifests.rendered(str(command["stdout"]).encode(), version="edge-25.10.7")
    images = {image for o in rendered.objects for _, image in o.images}
    assert "cr.l5d.io/linkerd/controller:edge-25.10.7" in images
    values = dict(rendered.values)
    assert values["linkerdVersion"] == '"edge-25.10.7"'
    assert values["identityTrustAnchorsPEM"].startswith("sha256:")
    assert "BEGIN" not in str(rendered)


def test_lists_and_json_are_taken_apart() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    both = {"apiVersion": "v1", "kind": "List", "items": [pod, pod]}
    text = f"---\n{json.dumps(both)}\n---\n# only a comment\n---\n{json.dumps(pod)}\n"
    assert list(manifests.documents(text.encode())) == [pod] * 3
