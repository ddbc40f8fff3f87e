"""Frameworks with their tasks and offers."""

from __future__ import annotations

from orchestrator.master.core.records import Framework, LiveExecutor, OutstandingOffer
from orchestrator.master.core.state import State
from orchestrator.master.core.views.tasks import labels, plain, task
from orchestrator.mesos.older_api import Json, quantities
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import TaskState


def framework(master: State, of: Framework) -> Json:
    """One entry of ``frameworks``."""
    used, offered = _usage(of)
    offers = (master.cluster.offers[offer_id] for offer_id in sorted(of.offers))
    unreachable = [t for t in of.completed if t.state is TaskState.UNREACHABLE]
    ended = [t for t in of.completed if t.state is not TaskState.UNREACHABLE]
    return {
        **framework_head(of),
        "used_resources": quantities(used),
        "offered_resources": quantities(offered),
        "resources": quantities(used + offered),
        "offers": [_offer(offer) for offer in offers],
        "tasks": [task(t) for t in of.tasks.values()],
        "unreachable_tasks": [task(t) for t in unreachable],
        "completed_tasks": [task(t) for t in ended],
        "executors": [_executor(one) for one in of.executors.values()],
    }


def _executor(of: LiveExecutor) -> Json:
    return {
        "executor_id": of.executor_id,
        "name": of.info.name or "",
        "framework_id": of.framework_id,
        "slave_id": of.agent_id,
        "source": of.info.source or "",
        "type": of.info.type,
        "role": of.role,
        "resources": quantities(of.resources),
        "command": plain(of.info.command),
    }


def _usage(of: Framework) -> tuple[Resources, Resources]:
    used = offered = Resources()
    for usage in of.usage.values():
        used, offered = used + usage.used, offered + usage.offered
    return used, offered


def framework_head(of: Framework) -> Json:
    """What is shown of a framework without its tasks and offers."""
    info = of.info
    roles: Json = {"roles": info.roles} if of.has("MULTI_ROLE") else {"role": info.role}
    optional = {"principal": info.principal, "labels": labels(info.labels)}
    return {
        "id": of.id,
        "name": info.name,
        "pid": "",
        "user": info.user,
        "hostname": info.hostname or "",
        "webui_url": info.webui_url or "",
        "failover_timeout": info.failover_timeout,
        "checkpoint": info.checkpoint,
        "capabilities": [c.type for c in info.capabilities],
        "active": of.is_connected,
        "connected": of.is_connected,
        "recovered": of.is_recovered,
        "registered_time": of.registered_at,
        "reregistered_time": of.reregistered_at or 0,
        "unregistered_time": of.unregistered_at or 0,
        **roles,
        **{key: value for key, value in optional.items() if value},
    }


def _offer(of: OutstandingOffer) -> Json:
    return {
        "id": of.id,
        "framework_id": of.framework_id,
        "slave_id": of.agent_id,
        "allocation_info": {"role": of.role},
        "resources": quantities(of.resources),
    }
