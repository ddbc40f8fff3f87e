"""What every sink does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from orchestrator.agent.core.logs import LogRecord


class SinkError(Exception):
    """The records were not taken; the same are to be sent again later."""


class RefusedError(Exception):
    """``records`` of those sent will never be taken, whatever is done; the others were."""

    def __init__(self, records: int, why: str) -> None:
        super().__init__(why)
        self.records = records


class LogSink(Protocol):
    """Takes records. What is sent again after a failure may arrive twice."""

    async def send(self, records: Sequence[LogRecord]) -> None:
        """Return when all are taken. Raises SinkError, RefusedError."""
        ...

    async def close(self) -> None:
        """Nothing is sent after this."""
        ...
