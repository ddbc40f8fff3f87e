"""What agent and supervisor say to each other: one JSON object a line over a unix socket.

The agent sends requests, the supervisor events. Either may vanish at any instant, so every request
may be repeated: a ``Launch`` of a known container answers with what became of it, and ``List``
tells everything that has not been forgotten. An ``Exited`` is told again after every ``List`` until
the agent says ``Forget``, which it does once the exit is on its own disk.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple, TypeAlias

MAX_LINE_BYTES = 4 * 1024 * 1024
MARKER = "ORCHESTRATOR_CONTAINER_ID"  # in every task's environment, so a lost task can be found
SOCKET_NAME = "socket"


class WireError(ValueError):
    """A line that is not a message."""


class Launch(NamedTuple):
    """Start this command in its own session, unless the container is already known.

    With a ``pid_file`` the command is a starter: it ends soon, with 0 when it has started a
    container and written the pid of that container's first process there.

    ``enters`` are files of cgroups to write 0 to before the program runs; ``roster`` is the cgroup
    whose members are the container's processes, wherever their sessions and parents are.
    """

    container_id: str
    argv: list[str]
    env: dict[str, str]
    directory: str  # working directory; stdout and stderr are appended to files in it
    user: str | None = None
    executable: str | None = None  # when it is not argv[0]
    pid_file: str | None = None
    enters: list[str] = []
    roster: str | None = None


class Kill(NamedTuple):
    """SIGTERM to every process of the container, SIGKILL to what is left after ``grace_s``."""

    container_id: str
    grace_s: float


class Forget(NamedTuple):
    """The agent has made the container's exit durable."""

    container_id: str


class List(NamedTuple):
    """Tell every container that is known, then ``Listed``; waits for those that are starting."""


class Shutdown(NamedTuple):
    """End as soon as nothing runs."""


class Spawned(NamedTuple):
    """The container's first process runs; ``adopted``: it was started by an earlier supervisor."""

    container_id: str
    pid: int
    adopted: bool = False


class Exited(NamedTuple):
    """Nothing of the container runs any more.

    At most one of ``code`` and ``signal`` is set; neither when ``problem`` says why the command
    did not start (``started`` is false) or why its exit status is unknown.
    """

    container_id: str
    code: int | None = None
    signal: int | None = None
    problem: str | None = None
    started: bool = True


class Listed(NamedTuple):
    """Everything known has been told."""


Request: TypeAlias = Launch | Kill | Forget | List | Shutdown
Event: TypeAlias = Spawned | Exited | Listed

_TYPES: dict[str, type[Request | Event]] = {
    kind.__name__: kind for kind in (Launch, Kill, Forget, List, Shutdown, Spawned, Exited, Listed)
}


def encode(message: Request | Event) -> bytes:
    """Write one message as one line."""
    fields = {"type": type(message).__name__, **message._asdict()}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Request | Event:
    """Read one line. Raises WireError."""
    try:
        fields = json.loads(line)
        return _TYPES[fields.pop("type")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"not a message: {error!r}") from None


def socket_path(directory_fd: int, name: str = SOCKET_NAME) -> str:
    """Where the socket is, in a form that fits the 108 bytes of sun_path however deep it lies."""
    return f"/proc/{os.getpid()}/fd/{directory_fd}/{name}"
