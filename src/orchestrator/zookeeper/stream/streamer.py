"""A source that hears every transaction of an ensemble, as an observer of its leader.

Nothing is read again and nothing is guessed: each transaction comes whole, in order, with its
session and time, and with what clients are not shown: lifetimes, access lists, the parent's count.
It costs the leader one more observer, and needs its quorum port, with its TLS and SASL if it has
them (`entry`).

- After a connection is lost, it goes on behind the last transaction, with the next leader if there
  is one. Leaders keep some transactions only (``commitLogCount``, and their log); if those that
  are missing are gone, they send everything, and so a snapshot is told.
- Access lists do not keep an observer from anything. Who is let near a quorum port sees all.
- At most ``held_bytes`` and the events of one chunk are held while their receiver is busy. Past
  that the connection is given up, for it is the leader who holds the rest.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

import msgspec

from orchestrator.zookeeper.client.servers import Servers
from orchestrator.zookeeper.jute.errors import FrameError, ZooKeeperError
from orchestrator.zookeeper.source import Event, Interrupted
from orchestrator.zookeeper.stream.addresses import Address, new_sid, reason_of
from orchestrator.zookeeper.stream.entry import PLAIN, Entry
from orchestrator.zookeeper.stream.learner import Learner, NoSnapshot, Stage
from orchestrator.zookeeper.stream.link import Link, connected
from orchestrator.zookeeper.stream.translation import ReadAnew, Translator

logger = logging.getLogger(__name__)
Find = Callable[[], Awaitable[Sequence[Address]]]


class StreamSettings(msgspec.Struct, frozen=True):
    """``connect_s``: for a server to take a connection. ``silence_s``: after which a leader that
    says nothing is left; they say something twice a tick. ``held_bytes``: of what its receiver has
    not taken yet. ``max_bytes``: of a transaction, or of a node in a snapshot."""

    connect_s: float = 2.0
    silence_s: float = 20.0
    held_bytes: int = 64 * 2**20
    max_bytes: int = 256 * 2**20


class Streamer:
    """Hears an ensemble, below ``root``. ``find`` says where its quorum ports are, and is asked
    again whenever none was the leader's; it may raise ZooKeeperError."""

    def __init__(
        self,
        find: Find,
        root: str,
        settings: StreamSettings | None = None,
        entry: Entry = PLAIN,
    ) -> None:
        self._find = find
        self._root = root
        self._entry = entry
        self._settings = settings or StreamSettings()
        self._sid = new_sid()
        self._translator = Translator(root)
        self._position: int | None = None
        self._from_nothing = False
        self._heard = False
        self._is_told = False

    async def events(self, position: int | None = None) -> AsyncGenerator[Event, None]:
        """Everything behind ``position``, or from a snapshot on. Does not end by itself."""
        self._position = position
        while True:
            try:
                servers = Servers(tuple(await self._find()), random.Random())
            except ZooKeeperError as error:
                if not self._is_told:
                    self._is_told = True
                    yield Interrupted(f"the members are not known: {error}")
                await asyncio.sleep(self._settings.connect_s)
                continue
            async with aclosing(self._follow(servers)) as events:
                async for event in events:
                    yield event

    async def _follow(self, servers: Servers) -> AsyncGenerator[Event, None]:
        """Try one server after the other, as long as one of them leads."""
        reasons: list[str] = []
        while len(reasons) < len(servers):
            host, port = servers.next()
            self._heard = False
            try:
                async with aclosing(self._learn(host, port)) as events:
                    async for event in events:
                        yield event
            except (OSError, ZooKeeperError, NoSnapshot, ReadAnew) as error:
                reason = self._ended(error)
                logger.debug("stream of %s:%d: %s", host, port, reason)
                if self._heard:
                    reasons, self._is_told = [], False
                    servers.succeeded()
                    yield Interrupted(f"the stream of {host}:{port} has ended: {reason}")
                else:
                    reasons.append(f"{host}:{port}: {reason}")
            await asyncio.sleep(servers.failed())
        if not self._is_told:
            self._is_told = True  # once, until something was heard again
            yield Interrupted(f"no leader answers on its quorum port ({'; '.join(reasons)})")

    def _ended(self, error: Exception) -> str:
        """Note how to go on; why it ended."""
        if isinstance(error, ReadAnew) or (isinstance(error, FrameError) and self._heard):
            # what cannot be read would come again from the same position
            self._position, self._from_nothing = None, False
        elif isinstance(error, NoSnapshot):
            self._from_nothing = True
            return "it does not send a snapshot"
        return reason_of(error)

    async def _learn(self, host: str, port: int) -> AsyncGenerator[Event, None]:
        """All that one leader says. Ends with an error."""
        settings = self._settings
        learner = Learner(
            self._sid,
            self._position,
            self._translator,
            settings.max_bytes,
            from_nothing=self._from_nothing,
        )
        async with connected(
            host, port, self._entry, settings.connect_s, settings.held_bytes
        ) as link:
            link.write(learner.hello())
            while True:
                events, answer = learner.receive(await link.read(settings.silence_s))
                link.write(answer)
                self._tell(link, learner)
                for event in events:
                    yield event
                self._position = learner.position

    def _tell(self, link: Link, learner: Learner) -> None:
        self._heard = learner.stage not in (Stage.GREETING, Stage.SYNCING)
        link.is_live = learner.stage is Stage.LIVE
        link.is_patient = not link.is_live
