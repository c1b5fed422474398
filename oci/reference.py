"""References of container images, taken apart and put together again.

Grammar: `[registry[:port]/]path[:tag][@digest]` (github.com/distribution/reference, `regexp.go`).
A first segment is a registry when it has a dot, a colon or an uppercase letter, or is `localhost`;
without one the image is docker.io's, and a single name is of its `library`. Parsing never raises:
what no registry would accept is taken apart as far as it goes, with the reason beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

DOCKER = "docker.io"
LONGEST_NAME = 255
"""Characters of registry and path together."""

_REGISTRY = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]+)?",
    re.ASCII,
)
_SEGMENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(
    r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Reference:
    """An image reference, taken apart; `str` gives the text back."""

    text: str
    registry: str = ""
    """With its port; empty where the text has none, which means docker.io."""
    path: str = ""
    """As written, without registry, tag and digest: `linkerd/proxy`."""
    tag: str = ""
    digest: str = ""
    """With its algorithm: `sha256:...`. What runs is what it says, whatever the tag is."""
    reason: str = ""
    """Why no registry would accept it; empty where one would."""

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """Last segment of the path: `proxy`."""
        return self.path.rpartition("/")[2]

    @property
    def repository(self) -> str:
        """Registry and path as nodes report them: `docker.io/library/nginx`."""
        if self.registry:
            return f"{self.registry}/{self.path}"
        return f"{DOCKER}/{self.path}" if "/" in self.path else f"{DOCKER}/library/{self.path}"

    @property
    def full(self) -> str:
        """The reference with its registry; a tag that is left out is left out."""
        return _joined(self.repository, self.tag, self.digest)

    @property
    def moves(self) -> bool:
        """The image behind it changes: nothing pins it, or only `latest`."""
        return not self.digest and self.tag in ("", "latest")

    def with_tag(self, tag: str) -> str:
        """Return the same image by another tag, without digest."""
        name = f"{self.registry}/{self.path}" if self.registry else self.path
        return _joined(name, tag, "")


@lru_cache(maxsize=4096)
def parse(text: str) -> Reference:
    """Take a reference apart; a registry's port is never taken for a tag."""
    text = text.strip()
    rest, at, digest = text.partition("@")
    folder, slash, last = rest.rpartition("/")
    name, colon, tag = last.partition(":")
    path = f"{folder}{slash}{name}"
    first, slash, inner = path.partition("/")
    registry = ""
    if slash and (re.search(r"[.:A-Z]", first) or first == "localhost"):
        registry, path = first, inner
    found = Reference(text, registry, path, tag, digest)
    reason = _wrong(found, has_tag=bool(colon), has_digest=bool(at))
    return Reference(text, registry, path, tag, digest, reason) if reason else found


def version_text(value: str) -> str:
    """Return the tag of a version as a setting or annotation says it: `TAG` or `TAG@DIGEST`.

    Charts put such values behind a colon, so whoever pins digests writes both.
    """
    return value.strip().partition("@")[0]


def _joined(name: str, tag: str, digest: str) -> str:
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def _wrong(found: Reference, *, has_tag: bool, has_digest: bool) -> str:
    if not found.text:
        return "the image is empty"
    if found.registry and not _REGISTRY.fullmatch(found.registry):
        return f"{found.registry!r} is not a registry"
    if not all(_SEGMENT.fullmatch(segment) for segment in found.path.split("/")):
        return f"{found.path!r} is not the path of an image"
    if len(found.registry) + len(found.path) > LONGEST_NAME:
        return "the image's name is too long"
    if has_tag and not _TAG.fullmatch(found.tag):
        return f"{found.tag!r} is not an image tag"
    if has_digest and not _DIGEST.fullmatch(found.digest):
        return f"{found.digest!r} is not a digest"
    return ""
