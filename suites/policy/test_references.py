"""Image references: whatever is written is taken apart alike, everywhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci.reference import Reference, parse, version_text
from policies.releases.versions import from_image

ROOT = Path(__file__).parents[2]
SHA = f"sha256:{'a' * 64}"
SEGMENTS = st.from_regex(r"[a-z0-9]+(?:(?:[._]|__|-{1,3})[a-z0-9]+){0,2}", fullmatch=True)
HOSTS = st.sampled_from(
    ["registry.example", "localhost", "REGISTRY", "10.0.0.1", "[::1]", "a.b-c"]
)
REGISTRIES = st.one_of(
    st.just(""),
    st.tuples(HOSTS, st.integers(1, 65535).map(":{}".format) | st.just("")).map("".join),
)
TAGS = st.just("") | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
DIGESTS = st.sampled_from(["", SHA, f"sha512:{'0F' * 64}"])


@given(REGISTRIES, st.lists(SEGMENTS, min_size=1, max_size=3), TAGS, DIGESTS)
def test_what_is_put_together_comes_apart(
    registry: str, segments: list[str], tag: str, digest: str
) -> None:
    if not registry and len(segments) > 1:
        segments = [segments[0].replace(".", "_"), *segments[1:]]
        if segments[0] == "localhost":
            segments[0] = "local"
    path = "/".join(segments)
    text = f"{registry}/{path}" if registry else path
    text += f":{tag}" if tag else ""
    text += f"@{digest}" if digest else ""
    found = parse(text)

    assert (found.registry, found.path, found.tag, found.digest) == (registry, path, tag, digest)
    assert found.name == segments[-1]
    assert str(found) == text
    assert not found.reason or len(registry) + len(path) > 200
    again = parse(found.full)
    assert (again.path.rpartition("/")[2], again.tag, again.digest) == (found.name, tag, digest)
    assert again.full == found.full
    assert again.repository == found.repository
    assert parse(found.with_tag("x")).tag == "x"


@given(st.text(max_size=80) | st.text(":/@.[]aA0-_", max_size=30))
def test_any_text_is_taken_apart_without_an_error(text: str) -> None:
    found = parse(text)

    assert str(found) == text.strip()
    assert isinstance(found.full, str)
    assert from_image(text).known or from_image(text).reason


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io/library/nginx", "", ""),
        ("nginx:1.25", "docker.io/library/nginx", "1.25", ""),
        ("team/app", "docker.io/team/app", "", ""),
        ("localhost/app:1", "localhost/app", "1", ""),
        ("localhost:5000", "docker.io/library/localhost", "5000", ""),
        ("host:5000/mesh/proxy", "host:5000/mesh/proxy", "", ""),
        (f"host:5000/mesh/proxy:edge-1@{SHA}", "host:5000/mesh/proxy", "edge-1", SHA),
        (f"[fd00::1]:5000/proxy:t@{SHA}", "[fd00::1]:5000/proxy", "t", SHA),
        (f"cr.l5d.io/linkerd/proxy@{SHA}", "cr.l5d.io/linkerd/proxy", "", SHA),
    ],
)
def test_usual_references(text: str, repository: str, tag: str, digest: str) -> None:
    found = parse(text)

    assert (found.repository, found.tag, found.digest, found.reason) == (
        repository,
        tag,
        digest,
        "",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("Proxy:1", "not the path"),
        ("host:5000/Linkerd/proxy:1", "not the path"),
        ("proxy:", "not an image tag"),
        ("proxy:-1", "not an image tag"),
        (f"proxy:{'a' * 129}", "not an image tag"),
        ("proxy@", "not a digest"),
        ("proxy@sha256:abc", "not a digest"),
        ("host:port/proxy", "not a registry"),
        ("a//b", "not the path"),
        ("https://host/proxy", "not"),
        (f"host.example/{'a' * 250}", "too long"),
    ],
)
def test_what_no_registry_would_accept_says_why(text: str, said: str) -> None:
    assert said in parse(text).reason


@pytest.mark.parametrize(
    ("image", "version", "said"),
    [
        (f"host:5000/proxy:edge-25.10.7@{SHA}", "edge-25.10.7", ""),
        ("proxy:edge-25.10.7", "edge-25.10.7", ""),
        (f"proxy@{SHA}", "", "by digest"),
        ("proxy", "", "no tag"),
        ("host:5000/proxy", "", "no tag"),
        ("proxy:latest", "", "no known channel"),
        ("proxy:v2.322.0", "", "no known channel"),
        ("proxy:-x", "", "not an image tag"),
    ],
)
def test_a_version_is_what_the_tag_says(image: str, version: str, said: str) -> None:
    found = from_image(image)

    assert (found.text if found.known else "") == version
    assert said in found.reason


def test_values_and_annotations_may_hold_a_digest_beside_the_tag() -> None:
    assert version_text(f" edge-25.10.7@{SHA} ") == "edge-25.10.7"
    assert version_text("") == ""
    assert parse("a").moves
    assert parse("a:latest").moves
    assert not parse(f"a:latest@{SHA}").moves
    assert Reference("x", path="x").full == "docker.io/library/x"


def test_nobody_takes_images_apart_by_hand() -> None:
    """One parser: a line that names an image is not split at a colon or an `@`."""
    listed = subprocess.run(
        ["git", "ls-files", "policies/*.py", "fixtures/*.py", "reports/*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    emulated = {"fixtures/standins/linkerd/live.py"}
    """Linkerd's own client splits so, and the stand-in says what that says."""

    by_hand = re.compile(r"image.*(partition|split)\(\"[:@]\"|(partition|split)\(\"[:@]\".*image")

    found = [
        f"{name}:{number}"
        for name in listed
        if name not in emulated
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        if by_hand.search(line)
    ]

    assert found == []
