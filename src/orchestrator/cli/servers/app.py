"""`orchestrator app`."""

from __future__ import annotations

import asyncio

import click

from orchestrator.cli.servers import running
from orchestrator.cli.servers.announce import announce
from orchestrator.monitoring.app.config import AppConfig
from orchestrator.monitoring.app.server import serve_app
from orchestrator.runtime.config import configured


@click.command()
@configured(AppConfig, "app")
def app(config: AppConfig) -> None:
    """Run the monitoring app, to which probes report.

    It serves views, history and controls over HTTP and WebSocket; /api/v1/openapi.json lists what.
    """

    async def serve(stop: asyncio.Event) -> None:
        async with serve_app(config) as server:
            announce("app", server.url)
            await running.stopped(stop, server.failed)

    running.run(serve)
