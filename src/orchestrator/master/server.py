"""A running master: the core, its registry and its HTTP API put together."""

from __future__ import annotations

import asyncio
import ipaddress
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp

from orchestrator.master.adapters.agent_link import LinkEndpoint
from orchestrator.master.adapters.allocating import Allocator
from orchestrator.master.adapters.leadership import REDIRECTS, Standby, redirecting
from orchestrator.master.adapters.measures import MeasuredMaster, MeasuredStore, Measures
from orchestrator.master.adapters.operator_api import operator_routes, read_metrics
from orchestrator.master.adapters.scheduler_api import scheduler_api
from orchestrator.master.adapters.service import Service
from orchestrator.master.adapters.streams import Outlets
from orchestrator.master.config import MasterConfig
from orchestrator.master.core import capabilities
from orchestrator.master.core.demand import parse_minimum
from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import Input, Send
from orchestrator.mesos import codec
from orchestrator.mesos.link import LINK_PATH
from orchestrator.mesos.older_api import MESOS_VERSION
from orchestrator.mesos.types import Address, Capability, MasterInfo
from orchestrator.runtime import address, datadir
from orchestrator.runtime.clock import Clock, SystemClock
from orchestrator.runtime.config import ConfigError
from orchestrator.runtime.driver import Driver
from orchestrator.runtime.http import Application, Gate, Server, plain_error, serve
from orchestrator.runtime.metrics import endpoint, new_registry
from orchestrator.runtime.store import SqliteStore, Store, StoreError
from orchestrator.zookeeper.candidate import Candidate, Place, standing
from orchestrator.zookeeper.session import connect
from orchestrator.zookeeper.uri import UriError, ZooKeeperUri, parse


class RunningMaster:
    """What ``serve_master`` gives: where the master is, and ``failed``, when it cannot go on."""

    def __init__(self, server: Server, failed: asyncio.Future[None]) -> None:
        self.url = server.url
        self.failed = failed


class Leader:
    """A core at work, with its API (``zookeeper.candidate.Leader``)."""

    def __init__(
        self, master: Master, store: Store, clock: Clock, kept: Mapping[str, bytes]
    ) -> None:
        master.state.divide = allocator = Allocator()
        outlets, measures = Outlets(), Measures(kept)
        measured, registry = MeasuredMaster(master, measures), MeasuredStore(store, measures)
        self.driver = Driver[Input, Send](measured, outlets.perform, registry, clock)
        service = Service(master, self.driver, outlets, measures, _new_id)
        self.app: ASGIApp = _application(service, allocator)

    @property
    def failed(self) -> asyncio.Future[None]:
        """Ends when it cannot go on."""
        return self.driver.failed

    def abandon(self, reason: StoreError) -> None:
        """Save and send nothing more."""
        self.driver.abandon(reason)


@asynccontextmanager
async def serve_master(
    config: MasterConfig, *, clock: Clock | None = None, flag: str = "--port"
) -> AsyncIterator[RunningMaster]:
    """Serve until the context ends, alone or as one of several (``config.zk``).

    Raises ListenError, StoreError, DataDirError, ConfigError.
    """
    weights = parse_weights(config.weights)
    _check_minimum(config.min_allocatable_resources)
    serving = _serve_one_of_several if config.zk else _serve_alone
    async with serving(config, weights, clock or SystemClock(), flag) as running:
        yield running


@asynccontextmanager
async def _serve_alone(
    config: MasterConfig, weights: dict[str, float], clock: Clock, flag: str
) -> AsyncIterator[RunningMaster]:
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(datadir.claim(Path(config.data_dir)))
        store = SqliteStore.open(directory / "registry.db")
        stack.push_async_callback(store.close)
        kept = await store.load("")
        gate = Gate()
        server = await stack.enter_async_context(serve(gate, config.host, config.port, flag=flag))
        info = _master_info(config, server.port)
        leader = Leader(_master(config, info, weights, kept, clock), store, clock, kept)
        await stack.enter_async_context(leader.driver)
        gate.open(leader.app)
        yield RunningMaster(server, leader.failed)


@asynccontextmanager
async def _serve_one_of_several(
    config: MasterConfig, weights: dict[str, float], clock: Clock, flag: str
) -> AsyncIterator[RunningMaster]:
    uri = _zookeeper_uri(config.zk)
    shown = msgspec.structs.replace(config, zk=str(uri))  # /flags must not tell the password

    @asynccontextmanager
    async def assemble(
        info: MasterInfo, kept: Mapping[str, bytes], store: Store
    ) -> AsyncIterator[Leader]:
        leader = Leader(_master(shown, info, weights, kept, clock), store, clock, kept)
        async with leader.driver:
            yield leader

    standby, gate = Standby(clock), Gate()
    gate.open(standby)
    async with (
        serve(gate, config.host, config.port, flag=flag) as server,
        connect(uri, config.zk_session_timeout_s) as session,
    ):
        describe = partial(_master_info, config, server.port, towards=uri.hosts[0])
        place = Place(uri.path, f"{uri.path}-registry", config.zk_session_timeout_s)
        candidate = Candidate(session, place, gate, standby, describe, assemble)
        async with standing(candidate) as failed:
            yield RunningMaster(server, failed)


def _master(
    config: MasterConfig,
    info: MasterInfo,
    weights: dict[str, float],
    kept: Mapping[str, bytes],
    clock: Clock,
) -> Master:
    try:
        return Master(config, info, weights, kept, clock.now())
    except codec.DecodeError as error:
        raise StoreError(f"the registry holds what this version cannot read: {error}") from None


def _zookeeper_uri(text: str) -> ZooKeeperUri:
    try:
        return parse(text)
    except UriError as error:
        raise ConfigError(f"--zk: {error}") from None


def _new_id() -> str:
    return str(uuid.uuid4())


def _application(service: Service, allocator: Allocator) -> Application:
    master, driver, outlets = service.master, service.driver, service.outlets
    scheduler = scheduler_api(master, driver, outlets, _new_id)
    link = WebSocketRoute(LINK_PATH, LinkEndpoint(driver, outlets, _new_id).accept)
    metrics = endpoint(
        new_registry(lambda: read_metrics(master.state, is_compiled=allocator.is_compiled))
    )
    return Application(
        [link, *operator_routes(service)],
        error_response=plain_error,
        hot={
            "/api/v1/scheduler": scheduler,
            "/master/api/v1/scheduler": scheduler,
            "/metrics": metrics,
            **dict.fromkeys(REDIRECTS, redirecting(master.state.info)),
        },
    )


def _master_info(
    config: MasterConfig, port: int, towards: tuple[str, int] | None = None
) -> MasterInfo:
    """A master of a new id; ``towards`` is a host that its address should be good for."""
    ip = address.ip_of(config.host, towards)
    hostname = config.hostname or (ip if config.host == address.ANY else config.host)
    return MasterInfo(
        id=str(uuid.uuid4()),
        ip=int.from_bytes(ipaddress.IPv4Address(ip).packed, "little"),
        port=port,
        pid=f"master@{ip}:{port}",
        hostname=hostname,
        version=MESOS_VERSION,
        address=Address(hostname=hostname, ip=ip, port=port),
        capabilities=[Capability(type=name) for name in capabilities.OF_MASTERS],
    )


def _check_minimum(text: str) -> None:
    try:
        parse_minimum(text)
    except ValueError as error:
        raise ConfigError(f"--min-allocatable-resources: {error}") from None


def parse_weights(text: str) -> dict[str, float]:
    """Read ``role=2,other=1.5``. Raises ConfigError."""
    weights = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        role, _, weight = part.partition("=")
        try:
            weights[role.strip()] = float(weight)
        except ValueError:
            raise ConfigError(f"--weights: '{part}' is not role=number") from None
        if not 0 < weights[role.strip()] < float("inf"):
            raise ConfigError(f"--weights: the weight of '{role}' must be positive")
    return weights
