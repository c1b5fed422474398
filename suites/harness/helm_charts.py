"""Small charts that a test writes: named as Linkerd's are, with nothing of Linkerd in them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

CONTROL_PLANE_VALUES = """
linkerdVersion: {release}
controllerReplicas: 1
podAnnotations: {{}}
nothing: null
identity:
  issuer: {{crtPEM: "", keyPEM: ""}}
proxy: {{logLevel: warn, nativeSidecar: {sidecar}, {extra}}}
"""
CONTROL_PLANE_TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: linkerd-config, labels: {linkerd.io/control-plane-ns: linkerd}}
data: {values: {{ omit .Values "global" "partials" | toJson | quote }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: linkerd-destination, labels: {linkerd.io/control-plane-ns: linkerd}}
spec:
  replicas: {{ .Values.controllerReplicas }}
  selector: {matchLabels: {app: destination}}
  template:
    metadata: {labels: {app: destination}}
    spec:
      containers:
      - {name: destination, image: "controller:{{ .Values.linkerdVersion }}"}
"""
CRD = """{{{{- if {condition} }}}}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: {plural}.{group}
  annotations:
    api-approved.kubernetes.io: unapproved, a test's own
    {keep}
  labels: {{linkerd.io/control-plane-ns: linkerd}}
spec:
  group: {group}
  names: {{plural: {plural}, singular: {singular}, kind: {kind}}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
{{{{- end }}}}
"""


def chart_files(name: str, release: str, *, keep: bool = True) -> dict[str, str]:
    """Files of `linkerd-crds` or `linkerd-control-plane` of a release."""
    version = "20" + release.removeprefix("edge-")
    meta = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
    if name == "linkerd-crds":
        default = "true" if release < "edge-25.9" else "false"
        return {
            "Chart.yaml": meta,
            "values.yaml": f"installGatewayAPI: {default}\n",
            "templates/routes.yaml": CRD.format(
                condition=".Values.installGatewayAPI",
                plural="httproutes",
                singular="httproute",
                kind="HTTPRoute",
                group="gateway.networking.k8s.io",
                keep="helm.sh/resource-policy: keep" if keep else "",
            ),
            "templates/servers.yaml": CRD.format(
                condition="true",
                plural="servers",
                singular="server",
                kind="Server",
                group="policy.linkerd.io",
                keep="",
            ),
        }
    newer = release >= "edge-26"
    return {
        "Chart.yaml": f"{meta}appVersion: {release}\n",
        "values.yaml": CONTROL_PLANE_VALUES.format(
            release=release,
            sidecar="true" if newer else "false",
            extra="brandNew: 7" if newer else "gone: 1",
        ),
        "values-ha.yaml": "controllerReplicas: 3\n",
        "templates/all.yaml": CONTROL_PLANE_TEMPLATE,
    }


def write_chart(folder: Path, name: str, release: str, *, keep: bool = True) -> Path:
    """An unpacked chart at `folder/name`."""
    root = folder / name
    for path, text in chart_files(name, release, keep=keep).items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def write_archive(folder: Path, name: str, release: str) -> Path:
    """A packed chart, `folder/name-VERSION.tgz`."""
    folder.mkdir(parents=True, exist_ok=True)
    version = "20" + release.removeprefix("edge-")
    path = folder / f"{name}-{version}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in chart_files(name, release).items():
            data = text.encode()
            info = tarfile.TarInfo(f"{name}/{file}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_tools(folder: Path, *releases: str) -> Path:
    """`--tools DIR` with the charts of these releases, packed."""
    for release in releases:
        for name in ("linkerd-crds", "linkerd-control-plane"):
            write_archive(folder / "charts" / release, name, release)
    return folder
