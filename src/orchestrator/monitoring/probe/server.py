"""A running probe: its sources, its reports, its own connection for controls, put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

from orchestrator import __version__
from orchestrator.monitoring.probe import own
from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.control.channel import Channel
from orchestrator.monitoring.probe.control.controllers import Controllers
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.http.client import Client, origin_of
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.http.listening import listening
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.publishing.backlog import Backlog
from orchestrator.monitoring.probe.publishing.publisher import Publisher, SupersededError
from orchestrator.monitoring.probe.roles import Setup, Source, Ticker
from orchestrator.monitoring.probe.sources import NAMES, make
from orchestrator.monitoring.probe.survey import Identity, Survey
from orchestrator.monitoring.report import VERSION, Report
from orchestrator.monitoring.report.agents import ProbeSettings, Registration
from orchestrator.runtime.config import ConfigError

logger = logging.getLogger(__name__)
_FLUSH_S = 3.0
_FIRST_REPORT_S = 0.5  # after the start: sources that ask others have answers by then


class RunningProbe:
    """What ``serve_probe`` gives; ``failed`` ends when the probe cannot go on."""

    def __init__(self, probe: Probe, url: str, failed: asyncio.Future[None]) -> None:
        self.survey = probe.survey
        self.publisher = probe.publisher
        self.channel = probe.channel
        self.url = url
        self.failed = failed


@asynccontextmanager
async def serve_probe(config: ProbeConfig) -> AsyncIterator[RunningProbe]:
    """Report until the context ends. Raises ConfigError, ListenError."""
    async with AsyncExitStack() as stack:
        probe = Probe(config)
        stack.callback(probe.close)
        url = ""
        if config.port >= 0:
            pages = {
                "/health": lambda: own.health(probe.publisher),
                "/metrics": lambda: own.metrics(probe.publisher, probe.taken),
            }
            serving = listening(config.host, config.port, pages)
            url = await stack.enter_async_context(serving)
        running = asyncio.create_task(probe.run(), name="probe")
        stack.push_async_callback(_end, running)
        yield RunningProbe(probe, url, running)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with contextlib.suppress(TimeoutError, SupersededError):
            async with asyncio.timeout(_FLUSH_S):
                await probe.publisher.flush()


async def one_report(config: ProbeConfig) -> Report:
    """Look once, long enough for rates to be known, and say what is seen. Raises ConfigError."""
    probe = Probe(config)
    try:
        await probe.tick_all()
        probe.survey.take(time.time())
        await asyncio.sleep(1.0)
        await probe.tick_all()
        return probe.survey.take(time.time())
    finally:
        probe.close()


class Probe:
    """Everything that runs."""

    def __init__(self, config: ProbeConfig) -> None:
        self.config = config
        self.taken = own.Taken()
        host_id = config.host_id or socket.gethostname()
        identity = Identity(
            config.agent_id or _agent_id(host_id), secrets.token_hex(8), time.time(), host_id
        )
        table = ProcessTable(config.proc)
        setup = Setup(config, host_id, Hiding(config.show_all), table)
        self._table = table
        self.survey = Survey(identity, table, make(setup))
        self.survey.interval_s = config.interval_s
        self._clients = [_client(config)]
        self.publisher = Publisher(
            self._clients[0],
            _registration(identity, config, self.survey.sources),
            Backlog(config.backlog_reports, int(config.backlog_mb * 1024 * 1024)),
            own=own.Meter().read,
            apply=self._apply,
        )
        self._is_due = asyncio.Event()
        self.channel: Channel | None = None
        controllers = Controllers(self.survey.sources)
        if controllers:
            client = _client(config)
            self._clients.append(client)
            self.channel = Channel(
                client,
                identity.agent_id,
                identity.instance,
                controllers,
                self.publisher.is_registered,
            )

    async def run(self) -> None:
        """Until cancelled. Raises SupersededError."""
        jobs: list[Coroutine[object, object, None]] = [
            self._report(),
            self.publisher.run(),
            self.publisher.beat(),
        ]
        if self.channel is not None:
            jobs.append(self.channel.run())
        jobs += [_tick(self, source) for source in self.survey.sources if source.ticker]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def tick_all(self) -> None:
        """Have every source do its work once."""
        for source in self.survey.active():
            if source.ticker is not None:
                await _tick_once(source, source.ticker)

    def close(self) -> None:
        """Close what is open."""
        for source in self.survey.sources:
            if source.close is not None:
                source.close()
        for client in self._clients:
            client.close()
        self._table.close()

    async def _report(self) -> None:
        """At a steady pace, whatever making a report takes."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(_FIRST_REPORT_S)
        due = loop.time()
        while True:
            self._take()
            due = max(due + self.survey.interval_s, loop.time())
            self._is_due.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._is_due.wait()
                    due = loop.time()

    def _take(self) -> None:
        began = time.process_time()
        self.survey.dropped = self.publisher.backlog.dropped
        report = self.survey.take(time.time())
        taken = self.taken
        taken.reports += 1
        taken.seconds += time.process_time() - began
        self.publisher.put(report)
        taken.nodes = sum(map(len, report.nodes.values()))
        taken.connections = len(report.connections)
        taken.problems = len(report.problems)
        taken.at = report.taken_at

    def _apply(self, settings: ProbeSettings) -> None:
        """What the app wants of this probe."""
        self.survey.disabled = frozenset(settings.disabled_sources) - {"host"}
        interval_s = settings.interval_s or self.config.interval_s
        if interval_s != self.survey.interval_s:
            self.survey.interval_s = interval_s
            self._is_due.set()


async def _tick(probe: Probe, source: Source) -> None:
    assert source.ticker is not None
    while True:
        if source.name not in probe.survey.disabled:
            await _tick_once(source, source.ticker)
        await asyncio.sleep(source.ticker.period_s)


async def _tick_once(source: Source, ticker: Ticker) -> None:
    """A source that fails is tried again; what it last saw stays."""
    try:
        await ticker.tick(time.time())
    except Exception:
        logger.exception("the source %s failed", source.name)


def _agent_id(host_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", host_id)[:128] or "probe"


def _client(config: ProbeConfig) -> Client:
    headers = {"Authorization": f"Bearer {config.token}"} if config.token else {}
    try:
        return Client(origin_of(config.app, config.ca_file), headers)
    except HttpError as error:
        raise ConfigError(f"--ca-file: {error}") from None


def _registration(
    identity: Identity, config: ProbeConfig, sources: tuple[Source, ...]
) -> Registration:
    controls = {name for source in sources for name in source.controls}
    return Registration(
        version=VERSION,
        agent_id=identity.agent_id,
        instance=identity.instance,
        instance_started_at=identity.started_at,
        host_id=identity.host_id,
        probe_version=__version__,
        interval_s=config.interval_s,
        sources=[source.name for source in sources],
        controls=sorted(controls),
    )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


__all__ = ["NAMES", "Probe", "RunningProbe", "one_report", "serve_probe"]
