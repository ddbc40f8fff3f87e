"""The leader's URL for those who follow it: agents and frameworks."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.zookeeper import group
from orchestrator.zookeeper.detector import leaders
from orchestrator.zookeeper.session import connect
from orchestrator.zookeeper.uri import ZooKeeperUri

_TIMEOUT_S = 10.0  # nothing of a follower's is ephemeral


async def follow(ensemble: ZooKeeperUri, tell: Callable[[str | None], None]) -> None:
    """Tell the leader's URL now and at every change, None while nobody leads; never ends."""
    async with connect(ensemble, _TIMEOUT_S) as session:
        async for leader in leaders(session, ensemble.path):
            tell(f"http://{group.authority(leader)}" if leader else None)
