"""Standing in an election: an ephemeral znode with the next number; the lowest leads.

The znode is the mandate. It lives as long as the session, its number only ever grows more junior
ones behind it, so who once has the lowest leads until the znode is gone. Its path is what the store
checks with every write. Groups are small (three or five), so each candidate watches the whole group
and not only its predecessor.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from orchestrator.zookeeper import group
from orchestrator.zookeeper.requests import DisconnectedError, NoNodeError, ZooKeeperError
from orchestrator.zookeeper.session import Session
from orchestrator.zookeeper.waiting import either

_RETRY_S = 0.2
_RESIGN_S = 1.0  # then the session's end has to do
logger = logging.getLogger(__name__)


class Mandate:
    """An election won: ``znode`` is its proof, ``term`` ends when the session behind it is lost."""

    def __init__(self, session: Session, znode: str, term: asyncio.Future[None]) -> None:
        self.znode = znode
        self._session = session
        self.term = term

    async def over(self) -> str:
        """Wait for the end of it; return why."""
        watching = asyncio.create_task(self._vanished())
        try:
            await asyncio.wait((watching, self.term), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
        return "its session is lost" if self.term.done() else "its znode was deleted"

    async def resign(self) -> None:
        """Give it up, so that the next one need not wait for the session's end."""
        with suppress(ZooKeeperError, TimeoutError):
            async with asyncio.timeout(_RESIGN_S):
                await self._session.delete(self.znode)

    async def _vanished(self) -> None:
        while True:
            changed = asyncio.Event()
            try:
                if not await self._session.exists(self.znode, changed.set):
                    return
            except ZooKeeperError:
                await asyncio.sleep(_RETRY_S)
                await self._session.connected()
                continue
            await changed.wait()


async def elected(session: Session, path: str, value: bytes) -> Mandate:
    """Stand, with ``value`` as what others read of the candidate, until it leads.

    The value must be of this candidature alone: a znode is recognised by it when the answer to its
    creation was lost. Raises ZooKeeperError if the ensemble refuses (credentials, say).
    """
    while True:
        await session.connected()
        term = session.lost
        with suppress(DisconnectedError):
            await session.ensure(path, "public")
            znode = await _stand(session, path, value)
            if await _leads(session, path, znode, term):
                return Mandate(session, znode, term)
        logger.info("standing again: the session was lost")
        await asyncio.sleep(_RETRY_S)


async def _stand(session: Session, path: str, value: bytes) -> str:
    for name in group.members(await session.children(path)):
        znode = f"{path}/{name}"
        with suppress(NoNodeError):
            if await session.owner(znode) != session.id:
                continue
            if await session.get(znode) == value:
                return znode
            await session.delete(znode)  # of an earlier candidature: nobody would resign it
    return await session.create_member(f"{path}/{group.LABEL}", value)


async def _leads(session: Session, path: str, znode: str, term: asyncio.Future[None]) -> bool:
    """Wait until the znode is the first of its group; False if it is gone."""
    name = znode.rpartition("/")[2]
    while not term.done():
        changed = asyncio.Event()
        try:
            names = group.members(await session.children(path, changed.set))
        except DisconnectedError:
            await either(session.connected(), term)
            continue
        if name not in names:
            return False
        if names[0] == name:
            return True
        await either(changed.wait(), term)
    return False
