"""`zk-migrate serve`."""

from __future__ import annotations

import asyncio

import click

from orchestrator.cli.servers import running
from orchestrator.cli.servers.announce import announce
from orchestrator.migration.config import MigrationConfig
from orchestrator.migration.server import serve_migration
from orchestrator.runtime.config import configured


@click.command()
@configured(MigrationConfig, "zk_migrate")
def serve(config: MigrationConfig) -> None:
    """Run the server of syncs: REST at /api/v1/syncs, metrics at /metrics.

    It goes on with all syncs that were begun, wherever it was stopped or killed.
    """

    async def run(stop: asyncio.Event) -> None:
        async with serve_migration(config) as server:
            announce("zk-migrate", server.url)
            await running.stopped(stop)

    running.run(run)
