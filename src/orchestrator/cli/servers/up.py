"""`orchestrator up`: master, agents, Marathon and a live map in one process and one event loop.

Each is the very server that its own command runs, talking HTTP to the others. They start in the
order in which they need each other and stop in the reverse one: Marathon first, so that it heals
nothing while its tasks end. Only an orderly stop ends tasks. After a failure of the platform, as
after a kill -9, they run on, and the next ``up`` on the same data finds them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated

import click
import msgspec
from msgspec import Meta

from orchestrator.agent.config import AgentConfig
from orchestrator.agent.server import AgentError, RunningAgent, serve_agent
from orchestrator.cli.servers import running, shares
from orchestrator.cli.servers.announce import announce
from orchestrator.cli.servers.watched import Cluster, watched
from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.server import MarathonAbortedError, serve_marathon
from orchestrator.master.config import MasterConfig
from orchestrator.master.server import serve_master
from orchestrator.runtime import datadir
from orchestrator.runtime.config import configured
from orchestrator.runtime.http import check_port

_DATA_DIR = (
    "Directory of all state and sandboxes; /var/lib/orchestrator for root, "
    "~/.local/share/orchestrator for others."
)
Port = Annotated[int, Meta(ge=1, le=65535)]


def _default_data_dir() -> Path:
    is_root = os.geteuid() == 0
    return Path("/var/lib" if is_root else "~/.local/share").expanduser() / "orchestrator"


class UpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a cluster on one machine."""

    data_dir: Annotated[Path, Meta(description=_DATA_DIR)] = msgspec.field(
        default_factory=_default_data_dir
    )
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    master_port: Annotated[Port, Meta(description="Port of the Mesos master.")] = 5050
    agent_port: Annotated[
        Port, Meta(description="Port of the first agent; the others follow it.")
    ] = 5051
    marathon_port: Annotated[Port, Meta(description="Port of Marathon.")] = 8080
    app_port: Annotated[
        int,
        Meta(
            description="Port of the monitoring app, to which a probe of this machine reports; "
            "0: neither.",
            ge=0,
            le=65535,
        ),
    ] = 4040
    agents: Annotated[
        int, Meta(description="Agents that share this machine's resources.", ge=1, le=100)
    ] = 1
    keep_tasks: Annotated[bool, Meta(description="Let the tasks run on after Ctrl-C.")] = False

    def __post_init__(self) -> None:
        """Refuse two servers on one port."""
        ports = [port for port, _ in self.listeners()]
        if len(set(ports)) < len(ports) or max(ports) > 65535:
            raise ValueError(
                "--master-port, --agent-port (one port an agent), --marathon-port and --app-port"
                " overlap or end past 65535"
            )

    def listeners(self) -> list[tuple[int, str]]:
        """Every port with the flag that sets it."""
        agents = [(self.agent_port + n, "--agent-port") for n in range(self.agents)]
        others = [(self.master_port, "--master-port"), (self.marathon_port, "--marathon-port")]
        app = [(self.app_port, "--app-port")] if self.app_port else []
        return agents + others + app


@click.command()
@configured(UpConfig, "up")
def up(config: UpConfig) -> None:
    """Run a whole cluster on this machine: a Mesos-compatible master, agents, Marathon, a live map.

    Ctrl-C or SIGTERM ends it with all its tasks, unless --keep-tasks is given; a second one ends
    it at once and leaves them. With the same data directory it continues where it was.
    """

    async def serve(stop: asyncio.Event) -> None:
        with datadir.claim(config.data_dir):
            for port, flag in config.listeners():
                check_port(config.host, port, flag)
            await _serve(config, stop)

    running.run(serve, reasons=(AgentError, MarathonAbortedError))


async def _serve(config: UpConfig, stop: asyncio.Event) -> None:
    host, data_dir = config.host, config.data_dir
    master_config = MasterConfig(
        host=host, port=config.master_port, data_dir=str(data_dir / "master")
    )
    async with serve_master(master_config, flag="--master-port") as master:
        announce("master", master.url)
        async with _agents(config, master.url) as agents:
            marathon_config = MarathonConfig(
                master=master.url,
                host=host,
                port=config.marathon_port,
                data_dir=str(data_dir / "marathon"),
                renew_framework_id=True,
            )
            async with serve_marathon(marathon_config, flag="--marathon-port") as marathon:
                announce("marathon", marathon.url)
                cluster = Cluster(master.url, tuple([agent.url for agent in agents]), marathon.url)
                async with watched(cluster, host, config.app_port, data_dir / "app"):
                    _greet(config)
                    failures = [agent.failed for agent in agents]
                    await running.stopped(stop, master.failed, marathon.failed, *failures)
                    _take_leave(config)


@asynccontextmanager
async def _agents(config: UpConfig, master_url: str) -> AsyncIterator[list[RunningAgent]]:
    """Run the agents; end their tasks when the context ends in order."""
    configs = _agent_configs(config, master_url)
    async with AsyncExitStack() as stack:
        agents = []
        for agent_config in configs:
            serving = serve_agent(agent_config, flag="--agent-port")
            agents.append(await stack.enter_async_context(serving))
            announce("agent", agents[-1].url)
        yield agents
        if not config.keep_tasks:
            await asyncio.gather(*(agent.shutdown(kill_tasks=True) for agent in agents))


def _agent_configs(config: UpConfig, master_url: str) -> list[AgentConfig]:
    """One agent keeps the machine as detected; several get an equal share each."""
    resources = shares.of_this_machine(config.agents, config.data_dir)
    return [
        AgentConfig(
            master=master_url,
            host=config.host,
            port=config.agent_port + n,
            data_dir=str(config.data_dir / f"agent{n + 1}"),
            resources=share,
            attributes=f"agent:{n + 1}",
        )
        for n, share in enumerate(resources)
    ]


def _greet(config: UpConfig) -> None:
    if sys.stdout.isatty():
        tasks = "lets its tasks run on" if config.keep_tasks else "ends its tasks too"
        click.echo(f"\nThe cluster is up; Ctrl-C stops it and {tasks}.", err=True)
        click.echo("Try: orchestrator deploy examples/hello.json", err=True)


def _take_leave(config: UpConfig) -> None:
    what = "" if config.keep_tasks else " and ending its tasks"
    click.echo(f"Stopping the cluster{what}; once more to end at once.", err=True)
