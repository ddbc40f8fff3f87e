"""The operator calls that change something, as the commands that do it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from orchestrator.master.core import commands, v1_roles
from orchestrator.master.core.commands import ConvertResources, OperatorCommand
from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos import scheduler
from orchestrator.mesos.operator import Call, CallType, Duration
from orchestrator.mesos.scheduler import Operation, OperationType
from orchestrator.mesos.types import AgentID, DurationInfo

Body = TypeVar("Body")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)")
_UNITS_NS = {
    **dict.fromkeys(("ns",), 1),
    **dict.fromkeys(("us",), 10**3),
    **dict.fromkeys(("ms",), 10**6),
    **dict.fromkeys(("s", "secs", "sec"), 10**9),
    **dict.fromkeys(("m", "mins", "min"), 60 * 10**9),
    **dict.fromkeys(("h", "hrs", "hr"), 3600 * 10**9),
    **dict.fromkeys(("d", "days", "day"), 86400 * 10**9),
    **dict.fromkeys(("weeks", "week"), 7 * 86400 * 10**9),
}


def command_of(call: Call) -> OperatorCommand | None:
    """The change that a call asks for, if it asks for one. Raises OperatorError."""
    make = _MAKERS.get(call.type)
    return make(call) if make is not None else None


def _present(body: Body | None) -> Body:
    if body is None:
        raise OperatorError(400, "The call lacks the field that its type names")
    return body


def duration(of: Duration | str | None) -> DurationInfo | None:
    """A duration in any form that Mesos reads: seconds and nanos, "600s", "10mins".

    Raises OperatorError.
    """
    if of is None:
        return None
    if isinstance(of, Duration):
        return DurationInfo(nanoseconds=of.seconds * 10**9 + of.nanos)
    match = _DURATION.fullmatch(of.strip())
    if match is None or match[2] not in _UNITS_NS or len(match[1]) > 18:
        raise OperatorError(400, f"'{of[:40]}' is not a duration such as '10mins'")
    return DurationInfo(nanoseconds=int(float(match[1]) * _UNITS_NS[match[2]]))


# --- resources -----------------------------------------------------------------------------------


def _convert(agent_id: AgentID | None, operation: Operation) -> ConvertResources:
    if agent_id is None:
        raise OperatorError(400, "Expecting 'agent_id' to be present")
    return ConvertResources(agent_id.value, operation)


def _reserve(call: Call) -> OperatorCommand:
    body = _present(call.reserve_resources)
    wanted = scheduler.Reserve(resources=body.resources, source=body.source)
    return _convert(body.agent_id, Operation(type=OperationType.RESERVE, reserve=wanted))


def _unreserve(call: Call) -> OperatorCommand:
    body = _present(call.unreserve_resources)
    wanted = scheduler.Unreserve(resources=body.resources)
    return _convert(body.agent_id, Operation(type=OperationType.UNRESERVE, unreserve=wanted))


def _create(call: Call) -> OperatorCommand:
    body = _present(call.create_volumes)
    wanted = scheduler.Create(volumes=body.volumes)
    return _convert(body.agent_id, Operation(type=OperationType.CREATE, create=wanted))


def _destroy(call: Call) -> OperatorCommand:
    body = _present(call.destroy_volumes)
    wanted = scheduler.Destroy(volumes=body.volumes)
    return _convert(body.agent_id, Operation(type=OperationType.DESTROY, destroy=wanted))


def _grow(call: Call) -> OperatorCommand:
    body = _present(call.grow_volume)
    wanted = scheduler.GrowVolume(volume=body.volume, addition=body.addition)
    return _convert(body.agent_id, Operation(type=OperationType.GROW_VOLUME, grow_volume=wanted))


def _shrink(call: Call) -> OperatorCommand:
    body = _present(call.shrink_volume)
    wanted = scheduler.ShrinkVolume(volume=body.volume, subtract=body.subtract)
    operation = Operation(type=OperationType.SHRINK_VOLUME, shrink_volume=wanted)
    return _convert(body.agent_id, operation)


# --- agents and machines -------------------------------------------------------------------------


def _drain(call: Call) -> OperatorCommand:
    body = _present(call.drain_agent)
    grace = duration(body.max_grace_period)
    return commands.DrainAgent(body.agent_id.value, grace, body.mark_gone)


def _deactivate(call: Call) -> OperatorCommand:
    return commands.DeactivateAgent(_present(call.deactivate_agent).agent_id.value)


def _reactivate(call: Call) -> OperatorCommand:
    return commands.ReactivateAgent(_present(call.reactivate_agent).agent_id.value)


def _mark_gone(call: Call) -> OperatorCommand:
    return commands.MarkAgentGone(_present(call.mark_agent_gone).agent_id.value)


def _update_schedule(call: Call) -> OperatorCommand:
    body = _present(call.update_maintenance_schedule)
    return commands.UpdateMaintenanceSchedule(body.schedule)


def _start(call: Call) -> OperatorCommand:
    return commands.StartMaintenance(_present(call.start_maintenance).machines)


def _stop(call: Call) -> OperatorCommand:
    return commands.StopMaintenance(_present(call.stop_maintenance).machines)


def _tear_down(call: Call) -> OperatorCommand:
    return commands.TeardownFramework(_present(call.teardown).framework_id.value)


# --- roles ---------------------------------------------------------------------------------------


def _update_quota(call: Call) -> OperatorCommand:
    return v1_roles.update_quota(_present(call.update_quota))


def _set_quota(call: Call) -> OperatorCommand:
    return v1_roles.set_quota(_present(call.set_quota).quota_request)


def _remove_quota(call: Call) -> OperatorCommand:
    return commands.RemoveQuota(_present(call.remove_quota).role)


def _update_weights(call: Call) -> OperatorCommand:
    return v1_roles.update_weights(_present(call.update_weights))


_MAKERS: Mapping[CallType, Callable[[Call], OperatorCommand]] = {
    CallType.RESERVE_RESOURCES: _reserve,
    CallType.UNRESERVE_RESOURCES: _unreserve,
    CallType.CREATE_VOLUMES: _create,
    CallType.DESTROY_VOLUMES: _destroy,
    CallType.GROW_VOLUME: _grow,
    CallType.SHRINK_VOLUME: _shrink,
    CallType.UPDATE_MAINTENANCE_SCHEDULE: _update_schedule,
    CallType.START_MAINTENANCE: _start,
    CallType.STOP_MAINTENANCE: _stop,
    CallType.DRAIN_AGENT: _drain,
    CallType.DEACTIVATE_AGENT: _deactivate,
    CallType.REACTIVATE_AGENT: _reactivate,
    CallType.TEARDOWN: _tear_down,
    CallType.MARK_AGENT_GONE: _mark_gone,
    CallType.UPDATE_QUOTA: _update_quota,
    CallType.SET_QUOTA: _set_quota,
    CallType.REMOVE_QUOTA: _remove_quota,
    CallType.UPDATE_WEIGHTS: _update_weights,
}
