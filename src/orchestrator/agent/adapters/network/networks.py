"""A container joins its networks and leaves them.

``attach`` gives it a network namespace of its own, has the plug-ins of each network add it, and
writes its /etc files; ``detach`` undoes all of it when the last container that shares the namespace
is gone. Whatever was begun is on disk first (``records``), so that the next agent can end it:
``recover`` lets go of what no living container uses. A network that cannot be left now is tried
again by ``run``, for a while, and the container need not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from msgspec.structs import replace

from orchestrator.agent.adapters.network import etc_files, namespaces, planning, wanted
from orchestrator.agent.adapters.network.cni import chain, orphans
from orchestrator.agent.adapters.network.cni.config import CniError, Networks
from orchestrator.agent.adapters.network.cni.plugins import Plugins
from orchestrator.agent.adapters.network.records import Record, Records
from orchestrator.agent.adapters.network.wanted import Wanted
from orchestrator.agent.core.task import Container
from orchestrator.mesos.resources import ResourceError
from orchestrator.mesos.types import Message

RETRY_S = 30.0
MAX_ATTEMPTS = 20
logger = logging.getLogger(__name__)


class NetworkError(Exception):
    """A container cannot have the networks it wants; the text is one sentence for its status."""


class Attachment(Message):
    """What a container has to be started with.

    ``namespace`` is the path of its network namespace, None for the host's. ``mounts`` are pairs of
    source and target, for a container that has files of its own at these places.
    """

    namespace: str | None = None
    ip_addresses: tuple[str, ...] = ()
    hostname: str | None = None
    mounts: tuple[tuple[str, str], ...] = ()


class ContainerNetworks:
    """The networks of one agent's containers, kept below ``directory``.

    ``configurations`` reads what networks there are, each time anew, as operators add some.
    """

    def __init__(
        self, directory: Path, configurations: Callable[[], Networks], plugins: Plugins
    ) -> None:
        self._records = Records(directory)
        self._configurations = configurations
        self._plugins = plugins
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._held_by: dict[str, str] = {}  # container -> holder of its namespace
        self._failures: dict[str, int] = {}  # holder that could not leave -> attempts

    async def attach(self, container: Container) -> Attachment:
        """Have a container join its networks, unless it has; ``detach`` it whatever comes of it.

        Raises NetworkError.
        """
        try:
            asked = wanted.of(container)
            async with self._lock(asked.holder):
                return await self._attach(container.id, asked)
        except (CniError, ResourceError) as error:
            raise NetworkError(str(error)) from None
        except OSError as error:
            raise NetworkError(f"The container's network cannot be set up: {error}") from None

    async def detach(self, container_id: str) -> None:
        """A container has ended; its networks are left when no other shares them."""
        holder = self._held_by.pop(container_id, None)
        if holder is None:
            return  # it was on the host's network
        async with self._lock(holder):
            with self._trying_again(holder):
                self._records.remove_member(holder, container_id)
                await self._leave_if_unused(holder)

    async def check(self, container_id: str) -> None:
        """Raises NetworkError when the container's networks are not as they should be."""
        holder = self._held_by.get(container_id, container_id)
        async with self._lock(holder):
            record = self._records.load(holder)
            for one in record.memberships if record else ():
                joining = one.joining(holder, str(self._records.namespace_of(holder)))
                try:
                    result = (one.result or "{}").encode()
                    await chain.check(self._plugins, one.network, joining, result)
                except CniError as error:
                    raise NetworkError(str(error)) from None

    async def recover(self, alive: Collection[str]) -> None:
        """Take up what the living containers use, let go of what else earlier agents have left.

        What this agent has attached is not touched: it is detached when it ends.
        """
        holders = self._records.holders()
        if holders:
            await orphans.outlast(self._records.directory)
        await asyncio.gather(*(self._recover(holder, alive) for holder in holders))

    async def _recover(self, holder: str, alive: Collection[str]) -> None:
        async with self._lock(holder):
            for member in self._records.members(holder):
                if member in alive or member in self._held_by:
                    self._held_by[member] = holder
                else:
                    self._records.remove_member(holder, member)
            with self._trying_again(holder):
                await self._leave_if_unused(holder)

    async def run(self) -> None:
        """Try again to leave networks that could not be left, until cancelled."""
        while True:
            await asyncio.sleep(RETRY_S)
            await self.retry()

    async def retry(self) -> None:
        """Try once more to leave what could not be left."""
        for holder in list(self._failures):
            async with self._lock(holder):
                with self._trying_again(holder):
                    await self._leave_if_unused(holder)

    # --- joining -------------------------------------------------------------------------------

    async def _attach(self, container_id: str, asked: Wanted) -> Attachment:
        record = self._records.load(asked.holder)
        if record is not None and not self._is_usable(record):
            await self._leave(asked.holder)  # half joined before a crash, or lost in a reboot
            record = None
        if record is None and not asked.networks:
            return Attachment(mounts=etc_files.mounts_of_host())
        if record is None:
            record = await self._join(container_id, asked)
        self._note(container_id, asked.holder)
        return self._attachment(record)

    def _is_usable(self, record: Record) -> bool:
        is_there = namespaces.is_namespace(self._records.namespace_of(record.holder))
        return record.is_complete and is_there and record.holder not in self._failures

    def _note(self, container_id: str, holder: str) -> None:
        self._records.add_member(holder, container_id)
        self._held_by[container_id] = holder

    async def _join(self, container_id: str, asked: Wanted) -> Record:
        known = await asyncio.to_thread(self._configurations)
        record = planning.record_of(asked, known)
        self._note(container_id, record.holder)
        try:
            await _whole(lambda: self._records.save(record))
            await _whole(lambda: namespaces.make(self._records.namespace_of(record.holder)))
            for number in range(len(record.memberships)):
                record = await self._join_one(record, number)
        except (CniError, OSError):
            self._records.remove_member(record.holder, container_id)
            await self._leave(record.holder)
            raise
        return record

    async def _join_one(self, record: Record, number: int) -> Record:
        one = record.memberships[number]
        joining = one.joining(record.holder, str(self._records.namespace_of(record.holder)))
        left = len(one.network.plugins)
        async with aclosing(chain.add(self._plugins, one.network, joining)) as steps:
            async for result in steps:
                left -= 1
                text = result.decode(errors="replace")
                joined = replace(one, result=text, is_joined=left == 0)
                record = record.with_membership(number, joined)
                await _whole(partial(self._keep, record))
        return record

    def _keep(self, record: Record) -> None:
        if record.is_complete:
            directory = self._records.directory_of(record.holder)
            dns = [result.dns for result in record.results]
            etc_files.write(directory, record.hostname, record.addresses, dns)
        self._records.save(record)

    def _attachment(self, record: Record) -> Attachment:
        return Attachment(
            namespace=str(self._records.namespace_of(record.holder)),
            ip_addresses=record.addresses,
            hostname=record.hostname,
            mounts=etc_files.mounts(self._records.directory_of(record.holder)),
        )

    # --- leaving -------------------------------------------------------------------------------

    async def _leave_if_unused(self, holder: str) -> None:
        if not self._records.members(holder):
            await self._leave(holder)

    async def _leave(self, holder: str) -> None:
        """Undo everything; what a plug-in will not undo is left to ``run`` to try again."""
        record = self._records.load(holder)
        problem = await self._leave_networks(record) if record is not None else None
        attempts = self._failures.get(holder, 0) + 1
        if problem is not None and attempts < MAX_ATTEMPTS:
            self._failures[holder] = attempts
            logger.warning("container %s cannot leave its networks yet: %s", holder, problem)
            return
        if problem is not None:
            logger.error("container %s is given up in its networks: %s", holder, problem)
        self._failures.pop(holder, None)
        await _whole(lambda: self._let_go(holder))

    async def _leave_networks(self, record: Record) -> CniError | None:
        path = self._records.namespace_of(record.holder)
        namespace = str(path) if namespaces.is_namespace(path) else ""  # "": it is gone
        problem = None
        for one in reversed(record.memberships):
            result = one.result.encode() if one.result is not None else None
            joining = one.joining(record.holder, namespace)
            try:
                await chain.delete(self._plugins, one.network, joining, result)
            except CniError as error:
                problem = problem or error
        return problem

    def _let_go(self, holder: str) -> None:
        try:
            namespaces.remove(self._records.namespace_of(holder))
            self._records.remove(holder)
        except OSError as error:
            logger.error("the network namespace of %s cannot be removed: %s", holder, error)

    @contextmanager
    def _trying_again(self, holder: str) -> Iterator[None]:
        """A disk that fails now is no reason to give up, nor to end the agent."""
        try:
            yield
        except OSError as error:
            logger.error("the networks of %s cannot be left yet: %s", holder, error)
            self._failures.setdefault(holder, 0)

    def _lock(self, holder: str) -> asyncio.Lock:
        """One thing at a time for one namespace, as the specification demands."""
        lock = self._locks.get(holder)
        if lock is None:
            lock = self._locks[holder] = asyncio.Lock()
        return lock


async def _whole(work: Callable[[], None]) -> None:
    """Work in a thread, to its end also when the caller is cancelled: nothing goes on behind it."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
