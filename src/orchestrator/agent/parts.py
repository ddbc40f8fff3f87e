"""The parts around an agent's core, made from its settings: containers, networks, checks, logs.

``Parts`` holds them together: ``work`` is what has to run as long as the agent does, ``perform``
carries out the core's effects that concern them, ``close`` comes when nothing of ``work`` runs any
more. The link to the master is not among them: it is the shell's own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path

from orchestrator.agent.adapters import policy
from orchestrator.agent.adapters.checks.beside import HostBeside
from orchestrator.agent.adapters.checks.commands import Commands, HostCommands
from orchestrator.agent.adapters.checks.in_docker import by_way_of
from orchestrator.agent.adapters.checks.prober import Place, Prober
from orchestrator.agent.adapters.checks.within import CommandsWithin
from orchestrator.agent.adapters.docker import settings as docker_settings
from orchestrator.agent.adapters.docker.containerizer import DockerContainerizer
from orchestrator.agent.adapters.docker.engine import Engine, socket_from
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.executor_api import ExecutorStreams
from orchestrator.agent.adapters.isolation import setting
from orchestrator.agent.adapters.isolation.cgroups import Cgroups, open_cgroups
from orchestrator.agent.adapters.isolation.isolator import Isolator, Rules
from orchestrator.agent.adapters.isolation.setting import IsolationError
from orchestrator.agent.adapters.isolation.watch import Watch
from orchestrator.agent.adapters.native import settings as native_settings
from orchestrator.agent.adapters.native.containers import NativeContainers
from orchestrator.agent.adapters.native.given import Given, StoredSecrets
from orchestrator.agent.adapters.network import port_limits
from orchestrator.agent.adapters.network.listening import PortWatch
from orchestrator.agent.adapters.network.service import Networking
from orchestrator.agent.adapters.processes import ProcessContainerizer
from orchestrator.agent.adapters.sessions.host import HostPlace
from orchestrator.agent.adapters.supplies import Supplies
from orchestrator.agent.config import AgentConfig
from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.messages import (
    CloseExecutorStream,
    Ended,
    Event,
    ForgetContainer,
    KillContainer,
    LaunchContainer,
    Observed,
    RemoveVolumes,
    ResizeContainer,
    RunProbe,
    SetOverlay,
    StopProbes,
    TellExecutor,
    Unavailable,
    VolumesRemoved,
)
from orchestrator.agent.core.task import Condition, Container, Containerizer, Task
from orchestrator.agent.operating import sessions_of
from orchestrator.agent.upkeep import Upkeep
from orchestrator.runtime.config import ConfigError

PartEffect = (
    LaunchContainer
    | ResizeContainer
    | KillContainer
    | ForgetContainer
    | TellExecutor
    | CloseExecutorStream
    | RunProbe
    | StopProbes
    | SetOverlay
    | RemoveVolumes
)


class Parts:
    """Around one agent. ``tell`` hands an event to its core. Raises ConfigError."""

    def __init__(
        self, config: AgentConfig, work_dir: Path, agent: Agent, tell: Callable[[Event], None]
    ) -> None:
        self._agent = agent
        self._tell = tell
        self._enabled = _containerizers(config)
        self._disk_interval_s = config.container_disk_watch_interval_s
        enforces_ports = config.enforce_container_ports
        self._ports_interval_s = config.container_ports_watch_interval_s if enforces_ports else None
        self.upkeep = Upkeep(config, work_dir, agent)
        self.cgroups = _cgroups(config, work_dir)
        self.watch = Watch(
            self.cgroups, work_dir, agent, tell, enforces_disk=config.enforce_container_disk_quota
        )
        self.executor_streams = ExecutorStreams()
        self.networking = _networking(config, work_dir, agent)
        self.around = _surroundings(config, agent, self.upkeep)
        self._engine = self._engine_of(config)
        self.native = self._native(config, work_dir)
        self.processes = self._processes(config, work_dir)
        self.docker = self._docker(config, work_dir)
        self._containerizers: dict[Containerizer, ProcessContainerizer | DockerContainerizer] = {
            Containerizer.MESOS: self.processes,
            Containerizer.DOCKER: self.docker,
        }
        self.beside = HostBeside(
            work_dir, self.around, switch_user=_switches(config), enter=self.native.enter
        )
        in_terminal = HostBeside(
            work_dir,
            self.around,
            switch_user=_switches(config),
            enter=partial(self.native.enter, has_terminal=True),
        )
        host = HostPlace(self.beside, in_terminal, lambda id_: self.cgroups.placement(id_).enters)
        consoles = self.processes.consoles
        self.sessions = sessions_of(agent, host, consoles, self.docker, self._engine)
        self._commands = HostCommands(self.beside)
        commands: dict[Containerizer, Commands] = {
            Containerizer.MESOS: self._commands,
            Containerizer.DOCKER: CommandsWithin(by_way_of(self.docker)),
        }
        self._prober = Prober(commands, find=self._place, tell=tell)

    def work(self) -> list[Coroutine[None, None, None]]:
        """All that runs in the background."""
        return [
            self.processes.run(),
            self.docker.run(),
            self.networking.run(),
            self.watch.memory_forever(),
            self.watch.disk_forever(self._disk_interval_s),
            *self.upkeep.work(),
            *([self._watch_ports()] if self._ports_interval_s else []),
        ]

    async def prepare(self) -> None:
        """Before anything of it runs."""
        await asyncio.to_thread(self.networking.prepare)
        await asyncio.to_thread(self.beside.sweep)

    async def close(self, *, has_left: bool) -> None:
        """``has_left``: the agent will not come back under its id."""
        await self.sessions.close()
        await self._prober.close()
        await self._commands.close()
        if has_left:
            await self.networking.leave()
        await self.upkeep.close()

    def perform(self, effect: PartEffect) -> None:
        """Do one send; none blocks."""
        match effect:
            case LaunchContainer(container=container):
                self.upkeep.launching(container.id)
                self._containerizers[container.containerizer].launch(container)
            case ResizeContainer(container=container):
                self._containerizers[container.containerizer].resize(container)
            case KillContainer(containerizer=which, container_id=id_, grace_s=grace_s):
                self._containerizers[which].kill(id_, grace_s)
            case ForgetContainer(containerizer=which, container_id=id_):
                self._containerizers[which].forget(id_)
                self.upkeep.forget(id_)
            case TellExecutor() | CloseExecutorStream():
                self.executor_streams.perform(effect)
            case RunProbe() | StopProbes():
                self._prober.perform(effect)
            case SetOverlay():
                self.networking.set_overlay(effect)
            case RemoveVolumes(number=number):
                self.upkeep.volumes.begin(effect)
                self._tell(VolumesRemoved(number=number))

    async def _watch_ports(self) -> None:
        """End tasks that listen on ports of others, until cancelled."""
        agent, cgroups = self._agent, self.cgroups
        watch = PortWatch(
            agent.host.resources.ranges("ports"),
            lambda: port_limits.with_ports(self._running(), agent.book.tasks()),
            lambda: port_limits.members(cgroups, self._running()),
            lambda id_, message: self._tell(port_limits.exceeded(id_, message)),
        )
        await watch.run(self._ports_interval_s or 0.0)

    def _running(self) -> list[Container]:
        book = self._agent.book
        known: list[Task | Executor] = [*book.executors(), *book.tasks()]
        return [
            one.container
            for one in known
            if one.containerizer is Containerizer.MESOS and one.condition is Condition.RUNNING
        ]

    # --- making them ---------------------------------------------------------------------------

    def _native(self, config: AgentConfig, work_dir: Path) -> NativeContainers:
        fetcher = self.upkeep.fetcher
        given = Given(
            fetch=lambda uris, path, reader: fetcher.fetch(uris, path, None, reader=reader),
            networks=self.networking.containers,
            secrets=StoredSecrets(self.upkeep.secrets),
            cgroups_path=self.cgroups.path_of,
            has_cgroups_v2=self.cgroups.mode == "v2",
        )
        socket = self._engine.socket if self._engine is not None else None
        rights = policy.from_config(config, work_dir, socket)
        return native_settings.containers(
            config, work_dir, self.around, given, rights, switch_user=_switches(config)
        )

    def _processes(self, config: AgentConfig, work_dir: Path) -> ProcessContainerizer:
        rules = Rules(enable_cfs=config.cgroups_enable_cfs, pids_limit=config.cgroups_pids_limit)
        return ProcessContainerizer(
            work_dir,
            self.around,
            Isolator(self.cgroups, rules),
            self.upkeep.fetcher,
            self.native,
            switch_user=_switches(config),
            tell=self._notice,
        )

    def _engine_of(self, config: AgentConfig) -> Engine | None:
        is_on = Containerizer.DOCKER in self._enabled
        socket = socket_from(config.docker_socket, os.environ) if is_on else None
        return Engine(socket) if socket else None

    def _docker(self, config: AgentConfig, work_dir: Path) -> DockerContainerizer:
        socket = self._engine.socket if self._engine is not None else None
        return DockerContainerizer(
            self._engine,
            work_dir,
            self.around,
            Supplies(self.upkeep.fetcher, self.upkeep.secret_files, _switches(config)),
            docker_settings.from_config(config, work_dir, socket),
            find=self._container,
            tell=self._notice,
        )

    def _notice(self, event: Event) -> None:
        """Commands run on when they are switched off, but none is started any more.

        What runs beside a container ends with it.
        """
        if isinstance(event, Ended):
            self.sessions.container_ended(event.container_id, event.exit)
        self._tell(event)
        if isinstance(event, Observed) and event.containerizer not in self._enabled:
            reason = "The Mesos containerizer is switched off on this agent"
            self._tell(Unavailable(containerizer=event.containerizer, reason=reason))

    def _place(self, container_id: str) -> Place | None:
        task = self._agent.book.get(container_id)
        return Place(task.container, task.pid) if task else None

    def _container(self, container_id: str) -> Container | None:
        book = self._agent.book
        owner = book.get(container_id) or book.get_executor(container_id)
        return owner.container if owner else None


def _switches(config: AgentConfig) -> bool:
    return config.switch_user and os.geteuid() == 0


def _containerizers(config: AgentConfig) -> frozenset[Containerizer]:
    names = [name.strip().upper() for name in config.containerizers.split(",") if name.strip()]
    if not names or not set(names) <= set(Containerizer):
        raise ConfigError(f"--containerizers: '{config.containerizers}' is not of docker and mesos")
    return frozenset(map(Containerizer, names))


def _cgroups(config: AgentConfig, work_dir: Path) -> Cgroups:
    try:
        wanted, root = setting.parse(config.isolation), setting.root_of(config.cgroups_root)
        return open_cgroups(wanted, root, work_dir)
    except IsolationError as error:
        raise ConfigError(str(error)) from None


def _networking(config: AgentConfig, work_dir: Path, agent: Agent) -> Networking:
    member = agent.overlay.member
    subnet = member.subnet if member else None
    return Networking(config, work_dir / "network", agent.host.ip, subnet)


def _surroundings(config: AgentConfig, agent: Agent, upkeep: Upkeep) -> Surroundings:
    return Surroundings(
        ip=agent.host.ip,
        port=agent.host.port,
        inherited=dict(os.environ),
        shutdown_grace_s=config.executor_shutdown_grace_period_s,
        secrets=upkeep.secrets,
    )
