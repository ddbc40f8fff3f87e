"""How long a packet a server reads (its ``jute.maxbuffer``, which it tells nobody).

A server that is sent a longer one hangs up without a word, and all that was under way is lost. So
it is tried out before anything depends on it: a question for a node with a very long name changes
nothing, and is either answered or not. Each try is a session of its own, for the connection may
end; what is not answered is asked twice, for a connection may end for other reasons, too.
"""

from __future__ import annotations

import asyncio

import msgspec

from orchestrator.zookeeper.client import Client, ClientSettings
from orchestrator.zookeeper.jute import frames
from orchestrator.zookeeper.jute.errors import ServerError, ZooKeeperError
from orchestrator.zookeeper.jute.reads import Exists

_LEAST_BYTES = 1_024
_PRECISION_BYTES = 256
_TRY_S = 5.0
_BESIDE_NAME_BYTES = frames.HEADER_BYTES + len(Exists("").encode(""))


async def longest_packet(settings: ClientSettings) -> int:
    """The longest packet, up to ``max_packet_bytes``, that every server of an ensemble reads which
    answers at all; at most 256 bytes too little, never too much."""
    alone = [
        msgspec.structs.replace(settings, hosts=(host,), root="", renew=False)
        for host in settings.hosts
    ]
    found = await asyncio.gather(*[_of_server(each) for each in alone])
    return min(found)


async def _of_server(settings: ClientSettings) -> int:
    high = settings.max_packet_bytes
    if not await _listens(settings) or await _reads(settings, high):
        return high
    if not await _reads(settings, _LEAST_BYTES):
        return high  # nothing is known of a server that does not answer
    low = _LEAST_BYTES
    while high - low > _PRECISION_BYTES:
        middle = (low + high) // 2
        if await _reads(settings, middle):
            low = middle
        else:
            high = middle
    return low


async def _listens(settings: ClientSettings) -> bool:
    host, port = settings.hosts[0]
    try:
        async with asyncio.timeout(_TRY_S):
            _, writer = await asyncio.open_connection(host, port, ssl=settings.tls)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _reads(settings: ClientSettings, size_bytes: int) -> bool:
    name = "/".ljust(size_bytes - _BESIDE_NAME_BYTES, "x")
    return await _answers(settings, name) or await _answers(settings, name)


async def _answers(settings: ClientSettings, name: str) -> bool:
    try:
        async with asyncio.timeout(_TRY_S), Client(settings) as client:
            await client.connected()
            await client.call(Exists(name))
    except ServerError:
        return True
    except (ZooKeeperError, TimeoutError):
        return False
    return True
