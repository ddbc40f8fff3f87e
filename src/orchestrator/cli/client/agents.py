"""`orchestrator agents`."""

from __future__ import annotations

import click

from orchestrator.cli.client import output
from orchestrator.cli.client.api import Api
from orchestrator.cli.client.wire import Agent, Agents

_HEADINGS = ("AGENT", "HOST", "STATUS", "CPUS", "MEM", "DISK", "ADDRESS")


@click.command()
@output.as_json
@output.master
def agents(master: Api, as_json: bool) -> None:
    """List the agents and how much of their resources is in use."""
    answer = master.request("GET", "/slaves")
    if as_json:
        output.print_json(answer, key="slaves")
        return
    listed = sorted(master.decode(Agents, answer).slaves, key=lambda agent: agent.hostname)
    output.print_table(
        _HEADINGS, [_row(agent) for agent in listed], empty="No agent is registered."
    )


def _row(agent: Agent) -> tuple[str, ...]:
    used, total = agent.used_resources, agent.resources
    return (
        agent.id,
        agent.hostname,
        "active" if agent.active else "inactive",
        f"{used.cpus:g}/{total.cpus:g}",
        f"{used.mem:g}/{total.mem:g}",
        f"{used.disk:g}/{total.disk:g}",
        agent.pid.rpartition("@")[2],
    )
