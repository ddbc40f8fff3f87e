"""What the Engine says of a container's start and end, as the core understands it."""

from __future__ import annotations

import asyncio

from orchestrator.agent.adapters.docker import spec
from orchestrator.agent.adapters.docker.wire import Inspection
from orchestrator.agent.core.messages import Started
from orchestrator.agent.core.task import Exit

SIGNAL_BASE = 128  # a death by signal is reported as 128 + its number
KILLED = SIGNAL_BASE + 9
# How long after a death the Engine may still say that memory was the reason: it does so in one of
# twenty under load, as kernel, shim and Engine tell of both by different ways.
OOM_WORD_S = 0.25
_MAX_SIGNAL = 64
_START_FAILURES = (125, 126, 127, 128)  # with an error beside them: the program was not started


def container_id_of(found: Inspection) -> str | None:
    """Which container of this agent it is."""
    return (found.config.labels or {}).get(spec.LABEL_CONTAINER)


def started(container_id: str, found: Inspection) -> Started:
    """It runs, or did."""
    return Started(
        container_id=container_id,
        pid=found.state.pid or None,
        ip_addresses=found.ip_addresses,
        data=b"[" + found.raw.strip() + b"]",  # as "docker inspect" prints it
    )


def exit_of(found: Inspection, *, out_of_memory: bool = False) -> Exit:
    """How an inspected container ended."""
    state = found.state
    if state.status == "created" or (state.error and state.exit_code in _START_FAILURES):
        return Exit(problem=state.error or "it was never started", started=False)
    return exit_of_code(state.exit_code, out_of_memory=out_of_memory or state.oom_killed)


def exit_of_code(code: int, *, out_of_memory: bool = False) -> Exit:
    """What an exit code of the Engine means."""
    if SIGNAL_BASE < code <= SIGNAL_BASE + _MAX_SIGNAL and not out_of_memory:
        return Exit(signal=code - SIGNAL_BASE)
    return Exit(code=code, out_of_memory=out_of_memory)


class Causes:
    """Why containers were killed: by us, for their memory, or by somebody else."""

    def __init__(self) -> None:
        self._killed: set[str] = set()
        self._out_of_memory: set[str] = set()  # by the Engine's ids, until their end is told

    def killing(self, container_id: str) -> None:
        """We do it."""
        self._killed.add(container_id)

    def ran_out_of_memory(self, engine_id: str) -> None:
        """The Engine says so, before or after it says that the container ended."""
        self._out_of_memory.add(engine_id)

    async def exit_of(self, container_id: str, found: Inspection) -> Exit:
        """How it ended; waits for the Engine's word where that may be missing."""
        is_sure = found.state.oom_killed or container_id in self._killed
        if found.state.exit_code == KILLED and not is_sure:
            await asyncio.sleep(OOM_WORD_S)
        is_oom = found.id in self._out_of_memory
        self._out_of_memory.discard(found.id)
        return exit_of(found, out_of_memory=is_oom)

    def forget(self, container_id: str) -> None:
        """The container is gone."""
        self._killed.discard(container_id)
