"""The grammar of Linkerd version strings: text to `Version` and back.

Channels and their shapes (source: tags of linkerd/linkerd2 and its `pkg/version`):

    edge-YY.M.N[-suffix]        stable-2.X.Y[-suffix]      enterprise-2.X.Y[-suffix]
    version-2.X                 preview-*  dev-*  git-*    (builds without an order)

Anything else is channel `unknown`; a known channel with another shape (edge-1.3.5 exists) keeps
its channel and is not `known`. Parsing never raises: what cannot be read is a value that says why.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from oci import reference
from policies.facts.cluster import Fact

Channel = Literal["edge", "stable", "enterprise", "version", "preview", "dev", "git", "unknown"]

_SUFFIX = r"(?:-(?P<suffix>[0-9A-Za-z][0-9A-Za-z.+-]*))?"
_N = r"(?:0|[1-9][0-9]{0,8})"
_EDGE = re.compile(rf"edge-([1-9][0-9])\.([1-9]|1[0-2])\.([1-9][0-9]{{0,2}}){_SUFFIX}", re.ASCII)
_SEMANTIC = re.compile(rf"(?:stable|enterprise)-({_N})\.({_N})\.({_N}){_SUFFIX}", re.ASCII)
_VERSION = re.compile(rf"version-({_N})\.({_N})", re.ASCII)
_UNORDERED = re.compile(r"(?:preview|dev|git)-(?P<suffix>[0-9A-Za-z][0-9A-Za-z._+-]*)", re.ASCII)
_SHAPES: dict[str, tuple[re.Pattern[str], str]] = {
    "edge": (_EDGE, "edge-YY.M.N"),
    "stable": (_SEMANTIC, "stable-X.Y.Z"),
    "enterprise": (_SEMANTIC, "enterprise-X.Y.Z"),
    "version": (_VERSION, "version-X.Y"),
    "preview": (_UNORDERED, "preview-NAME"),
    "dev": (_UNORDERED, "dev-NAME"),
    "git": (_UNORDERED, "git-COMMIT"),
}


class LogicalVersion(Fact, frozen=True, kw_only=True, order=True):
    """A logical version such as 2.18; ordered by major, then minor."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> LogicalVersion:
        """Read `2.18`.

        Raises:
            ValueError: the text is not two numbers with a dot between.
        """
        match = re.fullmatch(rf"({_N})\.({_N})", text, re.ASCII)
        if not match:
            raise ValueError(f"not a logical version: {text!r}, expected e.g. 2.18")
        return cls(major=int(match[1]), minor=int(match[2]))

    def distance(self, other: LogicalVersion) -> int | None:
        """Count logical versions from `other` up to this one, negative when this is older.

        None between different majors: no rule says how far apart they are.
        """
        return self.minor - other.minor if self.major == other.major else None


class Version(Fact, frozen=True, kw_only=True, gc=False):
    """One version string, read as far as its grammar allows; hashable."""

    text: str
    channel: Channel
    numbers: tuple[int, ...] = ()
    suffix: str = ""
    """What follows the numbers: a hot patch (`1`), a pre-release (`rc2`) or build information."""
    known: bool = True
    """The text has the shape of its channel. Says nothing about whether such a tag exists."""
    reason: str = ""
    """Why it is not known."""

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)
def parse(text: str) -> Version:
    """Read a version string; never raises.

    Text that no grammar covers becomes a `Version` with `known=False` and the reason.
    """
    text = text.strip()
    if not text:
        return Version(text="", channel="unknown", known=False, reason="the version is empty")
    name = text.partition("-")[0]
    shape = _SHAPES.get(name)
    if shape is None:
        return Version(
            text=text, channel="unknown", known=False, reason=f"no known channel: {text!r}"
        )
    pattern, example = shape
    channel: Channel = name  # pyright: ignore[reportAssignmentType]  # a key of _SHAPES
    match = pattern.fullmatch(text)
    if match is None:
        why = f"{text!r} is not of the form {example}"
        return Version(text=text, channel=channel, known=False, reason=why)
    parts = match.groupdict()
    ordered = pattern is not _UNORDERED
    numbers = (
        tuple(int(n) for n in match.groups()[: 2 if pattern is _VERSION else 3])
        if (ordered)
        else ()
    )
    return Version(text=text, channel=channel, numbers=numbers, suffix=parts.get("suffix") or "")


def format_version(version: Version) -> str:
    """Return the text of a version, built from its parts; the opposite of `parse`."""
    if not version.known:
        return version.text
    numbers = ".".join(str(n) for n in version.numbers)
    return "-".join(part for part in (version.channel, numbers, version.suffix) if part)


@lru_cache(maxsize=4096)
def from_image(text: str) -> Version:
    """Return the version an image reference names by its tag, also where a digest is beside it.

    A digest alone names none. Linkerd's own CLI is plainer: it takes what follows the last colon
    of the whole text (`host:5000/proxy` gives `5000/proxy`), and nothing when there is an `@`.
    """
    image = reference.parse(text)
    if image.tag and image.reason != f"{image.tag!r} is not an image tag":
        return parse(image.tag)
    if image.digest and not image.tag:
        why = f"the image is named by digest {image.digest[:19]} alone, which tells no version"
    elif image.reason:
        why = image.reason
    else:
        why = f"the image {image.text!r} has no tag"
    return Version(text=image.text, channel="unknown", known=False, reason=why)
