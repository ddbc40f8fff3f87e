"""What the master keeps of agents, so that its successor knows them: one record an agent.

``agents/<id>`` is written when an agent is admitted and when anything below changes. Reservations
and persistent volumes are kept here and not by the agent: whatever an agent announces, what was
made of it is applied again. ``doomed`` are the orders to destroy volumes that the agent has yet to
carry out. ``gone/<id>`` names agents that must never come back.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.master.core.records import Agent
from orchestrator.mesos import codec
from orchestrator.mesos.link import DestroyVolumes, OverlayMember
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.types import AgentInfo, DrainInfo, Message, Resource
from orchestrator.runtime.machine import Save

AGENTS = "agents/"
GONE = "gone/"


class AgentRecord(Message):
    """An agent as the registry has it; ``resources`` are those it has after all conversions."""

    info: AgentInfo
    resources: list[Resource] = []
    drain: DrainInfo | None = None
    is_deactivated: bool = False
    unreachable_since: float | None = None
    overlay: OverlayMember | None = None
    doomed: list[DestroyVolumes] = []


def record_of(agent: Agent) -> AgentRecord:
    """An agent as it is now."""
    return AgentRecord(
        info=agent.info,
        resources=to_wire(agent.resources, refined=True),
        drain=agent.drain,
        is_deactivated=agent.is_deactivated,
        overlay=agent.overlay,
        doomed=agent.doomed,
    )


def save(agent: Agent) -> Save:
    """Keep an agent as it is now."""
    return save_record(agent.id, record_of(agent))


def save_record(agent_id: str, record: AgentRecord) -> Save:
    """Keep the record of an agent that is away."""
    return Save(AGENTS + agent_id, codec.encode(record))


def forget(agent_id: str) -> Save:
    """Strike an agent off."""
    return Save(AGENTS + agent_id, None)


def bar(agent_id: str, now: float) -> Save:
    """Never let an agent in again."""
    return Save(GONE + agent_id, codec.encode(now))


def unbar(agent_id: str) -> Save:
    """Forget that an agent must not come back."""
    return Save(GONE + agent_id, None)


def load(kept: Mapping[str, bytes]) -> dict[str, AgentRecord]:
    """The records by agent id. Raises DecodeError."""
    return {
        key.removeprefix(AGENTS): codec.decode(AgentRecord, value)
        for key, value in kept.items()
        if key.startswith(AGENTS)
    }


def load_gone(kept: Mapping[str, bytes]) -> dict[str, float]:
    """The agents that must not come back, and since when (Unix seconds). Raises DecodeError."""
    return {
        key.removeprefix(GONE): codec.decode(float, value)
        for key, value in kept.items()
        if key.startswith(GONE)
    }
