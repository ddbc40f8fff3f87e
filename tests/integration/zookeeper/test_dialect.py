"""Finding out what a real server is, with and without its help."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from tests.integration.zookeeper.conftest import settings
from tests.support import zookeeper

from orchestrator.zookeeper import client as zk
from orchestrator.zookeeper.dialect import detect


async def test_a_server_says_its_version(ensemble: zookeeper.Ensemble) -> None:
    dialect = await detect(settings(ensemble, "/"))
    assert dialect.is_exact
    assert dialect.has_lasting_watches
    assert not dialect.has_ttl
    (only,) = dialect.missing()
    assert "extendedTypesEnabled" in only


async def test_a_server_that_says_nothing_is_tried_out(ensemble: zookeeper.Ensemble) -> None:
    node = ensemble.nodes[0]
    async with _without_words(node.host, node.port) as port:
        silent = msgspec.structs.replace(settings(ensemble, "/"), hosts=(("127.0.0.1", port),))
        dialect = await detect(silent)
    assert not dialect.is_exact
    assert dialect.version >= (3, 7, 0)
    assert not dialect.has_ttl


@asynccontextmanager
async def _without_words(host: str, port: int) -> AsyncIterator[int]:
    """A way to a server on which its four-letter words are not answered."""

    writers: list[asyncio.StreamWriter] = []
    tasks: list[asyncio.Task[None]] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        first = await reader.read(4)
        if first.isalpha():
            writer.close()
            return
        back, forth = await asyncio.open_connection(host, port)
        writers.append(forth)
        forth.write(first)
        tasks.append(asyncio.create_task(_copy(reader, forth)))
        tasks.append(asyncio.create_task(_copy(back, writer)))

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*[each.wait_closed() for each in writers], return_exceptions=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
    target.close()


async def test_a_dialect_is_of_the_servers_not_of_the_clients_root(
    ensemble: zookeeper.Ensemble, client: zk.Client
) -> None:
    assert await detect(client.settings) == await detect(settings(ensemble, "/"))
