"""The embedded cluster found as an existing one: verified, refused, and upgraded by consent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from fixtures.cluster.connection import ClusterError, Connection
from fixtures.ledger import LEDGER, read
from fixtures.records import CommandRan, Note, RunStarted
from fixtures.rights import Right, missing, to_look, to_upgrade
from fixtures.scenario import load
from fixtures.tools.toolbox import Toolbox
from policies.catalogue import catalogue
from suites.detection.runs import ROOT, Run, rehearse
from suites.harness.existing import Existing, existing

SOURCE = "edge-25.4.4"
ACCOUNT = "kube-system/linkerd-upgrade-rehearsal"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Generator[Existing]:
    """Linkerd of the source release and the default workloads."""
    with existing(tmp_path_factory.mktemp("existing"), SOURCE) as cluster:
        yield cluster


def at(cluster: Existing) -> tuple[str, ...]:
    return ("--cluster-kubeconfig", str(cluster.kubeconfig), "--context", cluster.context)


def statuses(run: Run) -> dict[tuple[str, str, str], str]:
    """(control, step, hop) -> status, of all that facts decide.

    Traffic is another matter: only the embedded target has a network on this machine.
    """
    return {
        (f.control, f.step, f.hop): f.status
        for f in run.findings
        if "traffic" not in catalogue()[f.control].needs
    }


def objects(cluster: Existing) -> set[tuple[str, str, str]]:
    """Kind, namespace/name and resource version of what a rehearsal could change."""
    connection = Connection(cluster.kubeconfig)
    seen: set[tuple[str, str, str]] = set()
    for path in ("/api/v1/namespaces", "/api/v1/configmaps", "/api/v1/secrets", "/api/v1/pods"):
        for item in json.loads(connection.request("GET", path))["items"]:
            meta = item["metadata"]
            seen.add((path, f"{meta.get('namespace')}/{meta['name']}", meta["uid"]))
    connection.close()
    return seen


def restricted(cluster: Existing, folder: Path, *options: str) -> Path:
    """A kubeconfig of the user that `rehearse rbac` describes."""
    done = subprocess.run(
        [sys.executable, "-m", "rehearse", "rbac", "--account", ACCOUNT, *options],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=True,
    )
    kubectl = Toolbox(None, "always", cluster.kubeconfig).kubectl()
    applied = kubectl.apply(done.stdout)
    assert applied.exit_code == 0, applied.error_text
    namespace, _, name = ACCOUNT.partition("/")
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    connection = Connection(cluster.kubeconfig)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = json.loads(connection.request("POST", path, body=json.dumps(review).encode()))
    connection.close()
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": answer["status"]["token"]}
    file = folder / "restricted"
    file.write_text(yaml.safe_dump(content))
    return file


def test_verify_needs_no_more_than_its_rbac_says(found: Existing, tmp_path: Path) -> None:
    file = restricted(found, tmp_path)
    with pytest.raises(ClusterError, match="403"):
        Connection(file).request("GET", "/api/v1/secrets")

    looked = rehearse(tmp_path, "--cluster-kubeconfig", str(file), suite="verify")
    admin = rehearse(tmp_path / "admin", *at(found), suite="verify")

    assert looked.exit_code == 0, looked.output
    assert statuses(looked) == statuses(admin)


def test_verify_changes_nothing(found: Existing, tmp_path: Path) -> None:
    before = objects(found)

    run = rehearse(tmp_path, *at(found), suite="verify")

    assert run.exit_code == 0, run.output
    assert objects(found) == before


def test_an_upgrade_without_consent_is_refused(found: Existing, tmp_path: Path) -> None:
    run = rehearse(tmp_path, *at(found))

    assert run.exit_code == 4, run.output
    assert "may only be read" in run.output
    assert "[consent]" in run.output
    assert not run.folder.exists()


@pytest.mark.parametrize("wrong", ["context", "uid"])
def test_a_consent_for_something_else_is_refused(
    found: Existing, tmp_path: Path, wrong: str
) -> None:
    file = found.consent(tmp_path, **{wrong: "another"})

    run = rehearse(tmp_path, *at(found), "--scenario", str(file))

    assert run.exit_code == 4, run.output
    assert "The consent is for another" in run.output
    assert "another" in run.output
    assert not run.folder.exists()


def test_missing_rights_are_named_together_before_anything_changes(
    found: Existing, tmp_path: Path
) -> None:
    file = restricted(found, tmp_path)
    consent = found.consent(tmp_path)
    before = objects(found)

    run = rehearse(
        tmp_path, "--cluster-kubeconfig", str(file), "--scenario", str(consent),
        "--target", "existing", "--stand-ins", "always",
    )  # fmt: skip

    assert run.exit_code == 3, run.output
    for right in (
        "create namespaces",
        "patch deployments.apps",
        "create clusterroles.rbac.authorization.k8s.io",
        "create pods in namespace rehearse-canary",
        "rehearse rbac --suite upgrade",
    ):
        assert right in run.output
    assert objects(found) == before


def test_the_rbac_of_an_upgrade_is_every_right_it_asks_for(
    found: Existing, tmp_path: Path
) -> None:
    consent = found.consent(tmp_path, more='canary_namespace = "my-canary"')
    user = restricted(found, tmp_path, "--suite", "upgrade", "--scenario", str(consent))
    connection = Connection(user)
    rights = to_upgrade(load(consent, {}), (SOURCE, "edge-25.10.7"))

    assert missing(connection, (*to_look(), *rights)) == ()
    assert missing(connection, [Right("delete", "", "nodes")]) == (Right("delete", "", "nodes"),)
    connection.close()


def test_a_source_that_the_cluster_does_not_run_is_refused(
    found: Existing, tmp_path: Path
) -> None:
    consent = found.consent(tmp_path)

    run = rehearse(tmp_path, *at(found), "--scenario", str(consent), "--from", "edge-24.11.8")

    assert run.exit_code == 4, run.output
    assert f"--from {SOURCE}" in run.output


def test_a_fault_does_not_strike_somebody_elses_cluster(found: Existing, tmp_path: Path) -> None:
    consent = found.consent(tmp_path)
    fault = tmp_path / "fault.toml"
    fault.write_text(
        'id = "x"\ntitle = "x"\nsource = "x"\nstep = "baseline"\ncatches = []\n'
        '[[delete]]\nresource = "deployments.apps"\nnamespace = "shop"\nname = "shop-web"\n'
    )

    run = rehearse(
        tmp_path, *at(found), "--scenario", str(consent), "--fault", str(fault),
        "--stand-ins", "always",
    )  # fmt: skip

    assert run.exit_code == 3, run.output
    assert "live only in the namespaces" in run.output
    pods = {name for path, name, _ in objects(found) if path == "/api/v1/pods"}
    assert any(name.startswith("shop/shop-web-") for name in pods)


def test_a_consented_upgrade_finds_what_the_embedded_target_finds(
    found: Existing, tmp_path: Path
) -> None:
    """Last, because it changes the cluster."""
    consent = found.consent(tmp_path)
    options = ("--stand-ins", "always")

    run = rehearse(tmp_path, *at(found), "--scenario", str(consent), *options)
    embedded = rehearse(tmp_path / "embedded", "--kubernetes", "1.32", *options)

    assert run.exit_code == 0, run.output
    assert statuses(run) == statuses(embedded)
    records = [r.body for r in read(run.folder / LEDGER).records]
    (header,) = [b for b in records if isinstance(b, RunStarted)]
    assert (header.target, header.simulated, header.speed) == ("existing", True, 20.0)
    notes = [b.text for b in records if isinstance(b, Note)]
    (said,) = [n for n in notes if n.startswith("What the rehearsal does to")]
    assert "Deployment: linkerd/linkerd-destination" in said
    assert "shop/shop-web" in said
    assert found.uid() in said
    lines = [b.command.line if isinstance(b, CommandRan) else b for b in records]
    assert lines.index(Note(text=said)) < lines.index("kubectl apply -f -")
    namespaces = {name for path, name, _ in objects(found) if path == "/api/v1/namespaces"}
    assert not namespaces & {"None/rehearse-probes", "None/rehearse-canary"}
