"""Runs the life of each Docker container: prepare, create (pulling if need be), start, end.

The Engine is the memory: containers are found again by their labels, a second creation of the same
name meets the first one, and a container stays until the agent has its end on disk. One stream of
the Engine's events says which containers ended; while it stands the Engine is there, and when it
breaks, everything is observed anew after the next connection. A launch that is under way then waits
for the Engine, for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path

from orchestrator.agent.adapters.docker import pulls, spec
from orchestrator.agent.adapters.docker.collection import Collection
from orchestrator.agent.adapters.docker.engine import Engine, EngineError
from orchestrator.agent.adapters.docker.execs import Command, Commands, Session
from orchestrator.agent.adapters.docker.facts import Causes, container_id_of, exit_of_code, started
from orchestrator.agent.adapters.docker.launches import Launches
from orchestrator.agent.adapters.docker.logs import OutputError
from orchestrator.agent.adapters.docker.outputs import Outputs
from orchestrator.agent.adapters.docker.preparations import Preparations
from orchestrator.agent.adapters.docker.presence import RETRY_S, Presence
from orchestrator.agent.adapters.docker.pulls import Problem, PullError, Pulls
from orchestrator.agent.adapters.docker.settings import DockerSettings
from orchestrator.agent.adapters.docker.spec import SpecError
from orchestrator.agent.adapters.docker.wire import Death, Inspection, OutOfMemory
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.jobs import Jobs
from orchestrator.agent.adapters.logins import CredentialError
from orchestrator.agent.adapters.sandbox import SandboxError
from orchestrator.agent.adapters.secrets import SecretError
from orchestrator.agent.adapters.supplies import Supplies
from orchestrator.agent.core.messages import Ended, Event, Observed, Started, Unavailable
from orchestrator.agent.core.task import Container, Containerizer, Exit

LAST_OUTPUT_S = 5.0  # how long the rest of an ended container's output is waited for
REMOVAL_S = 600.0  # and how long before the container is removed, with what was not copied
logger = logging.getLogger(__name__)
_REFUSALS = (SandboxError, SecretError, SpecError, CredentialError, OutputError)


class DockerContainerizer:
    """``find`` gives the container of a task that was launched before this agent started.

    Without an engine it says that it is not available, and the core orders nothing of it.
    """

    def __init__(
        self,
        engine: Engine | None,
        work_dir: Path,
        around: Surroundings,
        supplies: Supplies,
        settings: DockerSettings,
        *,
        find: Callable[[str], Container | None],
        tell: Callable[[Event], None],
    ) -> None:
        self._is_on = engine is not None
        self._engine = engine or Engine(Path())
        self._find = find
        self._tell = tell
        self._label = f"{spec.LABEL_AGENT}={work_dir}"
        self._launching: dict[str, asyncio.Task[None]] = {}
        self._images: dict[str, str] = {}  # of those being launched
        self._started: list[Started] | None = None  # meanwhile, while observing
        self._causes = Causes()
        self._jobs = Jobs("a request to the Docker Engine", EngineError, OSError)
        self._presence = Presence(settings.engine_wait_s)
        self._pulls = Pulls(self._engine, settings.pulls)
        self._collection = Collection(
            self._engine,
            work_dir / "docker" / "images.json",
            settings.garbage,
            lambda: {pulls.listed_name(name) for name in self._images.values()},
        )
        self._launches = Launches(self._engine, self._pulls, self._collection, settings.logins)
        self._commands = Commands(self._engine)
        self._outputs = Outputs(self._engine, work_dir, find)
        self._preparations = Preparations(work_dir, around, supplies, settings.rules, self._outputs)

    async def run(self) -> None:
        """Watch the Engine until cancelled, whether it is there or not."""
        if not self._is_on:
            reason = "Docker is switched off on this agent"
            self._tell(Unavailable(containerizer=Containerizer.DOCKER, reason=reason))
            return
        self._jobs.do(self._collection.run())
        try:
            while True:
                with contextlib.suppress(EngineError):
                    await self._watch()
                self._presence.left()
                await asyncio.sleep(RETRY_S)
        finally:
            for task in (*self._launching.values(), *self._jobs.running()):
                task.cancel()
            self._outputs.close()
            await self._engine.close()

    def launch(self, container: Container) -> None:
        """Start it, unless it was started before."""
        if container.id not in self._launching:
            task = asyncio.create_task(self._launch(container), name=f"launch {container.id}")
            self._launching[container.id] = task

    def resize(self, container: Container) -> None:
        """Nothing is changed of a container of the Engine: it keeps what its executor asked for."""

    def kill(self, container_id: str, grace_s: float) -> None:
        """End it politely, and by force after ``grace_s``."""
        self._jobs.do(self._kill(container_id, grace_s))

    def forget(self, container_id: str) -> None:
        """Its end is durable here: remove it."""
        self._jobs.do(self._remove(container_id))

    async def prune(self, excluded: Iterable[str]) -> None:
        """Remove the images that nothing uses, but those named. Raises EngineError."""
        await self._collection.prune(map(pulls.listed_name, excluded))

    async def execute(self, container_id: str, command: Command) -> Session:
        """Start a command inside; its ``Session`` has to be closed. Raises EngineError."""
        return await self._commands.start(spec.name_of(container_id), command)

    async def check(
        self, container_id: str, command: Command, timeout_s: float
    ) -> tuple[int | None, bytes]:
        """Run a command inside to its end. Raises EngineError, TimeoutError when it was killed."""
        return await self._commands.run(spec.name_of(container_id), command, timeout_s)

    # --- the Engine ----------------------------------------------------------------------------

    async def _watch(self) -> None:
        try:
            await self._engine.negotiate()
            async with self._engine.events(self._label) as events:
                await self._observe()
                self._presence.came()
                async for event in events:
                    match event:
                        case OutOfMemory(id=id_):
                            self._causes.ran_out_of_memory(id_)
                        case Death():
                            self._jobs.do(self._report(event))
        except EngineError as error:
            reason = str(error)
            self._tell(Unavailable(containerizer=Containerizer.DOCKER, reason=_sentence(reason)))
            raise

    async def _observe(self) -> None:
        await asyncio.to_thread(self._outputs.sweep)
        self._started = []  # they may be missing in the list that is asked for now
        facts: dict[str, Started | Ended] = {}
        for summary in await self._engine.containers(self._label):
            found = await self._inspect(summary.id)
            container_id = container_id_of(found) if found else None
            if found is None or container_id is None or container_id in self._launching:
                continue  # one that is being launched tells of itself
            if self._find(container_id) is None:
                self._jobs.do(self._remove(container_id))
            elif found.state.running:
                facts[container_id] = started(container_id, found)
                self._outputs.follow(container_id)
            elif found.state.status != "created":
                facts[container_id] = await self._ended(container_id, found)
        for fact in self._started:
            facts.setdefault(fact.container_id, fact)
        self._started = None
        told = tuple(facts.values())
        self._tell(Observed(containerizer=Containerizer.DOCKER, containers=told))

    async def _inspect(self, name: str) -> Inspection | None:
        try:
            return await self._engine.inspect(name)
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    # --- a container's life ---------------------------------------------------------------------

    async def _launch(self, container: Container) -> None:
        try:
            found = await self._bring_up(container)
        except (EngineError, PullError, *_REFUSALS) as error:
            self._on_not_started(container.id, str(error))
        except asyncio.CancelledError:
            self._forget_launch(container.id)
            raise
        except Exception as error:  # no task may wait for ever for what nobody foresaw
            logger.exception("launching %s failed", container.id)
            self._on_not_started(container.id, f"The agent failed: {error}")
        else:
            self._forget_launch(container.id)
            self._on_up(container.id, found)

    def _on_not_started(self, container_id: str, problem: str) -> None:
        self._forget_launch(container_id)
        self._tell(Ended(container_id=container_id, exit=Exit(problem=problem, started=False)))

    def _on_up(self, container_id: str, found: Inspection) -> None:
        fact = started(container_id, found)
        if self._started is not None:
            self._started.append(fact)
        self._tell(fact)
        self._outputs.follow(container_id)
        if not found.state.running:
            self._jobs.do(self._tell_end(container_id, found))

    def _forget_launch(self, container_id: str) -> None:
        self._launching.pop(container_id, None)
        self._images.pop(container_id, None)

    async def _bring_up(self, container: Container) -> Inspection:
        wanted, directory = await self._preparations.make(container)
        self._images[container.id] = wanted.image
        while True:
            try:
                return await self._launches.bring_up(wanted, directory)
            except EngineError as error:
                if not error.is_absence:
                    raise
                await self._presence.wait(error)
            except PullError as error:
                if error.problem is not Problem.NO_ENGINE:
                    raise
                await self._presence.wait(error)

    async def _kill(self, container_id: str, grace_s: float) -> None:
        name = spec.name_of(container_id)
        self._causes.killing(container_id)
        if launch := self._launching.get(container_id):
            if not await self._is_created(name):
                await _cancel(launch)  # it is still pulling, or waits for the Engine
                if await self._inspect(name) is None:
                    self._tell(Ended(container_id=container_id, exit=Exit(started=False)))
                    return
            await asyncio.wait({launch})
        await self._presence.patiently(lambda: self._engine.stop(name, math.ceil(grace_s)))
        if (found := await self._inspect(name)) and found.state.status == "created":
            self._tell(Ended(container_id=container_id, exit=Exit(started=False)))

    async def _is_created(self, name: str) -> bool:
        """Not as far as is known, while there is no Engine."""
        try:
            return await self._inspect(name) is not None
        except EngineError as error:
            if not error.is_absence:
                raise
            return False

    async def _report(self, death: Death) -> None:
        container_id = death.labels.get(spec.LABEL_CONTAINER, "")
        if launch := self._launching.get(container_id):
            await asyncio.wait({launch})  # its start is told first
        if found := await self._presence.patiently(lambda: self._inspect(death.id)):
            await self._tell_end(container_id, found)
        else:  # somebody removed it at once
            self._tell(Ended(container_id=container_id, exit=exit_of_code(death.exit_code)))

    async def _tell_end(self, container_id: str, found: Inspection) -> None:
        self._tell(await self._ended(container_id, found))

    async def _ended(self, container_id: str, found: Inspection) -> Ended:
        self._outputs.follow(container_id)
        await self._outputs.rest(container_id, LAST_OUTPUT_S)
        exit_ = await self._causes.exit_of(container_id, found)
        return Ended(container_id=container_id, exit=exit_)

    async def _remove(self, container_id: str) -> None:
        """With its record, once its output is in the sandbox."""
        if launch := self._launching.get(container_id):
            await _cancel(launch)  # its end was told by somebody else: there was no Engine
        await self._outputs.rest(container_id, REMOVAL_S)
        await self._presence.patiently(lambda: self._engine.remove(spec.name_of(container_id)))
        self._causes.forget(container_id)
        self._outputs.forget(container_id)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
