"""Commands of checks in containers of the Docker Engine."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.agent.adapters.checks.commands import CommandError
from orchestrator.agent.adapters.checks.within import Execute, NotStartedError
from orchestrator.agent.adapters.docker.containerizer import DockerContainerizer
from orchestrator.agent.adapters.docker.engine import EngineError
from orchestrator.agent.adapters.docker.execs import Command

_NOT_STARTED = 400  # what the Engine says when there is no such program in the container
_TIMEOUT_S = 2 * 3600.0  # never reached: the check is given up before


def by_way_of(docker: DockerContainerizer) -> Execute:
    """Runs commands where this containerizer's tasks are."""

    async def execute(
        container_id: str, words: list[str], variables: Mapping[str, str]
    ) -> int | None:
        command = Command(argv=words, environment=variables)
        try:
            code, _ = await docker.check(container_id, command, _TIMEOUT_S)
        except EngineError as error:
            if error.status == _NOT_STARTED:
                raise NotStartedError(str(error)) from None
            raise CommandError(str(error)) from None
        return code

    return execute
