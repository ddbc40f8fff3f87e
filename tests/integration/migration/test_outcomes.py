"""The engine is killed, or its connection cut, while a batch is on its way: it is done once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.integration.migration.conftest import Pair, Side
from tests.integration.migration.serving import Served, address_of
from tests.integration.migration.streams import client_of, quorum_pair
from tests.support import eventually, zookeeper
from tests.support.wire import Hold, Wire

from orchestrator.zookeeper.jute.requests import Create, Delete, SetData


@pytest.fixture(scope="module")
def ensembles() -> Iterator[tuple[zookeeper.Ensemble, zookeeper.Ensemble]]:
    """As the package's, with quorum ports."""
    with quorum_pair() as found:
        yield found


@pytest.fixture
async def wire(pair: Pair) -> AsyncIterator[Wire]:
    """Between the engine and B."""
    async with Wire(pair.b.ensemble.nodes[0].port).serving() as found:
        yield found


def through(wire: Wire, side: Side) -> dict[str, Any]:
    """A side in the body of a request, by the wire; its stream goes beside it."""
    return address_of(side) | {"address": f"zk://127.0.0.1:{wire.port}{side.root}"}


@pytest.mark.parametrize("source", ["stream", "watch"])
@pytest.mark.parametrize("fault", ["kill", "cut"])
@pytest.mark.parametrize("held", ["request", "reply"])
async def test_a_batch_whose_outcome_nobody_knows_is_done_once(
    pair: Pair,
    tmp_path: Path,
    wire: Wire,
    held: Literal["request", "reply"],
    fault: str,
    source: str,
) -> None:
    """Before the acknowledgement (the request is lost) and after it (the reply is)."""
    served = Served(tmp_path)
    await served.start()
    a, b = address_of(pair.a), through(wire, pair.b)
    await served.begin(a | {"source": source}, b | {"source": source})
    async with client_of(pair.a.ensemble, pair.a.root) as writer:
        await writer.multi([Create("/n", b"0"), Create("/gone", b"0")])
        await served.at_rest()
        wire.hold(Hold(b"/new", held))
        await writer.multi([SetData("/n", b"1"), Delete("/gone"), Create("/new", b"1")])
        await eventually(wire.is_holding.is_set)
        assert (await pair.b.value("/new") == b"1") is (held == "reply")
        if fault == "kill":
            await served.kill()
        await wire.cut()
        if fault == "kill":
            await served.start()
        await eventually(lambda: has(pair.b, "/new", b"1"))
        await served.at_rest()
        assert set(await pair.are_equal()) == {"/n", "/new"}
        assert [await writes_of(side) for side in pair] == [{"/n": 1, "/new": 0}] * 2
        await writer.set_data("/new", b"2")
        await eventually(lambda: has(pair.b, "/new", b"2"))
        await served.at_rest()
    assert [await writes_of(side) for side in pair] == [{"/n": 1, "/new": 1}] * 2
    assert await served.call("GET", "/api/v1/syncs/test/conflicts") == (200, {"conflicts": []})
    await served.stop()


async def has(side: Side, path: str, value: bytes) -> bool:
    return await side.value(path) == value


async def writes_of(side: Side) -> dict[str, int]:
    """How often each node was written since it was created."""
    return {path: (await side.do("exists", path)).version for path in ("/n", "/new")}


@pytest.mark.parametrize("source", ["stream", "watch"])
async def test_a_killed_engine_takes_its_proxies_along_and_echoes_nothing_in_its_next_session(
    pair: Pair, tmp_path: Path, source: str
) -> None:
    served = Served(tmp_path)
    await served.start()
    a, b = (address_of(side) | {"source": source, "session_timeout_ms": 1_000} for side in pair)
    await served.begin(a, b, ephemerals="proxy")
    await pair.a.do("create", "/n", b"0")
    await pair.a.do("create", "/mine", b"1", ephemeral=True)
    await eventually(lambda: has(pair.b, "/mine", b"1"))
    await pair.b.do("create", "/m", b"0")
    await eventually(lambda: has(pair.a, "/m", b"0"))
    await pair.b.do("set", "/n", b"1")
    await pair.a.do("set", "/m", b"1")
    await pair.are_equal()
    await served.kill()
    await eventually(lambda: is_gone(pair.b, "/mine"))  # with the session
    assert await pair.a.value("/mine") == b"1"
    before = [await changes_of(side) for side in pair]
    await served.start()
    await eventually(lambda: has(pair.b, "/mine", b"1"))
    await served.at_rest()
    assert [await changes_of(side) for side in pair] == before
    assert (await pair.a.do("exists", "/mine")).owner_session_id == pair.a.zk.client_id[0]
    await pair.a.do("delete", "/mine")
    await eventually(lambda: is_gone(pair.b, "/mine"))
    assert await served.call("GET", "/api/v1/syncs/test/conflicts") == (200, {"conflicts": []})
    await served.stop()


async def is_gone(side: Side, path: str) -> bool:
    return not await side.do("exists", path)


async def changes_of(side: Side) -> list[int]:
    """By which transactions the nodes that are written were last changed."""
    return [(await side.do("exists", path)).last_modified_transaction_id for path in ("/n", "/m")]
