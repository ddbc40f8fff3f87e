"""Sends new lines of all tasks to a sink, in batches, each stream in order.

The files are the buffer: a batch is read, sent, and only then remembered as sent. While the sink is
away nothing more is read, so what waits takes no memory; what is rotated away meanwhile is counted
as dropped. After a death of the agent the batch that was under way is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple

from orchestrator.agent.adapters.logs.book import STREAMS, LogBook, Logs
from orchestrator.agent.adapters.logs.files import LogFile
from orchestrator.agent.adapters.logs.ledger import Key, Marks
from orchestrator.agent.adapters.logs.sinks import LogSink, RefusedError, SinkError
from orchestrator.agent.adapters.threads import to_the_end
from orchestrator.agent.core.logs import LogRecord, LogSource, split_lines

PAUSE_S = 1.0  # where nothing was new
BUSY_PAUSE_S = 0.1
MAX_RECORDS = 2_000
MAX_BATCH_BYTES = 1024 * 1024
READ_BYTES = 64 * 1024  # of one stream
READ_LINES = 500
MAX_BACK_OFF_S = 60.0
END_S = 2.0  # how long a sink may take for the last batch
logger = logging.getLogger(__name__)


class _Advance(NamedTuple):
    """A stream is delivered up to ``to``."""

    file: LogFile
    to: int


class Batch:
    """What is sent at once."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.advances: dict[Key, _Advance] = {}
        self.finished: list[str] = []  # containers that ended, of which this is the last
        self.bytes = 0
        self.has_more = False  # something was left unread

    @property
    def is_full(self) -> bool:
        """Whether no more is to be added."""
        after_next = len(self.records) + len(STREAMS) * READ_LINES
        return after_next > MAX_RECORDS or self.bytes >= MAX_BATCH_BYTES


class Shipper:
    """Counts ``shipped`` and ``refused`` records and ``dropped_bytes``; ``problem``: the sink's."""

    def __init__(self, book: LogBook, sink: LogSink) -> None:
        self.shipped = self.refused = self.dropped_bytes = 0
        self.problem = ""
        self._book = book
        self._sink = sink
        self._turn: deque[str] = deque()  # containers, the one whose turn it is first

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._book.refresh()
                everything = self._book.live | self._book.ended
                batch = await to_the_end(self.gather, everything)
                await self._see_through(batch)
                if not batch.has_more:
                    await asyncio.sleep(BUSY_PAUSE_S if batch.records else PAUSE_S)
        finally:
            await self._sink.close()

    def gather(self, everything: dict[str, Logs]) -> Batch:
        """The next batch; each container in turn, so none waits for a louder one. Blocks."""
        batch, self._turn = Batch(), self._turns(everything)
        for _ in range(len(self._turn)):
            if batch.is_full:
                batch.has_more = True
                break
            id_ = self._turn[0]
            self._turn.rotate(-1)
            self._read(everything[id_], batch, is_over=id_ in self._book.ended)
        return batch

    def commit(self, batch: Batch) -> None:
        """The batch has been delivered. Blocks."""
        marks: dict[Key, Marks] = {
            key: advance.file.shipped(advance.to) for key, advance in batch.advances.items()
        }
        if marks:
            self._book.ledger.save(marks)

    def _turns(self, everything: dict[str, Logs]) -> deque[str]:
        known = dict.fromkeys(id_ for id_ in self._turn if id_ in everything)
        return deque(known | dict.fromkeys(everything))

    def _read(self, logs: Logs, batch: Batch, *, is_over: bool) -> None:
        """Add what a container wrote; ``finished`` once it has ended and nothing is left."""
        rest = [self._read_file(logs.source, file, batch, is_over) for file in logs.files]
        batch.has_more |= any(rest)
        if is_over and not any(rest):
            batch.finished.append(logs.source.container_id)

    def _read_file(self, source: LogSource, file: LogFile, batch: Batch, is_over: bool) -> bool:
        """Whether there is more to be read."""
        at = file.marks.shipped
        try:
            if not is_over and file.end() == at:
                return False
            piece = file.read(at, READ_BYTES)
        except OSError:
            return False  # the sandbox is gone, or the file is no longer one to be read
        is_short = len(piece.data) < READ_BYTES
        lines, taken = split_lines(piece.data, is_all=is_over and is_short, most=READ_LINES)
        self.dropped_bytes += piece.dropped
        batch.records += _records(source, file.key[1], lines)
        batch.bytes += taken
        if (to := piece.at + taken) != at:
            batch.advances[file.key] = _Advance(file, to)
        return not is_short or len(lines) == READ_LINES

    async def _see_through(self, batch: Batch) -> None:
        """Deliver it; an agent that ends in peace waits for that, or it would be sent twice."""
        delivering = asyncio.create_task(self._deliver(batch), name="delivering log records")
        try:
            await asyncio.shield(delivering)
        except asyncio.CancelledError:
            await asyncio.wait({delivering}, timeout=0 if self.problem else END_S)
            delivering.cancel()
            await asyncio.wait({delivering})
            raise

    async def _deliver(self, batch: Batch) -> None:
        back_off_s = PAUSE_S
        while batch.records:
            try:
                await self._sink.send(batch.records)
            except SinkError as error:
                self._note(str(error))
                await asyncio.sleep(back_off_s)
                back_off_s = min(2 * back_off_s, MAX_BACK_OFF_S)
                continue
            except RefusedError as error:
                self._note(str(error))
                self.refused += error.records
                self.shipped -= error.records
            else:
                self._note("")
            self.shipped += len(batch.records)
            break
        await to_the_end(self.commit, batch)
        self._book.forget(batch.finished)

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            logger.warning("shipping logs: %s", problem or "the sink takes them again")
        self.problem = problem


def _records(source: LogSource, stream: str, lines: list[str]) -> list[LogRecord]:
    if not lines:
        return []
    moment = datetime.fromtimestamp(time.time(), UTC)
    stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [
        LogRecord(
            time=stamp,
            agent_id=source.agent_id,
            framework_id=source.framework_id,
            executor_id=source.executor_id,
            task_id=source.task_id,
            container_id=source.container_id,
            stream=stream,
            message=line,
            labels=source.labels,
        )
        for line in lines
    ]
