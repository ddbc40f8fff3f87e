"""What tests of bad behaviour share: simulated agents, a bystander, and the master's memory.

``unharmed`` is the frame of each of them: another framework launches before and after, the master
is still the same process, has logged no failure of its own and holds no more than a stated amount
of memory more than before, also at its peak.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conformance.cluster import Server
from tests.conformance.raw_framework import RawFramework, scalar
from tests.conformance.raw_http import Json
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

LINK = "/api/v1/agents/link"
RESOURCES = [scalar("cpus", 8), scalar("mem", 4096)]
_WAIT_S = 60.0
_FAULT = re.compile(r" (ERROR|CRITICAL) (?!.*(Invalid UTF-8|without completing response))")
# the two are uvicorn's words for faults of a client, and for a stream that was cut
_uuids = itertools.count()
_numbers = itertools.count()


class Memory:
    """The memory of a process from now on."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        (self._process / "clear_refs").write_text("5")  # the peak is counted anew
        self._before_mb = self._read("VmRSS")

    def grown_mb(self) -> float:
        """How much more it holds."""
        return self._read("VmRSS") - self._before_mb

    def peak_mb(self) -> float:
        """How much more it has held at most."""
        return self._read("VmHWM") - self._before_mb

    def _read(self, field: str) -> float:
        match = re.search(rf"{field}:\s+(\d+) kB", (self._process / "status").read_text())
        assert match
        return int(match[1]) / 1024


@asynccontextmanager
async def unharmed(
    master: Server, *, grown_mb: float = 30.0, peak_mb: float = 60.0
) -> AsyncIterator[RawFramework]:
    """Run an attack; another framework notices nothing, and the master's memory stays bounded."""
    logged = master.log.stat().st_size
    async with FakeAgent(master.port), RawFramework(master.port, "bystander") as bystander:
        await run_one(bystander)
        memory = Memory(master.process.pid)
        yield bystander
        await bystander.wait_for_heartbeats(1)
        await run_one(bystander)
        assert memory.peak_mb() <= peak_mb
        assert memory.grown_mb() <= grown_mb
    assert master.process.poll() is None
    log = master.log.read_bytes()[logged:].decode().splitlines()
    faults = [line for line in log if _FAULT.search(line)]
    assert not faults, log[-50:]


async def run_one(framework: RawFramework) -> str:
    """Launch a task and wait until it runs."""
    task_id = await framework.launch_one()
    await framework.wait_for_state("TASK_RUNNING", [task_id])
    return task_id


class RawLink:
    """A link to the master that says whatever it is told to."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, *messages: Json) -> None:
        """Send messages in one frame."""
        await self.socket.send(json.dumps(messages))

    async def hear(self) -> list[Json]:
        """The messages of the next frame. Raises ConnectionClosed."""
        async with asyncio.timeout(_WAIT_S):
            messages: list[Json] = json.loads(await self.socket.recv())
            return messages

    async def end(self) -> int:
        """The code that the master closes with."""
        async with asyncio.timeout(_WAIT_S):
            await self.socket.wait_closed()
        code = self.socket.close_code
        assert code is not None
        return code


@asynccontextmanager
async def open_link(port: int) -> AsyncIterator[RawLink]:
    """A link on which nothing has been said yet."""
    url = f"ws://127.0.0.1:{port}{LINK}"
    async with connect(url, max_size=None, compression=None, ping_interval=None) as socket:
        yield RawLink(socket)


def register(
    hostname: str = "hostile", resources: Sequence[Json] = RESOURCES, **fields: Json
) -> Json:
    """A REGISTER message; fields are those of the message or, with ``agent``, of its AgentInfo."""
    agent = {"hostname": hostname, "resources": list(resources), **fields.pop("agent", {})}
    return {"type": "REGISTER", "agent": agent, "version": "1.11.0", **fields}


class FakeAgent:
    """An agent whose tasks run and end in no time."""

    def __init__(self, port: int, hostname: str = "steady", **fields: Json) -> None:
        self.id = ""
        self.heard: list[Json] = []
        self._port = port
        self._register = register(hostname, **fields)

    async def __aenter__(self) -> Self:
        self._opened = open_link(self._port)
        self.link = await self._opened.__aenter__()
        await self.link.say(self._register)
        (registered, *_) = await self.link.hear()
        assert registered["type"] == "REGISTERED", registered
        self.id = registered["agent_id"]["value"]
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(ConnectionClosed):
            await self.link.say({"type": "LEAVING"})
        self._worker.cancel()
        with suppress(asyncio.CancelledError):
            await self._worker
        await self._opened.__aexit__(None, None, None)

    async def _work(self) -> None:
        with suppress(ConnectionClosed):
            async for frame in self.link.socket:
                for message in json.loads(frame):
                    self.heard.append(message)
                    await self._obey(message)

    async def _obey(self, message: Json) -> None:
        match message["type"]:
            case "RUN":
                ids = [task["task_id"]["value"] for task in message["tasks"]]
                await self._update(message["framework"]["id"], ids, "TASK_RUNNING")
            case "KILL":
                ids = [message["task_id"]["value"]]
                await self._update(message["framework_id"], ids, "TASK_KILLED")
            case "PING":
                await self.link.say({"type": "PONG"})
            case _:
                pass

    async def _update(self, framework_id: Json, task_ids: list[str], state: str) -> None:
        updates = [update(framework_id, task_id, self.id, state) for task_id in task_ids]
        await self.link.say({"type": "UPDATES", "updates": updates})


def update(framework_id: Json, task_id: str, agent_id: str, state: str) -> Json:
    """A status update as agents send it."""
    status = {
        "task_id": {"value": task_id},
        "agent_id": {"value": agent_id},
        "state": state,
        "uuid": b64encode(next(_uuids).to_bytes(16, "big")).decode(),
    }
    return {"framework_id": framework_id, "status": status, "latest_state": state}


def hostname() -> str:
    """A name that no other agent has."""
    return f"host{next(_numbers)}"
