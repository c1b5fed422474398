"""The stand-ins against a running embedded cluster: the guide's commands, one after the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.core.process import Completed
from fixtures.embedded.process import EmbeddedProcess
from fixtures.tools.kubectl import Kubectl
from fixtures.tools.toolbox import Toolbox, kubectl_version
from policies.releases.grammar import parse

OLD, NEW = "edge-25.4.4", "edge-25.10.7"
COMPONENTS = ("destination", "identity", "proxy-injector")
WEB = b"""
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {linkerd.io/inject: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: example/web:1}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80}]
"""


def good(done: Completed) -> Completed:
    assert done.exit_code == 0, f"{' '.join(done.argv)}: {done.error_text}"
    return done


def lines(done: Completed) -> list[str]:
    return good(done).text.splitlines()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedProcess]:
    with EmbeddedProcess.start(tmp_path_factory.mktemp("cluster"), speed=30) as process:
        yield process


@pytest.fixture(scope="module")
def tools(cluster: EmbeddedProcess) -> Toolbox:
    return Toolbox(None, "always", cluster.kubeconfig)


@pytest.fixture(scope="module")
def kubectl(tools: Toolbox) -> Kubectl:
    return tools.kubectl()


@pytest.fixture(scope="module")
def installed(tools: Toolbox, kubectl: Kubectl) -> Toolbox:
    """Linkerd of the old release, ready, and a meshed Deployment."""
    linkerd = tools.linkerd(parse(OLD))
    crds = good(linkerd.install("--set", "installGatewayAPI=true", crds=True))
    good(kubectl.apply(crds.stdout))
    good(kubectl.run("wait", "--for=condition=established", "--timeout=60s", "crd", "--all"))
    good(kubectl.apply(good(linkerd.install()).stdout))
    for component in COMPONENTS:
        good(kubectl.rollout_status("deployment", "linkerd", f"linkerd-{component}"))
    good(kubectl.apply(WEB))
    good(kubectl.rollout_status("deployment", "shop", "web"))
    return tools


@pytest.fixture(scope="module")
def upgraded(installed: Toolbox, kubectl: Kubectl) -> Toolbox:
    linkerd = installed.linkerd(parse(NEW))
    good(kubectl.apply(good(linkerd.upgrade(crds=True)).stdout))
    good(kubectl.apply(good(linkerd.upgrade()).stdout))
    for component in COMPONENTS:
        good(kubectl.rollout_status("deployment", "linkerd", f"linkerd-{component}"))
    return installed


def test_a_new_installation_is_healthy(installed: Toolbox) -> None:
    for proxy in (False, True):
        run, done = installed.linkerd(parse(OLD)).check(proxy=proxy, expected_version=OLD)
        assert (done.exit_code, run.unreadable) == (0, "")
        results = {c.result for d in run.documents for k in d.categories for c in k.checks}
        assert results == {"success"}


def test_versions_are_those_of_server_and_proxies(installed: Toolbox) -> None:
    report, done = installed.linkerd(parse(NEW)).version()
    assert done.exit_code == 0
    assert (report.client, report.server) == (NEW, OLD)
    assert dict(report.proxies)[OLD] >= 5


def test_a_check_before_an_installation_names_what_is_there_already(installed: Toolbox) -> None:
    found, done = installed.linkerd(parse(OLD)).check(pre=True, wait="0s")

    errors = {check.description: check.error for _, check in found.failed()}
    assert done.exit_code == 1
    assert errors["can create non-namespaced resources"].splitlines()[0] == (
        'cannot create Namespace/linkerd: namespaces "linkerd" already exists'
    )


def test_short_versions_still_count_proxies(installed: Toolbox) -> None:
    done = good(installed.linkerd(parse(OLD)).run("version", "--proxy", "--short"))

    assert lines(done)[:3] == [OLD, OLD, "Proxy versions:"]


def test_a_second_installation_is_refused(installed: Toolbox) -> None:
    done = installed.linkerd(parse(OLD)).install()
    assert (done.exit_code, done.stdout) == (1, b"")
    assert "linkerd upgrade" in done.error_text


def test_the_same_manifest_again_changes_nothing(installed: Toolbox, kubectl: Kubectl) -> None:
    del installed
    assert lines(kubectl.apply(WEB)) == [
        "namespace/shop unchanged",
        "deployment.apps/web unchanged",
        "service/web unchanged",
    ]
    assert good(kubectl.diff(WEB)).stdout == b""


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    installed: Toolbox, kubectl: Kubectl
) -> None:
    del installed
    changed = WEB.replace(b"example/web:1", b"example/web:2")
    said = lines(kubectl.apply(changed, dry_run="server"))
    assert "deployment.apps/web configured (server dry run)" in said
    differences = kubectl.diff(changed)
    assert differences.exit_code == 1
    assert "+" in differences.text
    assert "example/web:2" in differences.text
    assert "deployment.apps/web unchanged" in lines(kubectl.apply(WEB))


def test_the_upgrade_regenerates_webhook_certificates(upgraded: Toolbox, kubectl: Kubectl) -> None:
    said = lines(
        kubectl.apply(good(upgraded.linkerd(parse(NEW)).upgrade()).stdout, dry_run="server")
    )
    assert "secret/linkerd-proxy-injector-k8s-tls configured (server dry run)" in said
    assert "secret/linkerd-identity-issuer unchanged (server dry run)" in said
    assert "configmap/linkerd-identity-trust-roots unchanged (server dry run)" in said


def test_the_new_release_names_old_proxies(upgraded: Toolbox) -> None:
    run, done = upgraded.linkerd(parse(NEW)).check(proxy=True, expected_version=NEW)
    assert done.exit_code == 0
    assert not run.failed()
    errors = {
        c.description: c.error for d in run.documents for k in d.categories for c in k.checks
    }
    assert "\n\t* web-" in errors["data plane is up-to-date"]


def test_prune_lists_a_decoy_and_nothing_else(upgraded: Toolbox, kubectl: Kubectl) -> None:
    linkerd = upgraded.linkerd(parse(NEW))
    run, done = linkerd.prune()
    assert run.listed == ()
    assert lines(kubectl.delete(done.stdout)) == ["No resources found"]
    good(kubectl.run("-n", "linkerd", "create", "configmap", "left-behind"))
    label = "linkerd.io/control-plane-ns=linkerd"
    good(kubectl.run("-n", "linkerd", "label", "configmap", "left-behind", label))
    run, done = linkerd.prune()
    assert [str(k) for k in run.listed] == ["ConfigMap linkerd/left-behind"]
    assert lines(kubectl.delete(done.stdout)) == ['configmap "left-behind" deleted']
    run, _ = linkerd.prune()
    assert run.listed == ()


def test_a_restart_rolls_and_brings_new_proxies(upgraded: Toolbox, kubectl: Kubectl) -> None:
    good(kubectl.apply(WEB))
    said = lines(kubectl.restart_all("shop", ["deployment/web"]))
    assert said == ["deployment.apps/web restarted"]
    status = lines(kubectl.rollout_status("Deployment", "shop", "web"))
    assert status[-1] == 'deployment "web" successfully rolled out'
    good(kubectl.run("-n", "shop", "wait", "--for=condition=available", "deployment/web"))
    pods = json.loads(good(kubectl.run("-n", "shop", "get", "pods", "-o", "json")).stdout)
    images = {
        container["image"]
        for pod in pods["items"]
        if "deletionTimestamp" not in pod["metadata"]
        for container in pod["spec"]["containers"]
        if container["name"] == "linkerd-proxy"
    }
    assert images == {f"cr.l5d.io/linkerd/proxy:{NEW}"}
    del upgraded


def test_an_old_cli_cannot_read_a_new_configuration(upgraded: Toolbox) -> None:
    run, done = upgraded.linkerd(parse(OLD)).check(expected_version=OLD)
    assert done.exit_code == 1
    [(category, _)] = run.failed()
    assert category == "linkerd-existence"
    assert good(upgraded.linkerd(parse(OLD)).upgrade()).stdout


def test_scale_patch_and_delete(installed: Toolbox, kubectl: Kubectl) -> None:
    del installed
    good(kubectl.run("create", "namespace", "scratch"))
    good(kubectl.apply(WEB.replace(b"shop", b"scratch")))
    assert lines(kubectl.run("-n", "scratch", "scale", "deploy/web", "--replicas=1")) == [
        "deployment.apps/web scaled"
    ]
    patch = '{"metadata": {"annotations": {"a": "b"}}}'
    args = ("-n", "scratch", "patch", "svc", "web", "--type=merge", "-p", patch)
    assert lines(kubectl.run(*args)) == ["service/web patched"]
    assert lines(kubectl.run(*args)) == ["service/web patched (no change)"]
    good(kubectl.rollout_status("deployment", "scratch", "web"))
    good(kubectl.run("-n", "scratch", "delete", "deploy", "web"))
    gone = kubectl.run("-n", "scratch", "get", "deploy", "web")
    assert gone.exit_code == 1
    assert "(NotFound)" in gone.error_text
    args = ("-n", "scratch", "wait", "--for=delete", "pod", "-l", "app=web", "--timeout=120s")
    good(kubectl.run(*args))


def test_a_stuck_rollout_times_out(installed: Toolbox, kubectl: Kubectl) -> None:
    del installed
    good(kubectl.run("create", "namespace", "stuck"))
    unschedulable = WEB.replace(b"shop", b"stuck").replace(
        b"      containers:", b"      nodeSelector: {nobody: has-this}\n      containers:"
    )
    good(kubectl.apply(unschedulable))
    done = kubectl.rollout_status("deployment", "stuck", "web", timeout=1)
    assert done.exit_code == 1
    assert done.error_text == "error: timed out waiting for the condition\n"


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"", "error: no objects passed to apply"),
        (b"a: [", "error: error parsing STDIN: error converting YAML to JSON: "),
        (b"apiVersion: foo/v1\nkind: Bar\nmetadata: {name: x}", "error: resource mapping not"),
        (b"kind: Pod", "error: error validating"),
        (b"- a", "error: error parsing STDIN"),
        (
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: nowhere}",
            "Error from server (NotFound): ",
        ),
        (b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Up}", 'The ConfigMap "Up" is inval'),
    ],
)
def test_bad_manifests_end_with_one_message(kubectl: Kubectl, manifest: bytes, said: str) -> None:
    done = kubectl.apply(manifest)
    assert (done.exit_code, done.stdout) == (1, b"")
    assert done.error_text.startswith(said)


@pytest.mark.parametrize(
    "argv",
    [
        ["fly"],
        ["get"],
        ["get", "nonsense"],
        ["rollout", "status", "configmap/x"],
        ["apply"],
        ["apply", "-f", "/nonexistent"],
        ["wait", "--for=mood", "pod", "x"],
        ["scale", "deploy/web"],
        ["patch", "pod", "x", "--type=odd", "-p", "{}"],
        ["--bad-flag"],
        ["get", "pods", "--context", "nobody"],
    ],
)
def test_bad_lines_end_with_one_message(kubectl: Kubectl, argv: list[str]) -> None:
    done = kubectl.run(*argv)
    assert done.exit_code == 1
    assert done.error_text.lower().startswith("error")
    assert "Traceback" not in done.error_text


def test_server_side_apply_takes_ownership(kubectl: Kubectl) -> None:
    manifest = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned}\ndata: {a: b}\n"
    assert lines(kubectl.apply(manifest, server_side=True)) == [
        "configmap/owned serverside-applied"
    ]


def test_kubectl_says_both_versions(kubectl: Kubectl) -> None:
    client, server, done = kubectl.version()
    assert done.exit_code == 0
    assert client.startswith("v1.31")
    assert server.startswith("v1.31")


def test_a_cluster_that_is_gone_is_an_answer(tmp_path: Path) -> None:
    with EmbeddedProcess.start(tmp_path) as process:
        pass
    box = Toolbox(None, "always", process.kubeconfig)
    done = box.kubectl().run("get", "pods")
    assert done.exit_code == 1
    assert "was refused" in done.error_text
    run, done = box.linkerd(parse(NEW)).check(wait="0s")
    assert done.exit_code == 1
    assert run.failed()[0][0] == "kubernetes-api"


REAL = kubectl_version(Path(shutil.which("kubectl") or "/nonexistent"))
SAME = [
    ("apply", "-f", "-"),
    ("apply", "-f", "-"),
    ("apply", "--dry-run=server", "-f", "-"),
    ("rollout", "restart", "deploy/web"),
    ("scale", "deploy/web", "--replicas=1"),
    ("label", "deploy/web", "a=b"),
    ("label", "deploy/web", "a=b"),
    ("label", "deploy/web", "a=c"),
    ("label", "deploy/web", "a-"),
    ("annotate", "deploy/web", "a=b"),
    ("patch", "svc", "web", "--type=merge", "-p", '{"metadata": {"annotations": {"x": "y"}}}'),
    ("create", "configmap", "c", "--from-literal=a=b"),
    ("create", "configmap", "c"),
    ("get", "deploy,svc", "-o", "name"),
    ("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"),
    ("get", "cm", "nope"),
    ("get", "nonsense"),
    ("wait", "--for=condition=nope", "deploy/web", "--timeout=1s"),
    ("rollout", "status", "deploy/nope"),
    ("delete", "configmap", "c"),
    ("delete", "configmap", "c"),
    ("delete", "configmap", "-l", "nobody=has-this"),
    ("delete", "svc", "web"),
]


@pytest.mark.skipif(not REAL.startswith("v1.3"), reason="no kubectl from 1.30 on on PATH")
def test_the_stand_in_answers_as_the_kubectl_of_this_machine(
    cluster: EmbeddedProcess, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    real = Toolbox(None, "auto", cluster.kubeconfig).kubectl()
    assert (real.kind, kubectl.kind) == ("real", "stand-in")
    answers: list[list[tuple[object, ...]]] = []
    for program, namespace in ((real, "by-real"), (kubectl, "by-ours")):
        manifest = WEB.replace(b"shop", namespace.encode())
        answers.append([])
        for argv in SAME:
            stdin = (
                manifest.replace(b"web:1", b"web:2") if "--dry-run=server" in argv else manifest
            )
            done = program.run("-n", namespace, *argv, stdin=stdin)
            said = (done.text + done.error_text).replace(namespace, "NAMESPACE")
            answers[-1].append((argv, done.exit_code, said))
    assert answers[1] == answers[0]
