"""Znodes that only the leader can write.

Whoever claims a root holds a mandate (``election``) and first writes its name into the root's
value. Every later transaction checks two things along with its writes: that the mandate's znode
still exists, and that the root still is in the version which this claim made. So no write of a
deposed leader can succeed, however late it arrives: it ends in ``DeposedError``.

A transaction whose answer was lost is looked up and repeated once there is a connection again;
nobody else writes meanwhile, so repeating it is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from orchestrator.runtime.store import StoreError
from orchestrator.zookeeper.election import Mandate
from orchestrator.zookeeper.requests import (
    Change,
    Check,
    Create,
    DisconnectedError,
    Operation,
    RefusedError,
    Remove,
    ZooKeeperError,
)
from orchestrator.zookeeper.session import Session
from orchestrator.zookeeper.waiting import either

MAX_OPERATIONS = 500
MAX_BYTES = 512 * 1024  # of a transaction: ZooKeeper takes 1 MB a request
_OVERHEAD_BYTES = 256  # of an operation: its path, its ACL
_RETRY_S = 0.05
Result = TypeVar("Result")
Changes = Sequence[tuple[str, bytes | None]]


class DeposedError(StoreError):
    """Another leads, or may: nothing was written and nothing ever will be again."""


class FencedZnodes:
    """The znodes below a root, two levels of them; all methods raise StoreError."""

    def __init__(self, session: Session, root: str, mandate: Mandate) -> None:
        self.root = root
        self._session = session
        self._mandate = mandate
        self._fences: list[Operation] = [Check(mandate.znode)]
        self._known: set[str] = set()  # those that exist

    async def claim(self, *kinds: str) -> None:
        """Take the root over from whoever had it, and see that the kinds are there."""
        await self._patiently(partial(self._claim, kinds))

    async def names(self) -> list[str]:
        """All znodes there are, as "kind/name"."""
        return await self._patiently(self._names)

    async def values(self, names: Sequence[str]) -> list[bytes]:
        """The values of znodes."""
        paths = [f"{self.root}/{name}" for name in names]
        return await self._patiently(partial(self._session.get_all, paths))

    async def write(self, changes: Changes) -> None:
        """Give znodes ("kind/name") values, or remove them; in order, in few transactions."""
        changes = [(f"{self.root}/{name}", value) for name, value in changes]
        for chunk in _bounded(changes):
            await self._patiently(partial(self._write, chunk))

    # --- one attempt each ------------------------------------------------------------------------

    async def _claim(self, kinds: Iterable[str]) -> None:
        session, root = self._session, self.root
        for kind in kinds:
            await session.ensure(f"{root}/{kind}", "private")
        await session.sync(root)
        await session.multi([self._fences[0], Change(root, self._mandate.znode.encode())])
        self._fences[1:] = [Check(root, await session.version(root))]

    async def _names(self) -> list[str]:
        found = []
        for kind in await self._session.children(self.root):
            names = await self._session.children(f"{self.root}/{kind}")
            found += [f"{kind}/{name}" for name in names]
            self._known.add(f"{self.root}/{kind}")
        self._known.update(f"{self.root}/{name}" for name in found)
        return found

    async def _write(self, chunk: Changes) -> None:
        if not (operations := list(self._operations(chunk))):
            return
        try:
            await self._session.multi([*self._fences, *operations])
        except RefusedError as error:
            if error.index < len(self._fences):
                raise
            # An earlier try whose answer was lost has done it: see anew what there is.
            await self._look_again(chunk)
            await self._session.multi([*self._fences, *self._operations(chunk)])
        for path, value in chunk:
            if value is None:
                self._known.discard(path)
            else:
                self._known.update((path, _parent(path)))

    def _operations(self, chunk: Changes) -> Iterator[Operation]:
        parents: set[str] = set()
        for path, value in chunk:
            if value is None:
                if path in self._known:
                    yield Remove(path)
                continue
            parent = _parent(path)
            if parent not in self._known and parent not in parents:
                parents.add(parent)
                yield Create(parent, b"")
            yield Change(path, value) if path in self._known else Create(path, value)

    async def _look_again(self, chunk: Changes) -> None:
        paths = {name for path, _ in chunk for name in (path, _parent(path))}
        self._known -= paths
        self._known |= await self._session.existing(sorted(paths))

    async def _patiently(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try until there is an answer, or this leader is deposed."""
        while True:
            try:
                return await attempt()
            except DisconnectedError:
                await either(self._session.connected(), self._mandate.term)
                if self._mandate.term.done():
                    raise DeposedError("the session with ZooKeeper is lost") from None
                await asyncio.sleep(_RETRY_S)
            except RefusedError as error:
                if error.index < len(self._fences):
                    raise DeposedError("another leads: ZooKeeper refuses the write") from None
                raise StoreError(f"cannot write below {self.root}: {error}") from None
            except ZooKeeperError as error:
                raise StoreError(f"cannot use {self.root}: {error}") from None


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def fits_one_transaction(root: str, changes: Changes) -> bool:
    """Whether ``write`` makes these changes all at once or not at all."""
    return len(list(_bounded([(f"{root}/{name}", value) for name, value in changes]))) <= 1


def _bounded(changes: Changes) -> Iterator[Changes]:
    """The changes, in order, in portions that a transaction can hold."""
    chunk: list[tuple[str, bytes | None]] = []
    size = 0
    for path, value in changes:
        cost = len(path) + len(value or b"") + _OVERHEAD_BYTES
        if chunk and (len(chunk) == MAX_OPERATIONS or size + cost > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((path, value))
        size += cost
    if chunk:
        yield chunk
