"""Machines that go down at a known time, with everybody told beforehand.

A machine that is scheduled is *draining*: offers of its agents say when it will be unavailable,
and frameworks with tasks there are asked to leave by inverse offers, whose answers operators can
read. A machine that is *down* has no agents; none registers from it until it is up again. Schedule
and machines are kept in the registry. Source: docs/maintenance.md, src/master/maintenance.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from orchestrator.master.core import draining, inverse_offers, offers, removal, schedule
from orchestrator.master.core.commands import (
    StartMaintenance,
    StopMaintenance,
    UpdateMaintenanceSchedule,
)
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.machines import Machines
from orchestrator.master.core.messages import ToAgent
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State
from orchestrator.mesos.link import Shutdown
from orchestrator.mesos.types import MachineID, MaintenanceSchedule, TaskState, Unavailability

MAX_MACHINES = 100_000


def update_schedule(state: State, command: UpdateMaintenanceSchedule) -> None:
    """Replace the schedule. Raises OperatorError."""
    _check_machines(
        machine for window in command.schedule.windows for machine in window.machine_ids
    )
    planned = _machines_of(command.schedule)
    for window in command.schedule.windows:
        if not window.machine_ids:
            raise OperatorError(400, "List of machines in the maintenance window is empty")
        _check_duration(window.unavailability)
    for machine in state.down_machines:
        if machine not in planned:
            raise OperatorError(
                400, f"Machine {_name(machine)} is deactivated and cannot be removed from schedule"
            )
    before = state.planned
    schedule.keep(state, command.schedule)
    _renew_offers(state, before)


def start(state: State, command: StartMaintenance) -> None:
    """Take scheduled machines down: their agents are shut down. Raises OperatorError."""
    _check_machines(command.machines)
    scheduled, down = _machines_of(state.schedule), set(state.down_machines)
    for machine in command.machines:
        if machine not in scheduled:
            raise OperatorError(400, f"Machine {_name(machine)} is not part of a schedule")
        if machine in down:
            raise OperatorError(400, f"Machine {_name(machine)} is not in DRAINING mode")
    schedule.keep_down(state, [*state.down_machines, *command.machines])
    for agent in list(state.cluster.agents.values()):
        if schedule.is_down(state, agent.info.hostname, agent.ip):
            _shut_down(state, agent)


def stop(state: State, command: StopMaintenance) -> None:
    """Bring machines up again and strike them off the schedule. Raises OperatorError."""
    _check_machines(command.machines)
    up, down = set(command.machines), set(state.down_machines)
    for machine in command.machines:
        if machine not in down:
            raise OperatorError(400, f"Machine {_name(machine)} is not in DOWN mode")
    schedule.keep_down(state, [m for m in state.down_machines if m not in up])
    windows = [
        replace(window, machine_ids=left)
        for window in state.schedule.windows
        if (left := [m for m in window.machine_ids if m not in up])
    ]
    schedule.keep(state, MaintenanceSchedule(windows=windows))


def _machines_of(planned: MaintenanceSchedule) -> set[MachineID]:
    return {machine for window in planned.windows for machine in window.machine_ids}


def _check_machines(machines: Iterable[MachineID]) -> None:
    seen = set()
    for machine in machines:
        if not machine.hostname and not machine.ip:
            raise OperatorError(400, "Both 'hostname' and 'ip' for a machine are empty")
        if machine in seen:
            raise OperatorError(400, f"Machine {_name(machine)} appears more than once")
        seen.add(machine)
    if len(seen) > MAX_MACHINES:
        raise OperatorError(400, f"There are more than {MAX_MACHINES} machines")


def _check_duration(planned: Unavailability) -> None:
    if planned.duration is not None and planned.duration.nanoseconds < 0:
        raise OperatorError(400, "Unavailability 'duration' is negative")


def _name(machine: MachineID) -> str:
    return " ".join(filter(None, (machine.hostname, machine.ip)))


def _shut_down(state: State, agent: Agent) -> None:
    draining.bar(state, agent.id)  # away now, it would come back with tasks that are called gone
    if agent.link is not None:
        order = Shutdown(reason="The machine goes down for maintenance")
        state.effects.append(ToAgent(agent.link, order))
    removal.remove(state, agent, TaskState.GONE, "The machine went down for maintenance")


def _renew_offers(state: State, before: Machines[Unavailability]) -> None:
    """Offers and inverse offers say what is planned; those that say otherwise are made anew."""
    for agent in state.cluster.agents.values():
        if schedule.unavailability(state, agent) != before.at(agent.info.hostname, agent.ip):
            for offer_id in list(agent.offers):
                offers.take_back(state, state.cluster.offers[offer_id], tell=True)
    inverse_offers.withdraw_all(state)
    inverse_offers.ask_to_leave(state, state.cluster.agents.values())
