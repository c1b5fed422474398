"""The embedded cluster found as an existing one: verified, refused, and upgraded by consent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.writer import ClusterWriter
from fixtures.consent.rights import Right, missing, to_look, to_upgrade
from fixtures.core.waiting import until
from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import CommandRan, Note, RunStarted
from fixtures.scenario.loading import load
from fixtures.tools.toolbox import Toolbox
from policies.releases.grammar import parse
from policies.verdicts.catalogue import catalogue
from suites.detection.runs import ROOT, Run, rehearse
from suites.harness.existing import Existing, existing

pytestmark = pytest.mark.whole

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
    """(control, step, hop) -> status.

    Latency is another matter: how many answers there were is up to this machine.
    """
    return {
        (f.control, f.step, f.hop): f.status
        for f in run.findings
        if not {"traffic", "real_data_plane"} <= set(catalogue()[f.control].needs)
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
    account = options[options.index("--account") + 1] if "--account" in options else ACCOUNT
    namespace, _, name = account.partition("/")
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


TRIED = ("PRE-10", "CP-05", "CP-06")
"""Controls that need more than looking."""


def test_what_needs_a_dry_run_is_not_assessed_without_consent_to_it(
    found: Existing, tmp_path: Path
) -> None:
    run = rehearse(tmp_path, *at(found), suite="verify")

    reasons = {f.control: f.verdict.reason for f in run.findings if f.control in TRIED}
    assert sorted(reasons) == sorted(TRIED)
    assert all("needs --allow-dry-run" in reason for reason in reasons.values())


def test_dry_runs_show_what_would_be_admitted_and_injected_and_store_nothing(
    found: Existing, tmp_path: Path
) -> None:
    """With the rights of `rehearse rbac --allow-dry-run`, which are no others than that."""
    file = restricted(found, tmp_path, "--allow-dry-run")
    before = objects(found)

    run = rehearse(
        tmp_path, "--cluster-kubeconfig", str(file), "--allow-dry-run", "--stand-ins", "always",
        suite="verify",
    )  # fmt: skip

    assert run.exit_code == 0, run.output
    assert {f.control: f.status for f in run.findings if f.control in TRIED} == dict.fromkeys(
        TRIED, "holds"
    )
    assert objects(found) == before


def test_dry_runs_without_the_right_to_create_are_not_assessed(
    found: Existing, tmp_path: Path
) -> None:
    file = restricted(found, tmp_path, "--account", "kube-system/only-looks")

    run = rehearse(
        tmp_path, "--cluster-kubeconfig", str(file), "--allow-dry-run", "--stand-ins", "always",
        suite="verify",
    )  # fmt: skip

    assert run.exit_code == 6, run.output
    reasons = {f.control: f.verdict.reason for f in run.findings if f.control in TRIED}
    assert "may not create pods" in reasons["PRE-10"]
    assert "may not create pods" in reasons["CP-05"]
    assert reasons["CP-06"] == ""


@contextmanager
def changed(
    cluster: Existing, resource: str, namespace: str, name: str, **patches: object
) -> Generator[None]:
    """One object patched inside, and as it was afterwards: (`patch`, `back`)."""
    connection = Connection(cluster.kubeconfig)
    writer = ClusterWriter(connection)
    writer.patch(resource, namespace, name, patches["patch"])  # pyright: ignore[reportArgumentType] - a merge patch
    try:
        yield
    finally:
        writer.patch(resource, namespace, name, patches["back"])  # pyright: ignore[reportArgumentType]
        connection.close()


def test_a_namespace_that_would_refuse_injected_pods_is_found_by_a_dry_run(
    found: Existing, tmp_path: Path
) -> None:
    level = "pod-security.kubernetes.io/enforce"
    labels = {"metadata": {"labels": {level: "restricted"}}}
    with changed(
        found, "namespaces", "", "bank", patch=labels, back={"metadata": {"labels": {level: None}}}
    ):
        run = rehearse(
            tmp_path, *at(found), "--allow-dry-run", "--stand-ins", "always", suite="verify"
        )

    assert "PRE-10" in run.violated(), run.output
    assert "CP-05" not in run.violated()


def test_an_injector_that_cannot_be_called_is_found_by_a_dry_run(
    found: Existing, tmp_path: Path
) -> None:
    """Its Service selects nothing; with failurePolicy Ignore nobody is told."""
    selector = {"linkerd.io/control-plane-component": "proxy-injector"}
    key = next(iter(selector))
    with changed(
        found, "services", "linkerd", "linkerd-proxy-injector",
        patch={"spec": {"selector": {key: "nobody"}}},
        back={"spec": {"selector": selector}},
    ):  # fmt: skip
        until(
            "no endpoint",
            lambda: slices(found),
            lambda ready: ready == 0,
            timeout=30,
        )
        run = rehearse(
            tmp_path, *at(found), "--allow-dry-run", "--stand-ins", "always", suite="verify"
        )

    assert "CP-05" in run.violated(), run.output
    (finding,) = [f for f in run.findings if f.control == "CP-05"]
    assert "created without a proxy" in finding.verdict.seen


def slices(cluster: Existing) -> int:
    """Ready endpoints behind the injector's Service."""
    connection = Connection(cluster.kubeconfig)
    path = "/apis/discovery.k8s.io/v1/namespaces/linkerd/endpointslices"
    query = {"labelSelector": "kubernetes.io/service-name=linkerd-proxy-injector"}
    items = json.loads(connection.request("GET", path, query=query))["items"]
    connection.close()
    return sum(len(item.get("endpoints") or ()) for item in items)


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

    run = rehearse(tmp_path, *at(found), "--trust-scenario", f"--scenario={file}")

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
        tmp_path, "--cluster-kubeconfig", str(file), "--trust-scenario", f"--scenario={consent}",
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
    rights = to_upgrade(load(consent, {}, trusted=True), (parse(SOURCE), parse("edge-25.10.7")))

    assert missing(connection, (*to_look(), *rights)) == ()
    assert missing(connection, [Right("delete", "", "nodes")]) == (Right("delete", "", "nodes"),)
    connection.close()


def test_a_source_that_the_cluster_does_not_run_is_refused(
    found: Existing, tmp_path: Path
) -> None:
    consent = found.consent(tmp_path)

    run = rehearse(
        tmp_path,
        *at(found),
        "--trust-scenario",
        "--scenario",
        str(consent),
        "--from",
        "edge-24.11.8",
    )

    assert run.exit_code == 4, run.output
    assert f"--from {SOURCE}" in run.output


def test_a_fault_does_not_strike_somebody_elses_cluster(found: Existing, tmp_path: Path) -> None:
    consent = found.consent(tmp_path)
    fault = tmp_path / "fault.toml"
    fault.write_text(
        'id = "x"\ntitle = "x"\nsource = "x"\nstep = "baseline"\ncatches = ["PRN-01"]\n'
        '[[delete]]\nresource = "deployments.apps"\nnamespace = "shop"\nname = "shop-web"\n'
    )

    run = rehearse(
        tmp_path, *at(found), "--trust-scenario", f"--scenario={consent}", "--fault", str(fault),
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

    run = rehearse(tmp_path, *at(found), "--trust-scenario", f"--scenario={consent}", *options)
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
    own = {"None/rehearse-probes", "None/rehearse-canary", "None/rehearse-control"}
    assert not namespaces & own
