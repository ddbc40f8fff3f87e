"""Commands inside containers that somebody else runs, such as the Docker Engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from orchestrator.agent.adapters.checks.beside import variables_of
from orchestrator.agent.adapters.checks.commands import CommandError
from orchestrator.agent.core.checking.probe import (
    CommandExited,
    Outcome,
    ProbeFailed,
    ProbeSkipped,
)
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import CommandInfo

Execute = Callable[[str, list[str], Mapping[str, str]], Awaitable[int | None]]
"""Container id, words and variables: runs them in the container to their end and gives the exit
status, None if that is not known. Cancelled, it ends what it runs. Raises CommandError when it
cannot run commands there, NotStartedError when this one cannot be started."""


class NotStartedError(Exception):
    """There is no such program in the container, or it may not be run; says why."""


class CommandsWithin:
    """Commands that run by way of ``execute``."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def run(self, container: Container, command: CommandInfo) -> Outcome:
        """See Commands."""
        try:
            variables = variables_of(command)
            code = await self._execute(container.id, words_in_docker(command), variables)
        except CommandError as error:
            return ProbeSkipped(reason=f"The command cannot be run: {error}")
        except NotStartedError as error:
            return ProbeFailed(reason=f"Command could not be started: {error}")
        if code is None:
            return ProbeSkipped(reason="Nobody knows how the command ended")
        return CommandExited(code=code)


def words_in_docker(command: CommandInfo) -> list[str]:
    """Program and arguments as ``docker exec`` takes them: here no argument is a program's name.

    Source: dockerCommandCheck() in src/checks/checker_process.cpp of Apache Mesos.
    """
    if command.shell:
        return ["/bin/sh", "-c", command.value or ""]
    return [*([command.value] if command.value else []), *command.arguments]
