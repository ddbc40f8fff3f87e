"""History: the hour in memory, and what is on disk before it.

Every 15 s ``keep`` writes the slot that is over and what has changed in topology; a kill -9 takes
no more than that. When an hour is over, a thread compresses it into a segment while the next one
is being filled: from memory, or from the log when memory has gone on (the machine slept, or was too
busy). What cannot be written (a full disk) is counted and logged, and tried again with
the next slot: the app goes on without history rather than not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.history import retention, series_log, topology
from orchestrator.monitoring.app.history.hours import Hours, Values, hour_of
from orchestrator.monitoring.app.history.retention import Kept
from orchestrator.monitoring.app.history.ring import HOUR_SLOTS, STEP_S, NodeKey, Ring, slot_at
from orchestrator.monitoring.report import kept
from orchestrator.monitoring.report.model import Node, Report
from orchestrator.monitoring.report.validity import Limits

logger = logging.getLogger(__name__)
_MAX_DAYS_S = 366 * 86400
_AHEAD_SLOTS = int(Limits().max_ahead_s // STEP_S)
"""What reports may have is later than that only if the clock was set back."""


class Archive:
    """Reads and writes the history of one app."""

    def __init__(
        self, directory: Path, ring: Ring, counts: Counts, retention_s: float, max_bytes: int
    ) -> None:
        self.ring = ring
        self._directory = directory
        self._counts = counts
        self.retention_s = min(retention_s, _MAX_DAYS_S)
        """What is older is deleted."""
        self._max_bytes = max_bytes
        self._topology = topology.TopologyLog(directory)
        self._log: series_log.SeriesLog | None = None
        self._written = -1  # slot
        self._is_failing = False
        self._hours = Hours(directory, counts)
        self._compressing: asyncio.Task[None] | None = None

    def open(self, now: float) -> None:
        """Take up what an app before has left. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for path in self._directory.glob("*.part"):
            path.unlink(missing_ok=True)
        self._hours.open()
        self._hours.restore(self.ring, slot_at(now) - HOUR_SLOTS, slot_at(now))
        for path in sorted(self._directory.glob("series-*.log")):
            self._restore_log(path, now)
        self.ring.take_changed_blocks()
        self._written = slot_at(now) - 1

    def report(self, report: kept.KeptReport, before: kept.KeptReport | None) -> None:
        """A probe has reported something new."""
        self._topology.report(report, before)

    def lost(self, agent_id: str, at: float) -> None:
        """A probe was given up."""
        self._topology.lost(agent_id, at)

    def keep(self, now: float) -> None:
        """Write what is over by now; to be called every few seconds."""
        try:
            written = self._topology.flush(now) + self._keep_slots(slot_at(now))
        except OSError as error:
            self._fail(error)
            return
        self._counts.history_bytes_written += written
        if written and self._is_failing:
            self._is_failing = False
            logger.info("history is written again")

    async def close(self, now: float) -> None:
        """Write what there is, also of the slot that is not over."""
        self.keep(now)
        try:
            if self._log is not None and self.ring.newest is not None:
                self._log.append(self.ring, self.ring.newest)
        except OSError as error:
            self._fail(error)
        if self._compressing is not None:
            await asyncio.gather(self._compressing, return_exceptions=True)
        if self._log is not None:
            self._log.close()
        self._topology.close()

    def read(
        self, topology_: str, id: str, name: str, first: int, last: int
    ) -> NDArray[np.float32]:
        """One series in the slots from first to last, from memory and disk; NaN where not known."""
        values = self.ring.read(topology_, id, name, first, last)
        self._hours.fill(values, (topology_, id), name, first)
        return values

    async def names(self, topology_: str, id: str, first: int, last: int) -> tuple[str, ...]:
        """The metrics of a node; of one that is gone, those that it had last in these slots."""
        known = self.ring.names(topology_, id)
        return known or await asyncio.to_thread(self._hours.names, (topology_, id), first, last)

    async def reports_at(self, moment: float) -> list[Report]:
        """What every probe had reported last at a moment. Raises OSError."""
        reports: dict[int, list[Report]] = {}
        for report in await asyncio.to_thread(topology.reports_at, self._directory, moment):
            reports.setdefault(slot_at(report.taken_at), []).append(report)
        recent = {slot: self.ring.values_at(slot, _keys(some)) for slot, some in reports.items()}
        return await asyncio.to_thread(self._with_metrics, reports, recent)

    def oldest_at(self) -> float | None:
        """Since when there is topology."""
        every = topology.files(self._directory)
        return topology.began_at(every[0]) if every else None

    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self._files())

    def clean(self, now: float) -> None:
        """Delete what is too old or too much."""
        going = retention.superfluous(self._files(), now, self.retention_s, self._max_bytes)
        for file in going:
            self._hours.forget(file.path)
        retention.delete(going)

    def _fail(self, error: OSError) -> None:
        """Every failure is counted; the log has the first of a row."""
        self._counts.history_errors += 1
        if not self._is_failing:
            self._is_failing = True
            logger.error("cannot write history in %s: %s", self._directory, error)

    def _keep_slots(self, current: int) -> int:
        """Once a slot, all that were written to since, also if they had long been over."""
        if self._written == current - 1:
            return 0
        self._written = current - 1
        self.ring.go_back(current + _AHEAD_SLOTS)
        size = 0
        for slot in self.ring.dirty_slots(current):
            size += self._keep_slot(slot, current - 1)
            self.ring.clean_slot(slot)
        return size

    def _keep_slot(self, slot: int, latest: int) -> int:
        if self._log is None or hour_of(self._log.path) != latest // HOUR_SLOTS:
            self._begin_hour(latest)
        assert self._log is not None
        return self._log.append(self.ring, slot)

    def _begin_hour(self, slot: int) -> None:
        over, self._log = self._log, None
        hour = slot // HOUR_SLOTS
        if over is not None:
            over.close()
            before = self._compressing
            self._compressing = asyncio.create_task(self._compress(hour_of(over.path), before))
        self._log = series_log.SeriesLog(self._directory / f"series-{hour}.log")

    async def _compress(self, hour: int, before: asyncio.Task[None] | None) -> None:
        """Replace the log of an hour by a segment, after that of the hour before."""
        blocks = self.ring.all_blocks()
        try:
            if before is not None:
                await before
            await asyncio.to_thread(self._replace_log, hour, self.ring, blocks)
        except OSError as error:
            self._fail(error)
        self.clean(float((hour + 1) * HOUR_SLOTS * STEP_S))

    def _replace_log(self, hour: int, ring: Ring, blocks: list[series_log.BlockRow]) -> None:
        log = self._directory / f"series-{hour}.log"
        self._hours.write(hour, ring, blocks)
        if ring.has_left(hour * HOUR_SLOTS):
            ring = ring.another()
            series_log.restore(log, ring)
            self._hours.write(hour, ring, ring.all_blocks())
        log.unlink(missing_ok=True)

    def _restore_log(self, path: Path, now: float) -> None:
        hour, current = hour_of(path), slot_at(now) // HOUR_SLOTS
        ring = self.ring if hour <= current else self.ring.another()  # the clock was set back
        series_log.restore(path, ring)
        if hour != current:
            self._replace_log(hour, ring, ring.all_blocks())

    def _with_metrics(
        self, reports: Mapping[int, list[Report]], recent: Mapping[int, Values]
    ) -> list[Report]:
        """Of each slot from memory, or else from disk."""
        found = []
        for slot, some in reports.items():
            values = recent[slot] or self._hours.values(slot)
            found += [_with_metrics(report, values) for report in some]
        return found

    def _files(self) -> list[Kept]:
        found = [
            Kept(path, topology.began_at(path), path.stat().st_size)
            for path in topology.files(self._directory)[:-1]
        ]
        return found + self._hours.files()


def _keys(reports: Iterable[Report]) -> Iterator[NodeKey]:
    for report in reports:
        for topology_, nodes in report.nodes.items():
            for node in nodes:
                yield topology_, node.id


def _with_metrics(report: Report, values: Values) -> Report:
    nodes = {
        topology_: [_measured(node, values.get((topology_, node.id))) for node in every]
        for topology_, every in report.nodes.items()
    }
    return replace(report, nodes=nodes)


def _measured(node: Node, metrics: Mapping[str, float] | None) -> Node:
    return replace(node, metrics=dict(metrics)) if metrics else node
