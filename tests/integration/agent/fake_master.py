"""A master reduced to its end of the link: it takes any agent, acknowledges, remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web
from tests.support import eventually

from orchestrator.mesos import codec, link, resource_wire
from orchestrator.mesos.types import (
    AgentID,
    CommandInfo,
    DurationInfo,
    FrameworkID,
    FrameworkInfo,
    KillPolicy,
    MasterInfo,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)

AGENT = AgentID(value="m-S0")
FRAMEWORK = FrameworkInfo(user="root", name="f", id=FrameworkID(value="m-0000"))


class FakeMaster:
    """Speaks to one agent at a time."""

    def __init__(self) -> None:
        self.url = ""
        self.registrations: list[link.Register] = []
        self.statuses: list[TaskStatus] = []
        self.has_left = False
        self.acknowledges = True
        self.refusal: link.Refused | None = None
        self._socket: web.WebSocketResponse | None = None

    # --- what it says --------------------------------------------------------------------------

    async def say(self, *messages: link.FromMaster) -> None:
        socket = await eventually(lambda: self._socket)
        await socket.send_str(codec.encode(messages).decode())

    async def run(self, *tasks: TaskInfo) -> None:
        await self.say(link.RunTasks(framework=FRAMEWORK, tasks=list(tasks)))

    async def kill(self, name: str, grace_s: float = 3.0) -> None:
        policy = KillPolicy(grace_period=DurationInfo(nanoseconds=int(grace_s * 1e9)))
        await self.say(
            link.KillTask(
                framework_id=FRAMEWORK.id or FrameworkID(value=""),
                task_id=TaskID(value=name),
                kill_policy=policy,
            )
        )

    async def hang_up(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    # --- what it hears -------------------------------------------------------------------------

    def states(self, name: str) -> list[TaskState]:
        return [status.state for status in self.statuses if status.task_id.value == name]

    async def status(self, name: str, state: TaskState) -> TaskStatus:
        """Wait for a task's update to a state."""

        def found() -> TaskStatus | None:
            mine = [s for s in self.statuses if s.task_id.value == name]
            ended = [s for s in mine if s.state.is_terminal and s.state is not state]
            if ended:
                raise RuntimeError(f"{name} ended otherwise: {ended[-1].message}")
            return next((s for s in mine if s.state is state), None)

        return await eventually(found)

    async def serve_link(self, request: web.Request) -> web.WebSocketResponse:
        self._socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                for message in codec.decode(list[link.FromAgent], frame.data):
                    await self._hear(socket, message)
        return socket

    async def _hear(self, socket: web.WebSocketResponse, message: link.FromAgent) -> None:
        match message:
            case link.Register():
                self.registrations.append(message)
                await socket.send_str(codec.encode([self.refusal or _welcome()]).decode())
            case link.StatusUpdates(updates=updates):
                heard = {
                    status.uuid for status in self.statuses
                }  # what is not acknowledged comes again
                self.statuses += [u.status for u in updates if u.status.uuid not in heard]
                if self.acknowledges:
                    answer = link.Acknowledgements(acknowledgements=[_ack(u) for u in updates])
                    await socket.send_str(codec.encode([answer]).decode())
            case link.Leaving():
                self.has_left = True
            case _:
                pass


def _welcome() -> link.Registered:
    return link.Registered(
        agent_id=AGENT, master=MasterInfo(id="m", ip=0), ping_timeout_s=15, max_ping_timeouts=5
    )


def _ack(update: link.StatusUpdate) -> link.Acknowledgement:
    return link.Acknowledgement(
        framework_id=update.framework_id,
        task_id=update.status.task_id,
        uuid=update.status.uuid or b"",
    )


@asynccontextmanager
async def fake_master(port: int = 0) -> AsyncIterator[FakeMaster]:
    """Serve one."""
    master, app = FakeMaster(), web.Application()
    app.router.add_get(link.LINK_PATH, master.serve_link)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    master.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield master
    finally:
        await master.hang_up()
        await runner.cleanup()
        await asyncio.sleep(0)


def task(name: str, script: str | None = "sleep 1000", **fields: object) -> TaskInfo:
    """A task that runs a shell script."""
    text = str(fields.pop("resources", "cpus:0.1;mem:32"))
    command = fields.pop("command", CommandInfo(value=script))
    return TaskInfo(
        name=name,
        task_id=TaskID(value=name),
        agent_id=AGENT,
        resources=resource_wire.to_wire(resource_wire.parse(text), role="*"),
        command=command,  # type: ignore[arg-type]
        **fields,  # type: ignore[arg-type]
    )
