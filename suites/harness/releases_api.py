"""GitHub's API for the tags of Linkerd's repository, played on loopback from what is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from fixtures.learning.update import Source, update
from fixtures.releases.places import UPDATED, user_folder
from policies.releases.refs import Ref, refs_of
from policies.releases.shipped import Shipped
from suites.harness.mirror import Reply, Server

LIST = "/repos/linkerd/linkerd2/git/matching-refs/tags"
SHIPPED = refs_of(Shipped().tags)
NEWEST = max(ref.date for ref in SHIPPED.values())
TODAY = NEWEST + timedelta(days=100)


def after(days: int) -> date:
    """Return a day behind everything that is shipped."""
    return NEWEST + timedelta(days=days)


def new(name: str, days: int, commit: str = "") -> Ref:
    """Return a tag that is not shipped."""
    return Ref(name=name, commit=commit or name.encode().hex()[-12:], date=after(days))


def sha(commit: str) -> str:
    return commit.ljust(40, "0")


def reference(ref: Ref, *, annotated: bool = False) -> dict[str, Any]:
    kind = ("tag", sha("a11" + ref.commit[:9])) if annotated else ("commit", sha(ref.commit))
    return {
        "ref": f"refs/tags/{ref.name}",
        "node_id": "x",
        "object": {"type": kind[0], "sha": kind[1], "url": "https://mirror.invalid/never/asked"},
    }


def answer(value: object, *headers: tuple[str, str]) -> Reply:
    body = json.dumps(value).encode()
    return Reply(body, headers=(("Content-Length", str(len(body))), *headers))


def playing(
    refs: Iterable[Ref] = (), *, annotated: tuple[str, ...] = (), pages: int = 1
) -> Server:
    """Return a server of everything shipped and of these tags; the last page has the new ones."""
    fresh = list(refs)
    every = {**SHIPPED, **{ref.name: ref for ref in fresh}}
    listed = [reference(ref, annotated=ref.name in annotated) for ref in every.values()]
    listed.append(reference(Ref(name="v18.7.1", commit="e377cf421456", date=date(2018, 7, 17))))
    server = Server({})
    size = -(-len(listed) // pages)
    for n in range(pages):
        path = LIST if n == 0 else f"{LIST}?page={n + 1}"
        following = f'<{LIST}?page={n + 2}>; rel="next", <{LIST}?page={pages}>; rel="last"'
        headers = [("Link", following)] if n + 1 < pages else []
        page = listed[n * size : (n + 1) * size]
        server.files[path] = answer(page, ("ETag", f'W/"{len(listed)}-{n}"'), *headers)
    for ref in fresh:
        _describe(server, ref, annotated=ref.name in annotated)
    return server


def _describe(server: Server, ref: Ref, *, annotated: bool) -> None:
    made = {"name": "a person", "date": f"{ref.date}T16:00:00Z"}
    base = "/repos/linkerd/linkerd2/git"
    if annotated:
        object_ = reference(ref, annotated=True)["object"]["sha"]
        server.files[f"{base}/tags/{object_}"] = answer(
            {
                "sha": object_,
                "tag": ref.name,
                "tagger": made,
                "object": {"sha": sha(ref.commit), "type": "commit"},
            }
        )
        return
    server.files[f"{base}/commits/{sha(ref.commit)}"] = answer(
        {"sha": sha(ref.commit), "committer": made}
    )


FRESH = (
    new("edge-26.9.1", 10),
    new("edge-26.9.2", 20, "ab12cd34ef56"),
    new("version-2.21", 20, "ab12cd34ef56"),
)
COMMIT = "/repos/linkerd/linkerd2/git/commits/"


def updated(url: str = "", **more: Any) -> str:
    told: list[str] = []
    update(Source(url=url, **more), TODAY, tell=told.append)
    return "\n".join(told)


def kept() -> dict[str, Any]:
    return json.loads((user_folder() / UPDATED).read_text())
