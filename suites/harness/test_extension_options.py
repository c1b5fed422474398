"""The options of an extension, read from its objects: nothing else remembers them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from fixtures.linkerd import extensions
from fixtures.linkerd.extensions.options import indexed
from fixtures.linkerd.values import merge
from fixtures.scenario.parts import ExtensionSpec
from fixtures.standins.linkerd.values import assignments
from fixtures.steps.extensions.options import install_flags
from fixtures.steps.extensions.steps import manifest
from policies.facts.cluster import ClusterFacts, ObjectKey, Workload
from suites.policy.builders import change, cluster

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RELEASE = "edge-25.10.7"


def rendered(name: str, flags: tuple[str, ...]) -> dict[str, tuple[int, bool]]:
    """Deployment -> replicas, and whether its pods keep apart, of an install with these flags."""
    given: dict[str, object] = {}
    for text in flags:
        if "=" in text:
            given = merge(given, assignments(text))
    made = extensions.render(name, RELEASE, indexed(given), ha="--ha" in flags, now=NOW)
    return {
        o["metadata"]["name"]: (o["spec"]["replicas"], "affinity" in o["spec"]["template"]["spec"])
        for o in made
        if o["kind"] == "Deployment"
    }


def seen(name: str, flags: tuple[str, ...]) -> ClusterFacts:
    """Facts of a cluster on which that was installed."""
    space = extensions.namespace(name)
    workloads = tuple(
        Workload(
            kind="Deployment",
            namespace=space,
            name=deployment,
            uid=deployment,
            desired=replicas,
            required_anti_affinity="kubernetes.io/hostname" if apart else "",
        )
        for deployment, (replicas, apart) in rendered(name, flags).items()
    )
    return change(cluster(RELEASE), workloads=workloads)


def values(*texts: str, ha: bool = False) -> tuple[str, ...]:
    flags = ["--ha"] if ha else []
    for text in texts:
        flags += ["--set", text]
    return tuple(flags)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("viz", values()),
        ("viz", values(ha=True)),
        ("viz", values("tap.replicas=2", "metricsAPI.replicas=2")),
        ("viz", values("prometheus.enabled=false")),
        ("viz", values("tap.replicas=5", ha=True)),
        ("multicluster", values()),
        ("multicluster", values(ha=True)),
        ("multicluster", values("gateway.enabled=false")),
        ("multicluster", values("controllers[0].link.ref.name=west")),
        (
            "multicluster",
            values(
                "controllers[0].link.ref.name=east",
                "controllers[1].link.ref.name=west",
                "controllers[1].replicas=2",
            ),
        ),
    ],
)
def test_installed_again_an_extension_is_as_it_was(name: str, flags: tuple[str, ...]) -> None:
    facts = seen(name, flags)

    found = install_flags(facts, name, extensions.namespace(name), ExtensionSpec())

    assert rendered(name, found) == rendered(name, flags)


def test_the_scenario_wins_over_what_the_objects_show() -> None:
    flags = values("tap.replicas=2", "controllers[0].link.ref.name=west")
    viz, linked = seen("viz", flags[:2]), seen("multicluster", flags[2:])
    said = ExtensionSpec(set=("tap.replicas=4",), high_availability=False)
    other = ExtensionSpec(set=("controllers[0].link.ref.name=north",))

    assert install_flags(viz, "viz", "linkerd-viz", said) == values("tap.replicas=4")
    assert install_flags(linked, "multicluster", "linkerd-multicluster", other) == values(
        "controllers[0].link.ref.name=north"
    )


def test_what_is_deleted_is_named_in_a_version_that_every_release_serves() -> None:
    policy = "policy.linkerd.io"
    server = ObjectKey(group=policy, kind="Server", namespace="a", name="s")
    grant = ObjectKey(group=policy, kind="AuthorizationPolicy", namespace="a", name="p")
    service = ObjectKey(kind="Service", namespace="a", name="web")
    role = ObjectKey(group="rbac.authorization.k8s.io", kind="ClusterRole", name="r")
    keys = frozenset({server, grant, service, role})

    items = json.loads(manifest(keys))["items"]

    versions = {i["kind"]: i["apiVersion"] for i in items}
    assert versions == {
        "Server": "policy.linkerd.io/v1beta1",
        "AuthorizationPolicy": "policy.linkerd.io/v1alpha1",
        "Service": "v1",
        "ClusterRole": "rbac.authorization.k8s.io/v1",
    }


def test_a_name_that_no_api_server_admits_sets_no_value() -> None:
    kept, hostile = (
        Workload(
            kind="Deployment", namespace="linkerd-multicluster", name=name, uid=name, desired=1
        )
        for name in ("controller-west", "controller-x,gateway.image=evil")
    )
    facts = change(cluster(), workloads=(kept, hostile))

    flags = install_flags(facts, "multicluster", "linkerd-multicluster", ExtensionSpec())

    assert "controllers[0].link.ref.name=west" in flags
    assert not any("evil" in flag for flag in flags)
