"""What a session needs of a command that runs somewhere, and of the place that starts it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from orchestrator.agent.core.task import Container, Exit
from orchestrator.mesos.agent_api import DataType
from orchestrator.mesos.types import CommandInfo, Message, TTYInfo


class SessionError(Exception):
    """The command cannot be run there; says why."""


class Command(Message):
    """What to run; with a ``tty`` in a terminal of its own."""

    info: CommandInfo
    tty: TTYInfo | None = None


class Running(Protocol):
    """A command that was started. It has to be closed."""

    def output(self) -> AsyncGenerator[tuple[DataType, bytes], None]:
        """Each piece of output until there is no more; none is read that was not asked for.

        A terminal has one stream, STDOUT.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Give it input; waits while it takes none, and drops what it does not want any more."""
        ...

    async def end_input(self) -> None:
        """There is no more input; a terminal has no such end."""
        ...

    async def resize(self, rows: int, columns: int) -> None:
        """Its terminal has another size now. Raises SessionError without one."""
        ...

    async def signal(self, number: int) -> None:
        """Send it a signal; SIGKILL ends all that it started."""
        ...

    async def end(self) -> Exit:
        """How it ended, once it has."""
        ...

    async def close(self) -> None:
        """End it if it still runs, and let go of it."""
        ...


class Place(Protocol):
    """Starts commands beside containers of one kind."""

    async def start(self, container: Container, command: Command) -> Running:
        """Start a command. Raises SessionError."""
        ...
