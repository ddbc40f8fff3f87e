"""All routes of a master but the scheduler's: what operators, people and tools use."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import Metric
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import orchestrator
from orchestrator.master.adapters.legacy_changes import legacy_changes
from orchestrator.master.adapters.legacy_files import legacy_files
from orchestrator.master.adapters.pages import json_page
from orchestrator.master.adapters.service import Service
from orchestrator.master.adapters.v1_operator import OperatorApi
from orchestrator.master.core import gauges, views
from orchestrator.master.core.state import State
from orchestrator.mesos import older_api
from orchestrator.runtime.metrics import counter, gauge, labelled_gauge

COMPILED = "orchestrator_master_allocator_compiled"


def operator_routes(service: Service) -> list[BaseRoute]:
    """The routes, with and without the ``/master`` prefix where libprocess has both.

    The operator API takes everything below its path that is nothing else: libprocess matches the
    longest prefix, and pymesos posts to ``/api/v1/operator``.
    """
    state = service.state
    pages: dict[str, Callable[[Request], object]] = {
        "/state": lambda _: views.state(state),
        "/state.json": lambda _: views.state(state),
        "/state-summary": lambda _: views.summary(state),
        "/slaves": lambda request: views.slaves(state, request.query_params),
        "/frameworks": lambda request: views.frameworks(state, request.query_params),
        "/tasks": lambda request: views.tasks(state, request.query_params),
        "/tasks.json": lambda request: views.tasks(state, request.query_params),
        "/roles": lambda _: views.roles(state),
        "/flags": lambda _: {"flags": views.flags(state)},
    }
    routes: list[BaseRoute] = []
    for path, read in pages.items():
        handler = json_page(read)
        routes += [Route(path, handler), Route("/master" + path, handler)]
        routes.append(Route("/master" + path + "/", handler))
    return [
        *routes,
        Route("/metrics/snapshot", json_page(lambda _: service.figures())),
        Route("/version", json_page(lambda _: older_api.version(orchestrator.__version__))),
        Route("/health", _health),
        Route("/master/health", _health),
        *legacy_changes(service),
        *legacy_files(service),
        *_operator_api(service),
    ]


def _operator_api(service: Service) -> list[BaseRoute]:
    endpoint = OperatorApi(service)
    return [
        Route(prefix + "/api/v1" + rest, endpoint)
        for prefix in ("", "/master")
        for rest in ("", "/{rest:path}")
    ]


async def _health(_: Request) -> Response:
    return Response(status_code=200)


def read_metrics(state: State, *, is_compiled: bool) -> Iterable[Metric]:
    """The same figures for Prometheus, with tasks by state in one family."""
    yield gauge(COMPILED, "Whether the compiled allocator is in use.", float(is_compiled))
    by_state: dict[tuple[str, ...], float] = {}
    for name, value in gauges.gauges(state).items():
        if name.startswith("tasks_"):
            by_state[(name.removeprefix("tasks_"),)] = value
        else:
            yield gauge(f"mesos_master_{name}", f"Mesos' master/{name}.", value)
    for name, value in gauges.counters(state).items():
        yield counter(f"mesos_master_{name}", f"Mesos' master/{name}.", value)
    yield labelled_gauge("mesos_master_tasks", "Live tasks by state.", ("state",), by_state.items())
