"""Who leads: watches a group without being a member of it.

While ZooKeeper cannot be reached the last answer stands: a leader that cannot reach it either
steps down by itself, and one that can goes on leading.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from orchestrator.mesos import codec
from orchestrator.mesos.types import MasterInfo
from orchestrator.zookeeper import group
from orchestrator.zookeeper.requests import NoNodeError, ZooKeeperError
from orchestrator.zookeeper.session import Session

_RETRY_S = 0.5
logger = logging.getLogger(__name__)


async def leaders(session: Session, path: str) -> AsyncIterator[MasterInfo | None]:
    """Who leads now, and then every change of it; None while nobody does. Never ends."""
    last: MasterInfo | None = None
    is_first = True
    while True:
        await session.connected()
        changed = asyncio.Event()
        try:
            leader = await _leader(session, path, changed)
        except ZooKeeperError as error:
            logger.debug("the leader cannot be read: %s", error)
            await asyncio.sleep(_RETRY_S)
            continue
        if is_first or leader != last:
            yield leader
            last, is_first = leader, False
        await changed.wait()


async def _leader(session: Session, path: str, changed: asyncio.Event) -> MasterInfo | None:
    try:
        names = group.members(await session.children(path, changed.set))
    except NoNodeError:  # nobody ever stood
        if await session.exists(path, changed.set):
            changed.set()
        return None
    for name in names:
        try:
            return _info(await session.get(f"{path}/{name}"), name)
        except NoNodeError:  # gone since; the next one leads
            continue
    return None


def _info(value: bytes, name: str) -> MasterInfo | None:
    try:
        return codec.decode(MasterInfo, value)
    except codec.DecodeError as error:
        logger.error("the leader %s is not a master's description: %s", name, error)
        return None
