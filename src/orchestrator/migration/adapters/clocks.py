"""What the leaders' clocks show: last-write-wins compares the times that they give to changes."""

from __future__ import annotations

import time
from typing import NamedTuple

from orchestrator.migration.core.settings import Settings
from orchestrator.zookeeper.client import Client
from orchestrator.zookeeper.jute.requests import CreateMode


class Shows(NamedTuple):
    """What a leader's clock shows more than this machine's, in ms, give or take ``within_ms``."""

    ahead_ms: int
    within_ms: int


async def create_and_compare(client: Client, path: str) -> Shows | None:
    """Create a node of the session; its time is the leader's. None if it is gone already.

    Raises ZooKeeperError.
    """
    before_ms = time.time() * 1_000
    await client.create(path, mode=CreateMode.EPHEMERAL)
    after_ms = time.time() * 1_000
    stat = await client.exists(path)
    if stat is None:
        return None
    ahead_ms = stat.ctime - (before_ms + after_ms) / 2
    return Shows(round(ahead_ms), round((after_ms - before_ms) / 2) + 1)


def clocks_fault(settings: Settings, a: Shows | None, b: Shows | None) -> str:
    """Why last-write-wins may take the earlier write for the later one; empty if it does not, or
    nobody knows."""
    if settings.policy != "lww" or a is None or b is None:
        return ""
    apart_ms = b.ahead_ms - a.ahead_ms
    off_ms = abs(apart_ms - settings.offset_ms) - a.within_ms - b.within_ms
    if off_ms <= settings.skew_ms:
        return ""
    shows = f"{abs(apart_ms)} ms {'more' if apart_ms > 0 else 'less'}"
    return (
        f"the clock of B's leader shows {shows} than that of A's, where offset_ms is "
        f"{settings.offset_ms} and skew_ms {settings.skew_ms}, so by last-write-wins the earlier "
        f"write may win; set the clocks right, or begin the sync with offset_ms {apart_ms}"
    )
