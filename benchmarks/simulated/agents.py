"""Thousands of agents: each a WebSocket and a few numbers.

An agent answers what it is told to run with TASK_RUNNING for each task at once, in one frame, as
an agent whose tasks start in no time would. With ``task_life_s`` a task also ends by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from base64 import b64encode
from collections.abc import Callable

import msgspec

from benchmarks.simulated.websocket import WebSocketClient
from orchestrator.mesos import codec, link
from orchestrator.mesos.resource_wire import parse, to_wire
from orchestrator.mesos.types import AgentInfo

CPUS, MEM_MB = 8, 16384
_CONNECTING_AT_ONCE = 64
_RESOURCES = to_wire(parse(f"cpus:{CPUS};mem:{MEM_MB};disk:100000;ports:[31000-32000]"))
_PONG = codec.encode([link.Pong()])
_UPDATE = (
    '{"framework_id":{"value":"%s"},"status":{"task_id":{"value":"%s"},"state":"%s",'
    '"source":"SOURCE_EXECUTOR","agent_id":{"value":"%s"},"executor_id":{"value":"%s"},'
    '"timestamp":%.6f,"uuid":"%s","container_status":{"container_id":{"value":"%s"},'
    '"network_infos":[{"ip_addresses":[{"protocol":"IPv4","ip_address":"127.0.0.1"}]}],'
    '"executor_pid":12345}},"latest_state":"%s"}'
)


class Id(msgspec.Struct, gc=False):
    """An id as the wire wraps it."""

    value: str


class _Task(msgspec.Struct, gc=False):
    task_id: Id


class _Framework(msgspec.Struct, gc=False):
    id: Id


class _Message(msgspec.Struct, tag_field="type"):
    pass


class _Registered(_Message, tag="REGISTERED"):
    agent_id: Id


class _Run(_Message, tag="RUN"):
    framework: _Framework
    tasks: list[_Task]


class _Kill(_Message, tag="KILL"):
    framework_id: Id
    task_id: Id


class _Acknowledge(_Message, tag="ACKNOWLEDGE"):
    acknowledgements: list[msgspec.Raw]


class _Ping(_Message, tag="PING"):
    pass


class _ShutdownFramework(_Message, tag="SHUTDOWN_FRAMEWORK"):
    pass


class _Refused(_Message, tag="REFUSED"):
    reason: str


_decode = msgspec.json.Decoder(
    list[_Registered | _Run | _Kill | _Acknowledge | _Ping | _ShutdownFramework | _Refused]
).decode
_uuids = itertools.count()


class Fleet:
    """All the agents and what they have seen together."""

    def __init__(self, port: int, size: int) -> None:
        self.port = port
        self.size = size
        self.agents: list[Agent] = []
        self.registered = 0
        self.acknowledged = 0  # status updates that need not be sent again
        self.task_life_s: float | None = None
        self.ended_at: dict[str, float] = {}  # by agent: when its last task ended
        self.first_run: bytes | None = None  # a frame, for the stub to repeat
        self.first_acknowledgement: bytes | None = None
        self.news: Callable[[], None] = lambda: None  # called after every change

    async def connect(self) -> None:
        """Connect and register all of them. Raises ConnectionError if one is refused."""
        loop = asyncio.get_running_loop()
        gate = asyncio.Semaphore(_CONNECTING_AT_ONCE)

        async def connect_one(number: int) -> None:
            async with gate:
                agent = Agent(self, number)
                self.agents.append(agent)
                await loop.create_connection(lambda: agent, "127.0.0.1", self.port)
                await agent.is_registered

        await asyncio.gather(*(connect_one(number) for number in range(self.size)))

    def close(self) -> None:
        """Drop all links."""
        for agent in self.agents:
            agent.transport.abort()


class Agent(WebSocketClient):
    """One simulated agent."""

    __slots__ = ("_fleet", "_number", "id", "is_registered")

    def __init__(self, fleet: Fleet, number: int) -> None:
        super().__init__(f"127.0.0.1:{fleet.port}", link.LINK_PATH)
        self._fleet = fleet
        self._number = number
        self.id = ""
        self.is_registered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def opened(self) -> None:
        """Introduce itself."""
        info = AgentInfo(hostname=f"agent{self._number}", resources=_RESOURCES)
        self.send(codec.encode([link.Register(agent=info, version="1.11.0")]))

    def closed(self) -> None:
        """Nothing is tried again: a benchmark whose agents are cut off is worth nothing."""
        if not self.is_registered.done():
            self.is_registered.set_exception(ConnectionError("the link was closed"))

    def received(self, message: bytes) -> None:
        """Do what the master says."""
        fleet = self._fleet
        for said in _decode(message):
            match said:
                case _Run():
                    fleet.first_run = fleet.first_run or message
                    self._run(said)
                case _Kill(framework_id, task_id):
                    self._update(framework_id.value, [task_id.value], "TASK_KILLED")
                case _Acknowledge():
                    fleet.first_acknowledgement = fleet.first_acknowledgement or message
                    fleet.acknowledged += len(said.acknowledgements)
                case _Ping():
                    self.send(_PONG)
                case _Registered():
                    self.id = said.agent_id.value
                    fleet.registered += 1
                    if not self.is_registered.done():
                        self.is_registered.set_result(None)
                case _Refused():
                    raise ConnectionError(said.reason)
                case _:
                    pass
        fleet.news()

    def _run(self, run: _Run) -> None:
        framework_id = run.framework.id.value
        task_ids = [task.task_id.value for task in run.tasks]
        self._update(framework_id, task_ids, "TASK_RUNNING")
        if self._fleet.task_life_s is not None:
            asyncio.get_running_loop().call_later(
                self._fleet.task_life_s, self._finish, framework_id, task_ids
            )

    def _finish(self, framework_id: str, task_ids: list[str]) -> None:
        self._fleet.ended_at[self.id] = time.perf_counter()
        self._update(framework_id, task_ids, "TASK_FINISHED")

    def _update(self, framework_id: str, task_ids: list[str], state: str) -> None:
        now = time.time()
        updates = ",".join(
            _UPDATE
            % (framework_id, task_id, state, self.id, task_id, now, _new_uuid(), task_id, state)
            for task_id in task_ids
        )
        self.send(f'[{{"type":"UPDATES","updates":[{updates}]}}]'.encode())


def _new_uuid() -> str:
    return b64encode(next(_uuids).to_bytes(16, "big")).decode()
