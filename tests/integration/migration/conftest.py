"""Two ensembles for all these tests; each test has a path of its own on both."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NoNodeError
from kazoo.security import ACL
from tests.support import eventually, zookeeper

from orchestrator.migration.adapters.opening import look_at
from orchestrator.migration.adapters.spec import EnsembleSpec, SyncSpec, Thresholds
from orchestrator.migration.adapters.sync import Sync, running
from orchestrator.migration.core.settings import Settings
from orchestrator.runtime.clock import SystemClock

LINES = ("maxSessionTimeout=60000",)
_numbers = itertools.count()


class Znode(NamedTuple):
    """What both sides have to agree on."""

    data: bytes | None
    acl: tuple[tuple[int, str, str], ...]


class Side:
    """One ensemble as a test uses it: through kazoo, below the test's path."""

    def __init__(self, ensemble: zookeeper.Ensemble, root: str) -> None:
        self.ensemble = ensemble
        self.root = root
        hosts = ",".join(node.address for node in ensemble.nodes)
        self.zk = KazooClient(hosts + root.rstrip("/"))

    @property
    def address(self) -> str:
        return self.ensemble.uri(self.root)

    async def do(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of kazoo's client."""
        return await asyncio.to_thread(getattr(self.zk, name), *arguments, **named)

    async def value(self, path: str) -> bytes | None:
        """A node's data; None also if it is not there."""
        try:
            found: bytes | None = (await self.do("get", path))[0]
        except NoNodeError:
            return None
        return found

    async def tree(self) -> dict[str, Znode]:
        """All nodes below the root that outlive their session."""
        try:
            return await asyncio.to_thread(self._tree)
        except KazooException as error:  # it changes while it is read, or a server was killed
            raise AssertionError(str(error) or type(error).__name__) from error

    def _tree(self) -> dict[str, Znode]:
        found: dict[str, Znode] = {}
        waiting = ["/"]
        while waiting:
            path = waiting.pop()
            for name in self.zk.get_children(path):
                child = f"{path.rstrip('/')}/{name}"
                if child == "/zookeeper":
                    continue
                data, stat = self.zk.get(child)
                if stat.ephemeralOwner:
                    continue
                acls: list[ACL] = self.zk.get_acls(child)[0]
                acl = tuple(sorted((each.perms, each.id.scheme, each.id.id) for each in acls))
                found[child] = Znode(data, acl)
                waiting.append(child)
        return found


class Pair(NamedTuple):
    """Both sides."""

    a: Side
    b: Side

    async def are_equal(self) -> dict[str, Znode]:
        """What both have, once they have the same."""
        seen: list[dict[str, Znode]] = []

        async def same() -> bool:
            seen[:] = [await self.a.tree(), await self.b.tree()]
            assert seen[0] == seen[1]
            return True

        await eventually(same, 120.0, 0.05)
        return seen[0]


@pytest.fixture(scope="package")
def ensembles() -> Iterator[tuple[zookeeper.Ensemble, zookeeper.Ensemble]]:
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with zookeeper.ensemble(1, lines=LINES) as a, zookeeper.ensemble(1, lines=LINES) as b:
        a.start()
        b.start()
        yield a, b


@asynccontextmanager
async def sides(
    a: zookeeper.Ensemble, b: zookeeper.Ensemble, root: str | None = None
) -> AsyncIterator[Pair]:
    """Both, below a path that is new."""
    root = root or f"/sync{next(_numbers)}"
    for each in (a, b):
        await asyncio.to_thread(_make, each, root)
    pair = Pair(Side(a, root), Side(b, root))
    for side in pair:
        await side.do("start", 60)
    yield pair
    for side in pair:
        await side.do("stop")
        await side.do("close")


def _make(ensemble: zookeeper.Ensemble, root: str) -> None:
    client = KazooClient(ensemble.nodes[0].address)
    client.start(60)
    client.ensure_path(root)
    client.stop()
    client.close()


@pytest.fixture
async def pair(
    ensembles: tuple[zookeeper.Ensemble, zookeeper.Ensemble],
) -> AsyncIterator[Pair]:
    async with sides(*ensembles) as found:
        yield found


def spec_of(pair: Pair, credentials: str = "", **settings: Any) -> SyncSpec:
    """A sync of both sides."""
    a, b = (
        EnsembleSpec(
            address=side.address.replace("zk://", f"zk://{credentials}"), session_timeout_ms=60_000
        )
        for side in pair
    )
    return SyncSpec(
        name="test", a=a, b=b, settings=Settings(**settings), thresholds=Thresholds(lag_s=0)
    )


@asynccontextmanager
async def syncing(spec: SyncSpec, directory: Path) -> AsyncIterator[Sync]:
    """A sync that runs."""
    opened = await look_at(spec)
    async with running(spec, opened, directory / "state.db", SystemClock()) as sync:
        yield sync
        assert not sync.failed.done()


async def at_rest(sync: Sync) -> None:
    """Return when both sides are equal as far as the sync knows, and nothing waits."""

    def is_at_rest() -> bool:
        status = sync.status().status
        assert status.state == "live", status
        assert status.is_equal, status
        assert status.queue == 0, status
        return True

    await eventually(is_at_rest, 120.0)
