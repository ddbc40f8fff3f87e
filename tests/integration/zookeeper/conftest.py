"""One ensemble for all these tests, and a path of its own for each."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from kazoo.client import KazooClient
from tests.support import zookeeper

from orchestrator.zookeeper import uri
from orchestrator.zookeeper.session import Session

TIMEOUT_S = 1.5
_numbers = itertools.count()
Connect = Callable[[], Session]


@pytest.fixture(scope="package")
def ensemble() -> Iterator[zookeeper.Ensemble]:
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with zookeeper.ensemble(1) as running:
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
