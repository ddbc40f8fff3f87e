"""Plug-ins that outlived the agent that called them.

An agent that is killed in the midst of a join leaves a plug-in at work. To undo the join while it
goes on would leave whatever it does last. So the next agent lets such plug-ins come to their end,
and ends them after a while; it knows them, and what they call, by the path of the namespace in
their environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path

PATIENCE_S = 10.0
_PAUSE_S = 0.05
logger = logging.getLogger(__name__)


async def outlast(directory: Path, patience_s: float = PATIENCE_S) -> None:
    """Return when no plug-in works on a namespace below the directory any more."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while left := await asyncio.to_thread(find, directory):
        if loop.time() >= deadline:
            logger.warning("ending %d plug-ins that an earlier agent left at work", len(left))
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(_PAUSE_S)


def find(directory: Path) -> list[int]:
    """The processes that were told of a namespace below the directory."""
    marker = b"CNI_NETNS=" + os.fsencode(directory) + b"/"
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    return [pid for pid in pids if _is_marked(pid, marker)]


def _is_marked(pid: int, marker: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            variables = file.read().split(b"\0")
    except OSError:
        return False
    return any(one.startswith(marker) for one in variables)
