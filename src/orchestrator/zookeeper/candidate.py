"""One server of several: stands, leads, is deposed, and stands again.

Each term has a core, a store and a driver of its own, and everything it held goes with it; so a
deposed leader goes back to being a standby instead of ending (docs/decisions/).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import NamedTuple, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.mesos import codec
from orchestrator.mesos.types import MasterInfo
from orchestrator.runtime.http import Gate, Term
from orchestrator.runtime.store import Store, StoreError
from orchestrator.zookeeper import group
from orchestrator.zookeeper.detector import leaders
from orchestrator.zookeeper.election import Mandate, elected
from orchestrator.zookeeper.fenced import DeposedError
from orchestrator.zookeeper.requests import ZooKeeperError
from orchestrator.zookeeper.session import Session
from orchestrator.zookeeper.store import ZooKeeperStore

logger = logging.getLogger(__name__)


class Leader(Protocol):
    """A core at work: ``failed`` ends when it cannot go on."""

    app: ASGIApp

    @property
    def failed(self) -> asyncio.Future[None]:
        """See above."""
        ...

    def abandon(self, reason: StoreError) -> None:
        """Save and send nothing more."""
        ...


Assemble = Callable[[MasterInfo, Mapping[str, bytes], Store], AbstractAsyncContextManager[Leader]]


class Standby(Protocol):
    """The application of a server that does not lead; ``leader`` is another that does."""

    leader: MasterInfo | None
    is_recovering: bool  # elected, and reading the store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        ...

    def begin(self, term: Term) -> None:
        """This server leads from now on."""
        ...

    def end(self) -> None:
        """It leads no more, or never did."""
        ...


class Place(NamedTuple):
    """Where on the ensemble: the path of the election, the root of the store."""

    election: str
    store: str
    timeout_s: float  # of the session


class Candidate:
    """``describe`` gives a new description for each candidature, ``assemble`` the core of a term.

    Masters describe themselves to frameworks so; other servers use the same form among themselves.
    """

    def __init__(
        self,
        session: Session,
        place: Place,
        gate: Gate,
        standby: Standby,
        describe: Callable[[], MasterInfo],
        assemble: Assemble,
    ) -> None:
        self._session = session
        self._place = place
        self._gate = gate
        self._standby = standby
        self._describe = describe
        self._assemble = assemble

    async def run(self) -> None:
        """Stand and lead for ever. Raises StoreError, ZooKeeperError if there is no way to."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                await self._one_term()
        finally:
            watching.cancel()

    async def _one_term(self) -> None:
        info = self._describe()
        mandate = await elected(self._session, self._place.election, codec.encode(info))
        logger.warning("elected: %s leads", info.id)
        try:
            await self._lead(info, mandate)
        except DeposedError as reason:
            logger.warning("deposed: %s", reason)
        except Exception as reason:
            if not await self._is_over(mandate):
                raise
            logger.warning("deposed: %s", reason)  # others noticed before this session did
        finally:
            self._standby.end()
            await mandate.resign()

    async def _lead(self, info: MasterInfo, mandate: Mandate) -> None:
        self._standby.is_recovering = True
        store = await ZooKeeperStore.open(self._session, self._place.store, mandate)
        kept = await store.load("")
        async with self._assemble(info, kept, store) as leader:
            term = Term(leader.app)
            self._gate.open(term)
            self._standby.begin(term)
            try:
                await self._serve_out(leader, mandate)
            finally:
                self._gate.open(self._standby)
                self._standby.end()
                term.end()

    async def _serve_out(self, leader: Leader, mandate: Mandate) -> None:
        over = asyncio.create_task(mandate.over())
        try:
            await asyncio.wait((over, leader.failed), return_when=asyncio.FIRST_COMPLETED)
            if leader.failed.done():
                leader.failed.result()
            reason = DeposedError(over.result())
            leader.abandon(reason)
            raise reason
        finally:
            over.cancel()

    async def _is_over(self, mandate: Mandate) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._place.timeout_s):
                await mandate.over()
                return True
        return False

    async def _watch(self) -> None:
        own = group.authority(self._describe())
        async for leader in leaders(self._session, self._place.election):
            is_other = leader is not None and group.authority(leader) != own
            self._standby.leader = leader if is_other else None


class Lasting(Protocol):
    """What runs until it cannot go on."""

    async def run(self) -> None:
        """See above."""
        ...


@asynccontextmanager
async def standing(candidate: Lasting) -> AsyncIterator[asyncio.Future[None]]:
    """Run the candidate until the context ends; the future ends with why it cannot go on."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    work = asyncio.create_task(candidate.run(), name="candidate")

    def on_end(work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (error := work.exception()) and not failed.done():
            failed.set_exception(_with_reason(error))
            failed.exception()  # no second report if nobody waits for it

    work.add_done_callback(on_end)
    try:
        yield failed
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def _with_reason(error: BaseException) -> BaseException:
    if isinstance(error, ZooKeeperError):
        return StoreError(f"cannot stand for election: {error}")
    return error
