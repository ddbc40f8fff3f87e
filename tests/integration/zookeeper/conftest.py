"""One ensemble for all these tests, and a path of its own for each."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator

import msgspec
import pytest
from kazoo.client import KazooClient
from tests.support import zookeeper

from orchestrator.zookeeper import client as zk
from orchestrator.zookeeper import uri
from orchestrator.zookeeper.session import Session

TIMEOUT_S = 1.5
TIMEOUT_MS = 60_000  # of our own client's sessions: no test waits for their end
LONG_SESSIONS = (f"maxSessionTimeout={TIMEOUT_MS}",)
_numbers = itertools.count()
Connect = Callable[[], Session]


@pytest.fixture(scope="package")
def ensemble() -> Iterator[zookeeper.Ensemble]:
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with zookeeper.ensemble(1, lines=LONG_SESSIONS) as running:
        running.start()
        yield running


@pytest.fixture
def path() -> str:
    return f"/test{next(_numbers)}/mesos"


@pytest.fixture
async def connect(ensemble: zookeeper.Ensemble, path: str) -> AsyncIterator[Connect]:
    """Opens sessions, which end with the test."""
    sessions: list[Session] = []

    def opened() -> Session:
        sessions.append(Session(uri.parse(ensemble.uri(path)), TIMEOUT_S))
        return sessions[-1]

    yield opened
    for each in sessions:
        await each.close()


async def expire(session: Session) -> None:
    """Have the server end a session, as it does when it has heard nothing for too long."""
    await session.connected()
    thief = KazooClient(session.servers, client_id=session.identity)  # ends it in its place
    await asyncio.to_thread(thief.start)
    await asyncio.to_thread(thief.stop)
    await asyncio.to_thread(thief.close)


def settings(ensemble: zookeeper.Ensemble, path: str) -> zk.ClientSettings:
    of_uri = zk.of_uri(uri.parse(ensemble.uri(path), root_allowed=True))
    return msgspec.structs.replace(of_uri, session_timeout_ms=TIMEOUT_MS)


@pytest.fixture
def kazoo(ensemble: zookeeper.Ensemble, path: str) -> Iterator[KazooClient]:
    """The oracle; below the same path, which it creates."""
    hosts = ensemble.nodes[0].address
    root = KazooClient(hosts)
    root.start(60)
    root.ensure_path(path)
    root.stop()
    root.close()
    client = KazooClient(hosts + path)
    client.start(60)
    yield client
    client.stop()
    client.close()


@pytest.fixture
async def client(
    ensemble: zookeeper.Ensemble, path: str, kazoo: KazooClient
) -> AsyncIterator[zk.Client]:
    async with zk.Client(settings(ensemble, path)) as client:
        await client.connected(60)
        yield client
