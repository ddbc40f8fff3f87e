"""Carries out what an agent's core asks for: on the link to the master, and by its parts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from orchestrator.agent.adapters.executor_api import ExecutorApi
from orchestrator.agent.adapters.ids import RandomIds
from orchestrator.agent.adapters.master_link import MasterLink
from orchestrator.agent.adapters.supervisor.client import SupervisorError
from orchestrator.agent.config import AgentConfig
from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.messages import (
    CloseLink,
    Effect,
    Event,
    Halt,
    HaltReason,
    Leave,
    OpenLink,
    Send,
)
from orchestrator.agent.errors import AgentRefusedError, NoSupervisorError
from orchestrator.agent.parts import Parts
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.config import ConfigError
from orchestrator.runtime.driver import Driver
from orchestrator.runtime.store import Store
from orchestrator.zookeeper import uri
from orchestrator.zookeeper.leader import follow

LEAVE_TIMEOUT_S = 60.0
DRAIN_TIMEOUT_S = 2.0
logger = logging.getLogger(__name__)


class Shell:
    """Runs one core between ``running()`` and its end. Raises ConfigError."""

    def __init__(
        self, config: AgentConfig, work_dir: Path, agent: Agent, store: Store, clock: Clock
    ) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._agent = agent
        self._left = asyncio.Event()
        self._driver = Driver[Event, Effect](agent, self._perform, store, clock)
        self._ensemble = _ensemble(config.master)
        self._link = MasterLink(None if self._ensemble else config.master, self._driver.dispatch)
        self.parts = Parts(config, work_dir, agent, self._driver.dispatch)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the core and all that talks to it, until the context ends."""
        async with self._driver:
            self._driver.failed.add_done_callback(self._on_done)
            await self.parts.prepare()
            tasks = [self._start(work) for work in self.parts.work()]
            if self._ensemble is not None:
                tasks.append(self._start(follow(self._ensemble, self._link.follow)))
            try:
                yield
            finally:
                await self._end(tasks)

    def executor_api(self) -> ExecutorApi:
        """The endpoint that custom executors talk to."""
        new_id = RandomIds().stream_id
        streams = self.parts.executor_streams
        return ExecutorApi(self._agent, streams, self._driver.dispatch, new_id)

    async def shut_down(self, *, kill_tasks: bool) -> None:
        """Before the context ends: end the tasks and leave the cluster, or let them run on."""
        if kill_tasks:
            self._driver.dispatch(Leave())
            try:
                async with asyncio.timeout(LEAVE_TIMEOUT_S):
                    await self._left.wait()
            except TimeoutError:
                logger.error("some tasks do not end; leaving them behind")

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send(message=message):
                self._link.send(message)
            case OpenLink():
                self._link.open()
            case CloseLink(reason=reason):
                logger.warning("giving up the link to the master: %s", reason)
                self._link.close()
            case Halt(reason=HaltReason.LEFT, detail=detail):
                self._left.set()
                if detail:
                    self._fail(AgentRefusedError(f"the master shut this agent down: {detail}"))
            case Halt(detail=detail):
                self._fail(AgentRefusedError(f"the master refuses this agent: {detail}"))
            case _:
                self.parts.perform(effect)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, done: asyncio.Future[None]) -> None:
        if not done.cancelled() and (error := done.exception()):
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, SupervisorError):
            error = NoSupervisorError(str(error))
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()  # no second report if nobody waits for it

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await self._link.drain()
        except TimeoutError:
            logger.info("the master did not take the last messages")
        self._link.close()
        self.parts.processes.shut_down()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.parts.close(has_left=self._left.is_set())


def _ensemble(master: str) -> uri.ZooKeeperUri | None:
    """The ensemble that says who leads, where the setting names one."""
    try:
        return uri.parse(master) if uri.is_zookeeper(master) else None
    except uri.UriError as error:
        raise ConfigError(f"--master: {error}") from None
