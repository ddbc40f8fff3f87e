"""Agents, as ``slaves``."""

from __future__ import annotations

from orchestrator.master.core import capabilities
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State
from orchestrator.master.core.views.tasks import plain
from orchestrator.mesos.older_api import Json, attribute, quantities, reserved


def agent(of: Agent) -> Json:
    """One entry of ``slaves``."""
    return {
        "id": of.id,
        "hostname": of.info.hostname,
        "port": of.info.port,
        "pid": of.pid,
        "version": of.version,
        "active": of.is_connected and not of.is_deactivated,
        "registered_time": of.registered_at,
        **({"reregistered_time": of.reregistered_at} if of.reregistered_at else {}),
        "resources": quantities(of.resources),
        "used_resources": quantities(of.usage.used),
        "offered_resources": quantities(of.usage.offered),
        "unreserved_resources": quantities(of.resources.unreserved()),
        "reserved_resources": reserved(of.resources),
        "attributes": {a.name: attribute(a) for a in of.info.attributes},
        "capabilities": list(capabilities.OF_AGENTS),
        "deactivated": of.is_deactivated,
        **({"drain_info": plain(of.drain)} if of.drain is not None else {}),
    }


def recovered(master: State) -> list[Json]:
    """Agents of the registry that have not come back yet, since the master's start."""
    known = (master.records.get(agent_id) for agent_id in sorted(master.recovered_agents))
    return [
        {
            "id": record.info.id.value if record.info.id else "",
            "hostname": record.info.hostname,
            "port": record.info.port,
        }
        for record in known
        if record is not None
    ]
