"""A running agent: the core, its shell, its checkpoint and its HTTP API put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from orchestrator import __version__
from orchestrator.agent.adapters import detect, logins
from orchestrator.agent.adapters.api import gauges, usage
from orchestrator.agent.adapters.api.routes import AgentApi
from orchestrator.agent.adapters.fetcher import source
from orchestrator.agent.adapters.ids import RandomIds
from orchestrator.agent.adapters.network import service as network
from orchestrator.agent.adapters.secrets import KeptSecrets
from orchestrator.agent.config import AgentConfig
from orchestrator.agent.core import checkpoint
from orchestrator.agent.core.agent import Agent, Host
from orchestrator.agent.core.executors import Patience
from orchestrator.agent.errors import AgentError, AgentRefusedError, NoSupervisorError
from orchestrator.agent.operating import operator_api
from orchestrator.agent.shell import Shell
from orchestrator.mesos import resource_wire
from orchestrator.mesos.codec import DecodeError
from orchestrator.mesos.resources import ResourceError
from orchestrator.runtime import datadir
from orchestrator.runtime.clock import Clock, SystemClock
from orchestrator.runtime.config import ConfigError
from orchestrator.runtime.http import Application, Gate, Server, plain_error, serve
from orchestrator.runtime.metrics import endpoint, new_registry
from orchestrator.runtime.store import SqliteStore, Store, StoreError
from orchestrator.zookeeper import uri

OPERATOR_PATHS = ("/api/v1", "/slave(1)/api/v1")
EXECUTOR_PATHS = ("/api/v1/executor", "/slave(1)/api/v1/executor")

__all__ = ["AgentError", "AgentRefusedError", "NoSupervisorError", "RunningAgent", "serve_agent"]


class RunningAgent:
    """What ``serve_agent`` gives: where the agent is, what it knows, and how to end it."""

    def __init__(self, agent: Agent, shell: Shell, server: Server) -> None:
        self.agent = agent
        self.url = server.url
        self.port = server.port
        self._shell = shell

    @property
    def agent_id(self) -> str | None:
        """The id the master gave; None before the first registration."""
        return self.agent.agent_id.value if self.agent.agent_id else None

    @property
    def failed(self) -> asyncio.Future[None]:
        """Ends with an exception when the agent cannot go on."""
        return self._shell.failed

    async def shutdown(self, *, kill_tasks: bool) -> None:
        """Before the context ends: end the tasks and leave the cluster, or let them run on."""
        await self._shell.shut_down(kill_tasks=kill_tasks)


@asynccontextmanager
async def serve_agent(
    config: AgentConfig, *, clock: Clock | None = None, flag: str = "--port"
) -> AsyncIterator[RunningAgent]:
    """Serve until the context ends; without ``shutdown(kill_tasks=True)`` the tasks go on.

    Raises ListenError, StoreError, DataDirError, ConfigError.
    """
    with datadir.claim(Path(config.data_dir)) as directory:
        store = SqliteStore.open(directory / "agent.db")
        try:
            work_dir = directory.resolve()
            async with _run(config, work_dir, store, clock or SystemClock(), flag) as running:
                yield running
        finally:
            await store.close()


@asynccontextmanager
async def _run(
    config: AgentConfig, work_dir: Path, store: Store, clock: Clock, flag: str
) -> AsyncIterator[RunningAgent]:
    kept = KeptSecrets(work_dir).restored(_checkpoint(await store.load(""), work_dir))
    gate = Gate()
    async with serve(gate, config.host, config.port, flag=flag) as server:
        agent = Agent(_host(config, server.port), RandomIds(), kept, _patience(config))
        shell = Shell(config, work_dir, agent, store, clock)
        async with shell.running():
            gate.open(_application(agent, shell, config, work_dir, clock))
            yield RunningAgent(agent, shell, server)


def _checkpoint(objects: dict[str, bytes], directory: Path) -> checkpoint.Checkpoint:
    try:
        return checkpoint.load(objects)
    except DecodeError as error:
        raise StoreError(f"the checkpoint in {directory} cannot be read: {error}") from None


def _host(config: AgentConfig, port: int) -> Host:
    try:
        ip = detect.advertised_ip(config.host)
    except OSError:
        raise ConfigError(f"--host {config.host} has no IPv4 address to advertise") from None
    try:
        resources = detect.resources(config.resources, Path(config.data_dir))
    except ResourceError as error:
        raise ConfigError(f"--resources: {error}") from None
    try:
        attributes = resource_wire.parse_attributes(config.attributes)
    except ResourceError as error:
        raise ConfigError(f"--attributes: {error}") from None
    return Host(
        hostname=config.hostname or config.host,
        ip=ip,
        port=port,
        version=__version__,
        resources=resources,
        attributes=attributes,
        overlay=network.membership(config, ip),
    )


def _patience(config: AgentConfig) -> Patience:
    return Patience(
        registration_s=config.executor_registration_timeout_s,
        reregistration_s=config.executor_reregistration_timeout_s,
        shutdown_grace_s=config.executor_shutdown_grace_period_s,
    )


def _application(
    agent: Agent, shell: Shell, config: AgentConfig, work_dir: Path, clock: Clock
) -> Application:
    parts = shell.parts
    metrics = endpoint(new_registry(lambda: [*gauges.metrics(agent), *parts.upkeep.metrics()]))
    shown = msgspec.structs.replace(
        config,
        master=uri.without_credentials(config.master),
        log_sink=source.shown(config.log_sink),
        docker_config=logins.shown(config.docker_config),
    )
    flags = {name: str(value) for name, value in msgspec.structs.asdict(shown).items()}
    flags |= parts.cgroups.flags() | {"work_dir": str(work_dir)}
    executors = dict.fromkeys(EXECUTOR_PATHS, shell.executor_api())
    consumed = usage.Source(parts.cgroups, parts.watch)
    api = AgentApi(agent, work_dir, flags, clock, consumed, parts.upkeep.snapshot)
    operator = operator_api(agent, api, parts.sessions, parts.docker, parts.native, config)
    operators = dict.fromkeys(OPERATOR_PATHS, operator)
    return Application(
        api.routes(), error_response=plain_error, hot={"/metrics": metrics} | executors | operators
    )
