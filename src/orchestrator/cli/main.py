"""`orchestrator`: one command for servers and client.

Commands are imported when they are called, not when they are listed: the client never pays for the
servers, and ``--help`` answers at once.
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

import click

from orchestrator import __version__
from orchestrator.cli import errors


class _Lazy(NamedTuple):
    module: str  # below orchestrator.cli
    help: str
    attribute: str = ""  # where the command does not have the name it is called by


_SERVERS = {
    "up": _Lazy("servers.up", "Run a whole cluster on this machine: master, agents, Marathon."),
    "master": _Lazy("servers.master", "Run a Mesos-compatible master."),
    "agent": _Lazy("servers.agent", "Run an agent, which launches tasks on this machine."),
    "marathon": _Lazy("servers.marathon", "Run Marathon, which keeps apps running."),
    "app": _Lazy("servers.app", "Run the monitoring app, to which probes report."),
}
_CLIENT = {
    "deploy": _Lazy("client.deploy", "Deploy apps from a JSON or YAML file and follow it."),
    "apps": _Lazy("client.apps", "List the apps."),
    "tasks": _Lazy("client.tasks", "List the tasks, of all apps or of one."),
    "logs": _Lazy("client.logs", "Print what an app's tasks wrote."),
    "exec": _Lazy("client.execute", "Run a command beside a task.", "execute"),
    "attach": _Lazy("client.execute", "Connect to the terminal of a task that has one."),
    "scale": _Lazy("client.change", "Change how many instances an app has."),
    "restart": _Lazy("client.change", "Replace all tasks of an app, in the app's own order."),
    "rm": _Lazy("client.change", "Remove an app and end its tasks."),
    "kill": _Lazy("client.change", "Kill one task; it is replaced."),
    "deployments": _Lazy("client.deployments", "List the deployments in progress."),
    "agents": _Lazy("client.agents", "List the agents and what they offer."),
    "version": _Lazy("version", "Print the version."),
}
_TESTS = {
    "simulate": _Lazy("simulate", "Play a whole cluster with faults on a virtual clock."),
}
_UPKEEP = {
    "marathon-backup": _Lazy("servers.upkeep", "Write a Marathon's state to a file.", "backup"),
    "marathon-restore": _Lazy("servers.upkeep", "Replace its state by that of a file.", "restore"),
}
_COMMANDS = _SERVERS | _CLIENT | _UPKEEP | _TESTS
_SECTIONS = (("Servers", _SERVERS), ("Client", _CLIENT), ("Upkeep", _UPKEEP), ("Tests", _TESTS))


class LazyGroup(click.Group):
    """Knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people need them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in _COMMANDS:
            return None
        lazy = _COMMANDS[cmd_name]
        module = importlib.import_module(f"orchestrator.cli.{lazy.module}")
        command: click.Command = getattr(module, lazy.attribute or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them by what they are for, importing none."""
        for title, commands in _SECTIONS:
            with formatter.section(title):
                formatter.write_dl([(name, lazy.help) for name, lazy in commands.items()])


@click.group(
    cls=LazyGroup,
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
