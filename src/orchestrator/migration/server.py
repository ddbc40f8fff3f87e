"""A running server of syncs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.migration.adapters import api, metrics
from orchestrator.migration.adapters.spec import SpecError
from orchestrator.migration.adapters.syncs import Syncs, UnknownSyncError
from orchestrator.migration.config import MigrationConfig
from orchestrator.runtime import datadir
from orchestrator.runtime.clock import SystemClock
from orchestrator.runtime.http import Application, Server, json_error, json_response, serve
from orchestrator.runtime.metrics import endpoint, new_registry


@asynccontextmanager
async def serve_migration(config: MigrationConfig) -> AsyncIterator[Server]:
    """Serve until the context ends. Raises ListenError, DataDirError."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(datadir.claim(Path(config.data_dir)))
        syncs = Syncs(directory, SystemClock())
        app = application(syncs)
        server = await stack.enter_async_context(serve(app, config.host, config.port))
        syncs.open()
        stack.push_async_callback(syncs.close)
        yield server


def application(syncs: Syncs) -> Application:
    """The ASGI application."""

    async def health(request: Request) -> Response:
        running = sum(each.current is not None for each in syncs)
        return json_response({"status": "ok", "syncs": len(list(syncs)), "running": running})

    return Application(
        [Route("/health", health, methods=["GET"]), *api.Api(syncs).routes()],
        error_response=json_error,
        hot={"/metrics": endpoint(new_registry(lambda: metrics.read(syncs)))},
        handlers={SpecError: api.spec_error, UnknownSyncError: api.unknown},
    )
