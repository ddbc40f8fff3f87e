"""Which machines go down when, and which are down: kept, and looked up by an agent's address."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.master.core.machines import Machines
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State
from orchestrator.mesos import codec
from orchestrator.mesos.types import MachineID, MaintenanceSchedule, Unavailability
from orchestrator.runtime.machine import Save

SCHEDULE = "maintenance/schedule"
DOWN = "maintenance/down"


def recover(state: State, kept: Mapping[str, bytes]) -> None:
    """After a start: the schedule and the machines that are down. Raises DecodeError."""
    if (value := kept.get(SCHEDULE)) is not None:
        _set_schedule(state, codec.decode(MaintenanceSchedule, value))
    if (value := kept.get(DOWN)) is not None:
        _set_down(state, codec.decode(list[MachineID], value))


def keep(state: State, schedule: MaintenanceSchedule) -> None:
    """Go by another schedule."""
    _set_schedule(state, schedule)
    state.effects.append(Save(SCHEDULE, codec.encode(schedule)))


def keep_down(state: State, machines: list[MachineID]) -> None:
    """Let these machines be down, and no others."""
    _set_down(state, machines)
    state.effects.append(Save(DOWN, codec.encode(machines)))


def _set_schedule(state: State, schedule: MaintenanceSchedule) -> None:
    state.schedule = schedule
    state.planned = Machines(
        (machine, window.unavailability)
        for window in schedule.windows
        for machine in window.machine_ids
    )


def _set_down(state: State, machines: list[MachineID]) -> None:
    state.down_machines = machines
    state.down = Machines((machine, True) for machine in machines)


def is_down(state: State, hostname: str, ip: str) -> bool:
    """Whether an agent at this address may not register now."""
    return state.down.at(hostname, ip) is not None


def unavailability(state: State, agent: Agent) -> Unavailability | None:
    """When the agent's machine goes down, if that is planned."""
    return state.planned.at(agent.info.hostname, agent.ip)
