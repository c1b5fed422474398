"""What extensions need of the cluster: available APIServices, and mirrors that hold a lease."""

from __future__ import annotations

from fixtures.embedded.kernel import Mounts, Obj, Program, ProgramFactory
from fixtures.embedded.mesh.mirrors import LEASES, mirror_program
from fixtures.linkerd.extensions.maker import Maker
from fixtures.linkerd.extensions.multicluster import link_crd
from fixtures.linkerd.extensions.multicluster_mirrors import link
from suites.embedded.in_process import SPACE, InProcess, cluster, scene, service, workload

API_SERVICES = "apiservices.apiregistration.k8s.io"
DEPLOYMENTS = "deployments.apps"
NAME = "v1alpha1.tap.example.com"
CLUSTER = "mirror.linkerd.io/cluster-name"


def api_service() -> Obj:
    spec = {
        "group": "tap.example.com",
        "version": "v1alpha1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 100,
        "service": {"name": "tap", "namespace": SPACE},
    }
    api = "apiregistration.k8s.io/v1"
    return {"apiVersion": api, "kind": "APIService", "metadata": {"name": NAME}, "spec": spec}


def available(running: InProcess) -> tuple[str, str]:
    found = running.kernel.get(API_SERVICES, "", NAME)
    assert found is not None
    [condition] = found["status"]["conditions"]
    return condition["status"], condition["reason"]


@scene
async def test_an_apiservice_is_available_while_its_service_has_a_ready_address() -> None:
    async with cluster() as running:
        await running.kernel.create(API_SERVICES, api_service())
        await running.until(lambda: available(running) == ("False", "ServiceNotFound"))

        await running.kernel.create("services", service("tap"))
        await running.until(lambda: available(running) == ("False", "MissingEndpoints"))

        wanted = workload("Deployment", "tap", {"replicas": 1})
        await running.kernel.create(DEPLOYMENTS, wanted)
        await running.until(lambda: available(running) == ("True", "Passed"))

        running.change(DEPLOYMENTS, "tap", lambda o: o["spec"].update(replicas=0))
        await running.until(lambda: available(running) == ("False", "MissingEndpoints"))


@scene
async def test_a_local_apiservice_stays_as_the_server_made_it() -> None:
    async with cluster() as running:
        local = api_service()
        del local["spec"]["service"]
        made = await running.kernel.create(API_SERVICES, local)
        await running.settled()

        found = running.kernel.get(API_SERVICES, "", NAME)
        assert found is not None
        assert found.get("status") == made.get("status")


def mirror(name: str = "controller-west") -> Obj:
    """The Deployment of a managed controller."""
    labels = {"app": name, "component": "controller", CLUSTER: "west"}
    wanted = workload("Deployment", name, {"replicas": 1})
    wanted["spec"]["template"]["metadata"]["labels"] = labels
    return wanted


async def linked(running: InProcess, gateway: str = "198.51.100.1") -> None:
    """A Link to west, and one Service mirrored from there."""
    maker = Maker("multicluster", "edge-25.10.7")
    await running.kernel.create("customresourcedefinitions.apiextensions.k8s.io", link_crd(maker))
    found = link(maker, "west", {"gatewayAddress": gateway}, "cluster.local")
    found["metadata"]["namespace"] = SPACE
    await running.kernel.create("links.multicluster.linkerd.io", found)
    labels = {CLUSTER: "west", "mirror.linkerd.io/mirrored-service": "true"}
    metadata = {"name": "web-west", "namespace": SPACE, "labels": labels}
    spec = {"ports": [{"name": "http", "port": 80}]}
    await running.kernel.create("services", {"metadata": metadata, "spec": spec})


def factory(running: list[InProcess]) -> ProgramFactory:
    def make(pod: Obj, container: Obj, mounts: Mounts) -> Program | None:
        del container, mounts
        return mirror_program(running[0].kernel, pod)

    return make


def holder(running: InProcess) -> str:
    lease = running.kernel.get(LEASES, SPACE, "service-mirror-write-west")
    return str(lease["spec"]["holderIdentity"]) if lease else ""


@scene
async def test_a_lease_passes_to_the_new_pod_and_the_mirror_keeps_its_identity() -> None:
    known: list[InProcess] = []
    async with cluster(factories=(factory(known),)) as running:
        known.append(running)
        await linked(running)
        await running.kernel.create(DEPLOYMENTS, mirror())
        await running.until(lambda: holder(running), "somebody holds the lease")
        await running.until(lambda: running.kernel.get("endpoints", SPACE, "web-west"))
        first, before = holder(running), running.get("services", "web-west")

        running.restart(DEPLOYMENTS, "controller-west")
        await running.until(lambda: holder(running) != first, "the lease was passed on")

        addresses = running.get("endpoints", "web-west")["subsets"][0]["addresses"]
        assert addresses == [{"ip": "198.51.100.1"}]
        assert (
            running.get("services", "web-west")["metadata"]["uid"] == (before["metadata"]["uid"])
        )
        lease = running.get(LEASES, "service-mirror-write-west")
        assert lease["spec"]["leaseTransitions"] >= 1
        pods = {p["metadata"]["name"] for p in running.kernel.list("pods", SPACE)}
        assert holder(running) in pods


@scene
async def test_mirrors_follow_the_gateways_address() -> None:
    known: list[InProcess] = []
    async with cluster(factories=(factory(known),)) as running:
        known.append(running)
        await linked(running)
        await running.kernel.create(DEPLOYMENTS, mirror())
        await running.until(lambda: running.kernel.get("endpoints", SPACE, "web-west"))

        running.change(
            "links.multicluster.linkerd.io",
            "west",
            lambda o: o["spec"].update(gatewayAddress="198.51.100.9"),
        )

        def moved() -> bool:
            subsets = running.get("endpoints", "web-west")["subsets"]
            return subsets[0]["addresses"] == [{"ip": "198.51.100.9"}]

        await running.until(moved, "the mirror has the new address")
