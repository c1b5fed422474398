"""A stage for the network: a cluster in this process, echo workloads, and plain clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from fixtures.embedded import network
from fixtures.embedded.kernel import Mounts, Obj, Program
from suites.embedded.in_process import SPACE, InProcess, cluster, service, workload

ECHO = "rehearsal.linkerd.io/echo"
LIMIT = 2.0
"""Wall seconds that a client waits for an answer."""
SPEED = 40.0
DESTINATION = "destination"


@dataclass
class Stage:
    """A cluster whose pods answer."""

    cluster: InProcess
    links: network.Links

    async def serve(self, name: str, spec: Obj | None = None, **changes: Any) -> None:
        """An echo Deployment and its Service, rolled out."""
        await self.cluster.kernel.create("services", service(name))
        await self.cluster.kernel.create("deployments.apps", echo(name, spec, **changes))
        replicas = (spec or {}).get("replicas", 1)
        await self.ready(name, replicas)

    async def ready(self, name: str, count: int) -> None:
        """Wait for ready pods, and until every table knows them."""
        await self.cluster.until(
            lambda: sum(p.ready and p.active for p in self.cluster.pods(app=name)) == count,
            f"{count} ready pods of {name}",
        )
        if self.cluster.kernel.get("services", SPACE, name) is not None:
            await self.cluster.until(lambda: self._endpoints(name) == count, "their endpoints")
            await self.cluster.passes(1)

    def _endpoints(self, name: str) -> int:
        """How many ready endpoints the slices of a Service have."""
        return sum(
            bool(endpoint["conditions"]["ready"])
            for slice_ in self.cluster.kernel.list("endpointslices.discovery.k8s.io", SPACE)
            if slice_["metadata"]["labels"]["kubernetes.io/service-name"] == name
            for endpoint in slice_.get("endpoints") or ()
        )

    async def destination(self) -> None:
        """A Deployment that is destination, as far as proxies can tell."""
        made = workload("Deployment", DESTINATION)
        labels = made["spec"]["template"]["metadata"]["labels"]
        labels["linkerd.io/control-plane-component"] = DESTINATION
        await self.cluster.kernel.create("deployments.apps", made)
        await self.ready(DESTINATION, 1)

    async def scale(self, name: str, replicas: int) -> None:
        """Scale a Deployment, and wait until it is so."""

        def edit(obj: Obj) -> None:
            obj["spec"]["replicas"] = replicas

        self.cluster.change("deployments.apps", name, edit)
        await self.cluster.until(lambda: len(self.cluster.pods(app=name)) == replicas, name)
        await self.ready(name, replicas)

    async def restart(self, name: str) -> None:
        """Restart a Deployment, and wait until the last old pod has gone."""
        old = {p.uid for p in self.cluster.pods(app=name)}
        self.cluster.restart("deployments.apps", name)
        await self.cluster.until(
            lambda: not old & {p.uid for p in self.cluster.pods(app=name)}, f"{name} restarted"
        )
        await self.cluster.settled()

    def fault(self, name: str, **arguments: Any) -> None:
        self.cluster.kernel.faults.enable(name, arguments)

    def path(self, source: Obj, target: str = "web:80") -> int:
        """Open a path; the port to connect to."""
        given = {"namespace": SPACE, **source}
        return self.links.paths.open({"source": given, "service": f"{SPACE}/{target}"}).port


@contextlib.asynccontextmanager
async def stage(speed: float = SPEED) -> AsyncGenerator[Stage]:
    """A cluster with a network, and nothing on it."""
    found: list[network.Links] = []

    def program(pod: Obj, container: Obj, mounts: Mounts) -> Program | None:
        return next(
            (p for f in found[0].factories if (p := f(pod, container, mounts)) is not None), None
        )

    async with cluster(speed=speed, factories=[program]) as running:
        found.append(network.install(running.kernel))
        try:
            yield Stage(running, found[0])
        finally:
            await found[0].stop()


UNMESHED: Obj = {"kind": "unmeshed"}
MESHED: Obj = {"kind": "meshed", "version": "edge-25.10.7"}
OLD: Obj = {"kind": "meshed", "version": "edge-24.11.8"}


def proxy(mode: str, policy: str, wait: int) -> Obj:
    """A proxy as the injector makes it, as far as the network looks."""
    environment = [
        {"name": "LINKERD2_PROXY_INBOUND_DEFAULT_POLICY", "value": policy},
        {"name": "_l5d_ns", "value": "linkerd"},
        {"name": "_l5d_trustdomain", "value": "cluster.local"},
    ]
    made: Obj = {"name": "linkerd-proxy", "image": "proxy:edge-25.10.7", "env": environment}
    if wait:
        command = ["/bin/sleep", str(wait)]
        made["lifecycle"] = {"preStop": {"exec": {"command": command}}}
    return {**made, "restartPolicy": "Always"} if mode == "native" else made


def echo(
    name: str,
    spec: Obj | None = None,
    *,
    mesh: str = "",
    linger: float = 0.0,
    marked: bool = True,
    policy: str = "all-unauthenticated",
    wait: int = 0,
    **pod: Any,
) -> Obj:
    """A Deployment of the suite's echo program.

    Args:
        name: Of the Deployment and its label `app`.
        spec: More of the Deployment's spec.
        mesh: Its proxy: "" for none, "container" or "native".
        linger: Cluster seconds for which the program goes on after SIGTERM.
        marked: Whether its pods are marked as the suite's echo.
        policy: The default inbound policy of its proxy.
        wait: `proxy-wait-before-exit-seconds`.
        pod: More of the pods' spec.
    """
    made = workload("Deployment", name, spec, **pod)
    template = made["spec"]["template"]
    inside = template["spec"]
    app = {**inside["containers"][0], "args": ["echo", "--linger", str(linger)]}
    inside["containers"] = [app]
    if marked:
        template["metadata"]["labels"] = {**template["metadata"]["labels"], ECHO: "true"}
    if mesh == "container":
        inside["containers"] = [app, proxy("container", policy, wait)]
    elif mesh == "native":
        inside["initContainers"] = [proxy("native", policy, wait)]
    return made


@dataclass
class Answered:
    """What one HTTP request brought."""

    status: int
    pod: str = ""
    identity: str = ""
    error: str = ""


async def get(port: int, path: str = "/?seq=7", limit: float = LIMIT) -> Answered:
    """One request on a connection of its own."""
    async with asyncio.timeout(limit):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await ask(reader, writer, path, "close")
        finally:
            writer.close()


async def ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    path: str = "/?seq=7",
    mode: str = "keep-alive",
) -> Answered:
    """One request on a connection that is there."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: web\r\nConnection: {mode}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    status = int(first.split()[1])
    said = json.loads(body) if body else {}
    if status == 200:
        assert said["seq"] == 7
    error = headers.get("l5d-proxy-error", "")
    return Answered(status, said.get("pod", ""), said.get("identity", ""), error)


async def result_of(port: int, limit: float = LIMIT) -> str:
    """One word for what a request on a new connection brought."""
    try:
        answered = await get(port, limit=limit)
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "timeout"
    except (OSError, asyncio.IncompleteReadError):
        return "reset"
    return "ok" if answered.status == 200 else str(answered.status)


ENOUGH = 10
"""Requests without which a probe has seen nothing."""


class Probing:
    """Requests on new connections, one after the other, until told to stop."""

    def __init__(self, port: int, pause: float = 0.002) -> None:
        self._port, self._pause = port, pause
        self.results: list[str] = []
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            self.results.append(await result_of(self._port))
            await asyncio.sleep(self._pause)

    async def stop(self) -> list[str]:
        """End once it has asked often enough to say something; every result that was not ok."""
        while len(self.results) <= ENOUGH and not self._task.done():
            await asyncio.sleep(self._pause)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return [r for r in self.results if r != "ok"]


class Line:
    """A long TCP connection that asks a line at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Line:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def say(self, number: int) -> Obj:
        """A line out, an answer in; IncompleteReadError when the other side has ended."""
        self.writer.write(b"%d\n" % number)
        async with asyncio.timeout(LIMIT):
            said = json.loads(await self.reader.readuntil(b"\n"))
        assert said["seq"] == number
        return said

    async def until_end(self) -> str:
        """Speak on until the connection ends: `eof` or `reset`."""
        number = 0
        try:
            while True:
                await self.say(number)
                number += 1
                await asyncio.sleep(0.002)
        except asyncio.IncompleteReadError:
            return "eof"
        except OSError:
            return "reset"
        finally:
            self.writer.close()
