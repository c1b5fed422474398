"""A scripted `linkerd` whose discovery answers as told; every other command is the stand-in's.

No real cluster's answer is recorded. What it prints is what the source of the real one writes
(linkerd2, `cli/cmd/endpoints.go`, alike in edge-25.4.4, edge-25.10.7 and edge-26.6.3): rows by
namespace and Service, one per address that was added, in JSON with two spaces. What it says when
the port is not forwarded was seen from the real ones of these releases on the embedded cluster.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SCRIPT = """#!{python}
import json, sys, time
from pathlib import Path

RELEASE, STATE = {release!r}, Path({state!r})
argv = sys.argv[1:]
if argv[:3] == ["version", "--client", "--short"]:
    print(RELEASE)
    sys.exit(0)
sys.path.insert(0, {root!r})
if argv[:2] != ["diagnostics", "endpoints"]:
    from fixtures.standins.__main__ import main
    sys.exit(main(["linkerd@" + RELEASE, *argv]))

flags, authorities, rest = {{}}, [], argv[2:]
while rest:
    part = rest.pop(0)
    if part.startswith("-"):
        flags[part] = rest.pop(0)
    else:
        authorities.append(part)
assert flags["-o"] == "json", argv
pod = flags["--destination-pod"]
with (STATE / "asked").open("a") as asked:
    asked.write(json.dumps([pod, authorities]) + "\\n")
count = len((STATE / "asked").read_text().splitlines())
mode = (STATE / "mode").read_text()

if mode == "hangs":
    time.sleep(600)
if mode == "refused":
    sys.exit("Error creating destination client: error upgrading connection: portforward is not "
        "played by the embedded cluster: no containers run in it for linkerd/" + pod)
if mode == "unknown":
    sys.exit("Destination API error: Service gone.shop not found")
if mode == "garbage":
    print("\\x1b[31mpanic: runtime error\\x1b[0m {{")
    sys.exit(0)

from fixtures.cluster.access.connection import Connection
connection = Connection(Path(flags["--kubeconfig"]), flags.get("--context", ""))

def got(path, **query):
    return json.loads(connection.request("GET", path, query=query))

tables = {{}}
for authority in authorities:
    host, _, number = authority.partition(":")
    name, namespace, kind, domain = host.split(".", 3)
    assert (kind, domain) == ("svc", "cluster.local"), authority
    service = got("/api/v1/namespaces/" + namespace + "/services/" + name)
    called = next(p.get("name", "") for p in service["spec"]["ports"] if p["port"] == int(number))
    slices = got("/apis/discovery.k8s.io/v1/namespaces/" + namespace + "/endpointslices",
        labelSelector="kubernetes.io/service-name=" + name)["items"]
    found = [
        (ip, port["port"], endpoint["targetRef"]["name"])
        for each in slices
        for port in each.get("ports") or ()
        if port.get("name", "") == called
        for endpoint in each.get("endpoints") or ()
        if endpoint["conditions"].get("ready") is not False
        for ip in endpoint["addresses"]
    ]
    late = mode == "late" and count < 3
    if (mode == "stale" or late) and name == "linkerd-dst":
        found.append(("10.99.0.1", found[0][1], "linkerd-destination-gone"))
    if mode == "lags" and name == "linkerd-dst":
        found = []
    tables.setdefault(namespace, []).extend(
        {{"namespace": namespace, "ip": ip, "port": port, "pod": behind,
        "service": name + "." + namespace, "weight": 10000, "labels": {{"pod": behind}}}}
        for ip, port, behind in found
    )
ordered = {{space: sorted(tables[space], key=lambda r: r["service"]) for space in sorted(tables)}}
rows = [row for table in ordered.values() for row in table]
print(json.dumps(rows, indent=2))
"""


@dataclass(frozen=True, slots=True)
class AskedLinkerd:
    """Scripts of some releases, and how they answer."""

    tools: Path
    state: Path

    def answers(self, mode: str) -> None:
        """From now on: equal, stale, late, lags, refused, unknown, garbage, hangs."""
        (self.state / "mode").write_text(mode)
        (self.state / "asked").write_text("")

    @property
    def asked(self) -> list[str]:
        """The questions since then, each a JSON list of pod and authorities."""
        return (self.state / "asked").read_text().splitlines()


def asked_linkerd(folder: Path, *releases: str) -> AskedLinkerd:
    """`folder/tools/RELEASE/linkerd` for each release, for `--tools`."""
    state = folder / "asked-linkerd"
    state.mkdir()
    for release in releases:
        file = folder / "tools" / release / "linkerd"
        file.parent.mkdir(parents=True)
        file.write_text(
            _SCRIPT.format(
                python=sys.executable, release=release, state=str(state), root=str(ROOT)
            )
        )
        file.chmod(0o755)
    made = AskedLinkerd(folder / "tools", state)
    made.answers("equal")
    return made
