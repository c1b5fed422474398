"""Injection as a rule: which pods, where the proxy goes, what annotations change."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fixtures.linkerd import injection_rules as rules
from fixtures.linkerd.proxy import Denied, Injected, Skipped, apply_patch, inject
from fixtures.linkerd.values import defaults, merge
from suites.embedded.linkerd_recordings import DUMPS, named, recorded_dump
from suites.embedded.mesh_stage import namespace, pod
from suites.embedded.test_linkerd_model import ANCHORS, differences

Obj = dict[str, Any]

ENABLED = namespace("shop", inject="enabled")


def injected(version: str, asked: Obj | None = None, **overrides: Any) -> Obj:
    values = merge(defaults(version), overrides)
    answer = inject(asked or pod(), ENABLED, values, injector_version=version)
    assert isinstance(answer, Injected)
    return answer.pod


def annotated(**annotations: str) -> Obj:
    found = {name.replace("__", "/").replace("_", "-"): v for name, v in annotations.items()}
    asked = pod()
    asked["metadata"]["annotations"] = {f"config.linkerd.io/{k}": v for k, v in found.items()}
    return asked


def proxy_in(found: Obj) -> Obj:
    spec = found["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", [])]
    return next(container for container in containers if container["name"] == "linkerd-proxy")


def names(found: Obj, key: str) -> list[str]:
    return [container["name"] for container in found["spec"].get(key, [])]


def before_injection(recorded: Obj) -> Obj:
    """A recorded pod without what the injector added."""
    asked = copy.deepcopy(recorded)
    metadata, spec = asked["metadata"], asked["spec"]
    for name in ("created-by", "proxy-version", "trust-root-sha256", "inject"):
        metadata["annotations"].pop(f"linkerd.io/{name}", None)
    metadata["labels"] = {
        name: value
        for name, value in metadata["labels"].items()
        if not name.startswith("linkerd.io/")
    }
    for key in ("containers", "initContainers"):
        spec[key] = [each for each in spec.get(key, []) if not each["name"].startswith("linkerd-")]
    if not spec["initContainers"]:
        del spec["initContainers"]
    spec["volumes"] = [each for each in spec["volumes"] if not each["name"].startswith("linkerd-")]
    return asked


DEFAULTED = {
    "protocol": "TCP",
    "apiVersion": "v1",
    "scheme": "HTTP",
    "terminationMessagePath": "/dev/termination-log",
    "successThreshold": 1,
    "periodSeconds": 10,
    "defaultMode": 420,
    "readOnly": False,
    "resources": {},
    "failureThreshold": 3,
    "timeoutSeconds": 1,
    "initialDelaySeconds": 0,
    "value": "",
}


def without_defaults(obj: Any) -> Any:
    """An object without what the API server fills in."""
    if isinstance(obj, dict):
        return {
            name: without_defaults(value)
            for name, value in obj.items()
            if DEFAULTED.get(name, object()) != value
        }
    return [without_defaults(each) for each in obj] if isinstance(obj, list) else obj


def owner_in(objects: list[Obj], recorded: Obj) -> tuple[str, str] | None:
    references = recorded["metadata"].get("ownerReferences", [])
    while references:
        kind, name = references[0]["kind"], references[0]["name"]
        if kind != "ReplicaSet":
            return kind.lower(), name
        references = named(objects, kind, name)["metadata"]["ownerReferences"]
    return None


@pytest.mark.parametrize("version", DUMPS)
def test_injected_pods_equal_the_recorded_ones(version: str) -> None:
    objects = recorded_dump(version)
    config = named(objects, "ConfigMap", "linkerd-config")["data"]["values"]
    roots = named(objects, "ConfigMap", "linkerd-identity-trust-roots")["data"]["ca-bundle.crt"]
    values = {**yaml.safe_load(config), "identityTrustAnchorsPEM": roots}
    creator = f"linkerd/proxy-injector {version}"
    compared = [
        obj
        for obj in objects
        if obj["kind"] == "Pod"
        and obj["metadata"].get("annotations", {}).get("linkerd.io/created-by") == creator
    ]
    assert len(compared) >= 8

    for recorded in compared:
        answer = inject(
            before_injection(recorded),
            named(objects, "Namespace", recorded["metadata"]["namespace"]),
            values,
            injector_version=version,
            owner=owner_in(objects, recorded),
        )
        assert isinstance(answer, Injected)
        for part in ("spec", "metadata"):
            wanted, found = without_defaults(recorded[part]), without_defaults(answer.pod[part])
            assert differences(wanted, found) == []


@pytest.mark.parametrize("version", ANCHORS)
def test_patch_alone_makes_the_pod(version: str) -> None:
    asked = pod()
    answer = inject(asked, ENABLED, defaults(version), injector_version=version)
    assert isinstance(answer, Injected)

    assert {operation["op"] for operation in answer.patch} == {"add"}
    assert apply_patch(asked, answer.patch) == answer.pod
    assert asked == pod()


ANNOTATIONS = st.sampled_from(["", "enabled", "ingress", "disabled", "yes"])


@given(above=ANNOTATIONS, own=ANNOTATIONS)
def test_pod_and_namespace_decide_together(above: str, own: str) -> None:
    asked = pod()
    asked["metadata"]["annotations"] = {"linkerd.io/inject": own} if own else {}
    where = namespace("shop", inject=above) if above else namespace("shop")

    answer = inject(asked, where, defaults("edge-26.6.3"), injector_version="edge-26.6.3")

    enabling = ("enabled", "ingress")
    wanted = "yes" not in (above, own) and (
        own in enabling or (above in enabling and own != "disabled")
    )
    assert isinstance(answer, Injected) == wanted


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (pod(hostNetwork=True), rules.HOST_NETWORK),
        (pod(initContainers=[{"name": "linkerd-init"}]), rules.SIDECAR_EXISTS),
    ],
)
def test_some_pods_are_skipped(asked: Obj, reason: str) -> None:
    answer = inject(asked, ENABLED, defaults("edge-26.6.3"), injector_version="edge-26.6.3")

    assert isinstance(answer, Skipped)
    assert answer.reasons == (reason,)


def test_pod_without_token_is_skipped_only_where_none_is_projected() -> None:
    asked = pod()
    del asked["spec"]["containers"][0]["volumeMounts"]
    values = defaults("edge-26.6.3")
    unprojected = merge(values, {"identity": {"serviceAccountTokenProjection": False}})

    kept = inject(asked, ENABLED, values, injector_version="edge-26.6.3")
    skipped = inject(asked, ENABLED, unprojected, injector_version="edge-26.6.3")

    assert isinstance(kept, Injected)
    assert isinstance(skipped, Skipped)
    assert skipped.reasons == (rules.NO_TOKEN,)


def test_udp_ports_do_not_stop_the_webhook() -> None:
    asked = pod()
    asked["spec"]["containers"][0]["ports"].append({"containerPort": 53, "protocol": "UDP"})

    found = proxy_in(injected("edge-26.6.3", asked))

    ports = next(e for e in found["env"] if e["name"] == "LINKERD2_PROXY_INBOUND_PORTS")
    assert ports["value"] == "8080"


def test_container_order_without_native_sidecars() -> None:
    first = injected("edge-25.10.7")
    last = injected("edge-25.10.7", annotated(proxy_await="disabled"))

    assert names(first, "containers") == ["linkerd-proxy", "web"]
    assert names(last, "containers") == ["web", "linkerd-proxy"]
    assert "lifecycle" in proxy_in(first)
    assert "lifecycle" not in proxy_in(last)


def test_native_sidecar_follows_the_init_container_and_precedes_the_pods_own() -> None:
    found = injected("edge-26.6.3", pod(initContainers=[{"name": "migrate", "image": "m:1"}]))

    assert names(found, "initContainers") == ["linkerd-init", "linkerd-proxy", "migrate"]
    assert proxy_in(found)["restartPolicy"] == "Always"
    assert proxy_in(found)["startupProbe"]["failureThreshold"] == 120


def test_container_mode_keeps_the_pods_own_init_containers_first() -> None:
    found = injected("edge-25.10.7", pod(initContainers=[{"name": "migrate", "image": "m:1"}]))

    assert names(found, "initContainers") == ["migrate", "linkerd-init"]


@pytest.mark.parametrize(
    ("version", "annotation", "is_native"),
    [
        ("edge-24.2.4", "config.alpha.linkerd.io", True),
        ("edge-25.10.1", "config.beta.linkerd.io", False),
        ("edge-25.10.2", "config.beta.linkerd.io", True),
        ("edge-25.10.7", "config.linkerd.io", False),
        ("edge-26.5.2", "config.linkerd.io", True),
        ("stable-2.14.10", "config.alpha.linkerd.io", False),
    ],
)
def test_native_annotations_mature_with_versions(
    version: str, annotation: str, is_native: bool
) -> None:
    asked = pod()
    asked["metadata"]["annotations"] = {f"{annotation}/proxy-enable-native-sidecar": "true"}

    found = injected(version, asked)

    assert ("linkerd-proxy" in names(found, "initContainers")) == is_native


def test_the_most_mature_native_annotation_wins() -> None:
    asked = pod()
    asked["metadata"]["annotations"] = {
        "config.linkerd.io/proxy-enable-native-sidecar": "false",
        "config.beta.linkerd.io/proxy-enable-native-sidecar": "true",
    }

    assert names(injected("edge-26.6.3", asked), "initContainers") == ["linkerd-init"]


def test_pinned_version_is_image_and_annotation_but_not_creator() -> None:
    found = injected("edge-25.10.7", annotated(proxy_version="edge-24.8.2"))

    assert proxy_in(found)["image"] == "cr.l5d.io/linkerd/proxy:edge-24.8.2"
    annotations = found["metadata"]["annotations"]
    assert annotations["linkerd.io/proxy-version"] == "edge-24.8.2"
    assert annotations["linkerd.io/created-by"] == "linkerd/proxy-injector edge-25.10.7"


def test_namespace_pins_all_its_pods_unless_they_pin_themselves() -> None:
    where = copy.deepcopy(ENABLED)
    where["metadata"]["annotations"]["config.linkerd.io/proxy-version"] = "edge-24.8.2"
    values = defaults("edge-25.10.7")

    inherited = inject(pod(), where, values, injector_version="edge-25.10.7")
    own = inject(
        annotated(proxy_version="edge-25.4.4"), where, values, injector_version="edge-25.10.7"
    )

    assert isinstance(inherited, Injected)
    assert isinstance(own, Injected)
    assert proxy_in(inherited.pod)["image"].endswith(":edge-24.8.2")
    assert proxy_in(own.pod)["image"].endswith(":edge-25.4.4")


@pytest.mark.parametrize(
    ("annotations", "path", "value"),
    [
        ({"proxy_image": "mirror.local/proxy"}, "image", "mirror.local/proxy:edge-26.6.3"),
        ({"proxy_cpu_limit": "1500m"}, "resources", {"limits": {"cpu": "1500m"}}),
        ({"proxy_memory_request": "1Gi"}, "resources", {"requests": {"memory": "1Gi"}}),
        ({"image_pull_policy": "Always"}, "imagePullPolicy", "Always"),
    ],
)
def test_annotations_override_values(annotations: Obj, path: str, value: object) -> None:
    assert proxy_in(injected("edge-26.6.3", annotated(**annotations)))[path] == value


@pytest.mark.parametrize(
    ("annotations", "variable", "value"),
    [
        ({"proxy_cpu_limit": "1500m"}, "LINKERD2_PROXY_CORES_MAX", "2"),
        (
            {"proxy_log_level": "debug"},
            "LINKERD2_PROXY_LOG",
            "debug,[{headers}]=off,[{request}]=off",
        ),
        ({"shutdown_grace_period": "1m30s"}, "LINKERD2_PROXY_SHUTDOWN_GRACE_PERIOD", "90000ms"),
        ({"shutdown_grace_period": "soon"}, "LINKERD2_PROXY_SHUTDOWN_GRACE_PERIOD", None),
        ({"proxy_admin_shutdown": "enabled"}, "LINKERD2_PROXY_SHUTDOWN_ENDPOINT_ENABLED", "true"),
        ({"proxy_admin_shutdown": "yes"}, "LINKERD2_PROXY_SHUTDOWN_ENDPOINT_ENABLED", "false"),
    ],
)
def test_annotations_reach_the_environment(
    annotations: Obj, variable: str, value: str | None
) -> None:
    environment = proxy_in(injected("edge-26.6.3", annotated(**annotations)))["env"]

    found = next((each["value"] for each in environment if each["name"] == variable), None)

    assert found == value


def test_wait_before_exit_is_a_pre_stop_sleep_and_refused_with_native_sidecars() -> None:
    asked = pod()
    asked["metadata"]["annotations"] = {
        "config.alpha.linkerd.io/proxy-wait-before-exit-seconds": "30"
    }
    values = merge(defaults("edge-25.10.7"), {"proxy": {"nativeSidecar": True}})

    slept = proxy_in(injected("edge-25.10.7", asked))
    refused = inject(asked, ENABLED, values, injector_version="edge-25.10.7")
    ignored = proxy_in(injected("edge-26.6.3", asked))

    assert slept["lifecycle"]["preStop"]["exec"]["command"] == ["/bin/sleep", "30"]
    assert isinstance(refused, Denied)
    assert "lifecycle" not in ignored


def test_cni_replaces_the_init_container_by_the_validator() -> None:
    found = injected("edge-25.10.7", None, cniEnabled=True)

    assert names(found, "initContainers") == ["linkerd-network-validator"]


def test_capabilities_of_the_application_are_taken_over() -> None:
    asked = pod()
    asked["spec"]["containers"][0]["securityContext"] = {"capabilities": {"drop": ["ALL"]}}

    found = injected("edge-25.10.7", asked)

    assert proxy_in(found)["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    init = found["spec"]["initContainers"][0]["securityContext"]["capabilities"]
    assert init == {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}


@pytest.mark.parametrize(
    ("binary", "configuration", "missing"),
    [
        ("edge-25.10.7", "edge-26.6.3", "proxyInit.image"),
        ("edge-25.11.2", "edge-25.11.3", "proxyInit.image"),
        ("edge-24.2.4", "edge-24.8.2", "proxyInit.resources"),
        ("edge-25.4.4", "edge-25.10.7", "podDisruptionBudget"),
        ("edge-25.10.7", "edge-25.10.6", ""),
        ("edge-26.6.3", "edge-25.10.7", ""),
        ("edge-24.11.8", "edge-25.4.4", ""),
    ],
)
def test_old_binaries_deny_with_newer_configurations(
    binary: str, configuration: str, missing: str
) -> None:
    answer = inject(pod(), ENABLED, defaults(configuration), injector_version=binary)

    assert isinstance(answer, Denied) == bool(missing)
    if isinstance(answer, Denied):
        assert missing in answer.message
        assert answer.code == 400


def test_missing_init_image_does_not_matter_with_cni() -> None:
    values = merge(
        defaults("edge-26.6.3"), {"cniEnabled": True, "proxy": {"nativeSidecar": False}}
    )

    answer = inject(pod(), ENABLED, values, injector_version="edge-25.10.7")

    assert isinstance(answer, Injected)


@pytest.mark.parametrize("asked", [pod(), annotated(proxy_log_level="debug")], ids=["", "asks"])
def test_the_values_are_the_next_pods_too(asked: Obj) -> None:
    values = defaults("edge-25.10.7")

    inject(asked, ENABLED, values, injector_version="edge-25.10.7")

    assert values == defaults("edge-25.10.7")
