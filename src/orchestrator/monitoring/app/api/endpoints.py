"""All endpoints of the app."""

from __future__ import annotations

from typing import Any

from orchestrator.monitoring.app.api import (
    agents,
    asking,
    control,
    grafana,
    openapi,
    probe_channel,
    prometheus,
    query,
    sockets,
    streams,
    views,
)
from orchestrator.monitoring.app.api.table import Call, Endpoint, Parameter
from orchestrator.monitoring.render.details import Details
from orchestrator.monitoring.report import codec
from orchestrator.monitoring.report.agents import (
    Heartbeat,
    HeartbeatAnswer,
    ProbeSettings,
    Registered,
    Registration,
)
from orchestrator.monitoring.report.model import Report

_P = Parameter
_V1 = "/api/v1"
_FILTER = _P("query", "Filter, such as: nginx cpu>4% state:running -host:db")
_MOMENT = _P("timestamp", "A past moment in unix seconds; now if absent.", "number")
_SPAN = (
    _P("metric", "Names with commas between; all of the node if absent."),
    _P("from", "Unix seconds; an hour ago if absent.", "number"),
    _P("to", "Unix seconds; now if absent.", "number"),
    _P("step", "Seconds that one point is the mean of; 15 or more.", "number"),
)


async def _health(call: Call) -> dict[str, Any]:
    return {"status": "ok", "agents": len(call.monitor.roster)}


async def _hot(_call: Call) -> object:
    raise AssertionError("answered by a bare ASGI endpoint")


async def _document(_call: Call) -> dict[str, Any]:
    return openapi.document(ENDPOINTS)


HOT_PATHS = (f"{_V1}/reports", "/metrics")
"""Answered by bare ASGI endpoints of the same path; they are here to be documented."""

ENDPOINTS: list[Endpoint] = [
    Endpoint("GET", "/health", "none", _health, "Whether the app serves."),
    Endpoint(
        "GET", "/metrics", "none", _hot, "The app's own metrics.", media_type="text/plain"
    ),
    Endpoint(
        "GET", "/federate", "read", prometheus.federate, "What is measured, for Prometheus.",
        (_P("match[]", "Selector; may be given several times.", is_required=True),),
        media_type="text/plain",
    ),
    Endpoint(
        "POST", f"{_V1}/agents/register", "report", agents.register, "A probe presents itself.",
        body=Registration, answer=Registered,
    ),
    Endpoint(
        "POST", f"{_V1}/agents/heartbeat/{{agent_id}}", "report", agents.heartbeat,
        "A probe lives.", body=Heartbeat, answer=HeartbeatAnswer,
    ),
    Endpoint(
        "GET", f"{_V1}/agents/config/{{agent_id}}", "report", agents.read_config,
        "What is wanted of a probe.", answer=ProbeSettings,
    ),
    Endpoint(
        "PUT", f"{_V1}/agents/config/{{agent_id}}", "admin", agents.write_config,
        "Want something else of a probe.", body=ProbeSettings, answer=ProbeSettings,
    ),
    Endpoint(
        "GET", f"{_V1}/agents/list", "read", agents.list_agents, "All probes.",
        answer=agents.AgentList,
    ),
    Endpoint(
        "POST", f"{_V1}/reports", "report", _hot, "Take in a report, JSON or msgpack.",
        body=Report, body_types=codec.MEDIA_TYPES, status=202,
    ),
    Endpoint(
        "GET", f"{_V1}/query/topology", "read", query.topology, "Nodes as they are reported.",
        (_P("topology", "Only this one."), _P("limit", "Of each; 1000 if absent.", "integer")),
        answer=query.TopologyPage,
    ),
    Endpoint(
        "GET", f"{_V1}/query/agents/{{agent_id}}/latest", "read", query.latest,
        "The latest report of a probe.", answer=Report,
    ),
    Endpoint(
        "GET", f"{_V1}/query/agents/{{agent_id}}/timeseries", "read", query.agent_series,
        "Series of a probe's host, or of another of its nodes.",
        (_P("topology", "host if absent."), _P("id", "The host's if absent."), *_SPAN),
        answer=query.SeriesPage,
    ),
    Endpoint(
        "GET", f"{_V1}/query/series", "read", query.series, "Series of any node.",
        (_P("topology", "Of the node.", is_required=True), _P("id", "Of the node.",
                                                              is_required=True), *_SPAN),
        answer=query.SeriesPage,
    ),
    Endpoint(
        "GET", f"{_V1}/query/stats", "read", query.stats, "The app about itself.",
        answer=query.Stats,
    ),
    Endpoint(
        "GET", f"{_V1}/views", "read", views.list_views, "What can be looked at.",
        answer=views.ViewList,
    ),
    Endpoint(
        "GET", f"{_V1}/views/{{view}}", "read", views.read_view, "A view, or a page of it.",
        (_FILTER, _MOMENT, _P("sort", "Metric, the highest first; by label if absent."),
         _P("limit", "Nodes at most; 20000 if absent.", "integer"),
         _P("offset", "Nodes to leave out.", "integer")),
        answer=views.ViewPage,
    ),
    Endpoint(
        "GET", f"{_V1}/views/{{view}}/nodes/{{id:path}}", "read", views.read_node,
        "All that is known of a node.", (_MOMENT,), answer=Details,
    ),
    Endpoint(
        "GET", f"{_V1}/layout", "read", views.read_layout, "Where a view's nodes are drawn.",
        (_P("view", "Name of the view.", is_required=True), _FILTER), answer=views.LayoutPage,
    ),
    Endpoint(
        "GET", f"{_V1}/search", "read", views.search, "Nodes of every kind that pass a filter.",
        (_P("q", "Filter.", is_required=True), _P("limit", "50 if absent.", "integer")),
        answer=views.SearchResult,
    ),
    Endpoint(
        "WEBSOCKET", f"{_V1}/ws", "read", sockets.watch, "Frames of a view as it changes.",
        (_P("view", "Name of the view; containers if absent."), _FILTER),
    ),
    Endpoint(
        "POST", f"{_V1}/control", "control", control.control_many,
        "One control of many nodes.", body=control.ManyControls, answer=control.ManyOutcomes,
    ),
    Endpoint(
        "WEBSOCKET", f"{_V1}/control/ws", "report", probe_channel.probe_channel,
        "The control channel that a probe opens.",
        (_P("agent_id", "Of the probe.", is_required=True),
         _P("instance", "This run of it.", is_required=True)),
    ),
    Endpoint(
        "WEBSOCKET", f"{_V1}/control/stream", "control", streams.stream,
        "Logs or a terminal; other parameters are arguments of the control.",
        (_P("agent", "Id of the probe.", is_required=True),
         _P("node", "Id of the node.", is_required=True), _P("topology", "Of the node."),
         _P("control", "logs, exec or attach; logs if absent.")),
    ),
    Endpoint(
        "POST", f"{_V1}/control/{{agent}}/{{node:path}}/{{control}}", "control",
        control.control_one, "One control of one node.",
        body=control.OneControl, is_body_required=False, answer=asking.Outcome,
    ),
    Endpoint(
        "GET", f"{_V1}/audit", "admin", control.list_audit, "Who did what, the newest first.",
        (_P("limit", "100 if absent.", "integer"),), answer=control.AuditPage,
    ),
    Endpoint("GET", f"{_V1}/grafana/", "read", grafana.test, "Grafana's test."),
    Endpoint(
        "POST", f"{_V1}/grafana/search", "read", grafana.search, "Targets for Grafana.",
        body=grafana.SearchBody, answer=list[str],
    ),
    Endpoint(
        "POST", f"{_V1}/grafana/metrics", "read", grafana.list_metrics,
        "Targets to choose from, for Grafana.", answer=list[grafana.Metric],
    ),
    Endpoint(
        "POST", f"{_V1}/grafana/metric-payload-options", "read", grafana.list_options,
        "Options of a target, for Grafana.", answer=list[str],
    ),
    Endpoint(
        "POST", f"{_V1}/grafana/query", "read", grafana.query, "Series for Grafana.",
        body=grafana.QueryBody, answer=list[grafana.GrafanaSeries],
    ),
    Endpoint(
        "POST", f"{_V1}/grafana/annotations", "read", grafana.list_annotations,
        "Controls that were used, for Grafana.", body=grafana.AnnotationBody,
        answer=list[grafana.Annotation],
    ),
    Endpoint("GET", f"{_V1}/openapi.json", "none", _document, "This document."),
]  # fmt: skip
