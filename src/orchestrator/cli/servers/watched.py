"""The live map of a cluster on one machine: the monitoring app, and the probe that reports to it.

They watch the cluster and are no part of it: if one of them cannot go on, that is said, and the
cluster runs on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from orchestrator.cli.servers.announce import announce
from orchestrator.monitoring.app.config import AppConfig
from orchestrator.monitoring.app.server import serve_app
from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.server import serve_probe

logger = logging.getLogger(__name__)


class Cluster(NamedTuple):
    """Where its servers are."""

    master: str
    agents: tuple[str, ...]
    marathon: str


@asynccontextmanager
async def watched(cluster: Cluster, host: str, port: int, data_dir: Path) -> AsyncIterator[None]:
    """Serve the app on a port, none if it is 0, and have this machine probed."""
    if not port:
        yield
        return
    app_config = AppConfig(host=host, port=port, data_dir=str(data_dir))
    async with serve_app(app_config, flag="--app-port") as app:
        announce("app", app.url)
        app.failed.add_done_callback(_say)
        probe_config = ProbeConfig(
            app=app.url,
            port=-1,
            mesos=cluster.master,
            agent=cluster.agents,
            marathon=cluster.marathon,
        )
        async with serve_probe(probe_config) as probe:
            probe.failed.add_done_callback(_say)
            yield


def _say(ended: asyncio.Future[None]) -> None:
    if not ended.cancelled() and (error := ended.exception()) is not None:
        logger.error("monitoring has ended, the cluster goes on: %s", error, exc_info=error)
