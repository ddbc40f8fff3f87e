"""A running Marathon: the core, its connection to the master and its API put together."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
from starlette.types import ASGIApp

from orchestrator.marathon import checking, whereabouts
from orchestrator.marathon.adapters import upkeep
from orchestrator.marathon.adapters.alone import Alone
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.adapters.api.routes import application
from orchestrator.marathon.adapters.event_stream import EventHub
from orchestrator.marathon.adapters.master_access import access, ensemble, master_url
from orchestrator.marathon.adapters.master_client import MasterClient
from orchestrator.marathon.adapters.probing.prober import Prober
from orchestrator.marathon.adapters.proxy import Proxy, ProxyLimits
from orchestrator.marathon.adapters.standby import Standby, leading
from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.core.effects import (
    Abort,
    ConnectionLost,
    Effect,
    FromMaster,
    Input,
    Publish,
    Reply,
    Send,
)
from orchestrator.marathon.core.health.probes import Probe
from orchestrator.marathon.core.marathon import Marathon
from orchestrator.marathon.core.stored_format import StateError
from orchestrator.runtime import datadir
from orchestrator.runtime.clock import Clock, SystemClock
from orchestrator.runtime.driver import Driver
from orchestrator.runtime.http import Gate, Server, serve
from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import SqliteStore, Store, StoreError
from orchestrator.zookeeper import uri
from orchestrator.zookeeper.candidate import Candidate, standing
from orchestrator.zookeeper.fenced import DeposedError
from orchestrator.zookeeper.leader import follow
from orchestrator.zookeeper.session import connect

logger = logging.getLogger(__name__)


class MarathonAbortedError(Exception):
    """This Marathon must not go on; the text says why."""


class MarathonAbdicatedError(DeposedError):
    """This Marathon was asked to step down."""


class RunningMarathon:
    """What ``serve_marathon`` gives: where Marathon is, and what it knows."""

    failed: asyncio.Future[None]
    """Ends with an exception when Marathon cannot go on."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.port = server.port
        self.core: Marathon | None = None  # of the present term, or the last

    @property
    def marathon(self) -> Marathon:
        """The core of a Marathon that leads."""
        assert self.core is not None, "this Marathon never led"
        return self.core


class Shell:
    """Carries out what the core asks for, for one term (``zookeeper.candidate.Leader``)."""

    app: ASGIApp

    def __init__(
        self, config: MarathonConfig, marathon: Marathon, store: Store, clock: Clock
    ) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hub = EventHub()
        self._driver = Driver[Input, Effect](marathon, self._perform, store, clock)
        self.backend = Backend(marathon, self._driver.dispatch, self.hub, config, clock)
        self._prober = Prober(self._driver.dispatch, config.max_concurrent_health_checks)
        self._ensemble = ensemble(config.master)
        self._client = MasterClient(
            None if self._ensemble else master_url(config.master),
            marathon.subscription,
            lambda event: self._driver.dispatch(FromMaster(event)),
            lambda: self._driver.dispatch(ConnectionLost()),
            self._fail,
            access(config),
        )

    def abandon(self, reason: StoreError) -> None:
        """Save and send nothing more."""
        self._driver.abandon(reason)

    async def abdicate(self) -> None:
        """End the term once all that was accepted is done: others, or this one anew, lead then."""
        await self._driver.flush()
        self.abandon(MarathonAbdicatedError("asked to step down"))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the core and all that talks to it, until the context ends."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._prober)
            await stack.enter_async_context(self._driver)
            self._driver.failed.add_done_callback(self._on_done)
            await stack.enter_async_context(self.hub.running())
            await stack.enter_async_context(self._client)
            if self._ensemble is not None:
                await stack.enter_async_context(self._following(self._ensemble))
            yield

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send(call):
                self._client.send(call)
            case Publish(event):
                self.hub.publish(event)
            case Reply():
                self.backend.reply(effect)
            case Probe():
                self._prober.begin(effect)
            case Abort(reason):
                self._fail(MarathonAbortedError(reason))
                self._driver.abandon(MarathonAbortedError(reason))

    @asynccontextmanager
    async def _following(self, ensemble: uri.ZooKeeperUri) -> AsyncIterator[None]:
        """Tell the client who leads, until the context ends."""
        detector = asyncio.create_task(follow(ensemble, self._client.follow), name="detector")
        detector.add_done_callback(self._on_done)
        try:
            yield
        finally:
            detector.cancel()
            await asyncio.gather(detector, return_exceptions=True)

    def _on_done(self, future: asyncio.Future[None]) -> None:
        if not future.cancelled() and (error := future.exception()):
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()  # no second report if nobody waits for it


@asynccontextmanager
async def serve_marathon(
    config: MarathonConfig, *, clock: Clock | None = None, flag: str = "--port"
) -> AsyncIterator[RunningMarathon]:
    """Serve until the context ends; the tasks go on without Marathon.

    Raises ListenError, StoreError, DataDirError, ConfigError.
    """
    checking.check(config)
    serving = _serve_one_of_several if config.zk else _serve_alone
    async with serving(config, clock or SystemClock(), flag) as running:
        yield running


@asynccontextmanager
async def _serve_alone(
    config: MarathonConfig, clock: Clock, flag: str
) -> AsyncIterator[RunningMarathon]:
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(datadir.claim(Path(config.data_dir)))
        store = SqliteStore.open(directory / "marathon.db")
        stack.push_async_callback(store.close)
        gate = Gate()
        server = await stack.enter_async_context(serve(gate, config.host, config.port, flag=flag))
        running = RunningMarathon(server)
        alone = Alone(store, gate, partial(_assemble, config, running, clock))
        running.failed = await stack.enter_async_context(standing(alone))
        await alone.begun(running.failed)
        yield running


@asynccontextmanager
async def _serve_one_of_several(
    config: MarathonConfig, clock: Clock, flag: str
) -> AsyncIterator[RunningMarathon]:
    others, gate = whereabouts.own_ensemble(config.zk), Gate()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serve(gate, config.host, config.port, flag=flag))
        running = RunningMarathon(server)
        proxy = Proxy(
            whereabouts.address(config, server.url),
            ProxyLimits(
                config.leader_proxy_connection_timeout_s,
                config.leader_proxy_read_timeout_s,
                config.leader_proxy_max_open_connections,
            ),
        )
        standby = Standby(await stack.enter_async_context(proxy), clock)
        gate.open(standby)
        session = await stack.enter_async_context(connect(others, config.zk_session_timeout_s))
        candidate = Candidate(
            session,
            whereabouts.place(others, config.zk_session_timeout_s),
            gate,
            standby,
            partial(whereabouts.description, config, server.url),
            lambda _, kept, store: _assemble(config, running, clock, kept, store),
        )
        running.failed = await stack.enter_async_context(standing(candidate))
        yield running


@asynccontextmanager
async def _assemble(
    config: MarathonConfig,
    running: RunningMarathon,
    clock: Clock,
    kept: Mapping[str, bytes],
    store: Store,
) -> AsyncIterator[Shell]:
    """The core of one term, at work."""
    address = whereabouts.address(config, running.url)
    marathon = Marathon(checking.settings_of(config, address), lambda: str(uuid.uuid4()))
    await _load(marathon, await upkeep.carry_out(kept, store, clock.now()), store, clock)
    shell = Shell(config, marathon, store, clock)
    async with shell.running():
        shell.app = leading(application(shell.backend, address, shell.abdicate), address)
        running.core = marathon
        yield shell


async def _load(marathon: Marathon, kept: Mapping[str, bytes], store: Store, clock: Clock) -> None:
    try:
        effects = marathon.load(kept, clock.now())
    except StateError as error:
        raise StoreError(str(error)) from None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StoreError(f"the state of Marathon cannot be read: {error}") from None
    await store.commit([effect for effect in effects if isinstance(effect, Save)])
