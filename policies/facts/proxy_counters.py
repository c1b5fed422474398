"""What proxies themselves counted: requests, and those that failed, pod by pod."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from policies.facts.base import Fact


class ProxyCount(Fact, frozen=True, kw_only=True, gc=False):
    """What one proxy has counted since it started."""

    uid: str
    """Of its pod."""
    pod: str
    """`namespace/name`."""
    workload: str
    """`Deployment shop/web`; `Pod shop/bare` where nothing else owns it."""
    received: int = 0
    """Responses of its application to requests that came in."""
    received_5xx: int = 0
    """Those with a status from 500 on."""
    refused: int = 0
    """Requests that came in and that the proxy could not pass on."""
    sent: int = 0
    """Responses to requests of its application."""
    sent_5xx: int = 0
    failfast: int = 0
    """Requests of its application that it failed at once: it had no endpoint for them."""
    lost: int = 0
    """Requests of its application that it could not send for another reason."""


class ProxyCounts(Fact, frozen=True, kw_only=True, tag_field="type", tag="proxy counts"):
    """One reading of many proxies."""

    at: datetime
    """Cluster time."""
    step: str
    hop: str = ""
    when: Literal["during", "after"] = "after"
    proxies: tuple[ProxyCount, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    """(workload, why) of pods whose proxy could not be asked; one of each kind."""
    left_out: int = 0
    """Pods that were not asked, because there are so many."""
    reason: str = ""
    """Why no proxy at all could be asked; empty when some could."""
