"""Probes: registration, heartbeats, settings, and what is known of them."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException

from orchestrator.monitoring.app.api.table import Call
from orchestrator.monitoring.app.roster import Agent, RosterFullError, SupersededError
from orchestrator.monitoring.report.agents import (
    Heartbeat,
    HeartbeatAnswer,
    ProbeSettings,
    Registered,
    Registration,
)
from orchestrator.monitoring.report.model import VERSION


class AgentView(msgspec.Struct, frozen=True):
    """A probe, as the app knows it."""

    agent_id: str
    host_id: str
    instance: str
    is_connected: bool
    """Whether controls reach it."""
    first_seen_at: float
    last_seen_at: float
    last_report_at: float
    interval_s: float
    reports: int
    missed: int
    takeovers: int
    nodes: int
    problems: list[str]
    heartbeat: Heartbeat | None
    registration: Registration | None
    settings: ProbeSettings


class AgentList(msgspec.Struct, frozen=True):
    """All of them."""

    agents: list[AgentView]


async def register(call: Call) -> Registered:
    """A probe presents itself."""
    said = await call.body(Registration)
    if said.version != VERSION:
        raise HTTPException(
            400, f"the probe has version {said.version} and this app reads {VERSION}"
        )
    try:
        agent = call.monitor.roster.register(said, call.monitor.clock.now())
    except SupersededError as error:
        raise HTTPException(409, str(error)) from None
    except RosterFullError as error:
        raise HTTPException(503, str(error), {"Retry-After": "60"}) from None
    return Registered(agent.agent_id, call.monitor.config.heartbeat_s, agent.settings)


async def heartbeat(call: Call) -> HeartbeatAnswer:
    """A probe lives."""
    agent_id, said = call.path("agent_id"), await call.body(Heartbeat)
    try:
        agent = call.monitor.roster.beat(agent_id, said, call.monitor.clock.now())
    except SupersededError as error:
        raise HTTPException(409, str(error)) from None
    if agent is None:
        raise HTTPException(404, f"the probe {agent_id!r} is not known: register first")
    return HeartbeatAnswer(agent.settings.revision)


async def read_config(call: Call) -> ProbeSettings:
    """What is wanted of a probe."""
    return call.monitor.roster.settings(call.path("agent_id"))


async def write_config(call: Call) -> ProbeSettings:
    """Want something else of it."""
    agent_id, wanted = call.path("agent_id"), await call.body(ProbeSettings)
    if call.monitor.roster.get(agent_id) is None:
        raise HTTPException(404, f"the probe {agent_id!r} is not known")
    try:
        return call.monitor.configure(agent_id, wanted)
    except OSError as error:
        sentence = f"the settings hold until the app ends, as they cannot be kept: {error.strerror}"
        raise HTTPException(503, sentence) from None


async def list_agents(call: Call) -> AgentList:
    """All probes."""
    agents = sorted(call.monitor.roster, key=lambda agent: agent.agent_id)
    return AgentList([_view(call, agent) for agent in agents])


def _view(call: Call, agent: Agent) -> AgentView:
    kept = call.monitor.picture.kept.get(agent.agent_id)
    report = kept.report if kept is not None else None
    return AgentView(
        agent.agent_id,
        agent.host_id,
        agent.instance,
        call.monitor.hub.is_connected(agent.agent_id),
        agent.first_seen_at,
        agent.last_seen_at,
        agent.last_report_at,
        agent.interval_s,
        agent.reports,
        agent.missed,
        agent.takeovers,
        sum(map(len, report.nodes.values())) if report is not None else 0,
        report.problems if report is not None else [],
        agent.heartbeat,
        agent.registration,
        agent.settings,
    )
