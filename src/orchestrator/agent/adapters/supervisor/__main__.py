"""``python -m orchestrator.agent.adapters.supervisor DIRECTORY``: start one and return.

Exit status 0: a supervisor serves this directory, this one or one that was there before. Anything
else: none does, and standard error says why. The supervisor itself goes on in a session of its own,
as a child of init, so nothing that ends the agent ends it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys

from orchestrator.agent.adapters.supervisor.daemon import Supervisor
from orchestrator.agent.adapters.supervisor.wire import SOCKET_NAME, socket_path


def main() -> int:
    """Take the directory's lock, bind the socket, leave the caller, serve."""
    directory = os.path.abspath(sys.argv[1])  # noqa: PTH100
    lock = os.open(directory + "/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    supervisor = Supervisor(directory, _listen(directory))  # what cannot be, is said by the caller
    if os.fork():
        os._exit(0)
    _leave(directory)
    supervisor.run()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{directory}/{SOCKET_NAME}")  # noqa: PTH108
    return 0


def _listen(directory: str) -> socket.socket:
    directory_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{directory}/{SOCKET_NAME}")  # noqa: PTH108 (what a killed one left)
    listener = socket.socket(socket.AF_UNIX)
    os.umask(0o077)
    listener.bind(socket_path(directory_fd))
    os.umask(0o022)
    listener.listen(8)
    listener.setblocking(False)
    os.close(directory_fd)
    return listener


def _leave(directory: str) -> None:
    os.setsid()
    os.chdir("/")
    log = os.open(directory + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main())
