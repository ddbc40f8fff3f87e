"""The operator calls that only read the master's state, each with its answer.

``answer`` gives None for calls that change something or need what a core does not have: files, the
log, the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from orchestrator.master.core import v1_roles, v1_views
from orchestrator.master.core.machines import Machines
from orchestrator.master.core.state import State
from orchestrator.mesos import operator
from orchestrator.mesos.operator import CallType, Response, ResponseType, facts
from orchestrator.mesos.types import FrameworkID, MachineID, TimeInfo


def answer(master: State, call: CallType) -> Response | None:
    """What a reading call is answered, if it can be answered from here."""
    read = _READERS.get(call)
    if read is None:
        return None
    field = call.value.lower()
    return Response(type=ResponseType(call.value), **{field: read(master)})  # type: ignore[arg-type]


def _health(_: State) -> operator.Health:
    return operator.Health(healthy=True)


def flags(master: State) -> operator.Flags:
    """GET_FLAGS."""
    config = master.config
    return facts.flags({name: getattr(config, name) for name in config.__struct_fields__})


def _master(master: State) -> operator.GetMaster:
    return operator.GetMaster(
        master_info=master.info, start_time=master.started_at, elected_time=master.started_at
    )


# --- maintenance ---------------------------------------------------------------------------------


def _schedule(master: State) -> operator.GetMaintenanceSchedule:
    return operator.GetMaintenanceSchedule(schedule=master.schedule)


def _status(master: State) -> operator.GetMaintenanceStatus:
    return operator.GetMaintenanceStatus(status=maintenance_status(master))


def maintenance_status(master: State) -> operator.ClusterStatus:
    """GET_MAINTENANCE_STATUS: machines that are to go down, with what frameworks say, or are."""
    down = set(master.down_machines)
    scheduled = [m for window in master.schedule.windows for m in window.machine_ids]
    draining = [machine for machine in scheduled if machine not in down]
    answers = _answers(master, draining)
    return operator.ClusterStatus(
        draining_machines=[
            operator.DrainingMachine(id=machine, statuses=answers.get(number, []))
            for number, machine in enumerate(draining)
        ],
        down_machines=list(master.down_machines),
    )


def _answers(
    master: State, draining: Iterable[MachineID]
) -> dict[int, list[operator.InverseOfferStatus]]:
    """What frameworks said about the agents of each machine, by the machine's position."""
    positions = Machines((machine, number) for number, machine in enumerate(draining))
    answers: dict[int, list[operator.InverseOfferStatus]] = {}
    for (framework_id, agent_id), (status, at) in master.answers.items():
        agent = master.cluster.agents.get(agent_id)
        position = positions.at(agent.info.hostname, agent.ip) if agent is not None else None
        if position is not None:
            said = operator.InverseOfferStatus(
                status=status,
                framework_id=FrameworkID(value=framework_id),
                timestamp=TimeInfo(nanoseconds=int(at * 1e9)),
            )
            answers.setdefault(position, []).append(said)
    return answers


_READERS: Mapping[CallType, Callable[[State], object]] = {
    CallType.GET_HEALTH: _health,
    CallType.GET_FLAGS: flags,
    CallType.GET_STATE: v1_views.whole,
    CallType.GET_AGENTS: v1_views.agents,
    CallType.GET_FRAMEWORKS: v1_views.frameworks,
    CallType.GET_EXECUTORS: v1_views.executors,
    CallType.GET_OPERATIONS: v1_views.operations,
    CallType.GET_TASKS: v1_views.tasks,
    CallType.GET_ROLES: v1_roles.get_roles,
    CallType.GET_WEIGHTS: v1_roles.get_weights,
    CallType.GET_QUOTA: v1_roles.get_quota,
    CallType.GET_MASTER: _master,
    CallType.GET_MAINTENANCE_STATUS: _status,
    CallType.GET_MAINTENANCE_SCHEDULE: _schedule,
}
