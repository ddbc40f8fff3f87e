"""The Mesos containerizer: commands as processes of this machine, by way of the supervisor.

Where a task asks for more than that - an image, volumes, a network, limits of its rights - it gets
a container of runc (``native``), which the supervisor starts and keeps like any command.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from orchestrator.agent.adapters import environment, sandbox
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.fetcher import Fetcher
from orchestrator.agent.adapters.isolation.cgroups import CgroupError, Placement
from orchestrator.agent.adapters.isolation.isolator import Isolator
from orchestrator.agent.adapters.jobs import Jobs
from orchestrator.agent.adapters.native.containers import NativeContainers
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.native.wanted import needs_container
from orchestrator.agent.adapters.sandbox import SandboxError
from orchestrator.agent.adapters.secrets import SecretError
from orchestrator.agent.adapters.sessions.consoles import Consoles
from orchestrator.agent.adapters.supervisor import wire
from orchestrator.agent.adapters.supervisor.client import Fact, SupervisorClient
from orchestrator.agent.adapters.supervisor.wire import WireError
from orchestrator.agent.core.messages import Ended, Event, Observed, Started
from orchestrator.agent.core.task import Container, Containerizer, Exit
from orchestrator.mesos.types import CommandInfo

LAST_JOBS_S = 5.0
P = ParamSpec("P")
logger = logging.getLogger(__name__)


class ProcessContainerizer:
    """Prepares sandboxes, then has the supervisor start and end processes in them.

    Tasks run as their own or their framework's user when ``switch_user`` is set.
    """

    def __init__(
        self,
        work_dir: Path,
        around: Surroundings,
        isolator: Isolator,
        fetcher: Fetcher,
        native: NativeContainers,
        *,
        switch_user: bool,
        tell: Callable[[Event], None],
    ) -> None:
        self.consoles = Consoles(work_dir / "consoles")
        self._work_dir = work_dir
        self._around = around
        self._isolator = isolator
        self._fetcher = fetcher
        self._native = native
        self._switch_user = switch_user
        self._tell = tell
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._resized: dict[str, Container] = {}  # while they were prepared
        self._jobs = Jobs("clearing away containers", NativeError, OSError)
        self._supervisor = SupervisorClient(
            work_dir / "supervisor", self._on_list, lambda fact: tell(self._translate(fact))
        )

    async def run(self) -> None:
        """Keep the supervisor alive and connected until cancelled. Raises SupervisorError."""
        try:
            await self._supervisor.run()
        finally:
            await self._end()

    async def _end(self) -> None:
        """What is being cleared away is finished, within reason; what is being made is not."""
        for task in self._preparing.values():
            task.cancel()
        tasks = [*self._preparing.values(), *self._jobs.running()]
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_JOBS_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._native.close()
        await self._isolator.close()

    def launch(self, container: Container) -> None:
        """Start it, unless it was started before."""
        if container.id not in self._preparing:
            task = asyncio.create_task(self._launch(container), name=f"launch {container.id}")
            self._preparing[container.id] = task

    def resize(self, container: Container) -> None:
        """It may use what it says now, not what it said when it was launched."""
        if container.id in self._preparing:
            self._resized[container.id] = container
        else:
            self._isolator.resize(container)

    def kill(self, container_id: str, grace_s: float) -> None:
        """End it politely, and by force after ``grace_s``."""
        if task := self._preparing.pop(container_id, None):
            task.cancel()
            self._jobs.do(self._end_launch(container_id, task))
        else:
            self._supervisor.send(wire.Kill(container_id, grace_s))

    def forget(self, container_id: str) -> None:
        """Its end is durable here."""
        self._supervisor.send(wire.Forget(container_id))
        self._isolator.release(container_id)
        self._jobs.do(self._native.clear(container_id))
        self.consoles.forget(container_id)

    def shut_down(self) -> None:
        """The supervisor may end when nothing runs any more."""
        self._supervisor.send(wire.Shutdown())

    def _on_list(self, facts: list[Fact]) -> None:
        known = {fact.container_id for fact in facts}
        self._isolator.clean_up(known)
        self._jobs.do(self._native.sweep(known))
        containers = tuple(map(self._translate, facts))
        self._tell(Observed(containerizer=Containerizer.MESOS, containers=containers))

    async def _launch(self, container: Container) -> None:
        try:
            request = await self._prepared(container)
            if (resized := self._resized.get(container.id)) is not None:
                self._isolator.resize(resized)
            self._supervisor.send(request)
        except WireError as error:
            problem = f"Its command and environment are too long: {error}"
            self._tell(_not_started(container.id, problem))
        except (SandboxError, SecretError, CgroupError, NativeError) as error:
            self._tell(_not_started(container.id, str(error)))
        except Exception as error:  # no task may wait for ever for what nobody foresaw
            logger.exception("launching %s failed", container.id)
            self._tell(_not_started(container.id, f"The agent failed: {error}"))
        finally:
            self._resized.pop(container.id, None)
            if self._preparing.get(container.id) is asyncio.current_task():
                del self._preparing[container.id]

    async def _prepared(self, container: Container) -> wire.Launch:
        if needs_container(container.info, container.resources):
            request = await self._native.prepare(container)
            # runc enters the cgroups by itself, and its own memory does not count there.
            request = request._replace(roster=(await self._isolate(container)).roster)
        else:
            request = await self._prepare(container)
        tty = container.info.tty_info if container.info else None
        return request if tty is None else self.consoles.wrap(request, tty)

    async def _isolate(self, container: Container) -> Placement:
        isolating = asyncio.ensure_future(asyncio.to_thread(self._isolator.isolate, container))
        try:
            return await asyncio.shield(isolating)
        except asyncio.CancelledError:  # the thread goes on, and may yet make a cgroup
            isolating.add_done_callback(lambda done: self._give_up(container.id, done))
            raise

    def _give_up(self, container_id: str, isolated: asyncio.Future[Placement]) -> None:
        if not isolated.cancelled():
            isolated.exception()  # nobody else asks for it
        self._isolator.release(container_id)

    async def _end_launch(self, container_id: str, launch: asyncio.Task[None]) -> None:
        """It is killed before it started."""
        await asyncio.wait({launch})
        self._tell(Ended(container_id=container_id, exit=Exit(started=False)))

    async def _prepare(self, container: Container) -> wire.Launch:
        user = container.user if self._switch_user else None
        command = container.command or CommandInfo()
        path = await asyncio.to_thread(sandbox.prepare, self._work_dir, container, user)
        await self._fetcher.fetch(command.uris, path, user)
        directory = str(path)
        if environment.asks_a_store(container):
            env = await asyncio.to_thread(
                environment.of_process, container, directory, self._around
            )
        else:
            env = environment.of_process(container, directory, self._around)
        argv, executable = argv_of(command)
        place = await self._isolate(container)
        return wire.Launch(
            container.id,
            argv,
            env,
            directory,
            user,
            executable,
            enters=place.enters,
            roster=place.roster,
        )

    def _translate(self, fact: Fact) -> Started | Ended:
        match fact:
            case wire.Spawned(container_id, pid):
                addresses = self._native.addresses(container_id)
                return Started(container_id=container_id, pid=pid, ip_addresses=addresses)
            case wire.Exited(container_id, code, signal, problem, started):
                exit_ = Exit(code=code, signal=signal, problem=problem, started=started)
                exit_ = self._isolator.examine(container_id, exit_)
                return Ended(container_id=container_id, exit=exit_)


def argv_of(command: CommandInfo) -> tuple[list[str], str | None]:
    """Arguments and, where it is not the first of them, the program (CommandInfo in mesos.proto).

    A shell command is one line for /bin/sh; otherwise ``value`` is the program and ``arguments``
    start with its own name.
    """
    if command.shell:
        return ["/bin/sh", "-c", command.value or ""], None
    if not command.arguments:
        return [command.value or ""], None
    return command.arguments, command.value


def _not_started(container_id: str, problem: str) -> Ended:
    return Ended(container_id=container_id, exit=Exit(problem=problem, started=False))
