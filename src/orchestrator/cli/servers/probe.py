"""`orchestrator probe`."""

from __future__ import annotations

import asyncio

import click
import msgspec

from orchestrator.cli.servers import signalled
from orchestrator.cli.servers.announce import announce
from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.http.listening import ListenError
from orchestrator.monitoring.probe.publishing.publisher import SupersededError
from orchestrator.monitoring.probe.server import one_report, serve_probe
from orchestrator.runtime.config import configured


@click.command()
@configured(ProbeConfig, "probe")
def probe(config: ProbeConfig) -> None:
    """Run the probe of this machine, which tells the monitoring app what runs here.

    Without root it tells what it may see. `orchestrator probe --once` prints what that is.
    """

    async def serve(stop: asyncio.Event) -> None:
        if config.once:
            report = await one_report(config)
            click.echo(msgspec.json.format(msgspec.json.encode(report), indent=1).decode())
            return
        async with serve_probe(config) as running:
            announce("probe", running.url)
            await signalled.stopped(stop, running.failed)

    signalled.run(serve, (ListenError, SupersededError))
