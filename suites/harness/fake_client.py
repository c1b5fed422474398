"""A small program that answers as a `linkerd` does, for what is learnt from one."""

from __future__ import annotations

import sys
from pathlib import Path

RELEASE = "edge-26.11.2"

_PROGRAM = """#!@PYTHON@
import json, os, sys

RELEASE = @RELEASE@
words = sys.argv[1:]
if words[0] != "version":
    assert os.environ["KUBECONFIG"] == os.devnull, "a cluster could be reached"


def obj(api, kind, name, namespace="linkerd", **rest):
    where = {"namespace": namespace} if namespace else {}
    print("---")
    metadata = {"name": name, **where}
    print(json.dumps({"apiVersion": api, "kind": kind, "metadata": metadata, **rest}))


def deployment(replicas, memory):
    proxy = {
        "name": "linkerd-proxy",
        "image": "cr.l5d.io/linkerd/proxy:" + RELEASE,
        "restartPolicy": "Always",
        "ports": [{"name": "admin", "containerPort": 4191}],
        "readinessProbe": {"httpGet": {"port": 4191, "path": "/ready"}},
        "resources": {"requests": {"memory": memory}, "limits": None},
    }
    pod = {"initContainers": [proxy], "containers": [{"name": "identity", "image": "i"}]}
    spec = {"replicas": replicas, "template": {"spec": pod}}
    obj("apps/v1", "Deployment", "linkerd-identity", spec=spec)


def control_plane():
    high = "--ha" in words
    values = {"proxy": {"nativeSidecar": True}, "cniEnabled": False, "disableHeartBeat": False,
              "controllerReplicas": 3 if high else 1,
              "identityTrustAnchorsPEM": "-----BEGIN CERTIFICATE-----" + os.urandom(4).hex()}
    obj("v1", "ConfigMap", "linkerd-config", data={"values": json.dumps(values)})
    deployment(3 if high else 1, "30Mi" if "cniEnabled=true" in words else "20Mi")
    if high:
        obj("policy/v1", "PodDisruptionBudget", "linkerd-identity")
    if "disableHeartBeat=true" not in words:
        obj("v1", "ServiceAccount", "linkerd-heartbeat")
    rule = {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["watch", "list"]}
    obj("rbac.authorization.k8s.io/v1", "ClusterRole", "linkerd-policy", "", rules=[rule])


def definition(name):
    version = {"name": "v1", "served": True, "storage": True,
               "schema": {"openAPIV3Schema": {"type": "object", "description": name}}}
    spec = {"versions": [version]}
    obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, "", spec=spec)


def render():
    if "--crds" in words:
        definition("servers.policy.linkerd.io")
        if "installGatewayAPI=true" in words:
            definition("httproutes.gateway.networking.k8s.io")
    elif words[0] == "install-cni":
        pod = {"containers": [{"name": "install-cni", "image": "c"}]}
        spec = {"template": {"spec": pod}}
        obj("apps/v1", "DaemonSet", "linkerd-cni", "linkerd-cni", spec=spec)
    elif words[0] == "viz":
        ports = [{"name": "tap", "port": 8088}]
        obj("v1", "Service", "tap", "linkerd-viz", spec={"ports": ports})
    else:
        control_plane()


@MISBEHAVIOUR@
if words[0] == "version":
    print(RELEASE)
elif words[0] == "__completeNoDesc":
    print("install", "install-cni", "viz", ":4", sep="\\n")
elif words[0] == "install-cni" or "--ignore-cluster" in words:
    render()
else:
    sys.exit("it would ask a cluster")
"""


def fake_client(folder: Path, misbehaviour: str = "", release: str = RELEASE) -> Path:
    """Write `RELEASE/linkerd` and return it; `misbehaviour` is Python that runs first."""
    path = folder / release / "linkerd"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _PROGRAM.replace("@PYTHON@", sys.executable).replace("@RELEASE@", repr(release))
    text = text.replace("@MISBEHAVIOUR@", misbehaviour)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
