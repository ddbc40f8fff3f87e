"""A running app: its memory, its history, its API and its tick put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from starlette.types import ASGIApp

from orchestrator.monitoring.app import access
from orchestrator.monitoring.app.api import own_metrics, reports
from orchestrator.monitoring.app.api.endpoints import ENDPOINTS, HOT_PATHS
from orchestrator.monitoring.app.api.table import routes
from orchestrator.monitoring.app.bus import contract
from orchestrator.monitoring.app.config import AppConfig
from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.runtime import datadir
from orchestrator.runtime.clock import Clock, WallClock
from orchestrator.runtime.datadir import DataDirError
from orchestrator.runtime.http import Application, Limits, Server, json_error, serve
from orchestrator.runtime.metrics import endpoint, new_registry

logger = logging.getLogger(__name__)


class RunningApp:
    """What ``serve_app`` gives: where the app is, and ``failed``, when it cannot go on."""

    def __init__(self, server: Server, monitor: Monitor, failed: asyncio.Future[None]) -> None:
        self.url = server.url
        self.monitor = monitor
        self.failed = failed


@asynccontextmanager
async def serve_app(
    config: AppConfig, *, clock: Clock | None = None, flag: str = "--port"
) -> AsyncIterator[RunningApp]:
    """Serve until the context ends. Raises ListenError, DataDirError, ConfigError."""
    if config.bus:
        contract.check(config.bus)
    granted = access.load(config.access_file, config.anonymous_role, config.host)
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(datadir.claim(Path(config.data_dir)))
        monitor = _monitor(config, granted, directory, clock or WallClock())
        stack.callback(monitor.audit.close)
        stack.callback(monitor.layouts.shutdown, wait=False, cancel_futures=True)
        serving = serve(application(monitor), config.host, config.port, flag=flag)
        server = await stack.enter_async_context(serving)
        stack.push_async_callback(_close_history, monitor)
        if monitor.link is not None:
            await stack.enter_async_context(monitor.link.running())
        if monitor.forwarder is not None:
            await stack.enter_async_context(monitor.forwarder.running())
        if monitor.sharing is not None:
            stack.push_async_callback(_end, asyncio.create_task(monitor.sharing.run()))
        ticking = asyncio.create_task(_tick(monitor))
        stack.push_async_callback(_end, ticking)
        yield RunningApp(server, monitor, ticking)


def application(monitor: Monitor) -> Application:
    """The ASGI application."""
    hot: dict[str, ASGIApp] = {
        "/api/v1/reports": reports.endpoint(monitor),
        "/metrics": endpoint(new_registry(lambda: own_metrics.read(monitor))),
    }
    table = [one for one in ENDPOINTS if one.path not in HOT_PATHS]
    limits = Limits(max_body_bytes=monitor.config.max_report_bytes)
    return Application(routes(table, monitor), error_response=json_error, hot=hot, limits=limits)


def _monitor(config: AppConfig, granted: access.Access, directory: Path, clock: Clock) -> Monitor:
    try:
        monitor = Monitor(config, granted, directory, clock)
        monitor.archive.open(clock.now())
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataDirError(f"cannot use the data directory {directory}: {reason}") from None
    return monitor


async def _tick(monitor: Monitor) -> None:
    """At a steady pace; a tick that takes longer than its time is followed by the next at once."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + monitor.config.tick_s, loop.time())
        await asyncio.sleep(due - loop.time())
        monitor.tick()


async def _close_history(monitor: Monitor) -> None:
    await monitor.archive.close(monitor.clock.now())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
