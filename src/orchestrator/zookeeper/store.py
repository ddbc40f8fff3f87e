"""Durable state on an ensemble, one znode an object, written by nobody but the leader.

``fenced`` sees to the latter. Commits that come while another is under way are written together,
all or nothing.

A value over ``MAX_INLINE_BYTES`` (ZooKeeper takes 1 MB a request) is cut into parts, which lie
below ``<root>/.parts``; they are written first and count only once the object itself names them.
Parts that no object names are what a crash left, and go with the next opening.

A batch over one transaction is first written down whole, as such a value, in ``<root>/.batches``.
Then it counts: whoever opens the store and finds one there carries it out before anything else.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import StoreError
from orchestrator.zookeeper import keys
from orchestrator.zookeeper.election import Mandate
from orchestrator.zookeeper.fenced import Changes, FencedZnodes, fits_one_transaction
from orchestrator.zookeeper.session import Session

MAX_INLINE_BYTES = 256 * 1024
_PARTS, _BATCHES = ".parts", ".batches"
_BATCH = f"{_BATCHES}/next"  # there is one at most
_WHOLE, _CUT = b"=", b"+"  # how an object's znode begins
_WrittenChanges = list[tuple[str, bytes | None]]


class _Cut(msgspec.Struct, frozen=True):
    """What an object says whose value lies in parts."""

    token: str
    count: int

    @property
    def parts(self) -> list[str]:
        """Their znodes, in order."""
        return [f"{_PARTS}/{self.token}-{number}" for number in range(self.count)]


class ZooKeeperStore:
    """See ``runtime.store.Store``; a deposed leader gets DeposedError from it."""

    @classmethod
    async def open(cls, session: Session, root: str, mandate: Mandate) -> ZooKeeperStore:
        """Take the store over from whoever had it. Raises StoreError."""
        znodes = FencedZnodes(session, root, mandate)
        await znodes.claim(_PARTS, _BATCHES)
        store = cls(znodes)
        await store._finish_batch()
        return store

    def __init__(self, znodes: FencedZnodes) -> None:
        self._znodes = znodes
        self._cuts: dict[str, _Cut] = {}  # by object, for as long as it consists of them
        self._lock = asyncio.Lock()
        self._waiting: list[Save] = []
        self._end: StoreError | None = None

    async def load(self, prefix: str) -> dict[str, bytes]:
        """See Store."""
        names = await self._znodes.names()
        wanted = {
            key: name
            for name in names
            if (key := _key(name)) is not None and key.startswith(prefix)
        }
        read = dict(zip(wanted, await self._znodes.values(list(wanted.values())), strict=True))
        cuts = {key: cut for key, value in read.items() if (cut := _cut(key, value))}
        self._cuts.update(cuts)
        if not prefix:
            await self._forget_orphans(names)
        return {
            key: await self._whole(cuts[key]) if key in cuts else value[1:]
            for key, value in sorted(read.items())
        }

    async def commit(self, saves: Sequence[Save]) -> None:
        """See Store."""
        self._waiting.extend(saves)
        async with self._lock:
            if self._end is not None:
                raise self._end
            batch, self._waiting = self._waiting, []
            try:
                await self._write({save.key: save.value for save in batch})
            except StoreError as error:
                self._end = error
                raise

    async def close(self) -> None:
        """See Store."""
        async with self._lock:
            self._end = self._end or StoreError(f"the store at {self._znodes.root} is closed")

    async def _whole(self, cut: _Cut) -> bytes:
        return b"".join(await self._znodes.values(cut.parts))

    async def _forget_orphans(self, names: Iterable[str]) -> None:
        named = {part for cut in self._cuts.values() for part in cut.parts}
        parts = {name for name in names if name.startswith(f"{_PARTS}/")}
        await self._znodes.write([(part, None) for part in sorted(parts - named)])

    async def _write(self, latest: Mapping[str, bytes | None]) -> None:
        heads: list[tuple[str, bytes | None]] = []
        cuts: dict[str, _Cut] = {}
        for key, value in latest.items():
            if value is not None and len(value) > MAX_INLINE_BYTES:
                cuts[key] = await self._write_parts(value)
                head: bytes | None = _named(cuts[key])
            else:
                head = None if value is None else _WHOLE + value
            heads.append((keys.znode(key), head))
        await self._write_at_once(heads)
        stale = [cut for key in latest if (cut := self._cuts.pop(key, None))]
        self._cuts.update(cuts)
        await self._forget_parts(stale)

    async def _write_at_once(self, heads: Changes) -> None:
        if fits_one_transaction(self._znodes.root, heads):
            await self._znodes.write(heads)
            return
        cut = await self._write_parts(msgspec.msgpack.encode(heads))
        await self._znodes.write([(_BATCH, _named(cut))])
        await self._carry_out(heads, cut)

    async def _carry_out(self, heads: Changes, cut: _Cut) -> None:
        await self._znodes.write(heads)
        await self._znodes.write([(_BATCH, None)])
        await self._forget_parts([cut])

    async def _finish_batch(self) -> None:
        """Carry out what the last leader wrote down and may not have come to the end of."""
        if _BATCH not in await self._znodes.names():
            return
        (head,) = await self._znodes.values([_BATCH])
        cut = _cut(_BATCH, head)
        if cut is not None:
            body = await self._whole(cut)
            await self._carry_out(msgspec.msgpack.decode(body, type=_WrittenChanges), cut)

    async def _forget_parts(self, cuts: Iterable[_Cut]) -> None:
        await self._znodes.write([(part, None) for cut in cuts for part in cut.parts])

    async def _write_parts(self, value: bytes) -> _Cut:
        starts = range(0, len(value), MAX_INLINE_BYTES)
        pieces = [value[start : start + MAX_INLINE_BYTES] for start in starts]
        cut = _Cut(uuid.uuid4().hex, len(pieces))
        await self._znodes.write(list(zip(cut.parts, pieces, strict=True)))
        return cut


def _named(cut: _Cut) -> bytes:
    """What an object's znode holds instead of its value."""
    return _CUT + msgspec.json.encode(cut)


def _key(name: str) -> str | None:
    kind, _, rest = name.partition("/")
    return None if kind in (_PARTS, _BATCHES) else keys.key(kind, rest)


def _cut(key: str, value: bytes) -> _Cut | None:
    """What an object's znode says of its parts; None if it holds the whole."""
    if value[:1] == _WHOLE:
        return None
    try:
        if value[:1] == _CUT:
            return msgspec.json.decode(value[1:], type=_Cut)
    except msgspec.DecodeError:
        pass
    raise StoreError(f"the object {key} was not written by this program")
