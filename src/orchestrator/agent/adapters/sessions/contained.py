"""Two programs that give a container of runc a terminal.

The *starter* starts the console and becomes ``runc run --detach``, which the supervisor goes on to
wait for. runc makes the terminal inside of the container and hands its other end over by a socket,
which the console waits at; from then on the console is like that of a plain command. It is none of
the container's processes: it ends when the last of them has closed the terminal, so that nothing of
the output is lost. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys

import orchestrator
from orchestrator.agent.adapters.sessions import children
from orchestrator.agent.adapters.sessions.console import Console, listen
from orchestrator.agent.adapters.supervisor.wire import MARKER, Launch, socket_path

SOCKET = "@console-socket@"  # stands for the socket's path, which only the starter knows
TIMEOUT_S = 60.0  # as long as a starter may take
_PASSED_OVER = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)
_TO_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores, and programs must not
_PLACE = os.path.dirname(os.path.dirname(orchestrator.__file__))  # noqa: PTH120


def _program(function: str) -> list[str]:
    """The words that run a function of this file, whatever the environment says of Python."""
    text = f"import sys; sys.path.insert(0, {_PLACE!r}); from {__name__} import {function};"
    return [sys.executable, "-I", "-c", f"{text} sys.exit({function}())"]


def wrapped(launch: Launch, directory: str, rows: int, columns: int) -> Launch:
    """The same start, with a console whose socket has the container's name in ``directory``."""
    words = [directory, launch.container_id, str(rows), str(columns)]
    return launch._replace(argv=[*_program("start"), *words, *launch.argv])


def start() -> None:
    """The starter."""
    directory, name, rows, columns, *argv = sys.argv[1:]
    directory_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(directory_fd, True)  # the path names it, and this process
    path = socket_path(directory_fd, handing_over(name))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 (of a start that came to nothing)
    with socket.socket(socket.AF_UNIX) as waiting:
        os.umask(0o077)
        waiting.bind(path)
        os.umask(0o022)
        waiting.listen(1)
        _start_console([directory, name, rows, columns], waiting.fileno())
    for number in _TO_DEFAULT:
        signal.signal(number, signal.SIG_DFL)
    os.execvp(argv[0], [path if word == SOCKET else word for word in argv])


def _start_console(words: list[str], fd: int) -> None:
    """Without the container's mark, or it would be ended with it."""
    env = {name: value for name, value in os.environ.items() if name != MARKER}
    console = subprocess.Popen(
        [*_program("hold"), str(os.getpid()), str(fd), *words],
        env=env,
        stdin=subprocess.DEVNULL,
        pass_fds=[fd],
        start_new_session=True,
    )
    console.returncode = 0  # whoever adopts it waits for it


def hold() -> int:
    """The console."""
    starter, fd, directory, name, rows, columns = sys.argv[1:]
    wakeup = children.notice_signals(_PASSED_OVER)
    listener = listen(directory, name)
    try:
        with socket.socket(fileno=int(fd)) as waiting:
            terminal = _receive(waiting, int(starter))
        if terminal is None:
            return 1
        children.set_size(terminal, int(rows), int(columns))
        return Console(terminal, listener, wakeup, None).run()
    finally:
        for one in (name, handing_over(name)):
            with contextlib.suppress(OSError):
                os.unlink(f"{directory}/{one}")  # noqa: PTH108


def handing_over(name: str) -> str:
    """What the socket is called that runc connects to, of the container of this name."""
    return f"{name}.runc"


def _receive(waiting: socket.socket, starter: int) -> int | None:
    """The descriptor that runc sends; None where the starter ended without that. Raises OSError."""
    _wait(waiting, starter)
    waiting.setblocking(False)
    try:
        connection, _ = waiting.accept()
    except BlockingIOError:
        return None
    with connection:
        connection.settimeout(TIMEOUT_S)
        _, received, _, _ = socket.recv_fds(connection, 4096, 1)
    return received[0] if received else None


def _wait(waiting: socket.socket, starter: int) -> None:
    """Until somebody connects, or the starter has ended."""
    try:
        pidfd = os.pidfd_open(starter)
    except ProcessLookupError:
        return
    select.select([waiting.fileno(), pidfd], [], [], TIMEOUT_S)
    os.close(pidfd)
