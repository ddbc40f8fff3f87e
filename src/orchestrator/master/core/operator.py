"""What operators may ask of a master, whichever API they ask it through.

A command is carried out at once and completely, or refused with a sentence; the answer goes out as
``Reply`` after everything it saved is durable. Each kind of change lives in a module of its own;
this one only knows who carries them out.
"""

from __future__ import annotations

from typing import assert_never

from orchestrator.master.core import (
    draining,
    frameworks,
    maintenance,
    operations,
    quota,
    weights,
)
from orchestrator.master.core.commands import (
    ChangeFramework,
    ConvertResources,
    DeactivateAgent,
    DrainAgent,
    MarkAgentGone,
    OperatorCommand,
    ReactivateAgent,
    RemoveQuota,
    SetQuota,
    StartMaintenance,
    StopMaintenance,
    TeardownFramework,
    UpdateMaintenanceSchedule,
    UpdateQuota,
    UpdateWeights,
)
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.state import State


def carry_out(state: State, command: OperatorCommand) -> None:
    """Do what was asked. Raises OperatorError, having changed nothing."""
    match command:
        case TeardownFramework():
            _tear_down(state, command)
        case ChangeFramework():
            frameworks.change(state, command)
        case ConvertResources():
            operations.convert_by_operator(state, command)
        case DrainAgent():
            draining.drain(state, command)
        case DeactivateAgent():
            draining.deactivate(state, command)
        case ReactivateAgent():
            draining.reactivate(state, command)
        case MarkAgentGone():
            draining.mark_gone(state, command)
        case UpdateMaintenanceSchedule():
            maintenance.update_schedule(state, command)
        case StartMaintenance():
            maintenance.start(state, command)
        case StopMaintenance():
            maintenance.stop(state, command)
        case UpdateQuota() | SetQuota() | RemoveQuota() | UpdateWeights():
            _change_roles(state, command)
        case _:
            assert_never(command)


def _change_roles(
    state: State, command: UpdateQuota | SetQuota | RemoveQuota | UpdateWeights
) -> None:
    match command:
        case UpdateQuota():
            quota.update(state, command)
        case SetQuota():
            quota.set_guarantee(state, command)
        case RemoveQuota():
            quota.remove(state, command)
        case UpdateWeights():
            weights.update(state, command)
        case _:
            assert_never(command)


def _tear_down(state: State, command: TeardownFramework) -> None:
    framework = state.cluster.frameworks.get(command.framework_id)
    if framework is None:
        raise OperatorError(400, f"No framework found with ID {command.framework_id}")
    frameworks.remove(state, framework)
