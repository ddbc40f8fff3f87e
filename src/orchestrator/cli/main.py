"""`orchestrator`: one command for servers and client.

Commands are imported when they are called, not when they are listed: the client never pays for the
servers, and ``--help`` answers at once.
"""

from __future__ import annotations

import click

from orchestrator import __version__
from orchestrator.cli import errors
from orchestrator.cli.lazy import Lazy, LazyGroup

_SERVERS = {
    "up": Lazy("servers.up", "Run a whole cluster on this machine: master, agents, Marathon."),
    "master": Lazy("servers.master", "Run a Mesos-compatible master."),
    "agent": Lazy("servers.agent", "Run an agent, which launches tasks on this machine."),
    "marathon": Lazy("servers.marathon", "Run Marathon, which keeps apps running."),
    "app": Lazy("servers.app", "Run the monitoring app, to which probes report."),
    "probe": Lazy("servers.probe", "Run the probe, which tells the app what this machine runs."),
}
_CLIENT = {
    "deploy": Lazy("client.deploy", "Deploy apps from a JSON or YAML file and follow it."),
    "apps": Lazy("client.apps", "List the apps."),
    "tasks": Lazy("client.tasks", "List the tasks, of all apps or of one."),
    "logs": Lazy("client.logs", "Print what an app's tasks wrote."),
    "exec": Lazy("client.execute", "Run a command beside a task.", "execute"),
    "attach": Lazy("client.execute", "Connect to the terminal of a task that has one."),
    "scale": Lazy("client.change", "Change how many instances an app has."),
    "restart": Lazy("client.change", "Replace all tasks of an app, in the app's own order."),
    "rm": Lazy("client.change", "Remove an app and end its tasks."),
    "kill": Lazy("client.change", "Kill one task; it is replaced."),
    "deployments": Lazy("client.deployments", "List the deployments in progress."),
    "agents": Lazy("client.agents", "List the agents and what they offer."),
    "version": Lazy("version", "Print the version."),
}
_MONITORING = {
    "top": Lazy("top.command", "Show what runs where, live, as the monitoring app sees it."),
}
_TESTS = {
    "simulate": Lazy("simulate", "Play a whole cluster with faults on a virtual clock."),
}
_UPKEEP = {
    "marathon-backup": Lazy("servers.upkeep", "Write a Marathon's state to a file.", "backup"),
    "marathon-restore": Lazy("servers.upkeep", "Replace its state by that of a file.", "restore"),
}
_SECTIONS = {
    "Servers": _SERVERS,
    "Client": _CLIENT,
    "Monitoring": _MONITORING,
    "Upkeep": _UPKEEP,
    "Tests": _TESTS,
}


@click.group(
    cls=LazyGroup,
    package="orchestrator.cli",
    sections=_SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="orchestrator")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar="ORCHESTRATOR_LOG_FORMAT",
    show_envvar=True,
    help="Form of the servers' log, on stderr.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    envvar="ORCHESTRATOR_LOG_LEVEL",
    show_envvar=True,
    help="The least level that is logged.",
)
def cli(log_format: str, log_level: str) -> None:
    """A datacenter in one command: `orchestrator up`, then `orchestrator deploy app.json`."""


def main() -> None:
    """Run the command; exit codes: 0 done, 1 failed, 2 usage, 3 not reachable, 4 unknown."""
    errors.run(cli)


if __name__ == "__main__":
    main()
