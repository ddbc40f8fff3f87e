"""Runs servers until a signal asks them to stop, or one of them cannot go on.

What a server raises because of where it runs (a port in use, a directory that cannot be written)
becomes one sentence; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orchestrator.cli.servers import signalled
from orchestrator.cli.servers.signalled import Serve, stopped
from orchestrator.runtime import memory
from orchestrator.runtime.datadir import DataDirError
from orchestrator.runtime.http import ListenError
from orchestrator.runtime.store import StoreError

__all__ = ["run", "stopped"]


def run(
    serve: Serve,
    *,
    reasons: tuple[type[Exception], ...] = (),
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Run ``serve(stop)``, which has to return soon after the event ``stop`` is set.

    Raises CommandError for what the operator can put right; ``reasons`` are the exceptions of the
    servers themselves whose text says it.
    """
    known: tuple[type[Exception], ...] = (DataDirError, ListenError, StoreError, *reasons)
    memory.keep_one_arena()
    signalled.run(serve, known, loop_factory)
