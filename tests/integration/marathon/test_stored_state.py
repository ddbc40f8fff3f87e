"""What earlier and later versions left in the data directory."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from tests.integration.marathon.conftest import Api, Start
from tests.integration.marathon.fake_master import HttpMaster

from orchestrator.marathon.core import stored_format
from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import SqliteStore, StoreError


async def stored(directory: Path) -> dict[str, bytes]:
    store = SqliteStore.open(directory / "marathon.db")
    try:
        return await store.load("")
    finally:
        await store.close()


async def store(directory: Path, objects: dict[str, bytes]) -> None:
    """Make these objects all that there is."""
    opened = SqliteStore.open(directory / "marathon.db")
    try:
        await opened.commit([Save(key, None) for key in await opened.load("")])
        await opened.commit([Save(key, value) for key, value in objects.items()])
    finally:
        await opened.close()


async def test_state_without_a_format_is_brought_up_to_date(
    start: Start, master: HttpMaster, tmp_path: Path
) -> None:
    async with start() as marathon, aiohttp.ClientSession(marathon.url) as session:
        await Api(session).deploy(id="/a", cmd="x", instances=2)
    now = await stored(tmp_path)
    old = {f"marathon/{key}": value for key, value in now.items() if key != stored_format.KEY}
    await store(tmp_path, old)

    async with start() as marathon, aiohttp.ClientSession(marathon.url) as session:
        assert len((await Api(session).get("/v2/apps/a/tasks"))["tasks"]) == 2

    assert (await stored(tmp_path)).keys() == now.keys()
    assert set(master.mesos.launches.values()) == {1}


async def test_state_of_a_newer_version_is_refused_and_left_alone(
    start: Start, tmp_path: Path
) -> None:
    newer = {"format": b"99", "apps/a": b"of a form to come"}
    await store(tmp_path, newer)

    with pytest.raises(StoreError, match="newer Orchestrator"):
        async with start():
            pass

    assert await stored(tmp_path) == newer


async def test_state_that_is_damaged_is_said_in_a_sentence(start: Start, tmp_path: Path) -> None:
    await store(tmp_path, {"format": b"1", "apps/a": b"{"})

    with pytest.raises(StoreError, match="cannot be read"):
        async with start():
            pass
