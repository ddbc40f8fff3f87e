"""/v2/info, /config, /ping, /health and /metrics: how Marathon itself is."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.marathon.adapters.api.backend import BUILD, VERSION, Backend
from orchestrator.marathon.adapters.api.info import (
    marathon_config,
    shown_config,
    zookeeper_config,
)
from orchestrator.marathon.adapters.api.metrics import marathon_metrics
from orchestrator.marathon.core.condition import Condition
from orchestrator.runtime.http import json_response
from orchestrator.runtime.metrics import endpoint, gauge, new_registry


class System:
    """The handlers about Marathon itself; ``address`` is where clients find it (host:port)."""

    def __init__(self, backend: Backend, address: str) -> None:
        self._backend = backend
        self._address = address
        self._prometheus: ASGIApp = endpoint(new_registry(self._metrics))

    def routes(self) -> list[Route]:
        """All but the metrics, which are bare ASGI."""
        return [
            Route("/v2/info", self.info, methods=["GET"]),
            Route("/config", self.config, methods=["GET"]),
            Route("/ping", self.ping, methods=["GET"]),
            Route("/health", self.health, methods=["GET"]),
        ]

    async def info(self, _request: Request) -> Response:
        """Who this is, and how it is set up."""
        backend = self._backend
        marathon, config = backend.marathon, backend.config
        hostname, _, port = self._address.rpartition(":")
        return json_response(
            {
                "name": config.framework_name,
                "version": VERSION,
                "buildref": BUILD,
                "elected": True,
                "leader": self._address,
                "frameworkId": backend.state.framework_id,
                "marathon_config": marathon_config(
                    config, marathon.settings, hostname, marathon.master
                ),
                "zookeeper_config": zookeeper_config(config),
                "http_config": {"http_port": int(port), "https_port": None},
            }
        )

    async def config(self, _request: Request) -> Response:
        """All settings by name."""
        return json_response(shown_config(self._backend.config))

    async def ping(self, request: Request) -> Response:
        """Pong."""
        accepted = request.headers.get("accept", "*/*")
        if "text/html" in accepted:
            return PlainTextResponse("pong", media_type="text/html")
        if "text/" in accepted or "*/*" in accepted:
            return PlainTextResponse("pong")
        if "application/" in accepted:
            return json_response("pong")
        return Response(status_code=204)  # nothing that could be said in such a type

    async def health(self, _request: Request) -> Response:
        """Serving; whether there is a master to place anything is told beside."""
        return json_response({"healthy": True, "connected": self._backend.state.is_connected})

    async def metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Prometheus' text, or Marathon's own JSON for those who accept that."""
        if b"application/json" not in dict(scope["headers"]).get(b"accept", b""):
            await self._prometheus(scope, receive, send)
            return
        await json_response(marathon_metrics(self._backend))(scope, receive, send)

    def _metrics(self) -> Iterable[Metric]:
        state = self._backend.state
        conditions = [instance.condition for instance in state.instances.values()]
        staged = (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING)
        waiting = sum(map(len, state.waiting.values()))
        uptime_s = self._backend.clock.now() - self._backend.started_at
        yield gauge("marathon_apps", "Apps defined.", len(state.apps))
        groups = len(state.groups.by_id)
        yield gauge("marathon_groups", "Groups, the root among them.", groups)
        yield gauge("marathon_pods", "Pods defined.", len(state.pods))
        yield gauge("marathon_deployments", "Deployments in progress.", len(state.deployments))
        yield gauge("marathon_instances", "Instances of all apps and pods.", len(conditions))
        yield gauge(
            "marathon_instances_running",
            "Instances whose task runs.",
            conditions.count(Condition.RUNNING),
        )
        yield gauge(
            "marathon_instances_staged",
            "Instances launched and not running yet.",
            sum(condition in staged for condition in conditions),
        )
        yield gauge("marathon_instances_waiting", "Instances that wait for an offer.", waiting)
        yield gauge("marathon_connected", "1 while subscribed to a master.", state.is_connected)
        yield gauge("marathon_elected", "1 while this Marathon leads.", 1)
        yield gauge("marathon_event_streams", "Listeners of /v2/events.", len(self._backend.hub))
        yield gauge("marathon_uptime_seconds", "Time since the start.", uptime_s)
