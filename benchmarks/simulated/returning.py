"""Agents that outlive their master: they keep their tasks and take them to the next leader.

Each is a WebSocket and its tasks. All follow one leader, as ``MasterLink`` of a real agent does:
when there is another, they drop their links and come to it within ``SPREAD_S``; when there is none
or it does not take them, they try again. Updates are sent until they are acknowledged.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from benchmarks.simulated.agents import CPUS, MEM_MB
from benchmarks.simulated.websocket import WebSocketClient
from orchestrator.mesos import codec, link
from orchestrator.mesos.resource_wire import parse, to_wire
from orchestrator.mesos.types import (
    AgentID,
    AgentInfo,
    FrameworkID,
    FrameworkInfo,
    Task,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)

SPREAD_S = 0.5
RETRY_S = 0.5
_CONNECTING_AT_ONCE = 256
_RESOURCES = to_wire(parse(f"cpus:{CPUS};mem:{MEM_MB};disk:100000;ports:[31000-32000]"))
_decode = msgspec.json.Decoder(list[link.FromMaster]).decode


class ReturningFleet:
    """All the agents; ``news`` is called after every registration and loss of one."""

    def __init__(self, size: int) -> None:
        self.news: Callable[[], None] = lambda: None
        self.registered = 0  # how many a leader has taken in
        self.kills: list[str] = []  # tasks that a master wanted ended
        self._gate = asyncio.Semaphore(_CONNECTING_AT_ONCE)
        self.leader: tuple[str, int] | None = None
        self.agents = [ReturningAgent(self, number) for number in range(size)]
        self._tasks = [asyncio.create_task(agent.live()) for agent in self.agents]

    def follow(self, url: str | None) -> None:
        """The leader is at this URL, or unknown; links stay until another is known."""
        parts = urlsplit(url or "")
        leader = (parts.hostname, parts.port) if parts.hostname and parts.port else None
        self.leader = leader
        for agent in self.agents:
            agent.follow(leader)

    async def close(self) -> None:
        """Drop all links for good."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def connect(self, agent: ReturningAgent, leader: tuple[str, int]) -> None:
        """Connect an agent and stay until its link ends."""
        connection = _Connection(agent, leader)
        with suppress(OSError):
            async with self._gate:
                await asyncio.get_running_loop().create_connection(lambda: connection, *leader)
            await connection.ended
        connection.abort()


class ReturningAgent:
    """One agent: its id and what runs on it."""

    def __init__(self, fleet: ReturningFleet, number: int) -> None:
        self.id: AgentID | None = None
        self.tasks: dict[str, Task] = {}
        self.frameworks: dict[str, FrameworkInfo] = {}
        self.is_registered = False
        self._fleet = fleet
        self._number = number
        self._unacknowledged: dict[bytes, link.StatusUpdate] = {}
        self._moved = asyncio.Event()
        self._connection: _Connection | None = None
        self._linked_to: tuple[str, int] | None = None

    def follow(self, leader: tuple[str, int] | None) -> None:
        """See ReturningFleet."""
        self._moved.set()
        if leader is not None and self._linked_to not in (None, leader) and self._connection:
            self._connection.abort()

    async def live(self) -> None:
        """Be linked to the leader, whoever that is."""
        while True:
            self._moved.clear()
            leader = self._fleet.leader
            if leader is not None:
                self._linked_to = leader
                await self._fleet.connect(self, leader)
                self._linked_to, self._connection = None, None
                self._note(is_registered=False)
            try:
                async with asyncio.timeout(RETRY_S * random.uniform(0.5, 1.5)):
                    await self._moved.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(SPREAD_S * random.random())

    def run(self, name: str, framework: FrameworkInfo, count: int) -> None:
        """Have tasks that no master has heard of yet; the agent has to have its id."""
        assert self.id is not None and framework.id is not None
        for number in range(count):
            info = TaskInfo(
                name=name,
                task_id=TaskID(value=f"{name}.{self._number}.{number}"),
                agent_id=self.id,
                resources=to_wire(parse(f"cpus:{CPUS / count};mem:{MEM_MB / count}")),
            )
            self._add(framework, info)

    # --- what its connection tells ---------------------------------------------------------------

    def linked(self, connection: _Connection) -> None:
        """Register, with all there is."""
        self._connection = connection
        info = AgentInfo(hostname=f"agent{self._number}", resources=_RESOURCES, id=self.id)
        connection.say(
            link.Register(
                agent=info,
                version="1.11.0",
                tasks=list(self.tasks.values()),
                frameworks=list(self.frameworks.values()),
            )
        )

    def heard(self, connection: _Connection, message: link.FromMaster) -> None:
        """Do what the master says."""
        match message:
            case link.Registered():
                self.id = message.agent_id
                if self._unacknowledged:
                    connection.say(link.StatusUpdates(updates=list(self._unacknowledged.values())))
                self._note(is_registered=True)
            case link.RunTasks(framework=framework, tasks=tasks):
                updates = [self._started(framework, info) for info in tasks]
                connection.say(link.StatusUpdates(updates=updates))
            case link.Acknowledgements(acknowledgements=acknowledgements):
                for acknowledgement in acknowledgements:
                    self._unacknowledged.pop(acknowledgement.uuid, None)
            case link.KillTask(task_id=task_id):
                self._fleet.kills.append(task_id.value)
            case link.ShutdownFramework(framework_id=framework_id):
                self._fleet.kills += [
                    id_ for id_, task in self.tasks.items() if task.framework_id == framework_id
                ]
            case link.Ping():
                connection.say(link.Pong())
            case _:
                pass

    def _note(self, *, is_registered: bool) -> None:
        self._fleet.registered += is_registered - self.is_registered
        self.is_registered = is_registered
        self._fleet.news()

    def _started(self, framework: FrameworkInfo, info: TaskInfo) -> link.StatusUpdate:
        task = self._add(framework, info)
        uuid_ = uuid.uuid4().bytes
        status = TaskStatus(
            task_id=info.task_id,
            state=TaskState.RUNNING,
            source="SOURCE_EXECUTOR",
            agent_id=info.agent_id,
            timestamp=time.time(),
            uuid=uuid_,
        )
        update = link.StatusUpdate(
            framework_id=task.framework_id, status=status, latest_state=TaskState.RUNNING
        )
        self._unacknowledged[uuid_] = update
        return update

    def _add(self, framework: FrameworkInfo, info: TaskInfo) -> Task:
        framework_id = framework.id or FrameworkID(value="")
        self.frameworks[framework_id.value] = framework
        task = Task(
            name=info.name,
            task_id=info.task_id,
            framework_id=framework_id,
            agent_id=info.agent_id,
            state=TaskState.RUNNING,
            resources=info.resources,
        )
        self.tasks[info.task_id.value] = task
        return task


class _Connection(WebSocketClient):
    """The link of one agent to one leader."""

    __slots__ = ("_agent", "ended")

    def __init__(self, agent: ReturningAgent, leader: tuple[str, int]) -> None:
        super().__init__(f"{leader[0]}:{leader[1]}", link.LINK_PATH)
        self._agent = agent
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def say(self, message: link.FromAgent) -> None:
        """Send a message."""
        self.send(codec.encode([message]))

    def abort(self) -> None:
        """End it at once."""
        if not self.ended.done():
            self.ended.set_result(None)
        if (transport := getattr(self, "transport", None)) is not None:
            transport.abort()

    def opened(self) -> None:
        """See WebSocketClient."""
        self._agent.linked(self)

    def received(self, message: bytes) -> None:
        """See WebSocketClient."""
        for said in _decode(message):
            self._agent.heard(self, said)

    def closed(self) -> None:
        """See WebSocketClient."""
        self.abort()

    def data_received(self, data: bytes) -> None:
        """A master that does not lead answers the handshake with 307 or 503: try again later."""
        try:
            super().data_received(data)
        except ConnectionError:
            self.abort()
