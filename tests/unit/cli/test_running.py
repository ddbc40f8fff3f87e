"""Waiting for the end of servers."""

import asyncio

import pytest

from orchestrator.cli.servers import running
from orchestrator.runtime.store import StoreError


async def test_a_stop_ends_the_wait_and_leaves_the_servers_alone() -> None:
    stop, failed = asyncio.Event(), asyncio.get_running_loop().create_future()
    stop.set()
    await running.stopped(stop, failed)
    assert not failed.done()


async def test_a_server_that_cannot_go_on_ends_the_wait_with_its_reason() -> None:
    healthy, failed = (asyncio.get_running_loop().create_future() for _ in range(2))
    failed.set_exception(StoreError("the disk is full"))
    with pytest.raises(StoreError, match="disk is full"):
        await running.stopped(asyncio.Event(), healthy, failed)
