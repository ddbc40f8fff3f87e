"""What operators and their command lines need of an agent: sessions, and the endpoint for calls."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.agent.adapters.api.routes import AgentApi
from orchestrator.agent.adapters.api.v1 import OperatorApi
from orchestrator.agent.adapters.api.v1_calls import Calls
from orchestrator.agent.adapters.api.v1_guard import Guard
from orchestrator.agent.adapters.docker.containerizer import DockerContainerizer
from orchestrator.agent.adapters.docker.engine import Engine, EngineError
from orchestrator.agent.adapters.docker.spec import name_of
from orchestrator.agent.adapters.native.containers import NativeContainers
from orchestrator.agent.adapters.sessions.docker import DockerPlace, DockerTerminals
from orchestrator.agent.adapters.sessions.host import HostPlace
from orchestrator.agent.adapters.sessions.running import Place
from orchestrator.agent.adapters.sessions.sessions import Sessions, Terminals
from orchestrator.agent.config import AgentConfig
from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.task import Condition, Container, Containerizer
from orchestrator.mesos.calls import OperatorError


def sessions_of(
    agent: Agent,
    host: HostPlace,
    consoles: Terminals,
    docker: DockerContainerizer,
    engine: Engine | None,
) -> Sessions:
    """Beside all that the agent runs, as far as it can be entered."""
    terminals: dict[Containerizer, Terminals] = {Containerizer.MESOS: consoles}
    if engine is not None:
        terminals[Containerizer.DOCKER] = DockerTerminals(engine, name_of)

    def running(container_id: str) -> Container | None:
        owner = agent.book.get(container_id) or agent.book.get_executor(container_id)
        if owner is None or owner.condition is not Condition.RUNNING:
            return None
        return owner.container if owner.containerizer is not None else None

    places: dict[Containerizer, Place] = {
        Containerizer.MESOS: host,
        Containerizer.DOCKER: DockerPlace(docker.execute),
    }
    return Sessions(places, terminals, running)


def operator_api(
    agent: Agent,
    older: AgentApi,
    sessions: Sessions,
    docker: DockerContainerizer,
    native: NativeContainers,
    config: AgentConfig,
) -> OperatorApi:
    """The endpoint for operators' calls."""

    async def prune_layers(excluded: Sequence[str]) -> None:
        if excluded:  # layers do not know all the names of images that have them
            return
        try:
            await native.prune()
        except OSError as error:
            raise OperatorError(500, f"The images stay: {error.strerror}") from None

    async def prune_images(excluded: Sequence[str]) -> None:
        try:
            await docker.prune(excluded)
        except EngineError as error:
            if not error.is_absence:  # without an Engine there is nothing to be pruned
                raise OperatorError(500, f"The images stay: {error}") from None

    guard = Guard(config.host, is_enabled=config.enable_sessions)
    return OperatorApi(
        agent, Calls(agent, older, sessions, [prune_images, prune_layers]), sessions, guard
    )
