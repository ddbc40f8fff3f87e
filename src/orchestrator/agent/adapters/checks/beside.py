"""How a command is run beside a container of the Mesos containerizer.

It gets what the task has: its user, its sandbox, its environment with the command's own variables
on top. As in Mesos the command's own user and URIs do not count. It carries the task's mark, so
what it leaves behind on purpose ends with the task at the latest.

A task in namespaces of its own is entered by the program that made them (``Enter``), because only
that knows which rights the command may have there.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from orchestrator.agent.adapters import environment, sandbox
from orchestrator.agent.adapters.checks.commands import Beside, CommandError
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.processes import argv_of
from orchestrator.agent.adapters.sandbox import SandboxError
from orchestrator.agent.adapters.secrets import SecretError
from orchestrator.agent.adapters.supervisor.wire import MARKER
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import CommandInfo, ContainerInfo, Environment, MesosInfo

Enter = Callable[[Container, Mapping[str, str], Path], list[str] | None]
"""Container, variables and a file to note a pid in: what to say before a command to run it in that
container, or None for a plain process of the host. Raises CommandError."""


def plain_only(
    container: Container, _variables: Mapping[str, str], _pid_file: Path
) -> list[str] | None:
    """Enters nothing: what is contained has no commands run for it, least of all outside."""
    info = container.info
    if info is None or replace(info, mesos=info.mesos or MesosInfo()) == _PLAIN:
        return None
    raise CommandError("this agent cannot run commands in such a container")


_PLAIN = ContainerInfo(type="MESOS", mesos=MesosInfo())


class HostBeside:
    """Tells how to run commands beside containers whose sandboxes are below ``work_dir``.

    Whoever runs one removes its file for a pid; ``sweep`` removes what a killed agent left.
    """

    def __init__(
        self,
        work_dir: Path,
        around: Surroundings,
        *,
        switch_user: bool,
        enter: Enter = plain_only,
    ) -> None:
        self._work_dir = work_dir
        self._pid_files = work_dir / "beside"
        self._around = around
        self._switch_user = switch_user
        self._enter = enter

    def sweep(self) -> None:
        """Before the first command."""
        shutil.rmtree(self._pid_files, ignore_errors=True)

    async def __call__(self, container: Container, command: CommandInfo) -> Beside:
        """What to run. Raises CommandError."""
        pid_file = self._pid_files / secrets.token_hex(8)
        before = self._enter(container, variables_of(command), pid_file)
        if before is not None:
            self._pid_files.mkdir(parents=True, exist_ok=True)
            return Beside([*before, *words_of(command)], {}, "/", pid_file=str(pid_file))
        argv, executable = argv_of(command)
        try:
            directory = str(sandbox.path_of(self._work_dir, container))
            env = await asyncio.to_thread(
                environment.of_process, _with(container, command), directory, self._around
            )
        except (SandboxError, SecretError) as error:
            raise CommandError(str(error)) from None
        env[MARKER] = f"{container.id}@{self._work_dir / 'supervisor'}"
        user = container.user if self._switch_user else None
        return Beside(argv, env, directory, user, executable)


def words_of(command: CommandInfo) -> list[str]:
    """Program and arguments, where the program cannot be called otherwise than it is."""
    argv, executable = argv_of(command)
    return argv if executable is None else [executable, *argv[1:]]


def variables_of(command: CommandInfo) -> dict[str, str]:
    """The command's own variables, but secrets: these would be seen on a command line."""
    variables = command.environment.variables if command.environment else []
    if any(variable.secret for variable in variables):
        raise CommandError("a check in a container cannot have secrets of its own")
    return {variable.name: variable.value or "" for variable in variables}


def _with(container: Container, command: CommandInfo) -> Container:
    """The container with the variables of another command on top."""
    own = container.command or CommandInfo()
    variables = [
        variable
        for one in (own.environment, command.environment)
        if one is not None
        for variable in one.variables
    ]
    return replace(container, command=replace(own, environment=Environment(variables=variables)))
