"""All sessions of an agent, and how those ended that are over.

A session lives in the container that its id has for parent: it is begun while that runs and ended
with it. What calls of the operator API ask for is refused here in Mesos' words and with its status
codes, which the mesos command line tells apart (src/slave/http.cpp, io/switchboard.cpp).
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from orchestrator.agent.adapters.sessions.running import Place, Running, SessionError
from orchestrator.agent.adapters.sessions.session import Outlet, Session
from orchestrator.agent.adapters.sessions.wanted import command_of, is_named, key_of, not_found
from orchestrator.agent.core.task import Container, Containerizer, Exit
from orchestrator.mesos.agent_api import LaunchContainer
from orchestrator.mesos.calls import OperatorError
from orchestrator.mesos.types import ContainerID

MAX_SESSIONS = 64  # of one agent, each a few processes
MAX_ENDED = 1000  # whose exit status is remembered
WITHOUT_TERMINAL = "I/O switchboard server was disabled for this container"
logger = logging.getLogger(__name__)


class Terminals(Protocol):
    """The terminals of tasks that were launched with one."""

    async def attach(self, container: Container) -> Running:
        """Read and write what runs in the container. Raises SessionError."""
        ...


class Sessions:
    """Begins, finds and ends sessions. ``find`` gives a container that runs, by its id."""

    def __init__(
        self,
        places: Mapping[Containerizer, Place],
        terminals: Mapping[Containerizer, Terminals],
        find: Callable[[str], Container | None],
    ) -> None:
        self._places = places
        self._terminals = terminals
        self._find = find
        self._sessions: dict[str, Session] = {}
        self._starting: set[str] = set()
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._ended = _Ends()
        self._ended_tasks = _Ends()  # by the container's own id
        self._waiting: dict[str, asyncio.Future[Exit]] = {}  # for the ends of tasks
        self._is_closed = False

    def running(self) -> list[ContainerID]:
        """The ids of all that run."""
        return [session.id for session in self._sessions.values()]

    async def launch(self, wanted: LaunchContainer) -> tuple[Session, Outlet] | None:
        """Begin one, and read its output from the beginning; None if there is one already.

        Raises OperatorError.
        """
        key = key_of(wanted.container_id)
        if key in self._sessions or key in self._starting:
            return None
        container = self._parent(wanted.container_id)
        command = command_of(wanted)
        self._check_room(key)
        self._starting.add(key)
        try:
            running = await self._places[container.containerizer].start(container, command)
        except SessionError as error:
            raise OperatorError(400, str(error)) from None
        finally:
            self._starting.discard(key)
        if self._is_closed or self._find(container.id) is None:
            await running.close()
            raise OperatorError(
                400, f"The parent of container {key_of(wanted.container_id)} has ended"
            )
        session = Session(wanted.container_id, running)
        outlet = session.attach()
        self._begin(session)
        return session, outlet

    async def attach(self, id_: ContainerID) -> Session | None:
        """What somebody wants to read or write; None if it has ended. Raises OperatorError.

        The container of a task has a session as long as somebody is attached to its terminal.
        """
        key = key_of(id_)
        if (known := self._sessions.get(key)) is not None:
            if not (known.is_of_task and known.is_ending):
                return known
            await asyncio.shield(known.ended)  # the last reader has just left
        if key in self._ended or id_.value in self._ended_tasks:
            return None
        container = self._find(id_.value)
        if container is None or not is_named(container, id_):
            raise not_found(id_)
        terminals = self._terminals.get(container.containerizer)
        if terminals is None or container.info is None or container.info.tty_info is None:
            raise OperatorError(500, WITHOUT_TERMINAL)
        self._check_room(key)
        try:
            running = await terminals.attach(container)
        except SessionError as error:
            raise OperatorError(500, str(error)) from None
        if (known := self._sessions.get(key)) is not None:  # somebody was faster
            await running.close()
            return known
        session = Session(id_, running, is_of_task=True)
        self._begin(session)
        return session

    async def wait(self, id_: ContainerID) -> Exit:
        """How it ended, once it has. Raises OperatorError."""
        key = key_of(id_)
        if (exit_ := self._ended.get(key)) is not None:
            return exit_
        session = self._sessions.get(key)
        if session is not None and not session.is_of_task:
            return await asyncio.shield(session.ended)
        return await self._end_of_task(id_)

    async def _end_of_task(self, id_: ContainerID) -> Exit:
        if (exit_ := self._ended_tasks.get(id_.value)) is not None:
            return exit_
        container = self._find(id_.value)
        if container is None or not is_named(container, id_):
            raise not_found(id_)
        new: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._waiting.setdefault(id_.value, new))

    async def kill(self, id_: ContainerID, number: int | None) -> None:
        """Send a signal, SIGKILL if none is named. Raises OperatorError."""
        number = signal.SIGKILL if number is None else number
        if number not in signal.valid_signals():
            raise OperatorError(400, f"There is no signal {number}")
        session = self._sessions.get(key_of(id_))
        if session is None or session.is_of_task:
            sentence = f"Container '{key_of(id_)}' cannot be found (or is already killed)"
            raise OperatorError(404, sentence)
        await session.signal(number)

    def remove(self, id_: ContainerID) -> None:
        """Forget how it ended; nothing if there is none. Raises OperatorError while it runs."""
        if key_of(id_) in self._sessions:
            raise OperatorError(500, f"Nested container {key_of(id_)} has not terminated yet")
        self._ended.pop(key_of(id_), None)

    def end(self, session: Session) -> None:
        """End a session now, with all that its command started."""
        run = self._runs.get(key_of(session.id))
        if run is not None and not session.is_ending:
            session.is_ending = True
            asyncio.get_running_loop().call_soon(run.cancel)  # after its first step

    def end_if_unused(self, session: Session) -> None:
        """Let go of a task's terminal when nobody is attached to it any more."""
        if session.is_of_task and not session.is_used:
            self.end(session)

    def container_ended(self, container_id: str, exit_: Exit) -> None:
        """End all that runs beside a container, as it has ended itself."""
        self._ended_tasks.add(container_id, exit_)
        if (waiting := self._waiting.pop(container_id, None)) is not None:
            waiting.set_result(exit_)
        for session in list(self._sessions.values()):
            parent = session.id.parent
            if parent is not None and parent.value == container_id and not session.is_of_task:
                self.end(session)

    async def close(self) -> None:
        """End all."""
        self._is_closed = True
        runs = list(self._runs.values())
        for session in list(self._sessions.values()):
            self.end(session)
        await asyncio.gather(*runs, return_exceptions=True)
        for waiting in self._waiting.values():
            waiting.set_exception(OperatorError(503, "The agent is ending"))
            waiting.exception()  # it is no news if nobody waits

    def _begin(self, session: Session) -> None:
        key = key_of(session.id)
        self._sessions[key] = session
        run = self._runs[key] = asyncio.create_task(self._run(session), name=f"session {key}")
        run.add_done_callback(_log_failure)

    async def _run(self, session: Session) -> None:
        key = key_of(session.id)
        try:
            await session.run()
        finally:
            del self._sessions[key], self._runs[key]
            if not session.is_of_task and session.ended.done():
                self._ended.add(key, session.ended.result())

    def _parent(self, id_: ContainerID) -> Container:
        parent = id_.parent
        if parent is None:
            raise OperatorError(501, "Standalone containers are not supported by this agent")
        known = self._sessions.get(key_of(parent))
        if known is not None and not known.is_of_task:
            raise OperatorError(400, f"Container {key_of(parent)} is a session: it has no inside")
        container = self._find(parent.value)
        if container is None or not is_named(container, parent):
            raise OperatorError(400, f"Parent container {key_of(parent)} does not exist or run")
        if container.containerizer not in self._places:
            raise OperatorError(400, f"Nothing can be run beside {container.containerizer} tasks")
        return container

    def _check_room(self, key: str) -> None:
        if self._is_closed:
            raise OperatorError(503, "The agent is ending")
        if key in self._ended:
            raise OperatorError(400, "There was a container of this id already")
        if len(self._sessions) + len(self._starting) >= MAX_SESSIONS:
            raise OperatorError(503, f"There are {MAX_SESSIONS} sessions already; end one of them")


class _Ends(OrderedDict[str, Exit]):
    """How the last ``MAX_ENDED`` ended, by key."""

    def add(self, key: str, exit_: Exit) -> None:
        """Remember one, and forget the oldest if there are too many."""
        self[key] = exit_
        while len(self) > MAX_ENDED:
            self.popitem(last=False)


def _log_failure(run: asyncio.Task[None]) -> None:
    if not run.cancelled() and (error := run.exception()) is not None:
        logger.error("%s failed: %s", run.get_name(), error, exc_info=error)
