"""What was reported and measured, as it is: topology, the latest report, series, statistics."""

from __future__ import annotations

import asyncio
from math import isnan

import msgspec
import numpy as np
from starlette.exceptions import HTTPException

from orchestrator.monitoring.app.api.table import Call
from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.history.ring import STEP_S, slot_at
from orchestrator.monitoring.report.kept import KeptReport
from orchestrator.monitoring.report.model import TOPOLOGIES, Node, Report

MAX_POINTS = 11_000
MAX_METRICS = 100
_HOUR_S = 3600


class TopologyPage(msgspec.Struct, frozen=True):
    """Nodes by topology, as merged from all reports."""

    topologies: dict[str, list[Node]]
    totals: dict[str, int]
    """How many there are of each."""


class Series(msgspec.Struct, frozen=True):
    """One metric of one node."""

    topology: str
    id: str
    metric: str
    points: list[tuple[float, float]]
    """Unix seconds and value; where nothing is known there is no point."""


class SeriesPage(msgspec.Struct, frozen=True):
    """What was asked for."""

    step_s: float
    series: list[Series]


class Stats(msgspec.Struct, frozen=True):
    """The app about itself."""

    started_at: float
    now: float
    agents: int
    control_channels: int
    nodes: dict[str, int]
    series: int
    series_dropped: int
    watchers: int
    channels: int
    history_bytes: int
    history_since: float | None
    counts: Counts


async def topology(call: Call) -> TopologyPage:
    """Nodes of all topologies, or of one."""
    wanted, limit = call.text("topology"), call.count("limit", 1000, 20_000)
    if wanted and wanted not in TOPOLOGIES:
        raise HTTPException(400, f"there is no topology {wanted[:100]!r}")
    picture = call.monitor.picture
    names = [name for name in TOPOLOGIES if picture.words(name) and wanted in ("", name)]
    return TopologyPage(
        {name: list(picture.nodes(name).values())[:limit] for name in names},
        {name: len(picture.words(name)) for name in names},
    )


async def latest(call: Call) -> Report:
    """The latest report of one probe."""
    return _kept(call).whole()


async def agent_series(call: Call) -> SeriesPage:
    """Series of a probe's host, or of another node that it reports."""
    host = _kept(call).report.host_id
    return await _series(call, call.text("topology", "host"), call.text("id", host))


def _kept(call: Call) -> KeptReport:
    kept = call.monitor.picture.kept.get(call.path("agent_id"))
    if kept is None:
        raise HTTPException(404, f"nothing is known of the probe {call.path('agent_id')[:200]!r}")
    return kept


async def series(call: Call) -> SeriesPage:
    """Series of any node."""
    return await _series(call, call.text("topology"), call.text("id"))


async def stats(call: Call) -> Stats:
    """The app about itself."""
    monitor = call.monitor
    archive = monitor.archive
    return Stats(
        monitor.started_at,
        monitor.clock.now(),
        len(monitor.roster),
        len(monitor.hub),
        {name: len(nodes) for name in TOPOLOGIES if (nodes := monitor.picture.words(name))},
        archive.ring.series,
        archive.ring.dropped,
        monitor.watching.watchers,
        monitor.watching.channels,
        archive.size(),
        archive.oldest_at(),
        monitor.counts,
    )


async def _series(call: Call, topology_: str, id: str) -> SeriesPage:
    now = call.monitor.clock.now()
    begin, end = call.number("from", now - _HOUR_S), call.number("to", now)
    if begin > end or begin < 0:
        raise HTTPException(400, "from and to must be unix seconds, from before to")
    names = tuple(name for name in call.text("metric").split(",") if name)
    if not names:
        span = slot_at(begin), slot_at(min(end, now))
        names = await call.monitor.archive.names(topology_, id, *span)
    step_s = max(call.number("step", STEP_S), STEP_S)
    found = [
        await read_series(call, (topology_, id, name), begin, end, step_s)
        for name in names[:MAX_METRICS]
    ]
    return SeriesPage(step_s, found)


async def read_series(
    call: Call, key: tuple[str, str, str], begin: float, end: float, step_s: float
) -> Series:
    """One series; the mean of each step. Raises HTTPException for too many points."""
    archive, now = call.monitor.archive, call.monitor.clock.now()
    first, last = slot_at(max(begin, now - archive.retention_s)), slot_at(min(end, now))
    width = min(max(round(step_s / STEP_S), 1), max(last - first + 1, 1))
    first -= first % width
    if (last - first) / width > MAX_POINTS:
        raise HTTPException(400, f"more than {MAX_POINTS} points: ask for less time or more step")
    newest = archive.ring.newest
    is_recent = newest is None or first > newest - 240
    if is_recent:
        values = archive.ring.read(*key, first, last)
    else:
        values = await asyncio.to_thread(archive.read, *key, first, last)
    means = _means(values, width)
    points = [
        (float((first + n * width) * STEP_S), value)
        for n, value in enumerate(means)
        if not isnan(value)
    ]
    return Series(*key, points)


def _means(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]], width: int) -> list[float]:
    """Of so many neighbours each; what is not known does not count."""
    if width > 1:
        padded = np.full(-(-len(values) // width) * width, np.nan, np.float64)
        padded[: len(values)] = values
        rows = padded.reshape(-1, width)
        known = ~np.isnan(rows)
        counts = known.sum(axis=1)
        sums = np.where(known, rows, 0.0).sum(axis=1)
        means: list[float] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).tolist()
        return means
    listed: list[float] = values.tolist()
    return listed
