"""Stand-in `kind` and `docker`: executables that say what the recorded ones said.

What they say is in `../shared/recordings/kind/commands`, and a test compares the two. What is
marked *assumed* below is not recorded: the names of the fields are, their values are not.
"""

# ruff: noqa: E501, W291 - programs' recorded words are as long as they are

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COMMON = """#!{python} -SE
import json, os, sys, time
from pathlib import Path

STATE = Path({state!r})

def setting(name, default=""):
    file = STATE / name
    return file.read_text() if file.exists() else default

def ends(code, out="", err=""):
    sys.stdout.write(out)
    sys.stderr.write(err)
    sys.exit(code)

argv = sys.argv[1:]
with (STATE / "calls").open("a") as calls:
    said = {{"argv": [Path(sys.argv[0]).name, *argv]}}
    said["env"] = {{k: os.environ.get(k) for k in ("KUBECONFIG", "KIND_EXPERIMENTAL_PROVIDER")}}
    calls.write(json.dumps(said) + "\\n")
flags, words = {{}}, []
rest = list(argv)
while rest:
    part = rest.pop(0)
    if part.startswith("--"):
        name, equals, value = part.partition("=")
        flags[name] = value if equals else (rest.pop(0) if rest else "")
    else:
        words.append(part)
"""

_KIND = '''
ENGINE = {
    "away": "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?",
    "forbidden": "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
}
STEPS = """Creating cluster "{name}" ...
 \\u2022 Ensuring node image ({image}) \\U0001f5bc  ...
 \\u2713 Ensuring node image ({image}) \\U0001f5bc
 \\u2022 Preparing nodes \\U0001f4e6   ...
 \\u2713 Preparing nodes \\U0001f4e6 
 \\u2022 Writing configuration \\U0001f4dc  ...
 \\u2713 Writing configuration \\U0001f4dc
 \\u2022 Starting control-plane \\U0001f579\\ufe0f  ...
 \\u2713 Starting control-plane \\U0001f579\\ufe0f
 \\u2022 Installing CNI \\U0001f50c  ...
 \\u2713 Installing CNI \\U0001f50c
 \\u2022 Installing StorageClass \\U0001f4be  ...
 \\u2713 Installing StorageClass \\U0001f4be
"""
END = """Set kubectl context to "kind-{name}"
You can now use your cluster with:

kubectl cluster-info --context kind-{name} --kubeconfig {kubeconfig}

Not sure what to do next? \\U0001f605  Check out https://kind.sigs.k8s.io/docs/user/quick-start/
"""
name = flags.get("--name", "kind")
clusters = STATE / "clusters"

def known():
    return sorted(p.name for p in clusters.iterdir())

def kubeconfig(path):
    content = {"apiVersion": "v1", "kind": "Config", "current-context": "kind-" + name,
        "clusters": [{"name": "kind-" + name, "cluster": {"server": setting("api", "http://127.0.0.1:9")}}],
        "users": [{"name": "kind-" + name, "user": {"token": "t"}}],
        "contexts": [{"name": "kind-" + name, "context": {"cluster": "kind-" + name, "user": "kind-" + name}}]}
    Path(path).write_text(json.dumps(content))

if words == ["version"]:
    ends(0, setting("kind-version", "kind v0.30.0 go1.26.8 linux/amd64\\n"))
engine = ENGINE.get(setting("engine"))
if engine:
    command = "docker ps -a --filter label=io.x-k8s.kind.cluster --format '{{.Label \\"io.x-k8s.kind.cluster\\"}}'"
    ends(1, "", f'ERROR: failed to list clusters: command "{command}" failed with error: exit status 1\\n\\nCommand Output: {engine}\\n')
if words == ["get", "clusters"]:
    found = known()
    # assumed: the sentence for none
    ends(0, "".join(n + "\\n" for n in found), "" if found else "No kind clusters found.\\n")
if words == ["get", "nodes"]:
    if name in known():
        ends(0, name + "-control-plane\\n")
    ends(0, "", f'No kind nodes found for cluster "{name}".\\n')
if words == ["delete", "cluster"]:
    said = f'Deleting cluster "{name}" ...\\n'
    if setting("delete") == "fails":  # assumed: the sentence
        ends(1, "", said + f'ERROR: failed to delete cluster "{name}"\\n')
    if name in known():
        (clusters / name).unlink()
        ends(0, "", said + f'Deleted nodes: ["{name}-control-plane"]\\n')
    ends(0, "", said)
if words == ["create", "cluster"]:
    image = flags.get("--image", "kindest/node:default")
    fail = "ERROR: failed to create cluster: "
    if not all(c in "abcdefghijklmnopqrstuvwxyz0123456789.-" for c in name):
        ends(1, "", fail + f"'{name}' is not a valid cluster name, cluster names must match `^[a-z0-9.-]+$`\\n")
    if name in known() or setting("create") == "taken":
        ends(1, "", fail + f'node(s) already exist for a cluster with the name "{name}"\\n')
    steps = STEPS.format(name=name, image=image)
    if setting("create") == "image-missing":
        first = "".join(steps.splitlines(keepends=True)[:2])
        first += f" \\u2717 Ensuring node image ({image}) \\U0001f5bc\\n"
        out = 'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 127.0.0.1:53: no such host'
        ends(1, "", first + fail + f'failed to pull image "{image}": command "docker pull {image}" failed with error: exit status 1\\n\\nCommand Output: {out}\\n')
    (clusters / name).write_text(Path(flags["--config"]).read_text() if "--config" in flags else "")
    if setting("create") in ("late", "hangs"):
        sys.stderr.write("".join(steps.splitlines(keepends=True)[:8]))
        sys.stderr.flush()
        if setting("create") == "hangs":
            (STATE / "hanging").write_text(str(os.getpid()))
            time.sleep(600)
        # assumed: which step fails, and the sentence
        ends(1, "", " \\u2717 Starting control-plane \\U0001f579\\ufe0f\\n" + fail + 'failed to init node with kubeadm: command "docker exec" failed with error: exit status 1\\n')
    kubeconfig(flags["--kubeconfig"])
    ends(0, "", steps + END.format(name=name, kubeconfig=flags["--kubeconfig"]))
if words[:2] == ["export", "kubeconfig"]:
    if name not in known():
        ends(1, "", f"ERROR: could not locate any control plane nodes for cluster named '{name}'. Use the --name option to select a different cluster\\n")
    kubeconfig(flags["--kubeconfig"])
    ends(0, "", f'Set kubectl context to "kind-{name}"\\n')
if words[:2] == ["export", "logs"]:
    folder = Path(words[2])
    (folder / f"{name}-control-plane").mkdir(parents=True, exist_ok=True)
    (folder / "kind-version.txt").write_text("kind v0.30.0")
    (folder / f"{name}-control-plane" / "kubelet.log").write_text("log")
    ends(1, f"{words[2]}\\n", f'Exporting logs for cluster "{name}" to:\\nERROR: command "docker exec --privileged {name}-control-plane crictl images" failed with error: exit status 126\\n\\nCommand Output: OCI runtime exec failed: exec failed: unable to start container process: exec: "crictl": executable file not found in $PATH: unknown\\n')
if words[:2] == ["load", "docker-image"]:
    if name not in known():
        ends(1, "", f'ERROR: no nodes found for cluster "{name}"\\n')
    if words[2] not in setting("images").split():
        ends(1, "", f'ERROR: image: "{words[2]}" not present locally\\n')
    ends(0, "", f'Image: "{words[2]}" with ID "sha256:2c2aa43439c8d5adcb86438b1441426e0edaadab1de008add66d72335f5abab4" not yet present on node "{name}-control-plane", loading...\\n')
if words[:2] == ["load", "image-archive"]:
    if not Path(words[2]).exists():
        ends(1, "", f"ERROR: stat {words[2]}: no such file or directory\\n")
    ends(0)
ends(2, "", f"the stand-in has no answer to {argv}\\n")
'''

_DOCKER = """
CLIENT = {"Version": "28.2.2", "ApiVersion": "1.50", "DefaultAPIVersion": "1.50", "GitCommit": "e6534b4",
    "GoVersion": "go1.24.3", "Os": "linux", "Arch": "amd64", "BuildTime": "Fri May 30 12:07:14 2025", "Context": "default"}
SAID = {
    "away": "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?",
    "forbidden": 'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version": dial unix /var/run/docker.sock: connect: permission denied',
}
engine = setting("engine")
if words == ["version"]:
    if engine in SAID:
        ends(1, json.dumps({"Client": CLIENT, "Server": None}, separators=(",", ":")) + "\\n", SAID[engine] + "\\n")
    # assumed: the component's name of an engine that is podman
    part = "Podman Engine" if engine == "podman" else "Engine"
    server = {"Components": [{"Name": part, "Version": "20.10.24+dfsg1"}], "Version": "20.10.24+dfsg1"}
    ends(0, json.dumps({"Client": CLIENT, "Server": server}) + "\\n")
if words == ["info"]:
    # assumed: all values; the names of the fields are recorded
    info = {"MemTotal": 8 << 30, "NCPU": 2, "CgroupDriver": "systemd", "CgroupVersion": "2",
        "DockerRootDir": "/nonexistent/docker", "Name": "here", "OSType": "linux"}
    info.update(json.loads(setting("info", "{}")))
    ends(0, json.dumps(info) + "\\n")
if words[:2] == ["image", "inspect"]:
    if words[2] in setting("images").split():
        ends(0, '[{"Id": "sha256:2c2aa434"}]\\n')
    ends(1, "[]\\n", f"Error response from daemon: no such image: {words[2]}: No such image: {words[2]}\\n")
if words[:1] == ["pull"]:
    if setting("pull") == "works":  # assumed
        (STATE / "images").write_text(setting("images") + " " + words[1])
        ends(0, words[1] + "\\n")
    ends(1, "", 'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 127.0.0.1:53: no such host\\n')
ends(2, "", f"the stand-in has no answer to {argv}\\n")
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A folder with the stand-ins in it, and what they know."""

    bin: Path
    state: Path

    def set(self, name: str, value: str) -> None:
        """`engine`, `create`, `delete`, `pull`, `images`, `info`, `kind-version`, `api`."""
        (self.state / name).write_text(value)

    def has_cluster(self, name: str) -> None:
        """A cluster that was there before."""
        (self.state / "clusters" / name).write_text("")

    @property
    def clusters(self) -> set[str]:
        return {p.name for p in (self.state / "clusters").iterdir()}

    def cluster_config(self, name: str) -> str:
        return (self.state / "clusters" / name).read_text()

    @property
    def calls(self) -> list[dict[str, Any]]:
        file = self.state / "calls"
        return (
            [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        )

    def called(self, *words: str) -> list[list[str]]:
        """Command lines that begin with these words."""
        return [c["argv"] for c in self.calls if c["argv"][: len(words)] == list(words)]


def machine(folder: Path) -> Machine:
    """Write the stand-ins; put `bin` on PATH to use them."""
    made = Machine(folder / "bin", folder / "state")
    made.bin.mkdir()
    (made.state / "clusters").mkdir(parents=True)
    common = _COMMON.format(python=sys.executable, state=str(made.state))
    for name, text in (("kind", _KIND), ("docker", _DOCKER), ("kubectl", "ends(0)\n")):
        file = made.bin / name
        file.write_text(common + text)
        file.chmod(0o755)
    made.set("images", "kindest/node:v1.31.2 labapp:1")
    return made
