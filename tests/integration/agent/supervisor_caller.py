"""An agent that is nothing but its end of the supervisor."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.support import eventually

from orchestrator.agent.adapters.supervisor import wire
from orchestrator.agent.adapters.supervisor.client import Fact, SupervisorClient


class Caller:
    """An agent's end of the supervisor."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lists: asyncio.Queue[dict[str, Fact]] = asyncio.Queue()
        self.events: asyncio.Queue[Fact] = asyncio.Queue()
        self.client = SupervisorClient(
            directory, lambda facts: self.lists.put_nowait(_by_id(facts)), self.events.put_nowait
        )

    async def listed(self) -> dict[str, Fact]:
        return await asyncio.wait_for(self.lists.get(), 60)

    async def reached(self) -> None:
        """Once the connection stands."""
        await eventually(lambda: self.client.is_connected)

    async def hears(self) -> Fact:
        return await asyncio.wait_for(self.events.get(), 60)

    def launch(self, name: str, *argv: str, **fields: object) -> None:
        env = {"PATH": os.environ["PATH"], "WHERE": str(self.directory)}
        sandbox = str(fields.pop("directory", self.directory.parent))
        self.client.send(wire.Launch(name, list(argv), env, sandbox, **fields))  # type: ignore[arg-type]

    async def starts(self, name: str, *argv: str) -> int:
        self.launch(name, *argv)
        event = await self.hears()
        assert isinstance(event, wire.Spawned), event
        return event.pid

    def output(self, name: str = "stdout") -> str:
        return (self.directory.parent / name).read_text()


def _by_id(facts: list[Fact]) -> dict[str, Fact]:
    return {fact.container_id: fact for fact in facts}


@asynccontextmanager
async def connected(directory: Path) -> AsyncIterator[Caller]:
    caller = Caller(directory)
    task = asyncio.create_task(caller.client.run())
    try:
        yield caller
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
