"""What the fetcher says in a task's ``stderr``, where users of Mesos look for it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FetchLog:
    """Short lines with the time in UTC. A sandbox that takes none goes without.

    No link is followed, wherever another task of the group may have put one.
    """

    def __init__(self, sandbox: Path) -> None:
        self._sandbox = sandbox

    def write(self, text: str) -> None:
        """Append one line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            directory = os.open(self._sandbox, _DIRECTORY)
            stack.callback(os.close, directory)
            if Path(f"/proc/self/fd/{directory}").readlink() != self._sandbox:
                return
            fd = os.open("stderr", _FLAGS, 0o644, dir_fd=directory)
            stack.callback(os.close, fd)
            os.write(fd, f"{stamp} fetcher] {text}\n".encode())  # where the disk takes it
