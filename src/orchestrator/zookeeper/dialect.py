"""Which ZooKeeper an ensemble runs, and what can be done with it.

A server says its version to ``srvr``, if its operator allows that word, and to ``envi`` else. Where
it says nothing, it is asked what it knows: a request that it does not know is answered with
`Unimplemented`, after which servers end the session; so this is done in sessions of their own.
Nodes with a TTL are always asked about, since a switch of the server turns them off.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import msgspec

from orchestrator.zookeeper.client import Client, ClientSettings
from orchestrator.zookeeper.jute.errors import (
    BadArguments,
    ConnectionLoss,
    ServerError,
    Unimplemented,
    ZooKeeperError,
)
from orchestrator.zookeeper.jute.multi import MultiRead
from orchestrator.zookeeper.jute.requests import CreateTtl, GetConfig, Request
from orchestrator.zookeeper.jute.sessions import WhoAmI

Version = tuple[int, int, int]
_WORDS = (b"srvr", b"envi", b"mntr")
_ANSWER_BYTES = 64 * 1024
_ANSWER_S = 5.0
_VERSION = re.compile(r"(?:version[:=]|zk_version)\s*(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)


class Dialect(msgspec.Struct, frozen=True):
    """What servers of a version know. ``is_exact``: they said it themselves; else only as much is
    known as was tried. ``has_ttl``: nodes with a time to live are switched on."""

    version: Version
    is_exact: bool
    has_ttl: bool

    @property
    def has_create2(self) -> bool:
        """``create2`` and ``removeWatches``."""
        return self.version >= (3, 5, 0)

    @property
    def has_containers(self) -> bool:
        """Containers: nodes that go after their last child."""
        return self.version >= (3, 5, 1)

    @property
    def has_multi_read(self) -> bool:
        """``multiRead``."""
        return self.version >= (3, 6, 0)

    @property
    def has_lasting_watches(self) -> bool:
        """``addWatch``."""
        return self.version >= (3, 6, 0)

    @property
    def has_event_zxids(self) -> bool:
        """Watch events name the change that they are about."""
        return self.version >= (3, 9, 0)

    @property
    def name(self) -> str:
        """The version as people write it."""
        text = ".".join(map(str, self.version))
        return text if self.is_exact else f"{text} or newer"

    def missing(self) -> tuple[str, ...]:
        """A sentence for each thing that these servers cannot do."""
        lacks = (
            (
                self.has_lasting_watches,
                "Watches fire once (recursive ones came with 3.6), so states between two reads "
                "are not seen.",
            ),
            (
                self.has_multi_read,
                "Nodes are read one by one (multiRead came with 3.6), so a first copy is slow.",
            ),
            (self.has_containers, "Containers do not exist (they came with 3.5)."),
            (
                self.has_ttl,
                "Nodes with a time to live cannot be created (3.5.3 and the server's setting "
                "extendedTypesEnabled=true).",
            ),
        )
        return tuple([sentence for is_there, sentence in lacks if not is_there])


def read_version(answer: str) -> Version | None:
    """The version in the answer to a four-letter word; None if there is none in it."""
    found = _VERSION.search(answer)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


async def detect(settings: ClientSettings) -> Dialect:
    """Ask the first server of an ensemble that answers. Raises ZooKeeperError if none does."""
    version = await _say_version(settings)
    is_exact = version is not None
    version = version or await _try_version(settings)
    has_ttl = version >= (3, 5, 3) and await _knows(settings, CreateTtl("/ttl", -1))
    return Dialect(version, is_exact, has_ttl)


async def _say_version(settings: ClientSettings) -> Version | None:
    for host, port in settings.hosts:
        for word in _WORDS:
            with suppress(OSError, TimeoutError):
                version = read_version(await _ask(host, port, word, settings))
                if version is not None:
                    return version
    return None


async def _ask(host: str, port: int, word: bytes, settings: ClientSettings) -> str:
    async with asyncio.timeout(_ANSWER_S):
        reader, writer = await asyncio.open_connection(host, port, ssl=settings.tls)
        try:
            writer.write(word)
            answer = b""
            while len(answer) < _ANSWER_BYTES and (part := await reader.read(_ANSWER_BYTES)):
                answer += part
            return answer.decode(errors="replace")
        finally:
            writer.close()


async def _try_version(settings: ClientSettings) -> Version:
    if await _knows(settings, WhoAmI()):
        return 3, 7, 0
    if await _knows(settings, MultiRead(())):
        return 3, 6, 0
    return (3, 5, 0) if await _has_config(settings) else (3, 4, 0)


async def _knows(settings: ClientSettings, request: Request[object]) -> bool:
    """Whether a request, which changes nothing, is known."""
    try:
        await _call(settings, request)
    except Unimplemented:
        return False
    except (BadArguments, ServerError):
        return True
    except ConnectionLoss:  # 3.4 hangs up on a request that it cannot even read
        return False
    return True


async def _has_config(settings: ClientSettings) -> bool:
    try:
        await _call(settings, GetConfig())
    except ServerError:
        return False
    return True


async def _call(settings: ClientSettings, request: Request[object]) -> None:
    async with Client(settings) as client:
        try:
            await client.connected(settings.session_timeout_ms / 1000)
        except TimeoutError:
            raise ZooKeeperError(f"no server can be reached: {client.state}") from None
        await client.call(request)
