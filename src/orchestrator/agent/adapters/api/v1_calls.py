"""Carries out operators' calls that have one answer: all but streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from orchestrator import __version__
from orchestrator.agent.adapters.api import v1_views
from orchestrator.agent.adapters.api.files import FilesError
from orchestrator.agent.adapters.api.routes import AgentApi
from orchestrator.agent.adapters.sessions.sessions import Sessions
from orchestrator.agent.core.agent import Agent
from orchestrator.mesos import agent_api as api
from orchestrator.mesos import operator
from orchestrator.mesos.agent_api import Call, CallType, ResponseType
from orchestrator.mesos.calls import OperatorError
from orchestrator.mesos.operator import facts
from orchestrator.mesos.types import Message
from orchestrator.runtime.verbosity import Verbosity

Prune = Callable[[Sequence[str]], Awaitable[None]]
"""Removes the images that nothing uses, but for those named."""


class Done(Message):
    """A call was carried out; there is nothing to say but the HTTP status."""

    status: int = 200


class Calls:
    """What the calls need. ``older`` knows what the older endpoints show."""

    def __init__(
        self, agent: Agent, older: AgentApi, sessions: Sessions, prune: Sequence[Prune] = ()
    ) -> None:
        self._agent = agent
        self._older = older
        self._files = older.sandbox_files
        self._sessions = sessions
        self._prune = prune
        self._verbosity = Verbosity()

    async def do(self, call: Call) -> api.Response | Done:
        """Do what a call asks for. Raises OperatorError."""
        if (read := _READERS.get(call.type)) is not None:
            return _response(call.type, read(self._agent))
        if (message := await self._ask(call)) is not None:
            return _response(call.type, message)
        return await self._change(call)

    async def _ask(self, call: Call) -> Message | None:
        """Calls with an answer that the core alone does not know."""
        older = self._older
        match call:
            case Call(type=CallType.GET_FLAGS):
                return facts.flags(older.flags)
            case Call(type=CallType.GET_VERSION):
                return facts.version(__version__)
            case Call(type=CallType.GET_METRICS):
                return facts.metrics(older.figures())
            case Call(type=CallType.GET_LOGGING_LEVEL):
                return operator.LoggingLevel(level=self._verbosity.level)
            case Call(type=CallType.LIST_FILES | CallType.READ_FILE):
                return await asyncio.to_thread(self._read_files, call)
            case Call(type=CallType.GET_CONTAINERS, get_containers=asked):
                nested = self._sessions.running() if asked and asked.show_nested else []
                return v1_views.containers(await older.containers(), nested)
            case (
                Call(type=CallType.WAIT_CONTAINER, wait_container=waited)
                | Call(type=CallType.WAIT_NESTED_CONTAINER, wait_nested_container=waited)
            ) if waited:
                return v1_views.wait_container(await self._sessions.wait(waited.container_id))
            case _:
                return None

    def _read_files(self, call: Call) -> Message | None:
        try:
            if call.type is CallType.LIST_FILES and call.list_files is not None:
                return operator.Files(file_infos=self._files.browse(call.list_files.path))
            if call.read_file is None:
                return None
            wanted = call.read_file
            size, data = self._files.read(wanted.path, wanted.offset, wanted.length)
        except FilesError as error:
            raise OperatorError(error.status, str(error)) from None
        return operator.ReadFile(size=size, data=data)

    async def _change(self, call: Call) -> Done:
        """Calls without an answer."""
        match call:
            case Call(type=CallType.SET_LOGGING_LEVEL, set_logging_level=wanted) if wanted:
                self._verbosity.raise_to(wanted.level, wanted.duration.nanoseconds / 1e9)
            case Call(
                type=CallType.LAUNCH_CONTAINER | CallType.LAUNCH_NESTED_CONTAINER, launch=launch
            ) if launch:
                return await self._launch(launch)
            case (
                Call(type=CallType.KILL_CONTAINER, kill_container=kill)
                | Call(type=CallType.KILL_NESTED_CONTAINER, kill_nested_container=kill)
            ) if kill:
                await self._sessions.kill(kill.container_id, kill.signal)
            case (
                Call(type=CallType.REMOVE_CONTAINER, remove_container=removed)
                | Call(type=CallType.REMOVE_NESTED_CONTAINER, remove_nested_container=removed)
            ) if removed:
                self._sessions.remove(removed.container_id)
            case Call(type=CallType.PRUNE_IMAGES, prune_images=pruned):
                await self._prune_images(pruned or api.PruneImages())
            case _:
                raise OperatorError(501, f"{call.type} calls are not supported by this agent")
        return Done()

    async def _launch(self, launch: api.LaunchContainer) -> Done:
        begun = await self._sessions.launch(launch)
        if begun is None:
            return Done(status=202)
        session, outlet = begun
        session.detach(outlet)  # whoever wants to read it attaches
        return Done()

    async def _prune_images(self, pruned: api.PruneImages) -> None:
        images = [image.docker.name for image in pruned.excluded_images if image.docker]
        for prune in self._prune:
            await prune(images)


def _response(type_: CallType, message: Message) -> api.Response:
    field = type_.value.lower()
    return api.Response(type=ResponseType(type_.value), **{field: message})  # type: ignore[arg-type]


_READERS: Mapping[CallType, Callable[[Agent], Message]] = {
    CallType.GET_HEALTH: lambda _: operator.Health(healthy=True),
    CallType.GET_STATE: v1_views.whole,
    CallType.GET_FRAMEWORKS: v1_views.frameworks,
    CallType.GET_EXECUTORS: v1_views.executors,
    CallType.GET_OPERATIONS: lambda _: operator.GetOperations(),
    CallType.GET_TASKS: v1_views.tasks,
    CallType.GET_AGENT: lambda agent: api.GetAgent(agent_info=agent.info),
    CallType.GET_RESOURCE_PROVIDERS: lambda _: api.GetResourceProviders(),
}
