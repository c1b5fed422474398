"""What was learnt of a release, in the shapes that the catalogue answers with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from oci import reference
from policies.releases.grammar import parse
from policies.releases.types import CrdVersions, Images, Release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.releases.learnt import Learnt, LearntObject

_MINOR = re.compile(r"\d{1,3}\.\d{1,3}", re.ASCII)


def release(learnt: Learnt, logical: str) -> Release:
    """Return a release that only its own artefact names."""
    version = parse(learnt.tag)
    return Release(
        tag=learnt.tag,
        channel=version.channel,
        logical=logical,
        kubernetes_code=kubernetes_minimum(learnt),
        chart_kubernetes=learnt.chart_kubernetes,
        native_sidecar=learnt.native_sidecar,
        install_gateway_api=learnt.installs_gateway_api,
        proxy_init=reference.parse(_image(learnt, "proxy-init")).tag or "",
        source=f"learnt from its {learnt.source} {learnt.sha256[:12]}",
    )


def kubernetes_minimum(learnt: Learnt) -> str:
    """Return the minimum its chart states, `1.31.0`; empty where the chart was not at hand."""
    bound = lowest_minor(learnt.chart_kubernetes)
    return f"{bound}.0" if bound else ""


def lowest_minor(constraint: str) -> str:
    """Return the minor version that a chart's `kubeVersion` names, `1.31`; empty without one."""
    bound = _MINOR.search(constraint)
    return bound[0] if bound else ""


def images(learnt: Learnt) -> Images:
    """Return the images beside controller and proxy."""
    controller = _image(learnt, "controller")
    return Images(
        anchor=learnt.tag,
        registry=controller.rpartition("/")[0],
        proxy_build="",
        proxy_init=_image(learnt, "proxy-init"),
        policy_controller=reference.parse(_image(learnt, "policy-controller")).with_tag(""),
        cni_plugin=_tag_in(learnt.images("cni"), "cni-plugin"),
        viz_prometheus=_tag_in(learnt.images("viz"), "prometheus"),
        native_sidecar=bool(learnt.native_sidecar),
    )


def crds(learnt: Learnt) -> tuple[CrdVersions, ...]:
    """Return the definitions of custom resources that it brings, the optional ones included."""
    every = {o.key: o for o in (*learnt.objects("crds_with_gateway_api"), *learnt.objects("crds"))}
    return tuple(each for key in sorted(every) for each in _crd(every[key]))


def _crd(one: LearntObject) -> Iterator[CrdVersions]:
    if one.crd is None:
        return
    versions = one.crd.versions
    yield CrdVersions(
        name=one.identity.name,
        served=tuple(v.name for v in versions if v.served),
        storage=next((v.name for v in versions if v.storage), ""),
        deprecated=tuple(v.name for v in versions if v.deprecated),
        bundle=one.crd.bundle,
    )


def _image(learnt: Learnt, name: str) -> str:
    every = learnt.images("control_plane")
    return next((i for i in every if reference.parse(i).name == name), "")


def _tag_in(every: tuple[str, ...], name: str) -> str:
    parts = (reference.parse(image) for image in every)
    return next((part.tag for part in parts if part.name == name and part.tag), "")
