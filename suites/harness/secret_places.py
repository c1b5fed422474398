"""Where a cluster really holds secrets, and where one may be that nobody thought of."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from apimachinery.annotations import LAST_APPLIED
from fixtures.cluster.facts.helm_release import packed
from suites.harness.pods import pod

Obj = dict[str, Any]

LEAF = trustme.CA().issue_cert("web.shop.svc")
CERTIFICATE = LEAF.cert_chain_pems[0].bytes().decode()
KEY = LEAF.private_key_pem.bytes().decode()
KEY_BODY = KEY.splitlines()[1]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
SECRET = "tr0ub4dor-and-3"
PIN = "94736251"
_PRIVATE = load_pem_private_key(KEY.encode(), None)
DER = base64.b64encode(
    _PRIVATE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
).decode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def an(kind: str, api: str = "v1", **rest: Any) -> Obj:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "it", "namespace": "x"}} | rest


def of_container(**fields: Any) -> Obj:
    obj = pod("x")
    obj["spec"]["containers"][0] |= fields
    return obj


def of_pod(**fields: Any) -> Obj:
    obj = pod("x")
    obj["spec"] |= fields
    return obj


def noted(key: str, value: str) -> Obj:
    obj = pod("x")
    obj["metadata"]["annotations"] = {key: value}
    return obj


def labelled(key: str, value: str) -> Obj:
    obj = pod("x")
    obj["metadata"]["labels"] = {key: value}
    return obj


def linkerd_config(values: str) -> Obj:
    obj = an("ConfigMap", data={"values": values})
    obj["metadata"] = {"name": "linkerd-config", "namespace": "linkerd"}
    return obj


def release(**content: Any) -> Obj:
    found = packed(msgspec.json.encode({"name": "linkerd", "version": 1} | content))
    obj = an("Secret", data={"release": found})
    obj["metadata"]["name"] = "sh.helm.release.v1.linkerd.v1"
    return obj


def environment(value: str, name: str = "X") -> Obj:
    return of_container(env=[{"name": name, "value": value}])


PLACES: dict[str, Obj] = {
    "environment": environment(SECRET),
    "environment of the proxy, a key": environment(KEY, "LINKERD2_PROXY_EXTRA"),
    "environment of the proxy, userinfo": environment(
        f"http://u:{SECRET}@collector:4317", "LINKERD2_PROXY_TRACE_COLLECTOR_SVC_ADDR"
    ),
    "environment of the proxy, a token": environment(f"Bearer {SECRET}", "LINKERD2_PROXY_X"),
    "key in DER": environment(DER),
    "key in DER, of the proxy": environment(DER, "LINKERD2_PROXY_X"),
    "JDBC": environment(f"jdbc:postgresql://db/x?user=a&password={SECRET}"),
    "ADO": environment(f"Server=db;User Id=app;Password={SECRET};"),
    "argument": of_container(args=["--password", SECRET]),
    "argument behind an option of the prober": of_container(args=["--port", SECRET]),
    "argument that names a module": of_container(args=["-m", SECRET]),
    "script": of_container(command=["sh", "-c", f"export PW={SECRET}; sleep 5; exec app"]),
    "number behind an option": of_container(args=["-p", PIN]),
    "preStop": of_container(
        lifecycle={"preStop": {"exec": {"command": ["sh", "-c", f"curl -u a:{SECRET} x"]}}}
    ),
    "probe, header": of_container(
        livenessProbe={"httpGet": {"httpHeaders": [{"name": "X-Auth", "value": SECRET}]}}
    ),
    "probe, path": of_container(livenessProbe={"httpGet": {"path": f"/hook/{SECRET}"}}),
    "probe, grpc of a service": of_container(readinessProbe={"exec": {"command": ["r", SECRET]}}),
    "image, userinfo": of_container(image=f"https://u:{SECRET}@registry/app:1"),
    "working folder": of_container(workingDir=f"/{SECRET}"),
    "field of a later Kubernetes": of_container(later={"deep": [{"text": SECRET}]}),
    "CSI": of_pod(volumes=[{"name": "v", "csi": {"volumeAttributes": {"p": SECRET}}}]),
    "flexVolume": of_pod(volumes=[{"name": "v", "flexVolume": {"options": {"p": SECRET}}}]),
    "iSCSI": of_pod(volumes=[{"name": "v", "iscsi": {"initiatorName": SECRET}}]),
    "Azure file": of_pod(volumes=[{"name": "v", "azureFile": {"shareName": SECRET}}]),
    "host alias": of_pod(hostAliases=[{"ip": "10.0.0.1", "hostnames": [SECRET]}]),
    "DNS option": of_pod(dnsConfig={"options": [{"name": "x", "value": SECRET}]}),
    "annotation": noted("example.com/token", SECRET),
    "annotation of a domain of Kubernetes": noted(
        "nginx.ingress.kubernetes.io/configuration-snippet", f"set $x {SECRET};"
    ),
    "annotation of Linkerd, a key": noted("config.linkerd.io/x", KEY),
    "annotation of Linkerd, too long": noted("config.linkerd.io/x", f"{SECRET} " * 40),
    "whole objects of Fleet": noted("objectset.rio.cattle.io/applied", b64(SECRET)),
    "whole objects of kapp": noted("kapp.k14s.io/original", json.dumps({"p": SECRET})),
    "copy of the object": noted(LAST_APPLIED, json.dumps(environment(SECRET))),
    "copy in a copy": noted(
        LAST_APPLIED, json.dumps(noted(LAST_APPLIED, json.dumps(environment(SECRET))))
    ),
    "copy that is no JSON": noted(LAST_APPLIED, f"{SECRET} {{"),
    "copy that is a list": noted(LAST_APPLIED, json.dumps([SECRET])),
    "copy without metadata": noted(LAST_APPLIED, json.dumps({"metadata": SECRET, "spec": SECRET})),
    "label": labelled("token", SECRET),
    "label of a domain": labelled("example.com/x", SECRET),
    "message of a pod": pod("x") | {"status": {"message": f"login: {SECRET}"}},
    "message of a condition": pod("x")
    | {"status": {"conditions": [{"type": "Ready", "status": "False", "message": SECRET}]}},
    "message of an end": pod("x")
    | {
        "status": {
            "containerStatuses": [
                {"name": "a", "lastState": {"terminated": {"message": f"panic: {SECRET}"}}}
            ]
        }
    },
    "reason that is none": pod("x") | {"status": {"reason": SECRET}},
    "Event": an("Event", message=f"failed: https://u:{SECRET}@r/x"),
    "Event, new": an("Event", "events.k8s.io/v1", note=SECRET),
    "ConfigMap": an("ConfigMap", data={"app.ini": f"[db]\npassword={SECRET}\n"}),
    "ConfigMap, bytes": an("ConfigMap", binaryData={"x": b64(SECRET)}),
    "ConfigMap with a certificate before it": an(
        "ConfigMap", data={"ca.crt": f"{CERTIFICATE}\n# {SECRET}"}
    ),
    "Linkerd's values, of nobody": linkerd_config(f"mine: {{password: {SECRET}}}"),
    "Linkerd's values, comment": linkerd_config(f"linkerdVersion: edge-25.4.4 # {SECRET}"),
    "Linkerd's values, environment": linkerd_config(
        f"proxy: {{additionalEnv: [{{name: T, value: {SECRET}}}]}}"
    ),
    "Linkerd's values, userinfo": linkerd_config(f"prometheusUrl: http://u:{SECRET}@p"),
    "Linkerd's values, key": linkerd_config(f"identity: {{keyPEM: {SECRET}}}"),
    "Linkerd's values, misplaced key": linkerd_config(f"clusterDomain: {json.dumps(KEY)}"),
    "Linkerd's values, annotation": linkerd_config(f"podAnnotations: {{x.y/z: {SECRET}}}"),
    "Linkerd's values that are none": linkerd_config(f"- {SECRET}"),
    "Linkerd's values that are broken": linkerd_config(f"a: [{SECRET}"),
    "Secret": an("Secret", data={"p": b64(SECRET)}),
    "Secret, plain": an("Secret", stringData={"p": SECRET}),
    "Secret, no base64": an("Secret", data={"p": SECRET}),
    "Secret, bytes": an(
        "Secret", data={"p": base64.b64encode(b"\xff" + SECRET.encode()).decode()}
    ),
    "Secret, key beside its certificate": an("Secret", data={"tls.crt": b64(CERTIFICATE + KEY)}),
    "Helm, values": release(config={"db": {"password": SECRET}}),
    "Helm, values of the chart": release(chart={"values": {"password": SECRET}}),
    "Helm, template": release(chart={"templates": [{"data": b64(SECRET)}]}),
    "Helm, notes": release(info={"status": "deployed", "notes": SECRET, "description": SECRET}),
    "Helm, manifest": release(
        manifest=f"kind: Secret\napiVersion: v1\nmetadata: {{name: a}}\ndata: {{p: {SECRET}}}"
    ),
    "Helm, hook": release(hooks=[{"manifest": SECRET}]),
    "Helm, not a release": an("Secret", data={"release": b64(SECRET)})
    | {"metadata": {"name": "sh.helm.release.v1.a.v1"}},
    "Helm in a ConfigMap": an("ConfigMap", data={"release": b64(b64(SECRET))}),
    "custom resource": an("Database", "db.example/v1", spec={"password": SECRET, "pin": int(PIN)}),
    "Gateway API, header": an(
        "HTTPRoute",
        "gateway.networking.k8s.io/v1",
        spec={"rules": [{"filters": [{"set": [{"name": "Authorization", "value": SECRET}]}]}]},
    ),
    "ServiceProfile, path": an(
        "ServiceProfile",
        "linkerd.io/v1alpha2",
        spec={"routes": [{"condition": {"pathRegex": f"/{SECRET}"}}]},
    ),
    "CRD, default": an(
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        metadata={"name": "its.db.example"},
        spec={
            "group": "db.example",
            "names": {"kind": "It", "plural": "its"},
            "versions": [{"name": "v1", "schema": {"x": {"default": SECRET}}}],
        },
    ),
    "webhook, URL": an(
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        webhooks=[{"clientConfig": {"url": f"https://u:{SECRET}@h/{SECRET}?t={SECRET}"}}],
    ),
    "webhook, expression": an(
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        webhooks=[{"name": "a.b.c", "matchConditions": [{"name": "x", "expression": SECRET}]}],
    ),
    "policy, expression": an(
        "ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/v1",
        spec={"validations": [{"expression": SECRET, "message": SECRET}]},
    ),
    "Ingress": an("Ingress", "networking.k8s.io/v1", spec={"rules": [{"host": SECRET}]}),
    "owned field that is a value": pod("x")
    | {"metadata": {"name": "x", "managedFields": [{"fieldsV1": {f'v:"{SECRET}"': {}}}]}},
    "owned item by its value": pod("x")
    | {"metadata": {"managedFields": [{"fieldsV1": {f'k:{{"value":"{SECRET}"}}': {}}}]}},
    "taint": an("Node", spec={"taints": [{"key": "x", "value": SECRET, "effect": "NoSchedule"}]}),
    "volume": an("PersistentVolume", spec={"csi": {"volumeAttributes": {"p": SECRET}}}),
    "class of storage": an("StorageClass", "storage.k8s.io/v1", parameters={"p": SECRET}),
    "list in a list": {"apiVersion": "v1", "kind": "List", "items": [environment(SECRET)]},
    "labels that are none": pod("x") | {"metadata": {"name": "x", "labels": [SECRET]}},
    "environment that is none": of_container(env=SECRET),
    "pod that is none": pod("x") | {"spec": SECRET},
}  # fmt: skip
"""Place -> an object with a secret in it: `SECRET`, `KEY`, `DER` or `PIN`."""
