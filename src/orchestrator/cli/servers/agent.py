"""`orchestrator agent`."""

from __future__ import annotations

import asyncio

import click

from orchestrator.agent.config import AgentConfig
from orchestrator.agent.server import AgentError, serve_agent
from orchestrator.cli.servers import running
from orchestrator.cli.servers.announce import announce
from orchestrator.runtime.config import configured


@click.command()
@configured(AgentConfig, "agent")
def agent(config: AgentConfig) -> None:
    """Run an agent, which launches tasks on this machine.

    Its tasks go on when it ends, in whatever way, and it finds them again when it starts with the
    same data directory.
    """

    async def serve(stop: asyncio.Event) -> None:
        async with serve_agent(config) as server:
            announce("agent", server.url)
            await running.stopped(stop, server.failed)

    running.run(serve, reasons=(AgentError,))
