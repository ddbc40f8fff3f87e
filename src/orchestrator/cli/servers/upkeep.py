"""`orchestrator marathon-backup` and `orchestrator marathon-restore`."""

from __future__ import annotations

import asyncio

import click

from orchestrator.cli.servers import running
from orchestrator.marathon.adapters.backup import BackupError
from orchestrator.marathon.stopped import BackupConfig, restore_backup, write_backup
from orchestrator.runtime.config import configured


@click.command("marathon-backup")
@configured(BackupConfig, "marathon")
def backup(config: BackupConfig) -> None:
    """Write the whole state of a Marathon that does not run into a new file.

    One that runs makes a backup when it is asked to step down: DELETE
    /v2/leader?backup=file:///path.
    """

    async def work(_stop: asyncio.Event) -> None:
        count = await write_backup(config)
        click.echo(f"{count} objects written to {config.file}")

    running.run(work, reasons=(BackupError,))


@click.command("marathon-restore")
@configured(BackupConfig, "marathon")
def restore(config: BackupConfig) -> None:
    """Replace the whole state of a Marathon that does not run by that of a backup."""

    async def work(_stop: asyncio.Event) -> None:
        count = await restore_backup(config)
        click.echo(f"{count} objects restored from {config.file}")

    running.run(work, reasons=(BackupError,))
