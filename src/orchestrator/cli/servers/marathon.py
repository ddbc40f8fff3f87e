"""`orchestrator marathon`."""

from __future__ import annotations

import asyncio

import click

from orchestrator.cli.servers import running
from orchestrator.cli.servers.announce import announce
from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.server import MarathonAbortedError, serve_marathon
from orchestrator.runtime.config import configured


@click.command()
@configured(MarathonConfig, "marathon")
def marathon(config: MarathonConfig) -> None:
    """Run Marathon, which keeps apps running on a Mesos-compatible master."""

    async def serve(stop: asyncio.Event) -> None:
        async with serve_marathon(config) as server:
            announce("marathon", server.url)
            await running.stopped(stop, server.failed)

    running.run(serve, reasons=(MarathonAbortedError,))
