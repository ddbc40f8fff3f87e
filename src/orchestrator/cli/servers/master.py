"""`orchestrator master`."""

from __future__ import annotations

import asyncio

import click
import uvloop

from orchestrator.cli.servers import running
from orchestrator.cli.servers.announce import announce
from orchestrator.master.config import MasterConfig
from orchestrator.master.server import serve_master
from orchestrator.runtime.config import configured


@click.command()
@configured(MasterConfig, "master")
def master(config: MasterConfig) -> None:
    """Run a Mesos-compatible master.

    Frameworks connect to /api/v1/scheduler, agents to the same port; /state, /slaves, /tasks and
    /frameworks show what it knows.
    """

    async def serve(stop: asyncio.Event) -> None:
        async with serve_master(config) as server:
            announce("master", server.url)
            await running.stopped(stop, server.failed)

    running.run(serve, loop_factory=uvloop.new_event_loop)
