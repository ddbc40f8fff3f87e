"""What was running when: files of changes, one for ten minutes, each with everything at its start.

The first report of a probe in a file is whole, the next ones are changes; so the picture at a
moment is made of one file, or two if a file has just begun. Metrics are not here: they are series.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import zstandard

from orchestrator.monitoring.app.history import records
from orchestrator.monitoring.report.changes import Change, applied, change_between
from orchestrator.monitoring.report.kept import KeptReport
from orchestrator.monitoring.report.model import Report, Wire

FILE_S = 600
_OVERLAP_S = 180.0
"""So long into a file, some probes may not have reported since it began."""
_PATTERN = "topology-*.log"


class Changed(Wire, frozen=True, tag="changed"):
    """A probe reported something else than before."""

    change: Change


class Gone(Wire, frozen=True, tag="gone"):
    """A probe was given up."""

    agent_id: str
    at: float


Event = Changed | Gone
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[list[Event]] = msgspec.msgpack.Decoder(list[Event])


class TopologyLog:
    """Collects what happens, and writes it now and then."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: records.RecordFile | None = None
        self._number = -1
        self._written: set[str] = set()  # agents that are in the file
        self._events: list[Event] = []

    def report(self, kept: KeptReport, before: KeptReport | None) -> None:
        """A probe has reported."""
        agent_id = kept.report.agent_id
        is_first = agent_id not in self._written
        self._written.add(agent_id)
        self._events.append(Changed(change_between(None if is_first else before, kept)))

    def lost(self, agent_id: str, at: float) -> None:
        """A probe was given up."""
        self._written.discard(agent_id)
        self._events.append(Gone(agent_id, at))

    def flush(self, now: float) -> int:
        """Write what was collected; returns the bytes written. Raises OSError."""
        if not self._events:
            return 0
        events, self._events = self._events, []
        try:
            return self._write(events, now)
        except OSError:
            self._written.clear()  # these are lost: the next reports have to be whole
            raise

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, events: list[Event], now: float) -> int:
        if self._file is None or int(now // FILE_S) != self._number:
            self._begin(now)
        assert self._file is not None
        data = zstandard.ZstdCompressor(level=3).compress(_encoder.encode(events))
        return self._file.append(data)

    def _begin(self, now: float) -> None:
        self.close()
        self._number = int(now // FILE_S)
        self._file = records.RecordFile(self._directory / f"topology-{int(now * 1000)}.log")
        self._written.clear()


def reports_at(directory: Path, moment: float) -> list[Report]:
    """What every probe saw at a moment, without what was measured. Raises OSError."""
    state: dict[str, Report] = {}
    for path in _files_for(directory, moment):
        for event in _events(path):
            match event:
                case Changed(change):
                    head = change.head
                    if head.taken_at <= moment:
                        before = state.get(head.agent_id)
                        state[head.agent_id] = applied(before, change)
                case Gone(agent_id, at):
                    if at <= moment:
                        state.pop(agent_id, None)
    return [report for report in state.values() if _is_current(report, moment)]


def began_at(path: Path) -> float:
    """When a file was begun, by its name."""
    return int(path.stem.partition("-")[2]) / 1000


def files(directory: Path) -> list[Path]:
    """All of them, the oldest first."""
    return sorted(directory.glob(_PATTERN), key=began_at)


def _files_for(directory: Path, moment: float) -> list[Path]:
    """The file of the moment and, where that had just begun, those before it.

    A file may be begun some seconds after the reports that are written to it first.
    """
    every = files(directory)
    begun = [path for path in every if began_at(path) <= moment]
    chosen = [path for path in begun if began_at(path) > moment - _OVERLAP_S]
    if len(begun) > len(chosen):
        chosen = [begun[-len(chosen) - 1], *chosen]
    later = [path for path in every if moment < began_at(path) <= moment + _OVERLAP_S]
    return [*chosen, *later]


def _events(path: Path) -> Iterator[Event]:
    decompressor = zstandard.ZstdDecompressor()
    for record in records.read(path):
        yield from _decoder.decode(decompressor.decompress(record))


def _is_current(report: Report, moment: float) -> bool:
    return report.taken_at > moment - 3 * report.interval_s - 5
