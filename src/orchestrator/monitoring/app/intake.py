"""What becomes of a report: unpacked, read, checked, and told to all who keep something of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.roster import Roster, RosterFullError, SupersededError
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.report import codec
from orchestrator.monitoring.report.kept import KeptReport, keep
from orchestrator.monitoring.report.model import Report
from orchestrator.monitoring.report.validity import Limits, ReportError, check_body, check_head

Remember = Callable[[KeptReport, KeptReport | None], None]
"""Takes a report and the one before of the same probe, if there is one."""


class RefusedError(Exception):
    """A report is not taken: HTTP status and a sentence."""

    def __init__(self, status: int, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason


class Intake:
    """Takes reports in.

    ``measure`` is told of every report, ``remember`` of those that are news.
    """

    def __init__(
        self,
        picture: Picture,
        roster: Roster,
        counts: Counts,
        limits: Limits,
        max_nodes: int,
    ) -> None:
        self.picture = picture
        self.roster = roster
        self._counts = counts
        self._limits = limits
        self._max_nodes = max_nodes
        self._nodes = 0
        self.measure: list[Callable[[KeptReport], None]] = []
        self.remember: list[Remember] = []

    @property
    def nodes(self) -> int:
        """Of all reports together."""
        return self._nodes

    def take(self, data: bytes, media_type: str, encoding: str, now: float) -> Report:
        """Take in one report as it came. Raises RefusedError."""
        try:
            report = self._read(data, media_type, encoding)
            self._accept(report, now)
        except RefusedError as error:
            self._counts.refuse(error.reason, str(error))
            raise
        self._counts.reports += 1
        self._counts.report_bytes += len(data)
        return report

    def _read(self, data: bytes, media_type: str, encoding: str) -> Report:
        unpacked = unpack(data, encoding, self._limits.max_unpacked_bytes)
        try:
            return codec.decode(unpacked, media_type)
        except ReportError as error:
            raise RefusedError(400, "malformed", str(error)) from None

    def _accept(self, report: Report, now: float) -> None:
        """Make a report part of what is known."""
        before = self.picture.kept.get(report.agent_id)
        try:
            check_head(report, now, self._limits)
            kept = keep(report, before)
            known = report.nodes.keys() - kept.changed
            are_ends_known = before is not None and kept.ends is before.ends
            check_body(report, known=known, are_ends_known=are_ends_known)
        except ReportError as error:
            sentence = f"probe {report.agent_id}: {error}"
            raise RefusedError(400, "invalid", sentence) from None
        nodes = self._nodes + _size(report) - (_size(before.report) if before is not None else 0)
        if nodes > self._max_nodes:
            sentence = f"the app holds {self._nodes} nodes, and {self._max_nodes} are allowed"
            raise RefusedError(503, "too_many_nodes", f"probe {report.agent_id}: {sentence}")
        try:
            self.roster.report(report, now)
        except SupersededError as error:
            raise RefusedError(409, "superseded", str(error)) from None
        except RosterFullError as error:
            raise RefusedError(503, "too_many_agents", str(error)) from None
        if before is not None and _is_repeated(report, before.report):
            self._counts.duplicate_reports += 1
            return
        for measure in self.measure:
            measure(kept)
        if before is not None and _is_late(report, before.report):
            self._counts.late_reports += 1
            return
        self._nodes = nodes
        self.picture.follow(kept)
        for remember in self.remember:
            remember(kept, before)

    def lose(self, agent_id: str) -> None:
        """A probe is gone."""
        before = self.picture.kept.get(agent_id)
        if before is not None:
            self._nodes -= _size(before.report)
            self.picture.remove(agent_id)
        self._counts.agents_lost += 1


def unpack(data: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding, up to ``limit`` bytes. Raises RefusedError."""
    if encoding in ("", "identity"):
        return data
    try:
        if encoding in ("gzip", "deflate"):
            unpacked = _inflate(data, limit)
        elif encoding == "zstd":
            unpacked = _zstd(data, limit)
        else:
            sentence = f"Content-Encoding {encoding[:40]!r} is not known: use gzip or zstd"
            raise RefusedError(415, "malformed", sentence)
    except ValueError:
        raise RefusedError(400, "malformed", f"the body is not valid {encoding}") from None
    if unpacked is None:
        sentence = f"the report is over the limit of {limit} bytes when unpacked"
        raise RefusedError(413, "too_large", sentence)
    return unpacked


def _inflate(data: bytes, limit: int) -> bytes | None:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # zlib's header or gzip's
    try:
        unpacked = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(unpacked) > limit:
        return None
    if not unpacker.eof:
        raise ValueError("it is cut off")
    return unpacked


def _zstd(data: bytes, limit: int) -> bytes | None:
    import zstandard  # noqa: PLC0415 - only the app needs it, and it rarely

    try:
        reader = zstandard.ZstdDecompressor(max_window_size=2**23).stream_reader(data)
        unpacked = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
    return unpacked if len(unpacked) <= limit else None


def _size(report: Report) -> int:
    return sum(map(len, report.nodes.values()))


def _is_late(report: Report, before: Report) -> bool:
    """By its number: times go back when a clock is set."""
    return report.instance == before.instance and report.number < before.number


def _is_repeated(report: Report, before: Report) -> bool:
    return report.instance == before.instance and report.number == before.number
