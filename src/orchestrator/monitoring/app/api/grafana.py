"""A data source for Grafana, in the protocol of its plug-ins "JSON" (simPod's) and "SimpleJson".

A target is ``topology/id/metric`` or ``topology/*/metric`` (all nodes of that kind, at most
``MAX_SERIES``, the largest now first); the id may have slashes. Annotations are the controls that
somebody used.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.exceptions import HTTPException

from orchestrator.monitoring.app.api.query import read_series
from orchestrator.monitoring.app.api.table import Call
from orchestrator.monitoring.report.model import TOPOLOGIES

MAX_SERIES = 50
MAX_TARGETS = 20
_MAX_FOUND = 1000


class SearchBody(msgspec.Struct, frozen=True):
    """What Grafana looks for."""

    target: str = ""


class Range(msgspec.Struct, frozen=True):
    """Two moments as ISO 8601."""

    begin: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")


class TargetBody(msgspec.Struct, frozen=True):
    """One series or several."""

    target: str = ""
    hide: bool = False


class QueryBody(msgspec.Struct, frozen=True):
    """What a panel asks for."""

    range: Range
    targets: list[TargetBody]
    intervalMs: float = 15_000  # noqa: N815 - Grafana's name
    maxDataPoints: float = 1000  # noqa: N815 - Grafana's name


class AnnotationBody(msgspec.Struct, frozen=True):
    """What a dashboard asks for."""

    range: Range


class GrafanaSeries(msgspec.Struct, frozen=True):
    """Value and unix milliseconds of each point."""

    target: str
    datapoints: list[tuple[float, float]]


class Annotation(msgspec.Struct, frozen=True):
    """Something that somebody did."""

    time: float
    title: str
    text: str
    tags: list[str]


class Metric(msgspec.Struct, frozen=True):
    """A target that can be chosen."""

    label: str
    value: str


async def test(_call: Call) -> dict[str, str]:
    """Grafana's test of the data source."""
    return {"status": "ok"}


async def search(call: Call) -> list[str]:
    """Targets in which a text occurs."""
    return sorted(_found(call, (await call.body(SearchBody)).target.lower()))


async def list_metrics(call: Call) -> list[Metric]:
    """All nodes of a kind, then single ones."""
    kinds = {
        f"{topology}/*/{name}"
        for topology in TOPOLOGIES
        for node in call.monitor.picture.nodes(topology).values()
        for name in node.metrics
    }
    return [Metric(target, target) for target in (*sorted(kinds), *sorted(_found(call, "")))]


async def list_options(_call: Call) -> list[str]:
    """A target has none."""
    return []


async def query(call: Call) -> list[GrafanaSeries]:
    """The series of a panel."""
    body = await call.body(QueryBody)
    begin, end = _moment(body.range.begin), _moment(body.range.end)
    step_s = max(body.intervalMs / 1000, (end - begin) / max(body.maxDataPoints, 1), 15.0)
    found = []
    for target in body.targets[:MAX_TARGETS]:
        for key in _keys(call, target.target) if not target.hide else ():
            series = await read_series(call, key, begin, end, step_s)
            points = [(value, at * 1000) for at, value in series.points]
            found.append(GrafanaSeries("/".join(key), points))
    return found


async def list_annotations(call: Call) -> list[Annotation]:
    """Controls that were used in the time."""
    body = await call.body(AnnotationBody)
    begin, end = _moment(body.range.begin), _moment(body.range.end)
    return [
        Annotation(
            record.at * 1000,
            f"{record.control} {record.node_id}",
            f"by {record.user} through {record.agent_id}",
            [record.control, record.topology],
        )
        for record in call.monitor.audit.latest(5000)
        if record.outcome == "asked" and begin <= record.at <= end
    ]


def _found(call: Call, wanted: str) -> list[str]:
    found: list[str] = []
    for (topology, id), block in call.monitor.archive.ring.nodes():
        for name in block.names:
            target = f"{topology}/{id}/{name}"
            if wanted in target.lower():
                found.append(target)
        if len(found) >= _MAX_FOUND:
            break
    return found[:_MAX_FOUND]


def _keys(call: Call, target: str) -> list[tuple[str, str, str]]:
    topology, _, rest = target.partition("/")
    id, _, name = rest.rpartition("/")
    if topology not in TOPOLOGIES or not id or not name:
        raise HTTPException(400, f"{target[:200]!r} is no target: topology/id/metric")
    if id != "*":
        return [(topology, id, name)]
    nodes = call.monitor.picture.nodes(topology).values()
    measured = [node for node in nodes if name in node.metrics]
    measured.sort(key=lambda node: (-node.metrics[name], node.id))
    return [(topology, node.id, name) for node in measured[:MAX_SERIES]]


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise HTTPException(400, f"{text[:100]!r} is no moment in ISO 8601") from None
